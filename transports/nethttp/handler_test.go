package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

// host is a handler behind a server of net/http.
type host struct {
	t      *testing.T
	h      *Handler
	svc    *mcp.Server
	url    string
	client *http.Client
}

// serve serves the everything fixture and the demo, and checks at the end that
// nothing is left. wrap is what stands before the handler, change what else the
// server is; both may be nil.
func serve(t *testing.T, mo mcp.Options, o Options, wrap func(http.Handler) http.Handler, change func(*httptest.Server)) *host {
	t.Helper()
	mo.Name = "nethttp"
	svc := mcp.NewServer(mo)
	fixture.AddEverything(svc)
	fixture.AddDemo(svc)
	h, err := New(svc, o)
	if err != nil {
		t.Fatal(err)
	}
	var all http.Handler = h
	if wrap != nil {
		all = wrap(h)
	}
	s := httptest.NewUnstartedServer(all)
	if change != nil {
		change(s)
	}
	if s.EnableHTTP2 {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		s.CloseClientConnections()
		s.Close()
		n := h.Snapshot()
		if n.Requests != 0 || n.Engine.Connections != 0 || n.Engine.InFlight != 0 || n.Engine.BufferedBytes != 0 || n.Engine.Panics != 0 {
			t.Errorf("left: %+v", n)
		}
		if st := h.Engine().Buffers().Stats(); st.Outstanding != st.Cached+svc.Stats().ReplayEvents {
			t.Errorf("%d buffers not returned, %d of them in the loops' caches", st.Outstanding, st.Cached)
		}
	})
	return &host{t, h, svc, s.URL, s.Client()}
}

// request makes a request with the usual fields; more are names and values.
func (h *host) request(ctx context.Context, method, path string, body io.Reader, more ...string) *http.Request {
	h.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, h.url+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	return r
}

// do makes a request and returns what it was answered.
func (h *host) do(method, path, body string, more ...string) (status int, text string, fields http.Header) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	res, err := h.client.Do(h.request(ctx, method, path, strings.NewReader(body), more...))
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

