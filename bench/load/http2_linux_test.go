package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/transports/tlsconn/tlstest"
	xhttp2 "golang.org/x/net/http2"
)

// serveHTTP2 serves h by HTTP/2 of net/http, by prior knowledge or over TLS, and
// returns the target.
func serveHTTP2(t testing.TB, secure bool, h http.Handler, with func(*httptest.Server)) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("a request of %s", r.Proto)
		}
		h.ServeHTTP(w, r)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	if with != nil {
		with(srv)
	}
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	if secure {
		srv.EnableHTTP2 = true
		srv.StartTLS()
		return "h2" + strings.TrimPrefix(srv.URL, "https") + "/mcp"
	}
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	return "h2c" + strings.TrimPrefix(srv.URL, "http") + "/mcp"
}

// Loads of each kind by HTTP/2 are answered whole by net/http, in the clear and over
// TLS, with bodies far larger than windows, narrow windows of ours, few streams, and
// connections that come and go.
func TestHTTP2(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})
	few := func(s *httptest.Server) { s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 3} }
	before := descriptors(t)
	for _, c := range []struct {
		name    string
		handler http.Handler
		with    func(*httptest.Server)
		o       Options
		limit   int64
	}{
		{"ping", mcpHandler("length"), nil, Options{Conns: 3, Depth: 8, Count: 500}, 0},
		{"one at a time", mcpHandler("length"), nil, Options{Method: MethodCall, Count: 200}, 0},
		{"in pieces", mcpHandler("chunks"), nil, Options{Method: MethodCall, Conns: 2, Depth: 16, Count: 500}, 0},
		{"event streams", mcpHandler("stream"), nil, Options{Method: MethodCall, Conns: 2, Depth: 16, Count: 500}, 0},
		{"long", mcpHandler("length"), nil, Options{Method: MethodCall, Size: 300_000, Depth: 12, Count: 24, http2Window: 70_000}, 0},
		{"long event streams", mcpHandler("stream"), nil, Options{Method: MethodCall, Size: 300_000, Depth: 4, Count: 12, http2Window: 20_000}, 0},
		{"raw", echo, nil, Options{Method: MethodRaw, Depth: 16, Count: 400}, 0},
		{"longer than any window", echo, nil, Options{Method: MethodRaw, Size: 5 << 20, Depth: 2, Count: 4}, 0},
		{"few streams", mcpHandler("length"), few, Options{Method: MethodCall, Conns: 2, Depth: 16, Count: 300}, 3},
		{"a plan", mcpHandler("length"), nil, Options{Conns: 2, Depth: 8, Plan: Constant(1000, 200*time.Millisecond)}, 0},
		{"again and again", mcpHandler("length"), nil, Options{Method: MethodCall, Conns: 3, Depth: 2, Reconnect: 4, Count: 120}, 0},
		{"a head beyond a frame", mcpHandler("length"), nil, Options{Headers: []string{"X-Long: " + strings.Repeat("long", 10_000)}, Count: 20}, 0},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/tls=%v", c.name, secure), func(t *testing.T) {
				deletes := &atomic.Int64{}
				o := c.o
				o.Target, o.Timeout = serveHTTP2(t, secure, counting(deletes, c.handler), c.with), 5*time.Second
				o.TLS.Insecure = secure
				r := runBounded(t, o, 20*time.Second)
				want := o.Count
				if o.Plan != nil {
					want = 200 - r.Skipped // a busy machine skips starts
				}
				if r.ErrorTotal != 0 || r.Answered != want || r.SlowChecks != 0 || r.StreamLimit != c.limit || o.Reconnect == 0 && r.Alive != max(o.Conns, 1) {
					t.Errorf("answered %d of %d, errors: %s (%s), %d parsed, %d alive, %d streams", r.Answered, want, &r.Errors, r.Failure, r.SlowChecks, r.Alive, r.StreamLimit)
				}
				if secure && r.TLS.Agreed[0].Protocol != "h2" {
					t.Errorf("%+v", r.TLS)
				}
				if o.Reconnect > 0 && (deletes.Load() < r.Reconnects.Sessions || r.Reconnects.Sessions < 25) {
					t.Errorf("%d sessions, %d deleted", r.Reconnects.Sessions, deletes.Load())
				}
				var text strings.Builder
				if err := r.WriteText(&text); err != nil || c.limit > 0 != strings.Contains(text.String(), "streams     the server has 3") {
					t.Errorf("%v: %s", err, text.String())
				}
			})
		}
	}
	descriptorsBack(t, before)
}

