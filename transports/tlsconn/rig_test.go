package tlsconn

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
)

const patience = 10 * time.Second

// duct is one direction of a connection in memory: writing never waits.
type duct struct {
	mu    sync.Mutex
	more  sync.Cond
	b     []byte
	eof   bool
	told  chan struct{} // room for one: something has come
	limit time.Time
}

func newDuct() *duct {
	q := &duct{told: make(chan struct{}, 1)}
	q.more.L = &q.mu
	return q
}

func (q *duct) Write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.eof {
		return 0, io.ErrClosedPipe
	}
	q.b = append(q.b, b...)
	q.tell()
	return len(b), nil
}

func (q *duct) tell() {
	q.more.Broadcast()
	select {
	case q.told <- struct{}{}:
	default:
	}
}

func (q *duct) close() {
	q.mu.Lock()
	q.eof = true
	q.tell()
	q.mu.Unlock()
}

// take returns what has come.
func (q *duct) take() (b []byte, eof bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, q.b = q.b, nil
	return b, q.eof
}

func (q *duct) Read(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.b) == 0 && !q.eof {
		if !q.limit.IsZero() && !time.Now().Before(q.limit) {
			return 0, os.ErrDeadlineExceeded
		}
		q.more.Wait()
	}
	if len(q.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, q.b)
	q.b = q.b[n:]
	return n, nil
}

func (q *duct) setLimit(t time.Time) {
	q.mu.Lock()
	q.limit = t
	q.more.Broadcast()
	q.mu.Unlock()
	if d := time.Until(t); !t.IsZero() && d > 0 {
		time.AfterFunc(d, q.more.Broadcast)
	}
}

// end is the client's end of a connection in memory.
type end struct{ in, out *duct }

func (e end) Read(b []byte) (int, error)         { return e.in.Read(b) }
func (e end) Write(b []byte) (int, error)        { return e.out.Write(b) }
func (e end) Close() error                       { e.out.close(); return nil }
func (e end) LocalAddr() net.Addr                { return nil }
func (e end) RemoteAddr() net.Addr               { return nil }
func (e end) SetDeadline(t time.Time) error      { e.in.setLimit(t); return nil }
func (e end) SetReadDeadline(t time.Time) error  { e.in.setLimit(t); return nil }
func (e end) SetWriteDeadline(t time.Time) error { return nil }

// rig is what the tests of this package share: an identity, a Gate, and a check
// that everything is given back.
type rig struct {
	t     testing.TB
	opts  Options
	pool  *ringbuf.Pool
	roots *x509.CertPool

	owners []*owner
}

var devIdentity = sync.OnceValue(func() *Identity {
	id, err := LoadIdentity(Files{SelfSigned: true})
	if err != nil {
		panic(err)
	}
	return id
})

func rootsOf(id *Identity) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(id.Certificate().Leaf)
	return roots
}

func newRig(t testing.TB, g GateOptions) *rig {
	before := runtime.NumGoroutine()
	id := devIdentity()
	r := &rig{t: t, pool: ringbuf.NewPool(ringbuf.PoolOptions{}), roots: rootsOf(id)}
	r.opts = Options{Config: NewConfig(id, tls.VersionTLS12), Gate: NewGate(g)}
	t.Cleanup(func() {
		for _, o := range r.owners {
			o.finish()
		}
		r.opts.Gate.Wait()
		if g := r.opts.Gate; g.parked != (waiters{}) || g.fresh != (queue{}) || g.resumed != (queue{}) || g.free != g.cpus {
			t.Errorf("left over at the gate: %+v", g)
		}
		if s := r.pool.Stats(); s.Outstanding != 0 {
			t.Errorf("%d buffers are not given back", s.Outstanding)
		}
		_, fuzzing := t.(*testing.F) // which starts some of its own
		for i := 0; runtime.NumGoroutine() > before && !fuzzing; i++ {
			if i == 200 {
				b := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	return r
}

// client returns a client's configuration.
func (r *rig) client() *tls.Config {
	return &tls.Config{RootCAs: r.roots, ServerName: "localhost"}
}

// owner drives a Session as an event loop does.
type owner struct {
	r      *rig
	l      *Loop
	s      *Session
	end    end // the client's
	notify chan struct{}
	once   sync.Once
	stop   chan struct{}
	done   chan struct{}

	// What the test may set before start.
	cut    func(b []byte) int                 // how much of what has come is fed at once; nil: all
	data   func(o *owner, plain []byte)       // nil: echo
	closed func(o *owner, ev Event, eof bool) // after the last event

	events []Event // all but More and Data
	err    error
	writes int // outputs that were sent
}

func (r *rig) owner() *owner {
	o := &owner{
		r: r, end: end{newDuct(), newDuct()},
		notify: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	return o
}

func (o *owner) start() *owner {
	o.r.owners = append(o.r.owners, o)
	o.l = NewLoop(o.r.pool)
	o.s = o.l.NewSession(&o.r.opts, nil, nil, func() {
		select {
		case o.notify <- struct{}{}:
		default:
		}
	})
	go o.run()
	return o
}

// finish ends the owner and waits for it.
func (o *owner) finish() {
	o.once.Do(func() { close(o.stop) })
	<-o.done
}

func (o *owner) run() {
	defer close(o.done)
	defer func() {
		o.s.Close()
		o.l.Close()
		o.end.in.close()
	}()
	for {
		var b []byte
		eof := false
		select {
		case <-o.notify:
		case <-o.end.out.told:
			b, eof = o.end.out.take()
		case <-o.stop:
			return
		}
		for {
			n := len(b)
			if o.cut != nil && n > 0 {
				n = min(n, o.cut(b))
			}
			o.feed(append([]byte(nil), b[:n]...))
			if b = b[n:]; len(b) == 0 {
				break
			}
		}
		if eof {
			o.s.Truncated()
			if o.closed != nil {
				o.closed(o, More, true)
			}
			return
		}
	}
}

// feed feeds p and overwrites it, as a loop's read buffer is.
func (o *owner) feed(p []byte) {
	all := p
	for {
		plain, n, ev := o.s.Next(p)
		p = p[n:]
		switch ev {
		case Data:
			if o.data != nil {
				o.data(o, plain)
			} else if err := o.s.Seal(plain); err != nil {
				o.err = err
			} else if len(o.s.Output()) > 64<<10 {
				o.send()
			}
			clear(plain) // its owner may
		case More:
			if len(p) > 0 {
				o.r.t.Errorf("More with %d bytes left", len(p))
			}
			o.send()
			clear(all)
			return
		default:
			o.events = append(o.events, ev)
			if ev == Failed {
				o.err = o.s.Err()
			}
			if o.closed != nil && ev != Established {
				o.closed(o, ev, false)
			}
		}
	}
}

func (o *owner) send() {
	if out := o.s.Output(); len(out) > 0 {
		_, _ = o.end.in.Write(out)
		o.writes++
		o.s.Sent(len(out))
	}
}

// dial is a client on o, whose handshake is done.
func (o *owner) dial(config *tls.Config) *tls.Conn {
	o.r.t.Helper()
	c := tls.Client(o.end, config)
	_ = o.end.SetDeadline(time.Now().Add(patience))
	if err := c.Handshake(); err != nil {
		o.r.t.Fatalf("handshake: %v", err)
	}
	return c
}

// exchange sends b and wants it back.
func exchange(t testing.TB, c io.ReadWriter, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatalf("write: %v", err)
	}
	got := make([]byte, len(b))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatalf("read: %v", err)
	}
	if string(got) != string(b) {
		t.Fatalf("%d bytes came back changed", len(b))
	}
}
