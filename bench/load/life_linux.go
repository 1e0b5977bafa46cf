package load

import (
	"errors"
	"iter"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/transports/websocket"
)

// retryAfter is how long a connection that failed is left alone before the next is
// opened in its place.
const retryAfter = 10 * time.Millisecond

// errStopped ends a life whose run is over.
var errStopped = errors.New("load: the run is over")

// A life opens a connection, lets the loop have its calls, closes it and opens the
// next, for as long as the phase lasts. It is a coroutine of the loop's thread: it
// runs when the loop resumes it, and where it would wait it goes back to the loop,
// so that opening and closing are written as if they waited.
//
//	connect ─► TLS ─► initialize ─► calls ─► close
//	   ▲                              │        │
//	   └── retryAfter ◄── a failure ──┴────────┘
type life struct {
	l    *loop
	c    *conn
	p    opening // the loop's, but what waits is this life
	next func() (stillness, bool)
	stop func()

	yield func(stillness) bool
	due   int64 // when a wait is over, in ns on the stage's clock; 0 is no wait
	over  bool  // the wait ended without the event
	begun int64 // of the connection in hand, in ns
}

// A stillness is why a life is not running.
type stillness bool

const (
	waits stillness = false // for a socket, or for a time
	calls stillness = true  // the connection is the loop's until its calls are over
)

// awaken begins the lives of all connections.
func (l *loop) awaken() {
	l.renew = true
	for _, c := range l.conns {
		f := &life{l: l, c: c, p: *l.opening}
		f.p.wait = f.wait
		f.next, f.stop = iter.Pull(f.live)
		c.life = f
	}
	for _, c := range l.conns {
		l.resume(c)
	}
}

// rest ends the lives, if there are any. What is open is closed and counts for
// nothing.
func (l *loop) rest() {
	l.renew = false
	for _, c := range l.conns {
		if c.life != nil {
			c.life.stop()
			c.life, c.busy = nil, false
		}
	}
}

// resume runs the life of a connection until it waits or the loop has it.
func (l *loop) resume(c *conn) {
	c.busy = true
	c.life.due = 0
	if still, ok := c.life.next(); !ok || still != calls {
		return
	}
	c.busy, c.given, c.progress = false, 0, l.now()
	var err error
	for _, k := range c.sockets() {
		if k != nil && err == nil {
			err = l.interest(c, k, unix.EPOLLIN)
		}
	}
	if err == nil {
		err = c.fill(l.stage, c.progress)
	}
	l.after(c, err)
}

// wake resumes the lives whose waits are over by the time.
func (l *loop) wake(now int64) {
	l.soonest = 0
	for _, c := range l.conns {
		switch f := c.life; {
		case f == nil || !c.busy || f.due == 0:
		case f.due <= now:
			f.over = true
			l.resume(c)
		default:
			l.remind(f.due)
		}
	}
}

// remind has wake called at a time, or before.
func (l *loop) remind(due int64) {
	if l.soonest == 0 || due < l.soonest {
		l.soonest = due
	}
}

// wait is socket.wait.
func (f *life) wait(k *socket, events int16, deadline time.Time) error {
	if k != nil {
		for _, other := range f.c.sockets() {
			if other != nil && other != k && !f.c.dead { // what is not waited for is not heard
				if err := f.l.interest(f.c, other, 0); err != nil {
					return err
				}
			}
		}
		if err := f.l.interest(f.c, k, uint32(events)); err != nil {
			return err
		}
	}
	f.over, f.due = false, int64(deadline.Sub(f.l.start))
	f.l.remind(f.due)
	switch {
	case !f.yield(waits):
		return errStopped
	case f.over && k != nil:
		return errSlow
	}
	return nil
}

// live is the coroutine.
func (f *life) live(yield func(stillness) bool) {
	f.yield = yield
	defer f.c.close()
	for {
		err, failed := f.open(), false
		if err == nil {
			if !yield(calls) {
				return
			}
			if failed = f.c.dead; !failed { // else it was counted
				err = f.end()
			}
		}
		if errors.Is(err, errStopped) {
			return
		}
		f.c.close()
		f.l.tally.failed(err)
		if (err != nil || failed) && f.wait(nil, 0, time.Now().Add(retryAfter)) != nil {
			return
		}
	}
}

