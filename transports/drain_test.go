package transports

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// Shutdown lets 200 calls in flight be answered, to their peers and to no
// other, refuses what comes after, and returns when all is gone.
func TestShutdownAnswersCallsInFlight(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0", "unix://"+socketPath(t))
	const peers, each = 10, 20
	var ps []*peer
	for i := range peers {
		p := dialURL(t, s.Addrs()[i%2])
		for k := range each {
			method := "later"
			if k%2 == 0 {
				method = "pooledLater"
			}
			p.send(req(i*100+k, method, `{"ms":1000}`))
		}
		ps = append(ps, p)
	}
	eventually(t, "calls in flight", func() bool { return s.Snapshot().Engine.InFlight == peers*each })
	idle := dial(t, s)
	idle.send(req(1, "ping", ""))
	idle.want(res(1, "{}"))

	done := make(chan error, 1)
	go func() { done <- s.Shutdown(grace(20 * time.Second)) }()
	idle.ended() // had nothing to do
	if c, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "tcp://")); !errors.Is(err, syscall.ECONNREFUSED) {
		if err == nil {
			_ = c.Close()
		}
		t.Errorf("dialling while draining: %v, want a refusal", err)
	}
	ps[0].send(req(`"new"`, "echo", ""))
	var wg sync.WaitGroup
	for i, p := range ps {
		wg.Go(func() {
			seen := make(map[string]bool)
			want := each
			if i == 0 {
				want++
			}
			for range want {
				seen[p.line()] = true
			}
			for k := range each {
				if !seen[res(i*100+k, `{"ms":1000}`)] {
					t.Errorf("peer %d: call %d was not answered", i, k)
				}
			}
			if i == 0 && !seen[`{"jsonrpc":"2.0","id":"new","error":{"code":-31004,"message":"Shutting down"}}`] {
				t.Errorf("a new request while draining: no refusal in %v", seen)
			}
			p.ended()
		})
	}
	wg.Wait()
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n := s.Snapshot().Engine; n.InFlight != 0 || n.ClosedBy(engine.CloseDrained) != peers+1 {
		t.Errorf("%d in flight, closed %v", n.InFlight, n.Closed)
	}
	if err := s.Wait(); !errors.Is(err, ErrServerClosed) || errors.Is(err, ErrGraceExpired) {
		t.Errorf("Wait: %v", err)
	}
}

// When the grace is over, what is left is cut.
func TestShutdownGraceExpires(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	p.send(req(1, "block", "") + req(2, "later", `{"ms":60000}`))
	eventually(t, "calls in flight", func() bool { return s.Snapshot().Engine.InFlight == 2 })
	begin := time.Now()
	err := s.Shutdown(grace(100 * time.Millisecond))
	if !errors.Is(err, ErrGraceExpired) || !strings.Contains(err.Error(), "1 connections, 2 calls") {
		t.Errorf("Shutdown: %v", err)
	}
	if d := time.Since(begin); d < 100*time.Millisecond || d > 5*time.Second {
		t.Errorf("took %v", d)
	}
	p.ended()
	if err := s.Wait(); !errors.Is(err, ErrServerClosed) || !errors.Is(err, ErrGraceExpired) {
		t.Errorf("Wait: %v", err)
	}
}

// A peer that does not read what it asked for does not hold Shutdown up
// beyond the grace.
func TestShutdownSlowReader(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	p.send(req(1, "blob", `{"bytes":12000000}`))
	eventually(t, "output blocked", func() bool { return s.Snapshot().Engine.WritesShort > 0 })
	if err := s.Shutdown(grace(100 * time.Millisecond)); !errors.Is(err, ErrGraceExpired) {
		t.Errorf("Shutdown: %v", err)
	}
}