// counting counts the DELETEs of a session, which it answers.
func counting(deletes *atomic.Int64, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete && r.Header.Get("Mcp-Session-Id") == "s-1" {
			deletes.Add(1)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Requests of 2026-07-28 carry their fields, each kind of a mix its own.
func TestHTTP2Modern(t *testing.T) {
	target := serveHTTP2(t, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		method, name := r.Header.Get("Mcp-Method"), r.Header.Get("Mcp-Name")
		if r.Header.Get("Mcp-Protocol-Version") != modernRevision || !strings.Contains(string(body), `"method":"`+method+`"`) || (name == "echo") != (method == "tools/call") ||
			r.Header.Get("Mcp-Session-Id") != "" || r.Header.Get("Authorization") != "Bearer x" || r.ContentLength != int64(len(body)) {
			w.WriteHeader(400)
			return
		}
		_, rest, _ := strings.Cut(string(body), `"id":`)
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%.10s,"result":{"method":%q}}`, rest, method)
	}), nil)
	r := runBounded(t, Options{Target: target, Conns: 2, Depth: 5, Count: 200, Revision: modernRevision, Headers: []string{"Authorization:Bearer x"},
		Messages: []Message{{Method: "tools/list", Check: CheckSame}, {Method: "tools/call", Params: []byte(`{"name":"echo"}`), Check: CheckSame}, {Method: "resources/list", Check: CheckSame}}}, 10*time.Second)
	if r.ErrorTotal != 0 || r.Answered != 200 || r.SlowChecks != 0 {
		t.Errorf("answered %d, errors: %s, %d parsed", r.Answered, &r.Errors, r.SlowChecks)
	}
}

// What goes wrong is counted by its kind, and costs no other request.
func TestHTTP2Faults(t *testing.T) {
	at := func(id int64, fault http.HandlerFunc) http.Handler {
		good := mcpHandler("length")
		var n atomic.Int64
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == id {
				fault(w, r)
				return
			}
			good(w, r)
		})
	}
	ended := make(chan struct{})
	for _, c := range []struct {
		name    string
		handler http.Handler
		want    Errors
		failure string
	}{
		{"statuses and none", mcpHandler("errors"), Errors{Status: 1, RPC: 1, Lost: 1}, "HTTP status 500"},
		{"a reset", at(40, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), Errors{Reset: 1}, "INTERNAL_ERROR"},
		{"a reset in the middle", at(40, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"jsonrpc":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}), Errors{Reset: 1}, "INTERNAL_ERROR"},
		{"silence", at(10, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done() // by RST_STREAM: the connection lives on
			close(ended)
		}), Errors{TimedOut: 1}, ""},
		{"no JSON", at(40, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{") }), Errors{Malformed: 1, Lost: 1}, "malformed"},
	} {
		for _, secure := range []bool{false, true} {
			if secure && c.name != "statuses and none" {
				continue // the handlers have had their turn
			}
			o := Options{Target: serveHTTP2(t, secure, c.handler, nil), Method: MethodCall, Depth: 4, Count: 200, Timeout: 2 * time.Second, TLS: TLSOptions{Insecure: secure}}
			if c.want.TimedOut > 0 { // a closed loop would give the connection up
				o.Timeout, o.Plan = time.Second, Constant(100, 500*time.Millisecond)
			}
			r := runBounded(t, o, 20*time.Second)
			if r.Errors != c.want || r.Alive != 1 || r.Answered+c.want.Lost+c.want.Reset+c.want.Status+c.want.RPC+c.want.TimedOut != r.Sent || !strings.Contains(r.Failure, c.failure) || (c.failure == "") != (r.Failure == "") {
				t.Errorf("%s: %d of %d answered, errors: %s; %q", c.name, r.Answered, r.Sent, &r.Errors, r.Failure)
			}
		}
	}
	select {
	case <-ended:
	case <-time.After(time.Second):
		t.Error("a request that was given up was not reset")
	}
}

// A server that shuts down answers what it has begun, and the connections are counted as
// sent away.
func TestHTTP2Shutdown(t *testing.T) {
	var srv *http.Server
	var once sync.Once
	var n atomic.Int64
	good := mcpHandler("length")
	target := serveHTTP2(t, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 100 {
			once.Do(func() { go func() { _ = srv.Shutdown(context.Background()) }() })
		}
		time.Sleep(time.Millisecond)
		good(w, r)
	}), func(s *httptest.Server) { srv = s.Config })
	r := runBounded(t, Options{Target: target, Conns: 2, Depth: 8, Duration: 5 * time.Second, Timeout: time.Second}, 10*time.Second)
	lost := r.Errors.Lost // which was on its way when the server stopped to listen
	if r.Errors != (Errors{GoAway: 2, Lost: lost}) || r.Alive != 0 || r.Answered < 90 || r.Answered+lost != r.Sent || !strings.Contains(r.Failure, "NO_ERROR") {
		t.Errorf("answered %d of %d, errors: %s; %q", r.Answered, r.Sent, &r.Errors, r.Failure)
	}
}

// raw serves a connection by frames: the handshake's three requests are answered, what
// comes then is serve's.
func rawHTTP2(t testing.TB, serve func(f *xhttp2.Framer, id uint32, n int) bool) string {
	return "h2c://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		if _, err := io.ReadFull(c, make([]byte, len(xhttp2.ClientPreface))); err != nil {
			return
		}
		f := xhttp2.NewFramer(c, c)
		_ = f.WriteSettings()
		for n := 0; ; {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			id := frame.Header().StreamID
			if !frame.Header().Flags.Has(xhttp2.FlagDataEndStream) || frame.Header().Type != xhttp2.FrameData {
				continue
			}
			n++
			if n > 3 && !serve(f, id, n-3) {
				return
			}
			reply := []string{1: `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}`, 2: "", 3: pong(0)}
			if n <= 3 {
				_ = f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: []byte{0x88}})
				_ = f.WriteData(id, true, []byte(reply[n]))
			}
		}
	}).String() + "/mcp"
}

// A server's pings are answered, its protocol errors are no protocol of ours, and an
// early end is told from a farewell.
func TestHTTP2Frames(t *testing.T) {
	answer := func(f *xhttp2.Framer, id uint32, n int) bool {
		_ = f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: []byte{0x88}})
		return f.WriteData(id, true, []byte(pong(n))) == nil
	}
	for _, c := range []struct {
		name    string
		serve   func(f *xhttp2.Framer, id uint32, n int) bool
		want    Errors
		failure string
	}{
		{"all well", answer, Errors{}, ""},
		{"refused", func(f *xhttp2.Framer, id uint32, n int) bool {
			if n == 20 {
				return f.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream) == nil
			}
			return answer(f, id, n)
		}, Errors{Reset: 1}, "REFUSED_STREAM"},
		{"an end", func(f *xhttp2.Framer, id uint32, n int) bool { return n < 20 && answer(f, id, n) }, Errors{Closed: 1, Lost: 1}, ""},
		{"a farewell, and an end", func(f *xhttp2.Framer, id uint32, n int) bool {
			if n == 20 {
				_ = f.WriteGoAway(id, xhttp2.ErrCodeEnhanceYourCalm, []byte("bye"))
				return false
			}
			return answer(f, id, n)
		}, Errors{GoAway: 1, Lost: 1}, `ENHANCE_YOUR_CALM, "bye"`},
		{"a breach", func(f *xhttp2.Framer, id uint32, n int) bool {
			if n == 20 {
				return f.WriteData(id, true, []byte("x")) == nil
			}
			return answer(f, id, n)
		}, Errors{Framing: 1, Lost: 1}, "DATA before HEADERS"},
	} {
		r := runBounded(t, Options{Target: rawHTTP2(t, c.serve), Count: 50, Timeout: time.Second}, 10*time.Second)
		if r.Errors != c.want || !strings.Contains(r.Failure, c.failure) || (c.failure == "") != (r.Failure == "") {
			t.Errorf("%s: errors: %s; %q", c.name, &r.Errors, r.Failure)
		}
	}
	// What a server lets nothing be sent on is given up, not waited for without end.
	for name, serve := range map[string]func(f *xhttp2.Framer, id uint32, n int) bool{
		"no streams": func(f *xhttp2.Framer, id uint32, n int) bool {
			if n == 20 {
				_ = f.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 0})
			}
			return answer(f, id, n)
		},
		"a response without end": func(f *xhttp2.Framer, id uint32, n int) bool {
			if n < 20 {
				return answer(f, id, n)
			}
			_ = f.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 1})
			_ = f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: append([]byte{0x88}, appendLiteral(nil, "content-type", "text/event-stream")...)})
			return f.WriteData(id, false, []byte("data: "+pong(n)+"\n\n")) == nil
		},
	} {
		r := runBounded(t, Options{Target: rawHTTP2(t, serve), Count: 50, Timeout: 300 * time.Millisecond}, 10*time.Second)
		if r.Errors != (Errors{IO: 1}) || r.Answered != 20 || r.Alive != 0 || !strings.Contains(r.Failure, "lets nothing be sent") {
			t.Errorf("%s: %d answered, errors: %s; %q", name, r.Answered, &r.Errors, r.Failure)
		}
	}
	ponged := make(chan struct{}, 1)
	target := "h2c://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, len(xhttp2.ClientPreface)))
		f := xhttp2.NewFramer(c, c)
		_ = f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *xhttp2.SettingsFrame:
				if frame.IsAck() {
					_ = f.WritePing(false, [8]byte{7})
				}
			case *xhttp2.PingFrame:
				if frame.IsAck() && frame.Data == [8]byte{7} {
					ponged <- struct{}{}
				}
			case *xhttp2.GoAwayFrame:
				if frame.ErrCode == xhttp2.ErrCodeNo {
					ponged <- struct{}{}
				}
			}
		}
	}).String()
	s, err := Open(Options{Target: target, Method: MethodRaw, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := s.Hold(200 * time.Millisecond); err != nil || e != (Errors{}) || s.Conns() != 1 {
		t.Errorf("idle: %v, %s", err, &e)
	}
	s.Close()
	for _, what := range []string{"pong", "farewell"} {
		select {
		case <-ponged:
		case <-time.After(time.Second):
			t.Errorf("no %s", what)
		}
	}
}

// What speaks no HTTP/2 is told of as such, in time.
func TestHTTP2Refused(t *testing.T) {
	plain := httptest.NewServer(mcpHandler("length"))
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(mcpHandler("length"))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	ca := tlstest.NewAuthority(t, "authority")
	cert := ca.Issue(t, "")
	unnamed := "h2" + strings.TrimPrefix(listenTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), "tls")
	silent := "h2c://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }).String()
	closing := "h2c://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }).String()
	none := serveHTTP2(t, false, http.NotFoundHandler(), nil)
	before := descriptors(t)
	for _, c := range []struct{ name, target, says string }{
		{"HTTP/1.1", "h2c" + strings.TrimPrefix(plain.URL, "http"), `does not speak it: it begins by "HTTP/1.1 `},
		{"HTTP/1.1 over TLS", "h2" + strings.TrimPrefix(secure.URL, "https"), "no application protocol"},
		{"TLS without names", unnamed, "ALPN"},
		{"silence", silent, errSlow.Error()},
		{"an early end", closing, errClosed.Error()},
		{"nothing there", none, "HTTP status 404"},
	} {
		for _, method := range []string{MethodPing, MethodRaw} {
			if c.name == "nothing there" && method == MethodRaw {
				continue
			}
			o := Options{Target: c.target, Method: method, Count: 20, Timeout: 300 * time.Millisecond}
			o.TLS.Insecure = strings.HasPrefix(c.target, "h2:")
			_, err := Run(o)
			var connect *ConnectError
			if !errors.As(err, &connect) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %s: %T %v; want one that says %q", c.name, method, err, err, c.says)
			}
		}
	}
	descriptorsBack(t, before)
	for _, o := range []Options{
		{Target: "h2c://"}, {Target: "h2c:///mcp"}, {Target: "h2://u@h/"},
		{Target: "h2c://h", TLS: TLSOptions{Insecure: true}},
		{Target: "h2c://h", Headers: []string{"Connection: close"}},
		{Target: "h2://h", Headers: []string{"Transfer-Encoding: chunked"}},
	} {
		var usage *UsageError
		if _, err := Run(o); !errors.As(err, &usage) {
			t.Errorf("%+v: %T %v", o, err, err)
		}
	}
}
