package load

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/transports/tlsconn/tlstest"
)

// goroutinesBack waits until there are no more than before.
func goroutinesBack(t testing.TB, before int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
			return
		}
	}
}

// Connections with some calls each, in closed and open loops: each connection that
// was opened has had its calls, and was closed.
func TestReconnect(t *testing.T) {
	ca := tlstest.NewAuthority(t, "authority")
	cert := ca.Issue(t, "")
	var connections atomic.Int64
	var sources sync.Map
	serve := func(c net.Conn) {
		connections.Add(1)
		if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
			sources.Store(a.IP.String(), true)
		}
		serveLines(c, c, nil)
	}
	echo := func(c net.Conn) { connections.Add(1); _, _ = io.Copy(c, c) }
	tcp := "tcp://" + listen(t, "tcp", "127.0.0.1:0", serve).String()
	raw := "tcp://" + listen(t, "tcp", "127.0.0.1:0", echo).String()
	secure := listenTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, serve)
	path := filepath.Join(t.TempDir(), "s")
	listen(t, "unix", path, serve)
	fds, routines := descriptors(t), runtime.NumGoroutine()
	for _, c := range []struct {
		name      string
		o         Options
		addresses int
	}{
		{"tcp", Options{Target: tcp, Conns: 4, Reconnect: 3, Count: 300}, loopbackAddresses},
		{"one call", Options{Target: tcp, Conns: 2, Reconnect: 1, Count: 200}, loopbackAddresses},
		{"deeper than its calls", Options{Target: tcp, Conns: 3, Depth: 16, Reconnect: 5, Method: MethodCall, Count: 300}, loopbackAddresses},
		{"raw", Options{Target: raw, Conns: 2, Depth: 2, Reconnect: 4, Method: MethodRaw, Count: 400}, loopbackAddresses},
		{"long", Options{Target: tcp, Conns: 2, Depth: 2, Reconnect: 2, Method: MethodCall, Size: 300_000, Count: 20}, loopbackAddresses},
		{"from one address", Options{Target: tcp, Conns: 2, Reconnect: 10, From: net.IPv4(127, 0, 0, 9), Count: 200}, 1},
		{"unix", Options{Target: "unix://" + path, Conns: 4, Reconnect: 3, Count: 300}, 0},
		{"tls", Options{Target: secure, Conns: 4, Reconnect: 3, Count: 150, TLS: TLSOptions{CAFile: ca.File}}, loopbackAddresses},
		{"tls, resumed", Options{Target: secure, Conns: 4, Reconnect: 3, Count: 150, TLS: TLSOptions{CAFile: ca.File, Resume: true}}, loopbackAddresses},
		{"by time", Options{Target: tcp, Conns: 4, Reconnect: 3, Warmup: 50 * time.Millisecond, Duration: 200 * time.Millisecond}, loopbackAddresses},
		{"open", Options{Target: tcp, Conns: 8, Reconnect: 3, Plan: Constant(1000, 300*time.Millisecond)}, loopbackAddresses},
	} {
		t.Run(c.name, func(t *testing.T) {
			connections.Store(0)
			sources.Clear()
			r := runBounded(t, c.o, 20*time.Second)
			x := r.Reconnects
			if r.ErrorTotal != 0 || r.Failure != "" || r.Answered != r.Sent || r.Sent < 100 && c.o.Size == 0 || c.o.Count > 0 && r.Sent != c.o.Count {
				t.Fatalf("%d of %d answered, errors %s, %s", r.Answered, r.Sent, &r.Errors, r.Failure)
			}
			// Each session that is counted had all of its calls; the end cut short at
			// most as many as there are connections.
			if least := r.Answered/int64(c.o.Reconnect) - int64(2*c.o.Conns); x.Sessions < max(least, 1) || x.Sessions*int64(c.o.Reconnect) > r.Answered || x.Rate <= 0 {
				t.Errorf("%d sessions of %d calls with %d answers", x.Sessions, c.o.Reconnect, r.Answered)
			}
			if n := connections.Load(); n < x.Sessions || c.o.Count > 0 && n > x.Sessions+int64(2*c.o.Conns)+1 {
				t.Errorf("%d sessions in %d connections", x.Sessions, n)
			}
			if x.Connect.P50 <= 0 || x.Close.P50 <= 0 || x.Session.P50 < x.Connect.P50 || // a session that the end cut short is none, however long its connect took
				(x.Initialize == nil) != (c.o.Method == MethodRaw) || x.Connect.Histogram == "" || r.SetUp != nil {
				t.Errorf("%+v", x)
			}
			seen := 0
			sources.Range(func(any, any) bool { seen++; return true })
			if x.Addresses != c.addresses || c.addresses == 1 && seen != 1 || c.addresses > 1 && c.o.Method != MethodRaw && seen < 10 {
				t.Errorf("%d addresses, %d seen", x.Addresses, seen)
			}
			if c.o.TLS.CAFile != "" && (r.TLS.Full == nil) == (r.TLS.Short == nil) {
				t.Errorf("%+v", r.TLS)
			}
			var text strings.Builder
			if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "\nsessions    ") || !strings.Contains(text.String(), "\nclose       p50 ") {
				t.Errorf("%v: %s", err, text.String())
			}
		})
	}
	descriptorsBack(t, fds)
	goroutinesBack(t, routines)
}