// open connects and opens the session.
func (f *life) open() error {
	l, c := f.l, f.c
	from := l.from()
	f.begun = l.now()
	k, err := f.p.connect(from, time.Now().Add(f.p.o.Timeout))
	if err != nil {
		return err
	}
	c.renew(k)
	connected := l.now()
	if err := f.p.open(c, from); err != nil {
		return &openError{err}
	}
	opened := l.now()
	r := l.tally.renewal
	_ = r.connect.RecordValue(clip(connected - f.begun))
	if !f.p.o.raw() && !f.p.o.modern() {
		_ = r.initialize.RecordValue(clip(opened - connected))
	}
	return nil
}

// end closes the connection as a client does that has time: the session of HTTP is
// deleted, the server is told that nothing more comes, and its end is waited for.
func (f *life) end() error {
	l, c := f.l, f.c
	begin := l.now()
	deadline := time.Now().Add(f.p.o.Timeout)
	if c.session != "" {
		if err := f.p.remove(c, deadline); err != nil {
			return &openError{err}
		}
	}
	if c.ws != nil { // whose own end comes before the socket's
		if err := c.w.writeAll(c.ws.loop.AppendClose(nil, websocket.CodeNormal, ""), deadline); err != nil {
			return &closeError{err}
		}
	}
	if c.h2 != nil {
		if err := c.w.writeAll(c.h2.farewell(), deadline); err != nil {
			return &closeError{err}
		}
	}
	for _, k := range c.sockets() {
		if k == nil {
			continue
		}
		if err := k.finish(deadline); err != nil {
			return &closeError{err}
		}
	}
	now := l.now()
	r := l.tally.renewal
	_ = r.closing.RecordValue(clip(now - begin))
	_ = r.whole.RecordValue(clip(now - f.begun))
	return nil
}

// finish says that nothing more comes, and waits until the server says the same.
func (k *socket) finish(deadline time.Time) error {
	if k.tls != nil {
		if err := k.writeRaw(k.tls.farewell(), deadline); err != nil {
			return err
		}
	}
	if err := unix.Shutdown(k.fd, unix.SHUT_WR); err != nil {
		return err
	}
	var rest [4096]byte
	for {
		_, err := k.readRaw(rest[:], deadline)
		if errors.Is(err, errClosed) || errors.Is(err, unix.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// remove ends the session of HTTP. A server that has no such thing says so, and that
// is all right.
func (p *opening) remove(c *conn, deadline time.Time) error {
	if c.h2 != nil {
		c.h2.say(p.fields("DELETE", p.where.path, c.revision, c.session))
		if err := c.w.writeAll(c.h2.appendRequest(nil, newNote(nil), noRequest), deadline); err != nil {
			return err
		}
		for c.h2.open > 0 {
			if _, _, err := c.readHTTP2(deadline); err != nil {
				return err
			}
		}
		return nil
	}
	if err := c.w.writeAll(append(p.head("DELETE", p.where.path, c.revision, c.session), "\r\n"...), deadline); err != nil {
		return err
	}
	for {
		if _, step, err := readResponse(c.http, c.r, &c.tail, deadline); err != nil || step == responseEnd {
			return err
		}
	}
}

// Addresses of loopback that connections come from in turn, so that the ports of
// those that were closed do not run out: an address has some 28,000, each of which
// is kept for a minute.
const loopbackAddresses = 250

// spread says how many addresses connections come from.
func (p *opening) spread() int {
	a, ok := p.address.(*unix.SockaddrInet4)
	switch {
	case p.where.network != "tcp":
		return 0
	case ok && p.o.From == nil && a.Addr[0] == 127:
		return loopbackAddresses
	}
	return 1
}

// from is the address that the next connection comes from; nil lets the kernel choose.
func (l *loop) from() net.IP {
	if l.opening.spread() != loopbackAddresses {
		return l.opening.o.From
	}
	l.turn++
	return net.IPv4(127, 0, 1, byte(1+l.turn%loopbackAddresses))
}