// modern are the fields of a request of 2026-07-28.
func modern(method, name string, more ...string) []string {
	all := append([]string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", method}, more...)
	if name != "" {
		all = append(all, "Mcp-Name", name)
	}
	return all
}

// message is a call of a tool in 2026-07-28.
func message(tool, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":%s,%s}}`, tool, args, meta)
}

// call calls a tool.
func (h *host) call(tool, args string, more ...string) (status int, text string) {
	h.t.Helper()
	status, text, _ = h.do("POST", "/mcp", message(tool, args), modern("tools/call", tool, more...)...)
	return status, text
}

func (h *host) eventually(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	h.t.Errorf("still waiting after 10 s: %s", what)
}

// wantIdle waits until nothing is being served.
func (h *host) wantIdle() {
	h.t.Helper()
	h.eventually("nothing is served", func() bool {
		n := h.h.Snapshot()
		return n.Requests == 0 && n.Engine.Connections == 0 && n.Engine.InFlight == 0
	})
}

func http2(s *httptest.Server) { s.EnableHTTP2 = true }

// HTTP/2: calls, streams whose events come one by one, clients that go away.
func TestHTTP2(t *testing.T) {
	h := serve(t, mcp.Options{}, Options{}, nil, http2)
	h.svc.HandleTool(mcp.Tool{Name: "tls"}, mcp.Pooled, func(c *mcp.Call) error {
		return c.Reply().TextString(fmt.Sprintf("HTTP/2: %v", c.TLS() != nil && c.TLS().NegotiatedProtocol == "h2"))
	})
	if status, text := h.call("tls", "{}"); status != 200 || !strings.Contains(text, "HTTP/2: true") {
		t.Errorf("%d %s", status, text)
	}
	if _, text, _ := h.do("GET", "/", ""); !strings.Contains(text, h.url+"/mcp") {
		t.Errorf("the page names another URL than %s/mcp: %s", h.url, text)
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if status, text := h.call("echo", fmt.Sprintf(`{"text":"no %d","ms":%d}`, i, i%5)); status != 200 || !strings.Contains(text, fmt.Sprintf(`no %d"`, i)) {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	all.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := h.client.Do(h.request(ctx, "POST", "/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`), modern("subscriptions/listen", "")...))
	if err != nil || res.ProtoMajor != 2 {
		t.Fatalf("%v, %v", res, err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	data := func() string {
		for {
			line, err := in.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "data: ") {
				return line
			}
		}
	}
	if m := data(); !strings.Contains(m, "acknowledged") {
		t.Errorf("got %s", m)
	}
	h.svc.RemoveTool("hello")
	if m := data(); !strings.Contains(m, "tools/list_changed") {
		t.Errorf("got %s", m)
	}
	cancel()
	h.wantIdle()
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	go func() {
		h.eventually("the call runs", func() bool { return h.h.Snapshot().Engine.InFlight == 1 })
		cancel()
	}()
	if _, err := h.client.Do(h.request(ctx, "POST", "/mcp", strings.NewReader(message("delay", `{"ms":60000,"text":"x"}`)), modern("tools/call", "delay")...)); err == nil {
		t.Error("answered")
	}
	h.wantIdle()
}

// Under a prefix, what clients are told of paths has it, behind whatever
// middleware; one that hides Flush is complained of.
func TestPrefixAndMiddleware(t *testing.T) {
	var log bytes.Buffer
	hidden := false
	h := serve(t, mcp.Options{}, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(next http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/a%20b/", http.NotFoundHandler())
		mux.Handle("/api/v1/", http.StripPrefix("/api/v1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hidden {
				next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
				return
			}
			next.ServeHTTP(unwrapping{w}, r)
		})))
		return mux
	}, nil)
	if _, text, _ := h.do("GET", "/api/v1/", ""); !strings.Contains(text, h.url+"/api/v1/mcp") || !strings.Contains(text, h.url+"/api/v1/sse") {
		t.Errorf("the page: %s", text)
	}
	if status, _, _ := h.do("GET", "/mcp", ""); status != 404 {
		t.Errorf("without the prefix: %d", status)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := h.client.Do(h.request(ctx, "GET", "/api/v1/sse", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	if line, _ := in.ReadString('\n'); line != "event: endpoint\n" {
		t.Fatalf("got %q", line)
	}
	line, _ := in.ReadString('\n')
	endpoint := strings.TrimSpace(strings.TrimPrefix(line, "data: "))
	if !strings.HasPrefix(endpoint, "/api/v1/message?") {
		t.Fatalf("endpoint %q", endpoint)
	}
	if status, _, _ := h.do("POST", endpoint, `{"jsonrpc":"2.0","id":0,"method":"ping"}`); status != 202 {
		t.Errorf("message: %d", status)
	}
	for !strings.Contains(line, `"result":{}`) && err == nil {
		line, err = in.ReadString('\n')
	}
	if err != nil {
		t.Error(err)
	}
	cancel()
	h.wantIdle()
	if log.Len() > 0 {
		t.Errorf("the log: %s", log.String())
	}
	hidden = true
	status, text, _ := h.do("POST", "/api/v1/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"test_tool_with_progress","_meta":{"progressToken":1,`+meta[len(`"_meta":{`):]+`}}`, modern("tools/call", "test_tool_with_progress")...)
	if status != 200 || strings.Count(text, "data: ") != 4 {
		t.Errorf("%d %s", status, text)
	}
	if !strings.Contains(log.String(), "Unwrap") {
		t.Errorf("the log: %s", log.String())
	}
}

// unwrapping is what a well-behaved middleware puts before a ResponseWriter.
type unwrapping struct{ w http.ResponseWriter }

func (u unwrapping) Header() http.Header         { return u.w.Header() }
func (u unwrapping) WriteHeader(status int)      { u.w.WriteHeader(status) }
func (u unwrapping) Write(p []byte) (int, error) { return u.w.Write(p) }
func (u unwrapping) Unwrap() http.ResponseWriter { return u.w }

// Clients that go away anywhere in a request, or while their call runs, leave
// nothing; a call of an older revision goes on without its client, one of
// 2026-07-28 is cancelled.
func TestAborts(t *testing.T) {
	h := serve(t, mcp.Options{}, Options{}, nil, nil)
	body := message("delay", `{"ms":60000,"text":"x"}`)
	var whole bytes.Buffer
	_ = h.request(t.Context(), "POST", "/mcp", strings.NewReader(body), modern("tools/call", "delay")...).Write(&whole)
	for cut := 0; cut <= whole.Len(); cut += 7 {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(whole.Bytes()[:cut])
		_ = c.Close()
	}
	h.wantIdle()
	_, _, fields := h.do("POST", "/mcp", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`)
	ran := make(chan error, 1)
	h.svc.HandleTool(mcp.Tool{Name: "long"}, mcp.Pooled, func(c *mcp.Call) error {
		for range 100 {
			time.Sleep(2 * time.Millisecond)
			if c.Ended() {
				ran <- context.Cause(c.Context())
				return nil
			}
		}
		ran <- nil
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		h.eventually("the call runs", func() bool { return h.h.Snapshot().Engine.InFlight == 1 })
		cancel()
	}()
	if _, err := h.client.Do(h.request(ctx, "POST", "/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"long"}}`), "Mcp-Session-Id", fields.Get("Mcp-Session-Id"))); err == nil {
		t.Error("answered")
	}
	if err := <-ran; err != nil {
		t.Errorf("the call of 2025-11-25: %v", err)
	}
	h.wantIdle()
}

// A drain lets calls be answered and refuses others; one whose grace is too short
// cuts, and says so. Afterwards nothing is served.
func TestShutdown(t *testing.T) {
	for _, tc := range []struct {
		grace time.Duration
		ms    int
		cut   bool
	}{{10 * time.Second, 300, false}, {50 * time.Millisecond, 60_000, true}} {
		h := serve(t, mcp.Options{}, Options{}, nil, nil)
		type reply struct {
			status int
			text   string
			err    error
		}
		got := make(chan reply, 1)
		go func() {
			res, err := h.client.Do(h.request(t.Context(), "POST", "/mcp", strings.NewReader(message("delay", fmt.Sprintf(`{"ms":%d,"text":"x"}`, tc.ms))), modern("tools/call", "delay")...))
			if err != nil {
				got <- reply{err: err}
				return
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			got <- reply{res.StatusCode, string(b), err}
		}()
		h.eventually("the call runs", func() bool { return h.h.Snapshot().Engine.InFlight == 1 })
		ctx, cancel := context.WithTimeout(t.Context(), tc.grace)
		done := make(chan error, 1)
		go func() { done <- h.h.Shutdown(ctx) }()
		if !tc.cut {
			h.eventually("it drains", h.h.Engine().Draining)
			if status, text := h.call("echo", `{"text":"x"}`); status != 503 {
				t.Errorf("while draining: %d %s", status, text)
			}
		}
		err := <-done
		cancel()
		if errors.Is(err, ErrGraceExpired) != tc.cut {
			t.Errorf("Shutdown: %v", err)
		}
		want := 200
		if tc.cut {
			want = 503
		}
		if r := <-got; r.err != nil || r.status != want {
			t.Errorf("cut %v: %+v", tc.cut, r)
		}
		if status, _ := h.call("echo", `{"text":"x"}`); status != 503 {
			t.Errorf("afterwards: %d", status)
		}
		if err := h.h.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What New is given must be a service for HTTP, with options in their bounds.
func TestNewErrors(t *testing.T) {
	svc := mcp.NewServer(mcp.Options{Name: "x"})
	for _, tc := range []struct {
		svc  engine.Service
		o    Options
		says string
	}{
		{nil, Options{}, "needs a service"},
		{lines{}, Options{}, "ExchangeService"},
		{svc, Options{Loops: -1}, "Options.Loops"},
		{svc, Options{Loops: 257}, "Options.Loops"},
		{svc, Options{MaxRequests: -1}, "Options.MaxRequests"},
		{svc, Options{Engine: engine.Options{MaxMessageBytes: 1}}, "MaxMessageBytes"},
	} {
		if h, err := New(tc.svc, tc.o); err == nil || h != nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%+v: %v, want %q", tc.o, err, tc.says)
		}
	}
	h, err := New(svc, Options{Loops: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if len(h.loops) != 3 {
		t.Errorf("%d loops", len(h.loops))
	}
	// A recorder has no deadlines, no address, and another Host.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://localhost/", nil)
	h.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "localhost/mcp") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// lines is a service that knows no HTTP.
type lines struct{}

func (lines) OpenConn(*engine.Conn) engine.Handler { return nil }
