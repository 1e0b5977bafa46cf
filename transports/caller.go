package transports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// callerRead is the size of a client's read buffer.
const callerRead = 32 << 10

// caller is the client's end: a session, an engine of its own, and the
// connections that carry the session one after the other. Its one goroutine
// reads; requests are written by the goroutines that make them.
type caller struct {
	turns
	name      string // for errors: the URL or the command
	engine    *engine.Engine
	log       *slog.Logger
	redial    func(context.Context) (ends, error) // nil: the session ends with its connection
	minWait   time.Duration
	maxWait   time.Duration
	onRedial  func(*mcp.ClientSession)
	settled   atomic.Bool     // negotiated once
	failures  atomic.Int64    // attempts since a negotiation last succeeded
	ctx       context.Context // ends with Shutdown
	cancel    context.CancelFunc
	done      chan struct{}
	endReason error // how the last connection ended; valid once done is closed

	// Under mu of turns.
	session *mcp.ClientSession
	conn    *calling // the open one, or nil
}

// ends is the ends of one way to a server and back.
type ends struct {
	in     io.Reader    // what the server sends; Close of hangUp or reap ends a Read
	out    io.Writer    // what it is sent; takes what it can, and never waits
	hangUp func()       // has the server notice that we are gone; called once, must not block
	reap   func() error // lets go of everything, after in has ended; tells what was wrong with the end
	peer   engine.Peer

	attach func(*mcp.ClientSession) // told of the session before anything is sent; nil: not
}

// calling is one connection of a caller: the Wire of its engine.Conn.
type calling struct {
	input
	c      *caller
	ends   ends
	closed bool               // under the caller's mu
	reason engine.CloseReason // likewise
}

var _ mcp.ClientTransport = (*calling)(nil)

// clientEngine fills in what is different for a client: its handlers wait for
// people; a server may take its time to read; and what it sends must be read
// all the same, as a server that waits for that reads nothing.
func clientEngine(o engine.Options) engine.Options {
	if o.CallTimeout == 0 {
		o.CallTimeout = -1
	}
	if o.WriteStallTimeout == 0 {
		o.WriteStallTimeout = -1
	}
	if o.OutputHighWater == 0 {
		o.OutputHighWater = 1 << 30
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = clientInFlight
	}
	return o
}

// clientInFlight is how many requests of a server a client works on at once.
const clientInFlight = 64

func newCaller(name string, client *mcp.Client, o engine.Options, log *slog.Logger) (*caller, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if o.Logger == nil {
		o.Logger = log
	}
	e, err := engine.New(client, clientEngine(o))
	if err != nil {
		return nil, err
	}
	c := &caller{name: name, engine: e, log: log, done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.drive(e)
	return c, nil
}

// connect opens the session over its first connection and negotiates. Whatever goes
// wrong, nothing is left of it when connect returns.
func (c *caller) connect(ctx context.Context, l ends) (*mcp.ClientSession, error) {
	d := c.open(l)
	go c.run(d)
	if err := c.session.Negotiate(ctx); err != nil {
		_ = c.session.Close()
		if c.endReason != nil {
			return nil, fmt.Errorf("transports: %s: %w; %w", c.name, err, c.endReason)
		}
		return nil, fmt.Errorf("transports: %s: %w", c.name, err)
	}
	c.settled.Store(true)
	return c.session, nil
}

// open begins a connection; nil if the session has ended.
func (c *caller) open(l ends) *calling {
	d := &calling{c: c, ends: l}
	d.init(c.engine)
	c.turn(func() {
		if c.stopped() {
			return
		}
		if d.conn = c.loop.Open(d, nil); d.conn != nil {
			c.conn = d
			if c.session == nil {
				c.session = mcp.SessionOf(d.conn)
			}
			if l.attach != nil {
				l.attach(c.session)
			}
		}
	})
	if d.conn == nil {
		if !d.closed {
			l.hangUp()
		}
		_ = l.reap()
		return nil
	}
	return d
}

func (c *caller) stopped() bool { return c.ctx.Err() != nil }

// run reads the connections of the session until there is no further one.
func (c *caller) run(d *calling) {
	defer close(c.done)
	for {
		d.read()
		c.mu.Lock()
		c.conn = nil
		reason := d.reason
		c.mu.Unlock()
		c.endReason = d.ends.reap()
		if c.redial == nil || !c.settled.Load() || c.stopped() {
			if c.endReason == nil {
				c.session.End(fmt.Errorf("transports: %s: %w (%v)", c.name, engine.ErrConnClosed, reason))
			} else {
				c.session.End(fmt.Errorf("transports: %s: %w", c.name, c.endReason))
			}
			break
		}
		if d = c.again(reason); d == nil {
			c.session.End(nil)
			break
		}
		go c.renegotiate(d)
	}
	c.close()
}

// again redials until it has a connection; nil when the session is closed.
func (c *caller) again(reason engine.CloseReason) *calling {
	c.log.Warn("connection to the MCP server lost; redialling", "server", c.name, "reason", reason.String())
	for {
		wait := jitter(backoff(c.minWait, c.maxWait, c.failures.Add(1)-1))
		select {
		case <-time.After(wait):
		case <-c.ctx.Done():
			return nil
		}
		l, err := c.redial(c.ctx)
		if err != nil {
			c.log.Warn("redialling failed", "server", c.name, "error", err)
			continue
		}
		return c.open(l)
	}
}

// renegotiateTimeout bounds the negotiation after redialling.
const renegotiateTimeout = time.Minute

// renegotiate makes a new connection usable, or hangs up for a further attempt.
func (c *caller) renegotiate(d *calling) {
	ctx, cancel := context.WithTimeout(context.Background(), renegotiateTimeout)
	defer cancel()
	if err := c.session.Negotiate(ctx); err != nil {
		c.log.Warn("negotiation after redialling failed", "server", c.name, "error", err)
		d.conn.Hangup(engine.CloseLocal)
		return
	}
	c.failures.Store(0)
	if c.onRedial != nil {
		c.onRedial(c.session)
	}
}

// backoff returns the wait before attempt n (from 0): min, doubled each time,
// at most max.
func backoff(min, max time.Duration, n int64) time.Duration {
	for ; n > 0 && min < max; n-- {
		min *= 2
	}
	if min > max {
		return max
	}
	return min
}

// jitter returns d, up to a quarter more or less.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)/2*float64(d))
}

