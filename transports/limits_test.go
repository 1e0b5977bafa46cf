package transports

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// A peer above MaxConnections is told so and closed; those that are open are
// served on, and so is a new one as soon as one of them has gone.
func TestMaxConnections(t *testing.T) {
	const limit = 5
	s := start(t, Options{MaxConnections: limit}, "tcp://127.0.0.1:0", "unix://"+socketPath(t))
	var open []*peer
	for i := range limit {
		p := dialURL(t, s.Addrs()[i%2])
		p.send(req(1, "ping", ""))
		p.want(res(1, "{}"))
		open = append(open, p)
	}
	for i := range 6 {
		p := dialURL(t, s.Addrs()[i%2])
		p.wantError(nil, -31001)
		p.ended()
	}
	n := s.Snapshot()
	if n.OverLimit != 6 || n.Accepted != limit+6 || n.Engine.Connections != limit {
		t.Errorf("%d over the limit, %d accepted, %d open", n.OverLimit, n.Accepted, n.Engine.Connections)
	}
	for i, p := range open {
		p.send(req(2, "echo", ""))
		p.want(res(2, "{}"))
		if i < 3 {
			_ = p.Close()
		}
	}
	eventually(t, "room", func() bool { return s.counters.open.Load() == limit-3 })
	for range 3 {
		p := dial(t, s)
		p.send(req(3, "ping", ""))
		p.want(res(3, "{}"))
	}
	over := dial(t, s)
	over.wantError(nil, -31001)
	over.ended()
}

// What a service refuses gives its place back.
func TestRefusedByService(t *testing.T) {
	s, err := Listen(refusing{}, Options{Loops: 1, MaxConnections: 3, Listeners: []Listener{{URL: "tcp://127.0.0.1:0"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 10 {
		p := dial(t, s)
		p.ended()
		eventually(t, "place given back", func() bool { return s.counters.open.Load() == 0 })
	}
	if n := s.Snapshot(); n.OverLimit != 0 || n.Engine.ClosedBy(engine.CloseRefused) != 10 {
		t.Errorf("%d over the limit, closed %v", n.OverLimit, n.Engine.Closed)
	}
	settled(t, s)
}

type refusing struct{}

func (refusing) OpenConn(*engine.Conn) engine.Handler { return nil }

// flaky is a listener whose Accept fails as one does that has no descriptor.
type flaky struct {
	net.Listener
	fails chan error
	calls chan time.Time
}

func (f *flaky) Accept() (net.Conn, error) {
	select {
	case err := <-f.fails:
		f.calls <- time.Now()
		return nil, err
	default:
		return f.Listener.Accept()
	}
}

// When accepting fails, it is tried again, later each time and no sooner.
func TestAcceptBackoff(t *testing.T) {
	var log strings.Builder
	s := start(t, Options{Logger: textLogger(&log)}, "tcp://127.0.0.1:0")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const fails = 6
	f := &flaky{Listener: ln, fails: make(chan error, fails), calls: make(chan time.Time, fails)}
	for range fails {
		f.fails <- errTooManyFiles
	}
	l := &listener{srv: s, ln: f, network: "tcp", url: "tcp://" + ln.Addr().String()}
	l.running.Add(1)
	go l.acceptLoop()
	p := dialURL(t, l.url)
	p.send(req(1, "ping", ""))
	p.want(res(1, "{}")) // it waited in the backlog
	var last time.Time
	want := backoffMin
	for i := range fails {
		at := <-f.calls
		if i > 0 {
			if d := at.Sub(last); d < want {
				t.Errorf("try %d came after %v, want %v at least", i, d, want)
			}
			want *= 2
		}
		last = at
	}
	if n := s.Snapshot().AcceptErrors; n != fails {
		t.Errorf("%d errors counted, want %d", n, fails)
	}
	othersServed(t, s)
	l.close()
	l.running.Wait()
	if n := strings.Count(log.String(), "accept failed"); n != 1 {
		t.Errorf("%d lines in the log, want 1: %s", n, log.String())
	}
}

var errTooManyFiles = &net.OpError{Op: "accept", Net: "tcp", Err: errEMFILE{}}

type errEMFILE struct{}

func (errEMFILE) Error() string { return "too many open files" }

// A closed listener ends its back-off at once.
func TestCloseDuringBackoff(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const fails = 1000
	f := &flaky{Listener: ln, fails: make(chan error, fails), calls: make(chan time.Time, fails)}
	for range fails {
		f.fails <- errTooManyFiles
	}
	l := &listener{srv: s, ln: f, network: "tcp", url: "tcp://" + ln.Addr().String()}
	l.running.Add(1)
	s.listeners = append(s.listeners, l) // nobody else looks yet
	go l.acceptLoop()
	eventually(t, "long pauses", func() bool { return s.Snapshot().AcceptErrors >= 6 })
	begin := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("Close took %v", d)
	}
}