// Sessions of HTTP are deleted before their connection is closed, whatever the
// server says to that, and each response is read to its end before.
func TestReconnectHTTP(t *testing.T) {
	for _, mode := range []string{"length", "chunks", "stream"} {
		var deleted, opened atomic.Int64
		inner := mcpHandler(mode)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				if r.Header.Get("Mcp-Session-Id") != "s-1" || r.Header.Get("Mcp-Protocol-Version") != "2025-06-18" {
					t.Errorf("%v", r.Header)
				}
				if deleted.Add(1)%2 == 0 {
					w.WriteHeader(http.StatusMethodNotAllowed)
				}
				return
			}
			body, _ := io.ReadAll(r.Body)
			if strings.Contains(string(body), `"initialize"`) {
				opened.Add(1)
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			inner(w, r)
		}))
		o := Options{Target: srv.URL + "/mcp", Method: MethodCall, Conns: 3, Depth: 2, Reconnect: 4, Count: 300}
		r := runBounded(t, o, 20*time.Second)
		if x := r.Reconnects; r.ErrorTotal != 0 || r.Answered != 300 || x.Sessions < 60 || deleted.Load() < x.Sessions || opened.Load() < deleted.Load() {
			t.Errorf("%s: %d answered, errors %s, %s, %d sessions, %d opened, %d deleted", mode, r.Answered, &r.Errors, r.Failure, r.Reconnects.Sessions, opened.Load(), deleted.Load())
		}
		srv.Close()
	}
	srv := httptest.NewServer(sseHandler())
	t.Cleanup(srv.CloseClientConnections)
	fds := descriptors(t)
	o := Options{Target: "sse+" + srv.URL + "/events", Conns: 2, Depth: 2, Reconnect: 3, Count: 60, Revision: "2024-11-05"}
	if r := runBounded(t, o, 10*time.Second); r.ErrorTotal != 0 || r.Answered != 60 || r.Reconnects.Sessions < 14 {
		t.Errorf("sse: %d answered, errors: %s, %s, %d sessions", r.Answered, &r.Errors, r.Failure, r.Reconnects.Sessions)
	}
	descriptorsBack(t, fds)
}