// close ends the engine.
func (c *caller) close() {
	closed := make(chan struct{})
	go func() { c.engine.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(cutWait):
		c.log.Warn("client handlers still run after their requests were cancelled; they are abandoned", "server", c.name)
	}
	c.timer.Stop()
	c.cancel()
}

// read feeds what comes in until the end of the input. Once the connection has
// ended, what still comes is dropped: a process that cannot write cannot end.
func (d *calling) read() {
	buf := make([]byte, callerRead)
	for {
		n, err := d.ends.in.Read(buf)
		d.c.turn(func() {
			if n > 0 && !d.closed {
				d.feed(buf[:n])
			}
			switch {
			case err == nil || d.closed:
			case errors.Is(err, io.EOF):
				d.conn.Close(engine.ClosePeer)
			default:
				d.conn.Close(engine.CloseReset)
			}
		})
		if err != nil {
			return
		}
	}
}

// Write writes what is taken at once. It must not wait: a server that waits for
// us to read would wait for ever.
func (d *calling) Write(p []byte) (n int, err error) {
	n, err = d.ends.out.Write(p)
	if c, ok := d.ends.out.(*sealedConn); ok && c.progress && d.conn != nil {
		d.conn.Progressed()
	}
	return n, err
}

// kernel writes to a descriptor what the kernel takes at once.
type kernel struct{ syscall.RawConn }

// Write returns how much was taken, which is no error where it is less than all.
func (k kernel) Write(p []byte) (n int, err error) {
	cerr := k.RawConn.Write(func(fd uintptr) bool {
		n, err = writeFD(int(fd), p)
		return true
	})
	if err == nil {
		err = cerr
	}
	return n, err
}

// Resume feeds what was held back.
func (d *calling) Resume() { d.resume() }

// Close hangs up.
func (d *calling) Close(reason engine.CloseReason) {
	d.closed, d.reason = true, reason
	d.release()
	d.ends.hangUp()
}

// Peer describes the other end.
func (d *calling) Peer() engine.Peer { return d.ends.peer }

// Session returns the session that the connection goes on with.
func (d *calling) Session() *mcp.ClientSession { return d.c.session }

// Shutdown ends the session and all that is behind it.
func (d *calling) Shutdown() {
	c := d.c
	c.cancel()
	c.session.End(nil)
	c.mu.Lock()
	now := c.conn
	c.mu.Unlock()
	if now != nil {
		now.conn.Hangup(engine.CloseLocal)
	}
}

// Done is closed when nothing is left.
func (d *calling) Done() <-chan struct{} { return d.c.done }