// And one that reads gets all of it.
func TestShutdownLargeAnswer(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	p.send(req(1, "blob", `{"bytes":12000000}`))
	eventually(t, "output blocked", func() bool { return s.Snapshot().Engine.WritesShort > 0 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(grace(20 * time.Second)) }()
	if got := len(p.line()); got < 12_000_000 {
		t.Errorf("%d bytes", got)
	}
	p.ended()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A second Close, or one beside a Shutdown, does no harm; a Close while a
// Shutdown waits cuts what it waits for.
func TestCloseTwice(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	p.send(req(1, "echo", ""))
	p.want(res(1, "{}"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := s.Shutdown(context.Background()); err != nil && !errors.Is(err, ErrGraceExpired) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	begin := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 100*time.Millisecond {
		t.Errorf("the second Close took %v", d)
	}
	p.ended()
}

func TestCloseDuringShutdown(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	p.send(req(1, "block", ""))
	eventually(t, "call in flight", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	eventually(t, "draining", s.Engine().Draining)
	begin := time.Now()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-done; !errors.Is(err, ErrGraceExpired) {
		t.Errorf("Shutdown: %v, want ErrGraceExpired", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// A Shutdown beside another has its own grace: when that ends, it returns,
// having cut what was left.
func TestShutdownTwiceOwnGrace(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	p.send(req(1, "block", ""))
	eventually(t, "call in flight", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(grace(30 * time.Second)) }()
	eventually(t, "draining", s.Engine().Draining)
	begin := time.Now()
	if err := s.Shutdown(grace(50 * time.Millisecond)); !errors.Is(err, ErrGraceExpired) {
		t.Errorf("Shutdown: %v, want ErrGraceExpired", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
	<-done
}

// A handler that ignores its context is abandoned, and Shutdown returns.
func TestShutdownStuckHandler(t *testing.T) {
	release := make(chan struct{})
	s, err := Listen(stuck{release: release}, Options{Loops: 1, Listeners: []Listener{{URL: "tcp://127.0.0.1:0"}}})
	if err != nil {
		t.Fatal(err)
	}
	p := dial(t, s)
	p.send(req(1, "stuck", ""))
	eventually(t, "call in flight", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	begin := time.Now()
	if err := s.Shutdown(grace(50 * time.Millisecond)); !errors.Is(err, ErrGraceExpired) {
		t.Errorf("Shutdown: %v", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
	p.ended()
	close(release) // the answer finds nobody, and nothing breaks
}

type stuck struct {
	service
	release chan struct{}
}

func (s stuck) OpenConn(*engine.Conn) engine.Handler { return s }

func (s stuck) ServeRequest(c *engine.Call) {
	c.Submit(engine.RunnerFunc(func(c *engine.Call) {
		<-s.release
		c.Result([]byte("{}"))
	}))
}

func TestListenAndServe(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ListenAndServe(ctx, service{}, "unix://"+path) }()
	var c net.Conn
	eventually(t, "listening", func() (ok bool) {
		var err error
		c, err = net.Dial("unix", path)
		return err == nil
	})
	if c == nil {
		t.FailNow()
	}
	_ = c.Close()
	p := dialURL(t, "unix://"+path)
	p.send(req(1, "later", `{"ms":100}`) + req(2, "ping", ""))
	p.want(res(2, "{}"))
	cancel()
	p.want(res(1, `{"ms":100}`))
	p.ended()
	if err := <-done; err != nil {
		t.Errorf("ListenAndServe: %v", err)
	}
}

func TestListenErrors(t *testing.T) {
	taken := start(t, Options{}, "tcp://127.0.0.1:0").Addrs()[0]
	for _, tc := range []struct {
		name string
		o    Options
		urls []string
		want []string
	}{
		{"none", Options{}, nil, []string{"Listeners", "tcp://"}},
		{"no URL", Options{}, []string{"::"}, []string{`"::"`}},
		{"no scheme", Options{}, []string{"localhost"}, []string{"unknown scheme", "stdio", "tcp://HOST:PORT", "unix:///PATH"}},
		{"unknown scheme", Options{}, []string{"gopher://x:1"}, []string{`"gopher"`, "tcp://HOST:PORT"}},
		{"no port", Options{}, []string{"tcp://127.0.0.1"}, []string{"tcp://127.0.0.1:7600"}},
		{"path on tcp", Options{}, []string{"tcp://127.0.0.1:0/x"}, []string{"tcp://HOST:PORT"}},
		{"bad port", Options{}, []string{"tcp://127.0.0.1:99999"}, []string{"tcp://127.0.0.1:99999", "port"}},
		{"host on unix", Options{}, []string{"unix://x/y"}, []string{"unix:///PATH"}},
		{"no path on unix", Options{}, []string{"unix://"}, []string{"unix:///PATH"}},
		{"port taken", Options{}, []string{taken}, []string{taken, "in use", "port 0"}},
		{"no such address", Options{}, []string{"tcp://192.0.2.1:0"}, []string{"no such address"}},
		{"second fails", Options{}, []string{"tcp://127.0.0.1:0", taken}, []string{taken, "in use"}},
		{"loops", Options{Loops: 1000}, []string{"tcp://127.0.0.1:0"}, []string{"Options.Loops", "256"}},
		{"keepalive", Options{TCP: TCPOptions{KeepAlive: time.Millisecond}}, []string{"tcp://127.0.0.1:0"}, []string{"KeepAlive", "second"}},
		{"connections above descriptors", Options{MaxConnections: 10_000_000}, []string{"tcp://127.0.0.1:0"}, []string{"MaxConnections", "ulimit"}},
		{"engine option", Options{Engine: engine.Options{MaxMessageBytes: 5}}, []string{"tcp://127.0.0.1:0"}, []string{"MaxMessageBytes"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, u := range tc.urls {
				tc.o.Listeners = append(tc.o.Listeners, Listener{URL: u})
			}
			fds := openFiles(t)
			s, err := Listen(service{}, tc.o)
			if err == nil {
				_ = s.Close()
				t.Fatal("no error")
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
			eventually(t, "descriptors closed", func() bool { return openFiles(t) <= fds })
		})
	}
	if _, err := Listen(nil, Options{Listeners: []Listener{{URL: "tcp://127.0.0.1:0"}}}); err == nil {
		t.Error("no service, no error")
	}
}