// What goes wrong is counted by its kind, once, and the load goes on.
func TestReconnectFaults(t *testing.T) {
	// A server that treats some of its connections badly; the first opens the run.
	faulty := func(bad func(n int64, c net.Conn) bool) string {
		var n atomic.Int64
		return "tcp://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
			if k := n.Add(1); k > 1 && k%10 == 0 && bad(k, c) {
				return
			}
			serveLines(c, c, nil)
		}).String()
	}
	cases := []struct {
		name   string
		target string
		kind   func(*Errors) int64
		says   string // in the failure
	}{
		{"closes at once", faulty(func(int64, net.Conn) bool { return true }), func(e *Errors) int64 { return e.Open }, "initialize: "},
		{"refuses the session", faulty(func(_ int64, c net.Conn) bool {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, `{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"full"}}`+"\n")
			return true
		}), func(e *Errors) int64 { return e.Open }, "full"},
		{"never answers", faulty(func(_ int64, c net.Conn) bool { _, _ = io.Copy(io.Discard, c); return true }), func(e *Errors) int64 { return e.Open }, errSlow.Error()},
		{"closes in the middle", faulty(func(_ int64, c net.Conn) bool {
			serveLines(c, c, only(1, func(int, uint64, string) ([]string, bool) { return nil, true }))
			return true
		}), func(e *Errors) int64 { return e.Closed }, ""},
		{"does not close", faulty(func(_ int64, c net.Conn) bool {
			serveLines(c, c, nil)
			time.Sleep(time.Second)
			return true
		}), func(e *Errors) int64 { return e.Unclosed }, "did not close"},
		{"answers with an error", faulty(func(_ int64, c net.Conn) bool {
			serveLines(c, c, only(1, func(_ int, id uint64, _ string) ([]string, bool) {
				b, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": 1, "message": "x"}})
				return []string{string(b) + "\n"}, false
			}))
			return true
		}), func(e *Errors) int64 { return e.RPC }, "JSON-RPC error: "},
	}
	fds, routines := descriptors(t), runtime.NumGoroutine()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := runBounded(t, Options{Target: c.target, Conns: 2, Reconnect: 3, Count: 300, Timeout: 150 * time.Millisecond}, 20*time.Second)
			n := c.kind(&r.Errors)
			if n < 3 || n > 15 || r.ErrorTotal-r.Errors.Lost != n || r.Answered < 250 || r.Answered+r.Errors.Lost+r.Errors.RPC != 300 {
				t.Errorf("%d answered, errors %s", r.Answered, &r.Errors)
			}
			if !strings.Contains(r.Failure, c.says) || (c.says == "") != (r.Failure == "") {
				t.Errorf("failure %q", r.Failure)
			}
			if r.Reconnects.Sessions < 60 {
				t.Errorf("%d sessions", r.Reconnects.Sessions)
			}
		})
	}
	descriptorsBack(t, fds)
	goroutinesBack(t, routines)
}

// A server that is gone is tried again, and is no reason to spin.
func TestReconnectGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if served.Add(1) == 20 {
				_ = l.Close()
			}
			go func() { defer func() { _ = c.Close() }(); serveLines(c, c, nil) }()
		}
	}()
	r := runBounded(t, Options{Target: "tcp://" + l.Addr().String(), Conns: 2, Reconnect: 1, Duration: 300 * time.Millisecond, Timeout: time.Second}, 10*time.Second)
	// Two connections, tried anew each 10 ms, in at most 300 ms.
	if r.Errors.Connect < 2 || r.Errors.Connect > 70 || !strings.Contains(r.Failure, "refused") && !strings.Contains(r.Failure, "reset") || r.Answered < 10 {
		t.Errorf("%d answered, errors %s, %s", r.Answered, &r.Errors, r.Failure)
	}
}

// Ports that have run out are an error that says what to do. The ports are this
// side's, of an address that no other test comes from.
func TestReconnectPorts(t *testing.T) {
	addr := listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { serveLines(c, c, nil) })
	o := Options{Target: "tcp://" + addr.String(), Reconnect: 1, From: net.IPv4(127, 0, 0, 77), ports: 47_000 | 47_003<<16, Duration: 300 * time.Millisecond}
	r, err := Run(o)
	if errors.Is(err, unix.ENOPROTOOPT) {
		t.Skip("this kernel has no range of ports for one socket")
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Errors.Ports == 0 || r.ErrorTotal != r.Errors.Ports || r.Answered > 10 || !strings.Contains(r.Failure, "TIME_WAIT") || !strings.Contains(r.Failure, "ip_local_port_range") {
		t.Errorf("%d answered, errors %s, %s", r.Answered, &r.Errors, r.Failure)
	}
	for _, bad := range []Options{{Target: o.Target, Reconnect: -1}, {Target: "stdio", Command: []string{"cat"}, Reconnect: 1}} {
		var usage *UsageError
		if _, err := Run(bad); !errors.As(err, &usage) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
