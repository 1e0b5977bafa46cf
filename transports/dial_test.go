package transports

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
)

// demo serves the demo tools on url.
func demo(t *testing.T, url string) *Server {
	t.Helper()
	srv := mcp.NewServer(mcp.Options{Name: "demo", Version: "1"})
	fixture.AddDemo(srv)
	s, err := Listen(srv, Options{Loops: 1, Listeners: []Listener{{URL: url}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// nothingLeft checks, at the end of the test, that descriptors and goroutines
// are as many as now.
func nothingLeft(t *testing.T) {
	t.Helper()
	fds, goroutines := openFiles(t), runtime.NumGoroutine()
	t.Cleanup(func() {
		eventually(t, "descriptors closed", func() bool { return openFiles(t) <= fds })
		eventually(t, "goroutines ended", func() bool { return runtime.NumGoroutine() <= goroutines })
	})
}

func testClient(revision string) *mcp.Client {
	return mcp.NewClient(mcp.ClientOptions{Name: "test", Revision: revision})
}

// useDemo calls the demo tools.
func useDemo(t *testing.T, s *mcp.ClientSession) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.Ping(ctx); err != nil {
		t.Error(err)
	}
	if tools, err := s.ListTools(ctx); err != nil || len(tools) != 6 {
		t.Errorf("%d tools, %v", len(tools), err)
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			args := map[string]any{"text": fmt.Sprint("text ", i)}
			if i%3 == 0 {
				args["ms"] = i % 10
			}
			if r, err := s.CallTool(ctx, "echo", args); err != nil || r.Text() != args["text"] {
				t.Errorf("echo %d: %+v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
}

// A client and a server of ours speak each revision over sockets, and leave
// nothing behind.
func TestDial(t *testing.T) {
	for _, url := range []string{"tcp://127.0.0.1:0", "unix://" + socketPath(t), "ws://127.0.0.1:0/a", "http://127.0.0.1:0"} {
		srv := demo(t, url)
		nothingLeft(t)
		addr := srv.Addrs()[0]
		if rest, ok := strings.CutPrefix(addr, "http"); ok {
			addr = "ws" + rest + "/ws"
		}
		for _, rev := range append(mcp.Revisions(), "") {
			t.Run(url[:4]+rev, func(t *testing.T) {
				s, err := Dial(context.Background(), testClient(rev), addr, DialOptions{})
				if err != nil {
					t.Fatal(err)
				}
				useDemo(t, s)
				select {
				case <-s.Done():
					t.Error("done before its end")
				default:
				}
				slow := make(chan error, 1)
				go func() {
					_, err := s.CallTool(context.Background(), "delay", map[string]any{"ms": 60000, "text": ""})
					slow <- err
				}()
				eventually(t, "a call in flight", func() bool { return srv.Snapshot().Engine.InFlight == 1 })
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if err := <-slow; !errors.Is(err, engine.ErrConnClosed) {
					t.Errorf("a call at Close: %v", err)
				}
				<-s.Done()
				if err := s.Wait(); err != nil {
					t.Error(err)
				}
				eventually(t, "the server's connections closed", func() bool {
					n := srv.Snapshot().Engine
					return n.Connections == 0 && n.InFlight == 0
				})
			})
		}
	}
}

// A call that is given up ends the server's work on it.
func TestDialCancel(t *testing.T) {
	srv := demo(t, "tcp://127.0.0.1:0")
	nothingLeft(t)
	s, err := Dial(context.Background(), testClient(""), srv.Addrs()[0], DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		eventually(t, "the call in flight", func() bool { return srv.Snapshot().Engine.InFlight == 1 })
		cancel()
	}()
	if _, err := s.CallTool(ctx, "delay", map[string]any{"ms": 60000, "text": ""}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	eventually(t, "the call cancelled", func() bool { return srv.Snapshot().Engine.InFlight == 0 })
}

// All buffers come back.
func TestDialGivesBuffersBack(t *testing.T) {
	srv := demo(t, "unix://"+socketPath(t))
	nothingLeft(t)
	c, err := newCaller("test", testClient(""), engine.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := DialOptions{}.withDefaults()
	l, err := o.dial(context.Background(), "", target{network: "unix", addr: strings.TrimPrefix(srv.Addrs()[0], "unix://")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.connect(context.Background(), l)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("0123456789abcdef", 8<<10) // 128 KiB
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			want := fmt.Sprint(i) + text
			if r, err := s.CallTool(context.Background(), "echo", map[string]string{"text": want}); err != nil || r.Text() != want {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	_ = s.Close()
	if st := c.engine.Buffers().Stats(); st.Outstanding != st.Cached {
		t.Errorf("%d buffers not returned, %d of them cached", st.Outstanding, st.Cached)
	}
	if n := c.engine.Snapshot(); n.Connections != 0 || n.BufferedBytes != 0 {
		t.Errorf("left over: %+v", n)
	}
}

// What cannot be connected says why and what to do.
func TestDialErrors(t *testing.T) {
	nothingLeft(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	quiet, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	for url, text := range map[string]string{
		"wss://127.0.0.1:1":                   "nobody listens",
		"wss://127.0.0.1:0":                   "wss://HOST:PORT/PATH",
		"wss://:443/ws":                       "wss://HOST:PORT/PATH",
		"ws://u:p@127.0.0.1:1":                "ws://HOST:PORT/PATH",
		"ws://127.0.0.1:1/ws":                 "nobody listens",
		"ws://" + ln.Addr().String():          "unexpected EOF|connection reset",
		"ws://" + quiet.Addr().String():       "deadline",
		"gopher://127.0.0.1:1":                "unknown scheme",
		"http://127.0.0.1:1":                  "webclient.Dial",
		"sse+https://127.0.0.1:1":             "webclient.Dial",
		"tcp://127.0.0.1":                     "tcp://HOST:PORT",
		"tcp://127.0.0.1:0":                   "tcp://HOST:PORT",
		"unix://x/y":                          "unix:///PATH",
		"unix:///" + strings.Repeat("x", 200): "too long",
		"unix://" + socketPath(t):             "start the server",
		"tcp://127.0.0.1:1":                   "nobody listens",
		":":                                   "no URL",
		"tcp://" + ln.Addr().String():         "closed",
		"tcp://" + quiet.Addr().String():      "deadline",
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		if _, err := Dial(ctx, testClient(""), url, DialOptions{}); err == nil || !slices.ContainsFunc(strings.Split(text, "|"), func(s string) bool { return strings.Contains(err.Error(), s) }) {
			t.Errorf("%s: %v", url, err)
		}
	}
	_ = ln.Close()
	for what, o := range map[string]DialOptions{
		"DialTimeout":  {DialTimeout: -1},
		"ReconnectMin": {ReconnectMin: 2, ReconnectMax: 1},
		"MaxInFlight":  {Engine: engine.Options{MaxInFlight: -1}},
	} {
		if _, err := Dial(context.Background(), testClient(""), "tcp://127.0.0.1:1", o); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	dead, cancel2 := context.WithCancel(context.Background())
	cancel2()
	if _, err := Dial(dead, testClient(""), "tcp://127.0.0.1:1", DialOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// A session whose server goes away and comes back goes on: what was in flight
// has failed, what is asked meanwhile waits.
func TestReconnect(t *testing.T) {
	nothingLeft(t)
	url := "unix://" + socketPath(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	srv := demo(t, url)
	back := make(chan struct{}, 10)
	s, err := Dial(ctx, testClient(""), url, DialOptions{Reconnect: true, ReconnectMin: 5 * time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		OnReconnect: func(s *mcp.ClientSession) {
			if s.Info() != nil {
				back <- struct{}{}
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		useDemo(t, s)
		slow := make(chan error, 1)
		go func() {
			_, err := s.CallTool(ctx, "delay", map[string]any{"ms": 60000, "text": ""})
			slow <- err
		}()
		eventually(t, "a call in flight", func() bool { return srv.Snapshot().Engine.InFlight == 1 })
		_ = srv.Close()
		if err := <-slow; err == nil {
			t.Error("a call in flight has not failed")
		}
		meanwhile := make(chan error, 1)
		go func() {
			_, err := s.CallTool(ctx, "echo", map[string]any{"text": ""})
			meanwhile <- err
		}()
		time.Sleep(30 * time.Millisecond) // some attempts fail
		srv = demo(t, url)
		<-back
		if err := <-meanwhile; err != nil && !errors.Is(err, engine.ErrConnClosed) { // closed: it was sent just before
			t.Error(err)
		}
	}
	useDemo(t, s)
	_ = srv.Close()
	time.Sleep(10 * time.Millisecond)
	closed := make(chan error, 1)
	go func() { closed <- s.Ping(ctx) }()
	if err := s.Close(); err != nil { // while it redials
		t.Error(err)
	}
	if err := <-closed; !errors.Is(err, engine.ErrConnClosed) {
		t.Errorf("a ping at Close: %v", err)
	}
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
}

// Without Reconnect the session ends with its connection.
func TestNoReconnect(t *testing.T) {
	nothingLeft(t)
	srv := demo(t, "tcp://127.0.0.1:0")
	s, err := Dial(context.Background(), testClient(""), srv.Addrs()[0], DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_ = srv.Close()
	if err := s.Wait(); !errors.Is(err, engine.ErrConnClosed) || !strings.Contains(err.Error(), srv.Addrs()[0]) {
		t.Errorf("Wait: %v", err)
	}
	if err := s.Ping(context.Background()); !errors.Is(err, engine.ErrConnClosed) {
		t.Errorf("Ping: %v", err)
	}
}

func TestBackoff(t *testing.T) {
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if got := backoff(time.Second, time.Minute, int64(n)); got != want*time.Second {
			t.Errorf("attempt %d waits %v", n, got)
		}
	}
	if got := backoff(time.Second, time.Minute, 1<<40); got != time.Minute {
		t.Errorf("after very many attempts: %v", got)
	}
	least, most := time.Hour, time.Duration(0)
	for range 2000 {
		d := jitter(time.Second)
		least, most = min(least, d), max(most, d)
	}
	if least < 750*time.Millisecond || most > 1250*time.Millisecond || most-least < 400*time.Millisecond {
		t.Errorf("jitter from %v to %v", least, most)
	}
	o := DialOptions{}.withDefaults()
	if o.ReconnectMin != time.Second || o.ReconnectMax != time.Minute || o.DialTimeout != 30*time.Second || o.KeepAlive != time.Minute {
		t.Errorf("defaults %+v", o)
	}
}
