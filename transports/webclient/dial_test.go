package webclient

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// gnet keeps one pool of goroutines for the process.
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*goWorker).run.func1"),
	)
}

// serve serves the fixtures over HTTP; at the end nothing may be left of it.
func serve(t *testing.T) *transports.Server {
	t.Helper()
	svc := mcp.NewServer(mcp.Options{Name: "web"})
	fixture.AddEverything(svc)
	fixture.AddDemo(svc)
	s, err := transports.Listen(svc, transports.Options{Loops: 1, Listeners: []transports.Listener{{URL: "http://127.0.0.1:0"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, "the server's connections closed", func() bool {
			n := s.Snapshot().Engine
			return n.Connections == 0 && n.InFlight == 0
		})
		_ = s.Close()
	})
	return s
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("not within 10 s: %s", what)
			return
		}
	}
}

// dial connects; the session is closed at the end of the test.
func dial(t *testing.T, url string, co mcp.ClientOptions, o Options) *mcp.ClientSession {
	t.Helper()
	s, err := tryDial(t, url, co, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryDial(t *testing.T, url string, co mcp.ClientOptions, o Options) (*mcp.ClientSession, error) {
	t.Helper()
	co.Name = "test"
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := Dial(ctx, mcp.NewClient(co), url, o)
	if err == nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return s, err
}

// A client and a server of ours speak each revision over both transports of
// HTTP: calls at once, progress, questions, resources, errors.
func TestDial(t *testing.T) {
	srv := serve(t)
	for _, base := range []string{srv.Addrs()[0] + "/mcp", "sse+" + srv.Addrs()[0] + "/sse"} {
		for _, rev := range append(mcp.Revisions(), "") {
			if rev == mcp.Revision20260728 && base[:3] == "sse" {
				continue
			}
			t.Run(base[:4]+rev, func(t *testing.T) { use(t, base, rev) })
		}
	}
}

func use(t *testing.T, url, rev string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s := dial(t, url, mcp.ClientOptions{Revision: rev,
		Sampling: func(context.Context, *mcp.SamplingRequest) (*mcp.SamplingResult, error) {
			return &mcp.SamplingResult{Role: "assistant", Model: "m", Content: []mcp.Content{{Type: "text", Text: "four"}}}, nil
		}}, Options{})
	want := rev
	switch {
	case rev == "" && url[:3] == "sse":
		want = mcp.Revision20251125
	case rev == "":
		want = mcp.Revision20260728
	}
	if got := s.Info().Revision; got != want {
		t.Errorf("negotiated %s, want %s", got, want)
	}
	if err := s.Ping(ctx); err != nil {
		t.Error(err)
	}
	if tools, err := s.ListTools(ctx); err != nil || len(tools) < 20 {
		t.Errorf("%d tools, %v", len(tools), err)
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			args := map[string]any{"text": fmt.Sprint("hé\n ", i)}
			if r, err := s.CallTool(ctx, "echo", args); err != nil || r.Text() != args["text"] {
				t.Errorf("echo %d: %+v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
	var steps []float64
	if r, err := s.CallTool(ctx, "test_tool_with_progress", nil, mcp.WithProgress(func(p mcp.ProgressReport) { steps = append(steps, p.Progress) })); err != nil || r.IsError || fmt.Sprint(steps) != "[0 50 100]" {
		t.Errorf("progress %v: %+v, %v", steps, r, err)
	}
	ask, args := "test_sampling", map[string]string{"prompt": "2+2"}
	if want == mcp.Revision20260728 {
		ask, args = "test_input_required_result_sampling", nil
	}
	if r, err := s.CallTool(ctx, ask, args); err != nil || !strings.Contains(r.Text(), "four") {
		t.Errorf("%s: %s, %v", ask, r.Raw, err)
	}
	if r, err := s.ReadResource(ctx, "test://static-text"); err != nil || !strings.Contains(r.Contents[0].Text, "static text") {
		t.Errorf("resource: %+v, %v", r, err)
	}
	var rpc *mcp.Error
	if _, err := s.CallTool(ctx, "nosuch", nil); !errors.As(err, &rpc) || rpc.Code != -32602 {
		t.Errorf("unknown tool: %v", err)
	}
	if _, err := s.Request(ctx, "no/such", nil); !errors.As(err, &rpc) || rpc.Code != -32601 {
		t.Errorf("unknown method: %v", err)
	}
	if err := s.Ping(ctx); err != nil { // neither has ended the session
		t.Error(err)
	}
}

// A call that is given up ends the server's work on it, in either era.
func TestCancel(t *testing.T) {
	srv := serve(t)
	for _, rev := range []string{mcp.Revision20241105, mcp.Revision20250618, mcp.Revision20251125, mcp.Revision20260728} {
		for _, url := range []string{srv.Addrs()[0] + "/mcp", "sse+" + srv.Addrs()[0] + "/sse"} {
			if rev == mcp.Revision20260728 && url[:3] == "sse" {
				continue
			}
			t.Run(url[:3]+rev, func(t *testing.T) {
				s := dial(t, url, mcp.ClientOptions{Revision: rev}, Options{})
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					eventually(t, "the call in flight", func() bool { return srv.Snapshot().Engine.InFlight == 1 })
					cancel()
				}()
				if _, err := s.CallTool(ctx, "delay", map[string]any{"ms": 60000, "text": ""}); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
				eventually(t, "the call cancelled", func() bool { return srv.Snapshot().Engine.InFlight == 0 })
				if err := s.Ping(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// What a server tells of its own accord arrives in each way that there is: the
// stream of GET, subscriptions/listen, the one stream of HTTP+SSE.
func TestChanges(t *testing.T) {
	srv := serve(t)
	for _, tc := range []struct{ url, rev string }{
		{"/mcp", mcp.Revision20250326}, {"/mcp", mcp.Revision20251125}, {"/mcp", mcp.Revision20260728}, {"/sse", mcp.Revision20241105},
	} {
		t.Run(tc.url+tc.rev, func(t *testing.T) {
			notes := make(chan string, 100)
			url := srv.Addrs()[0] + tc.url
			if tc.url == "/sse" {
				url = "sse+" + url
			}
			s := dial(t, url, mcp.ClientOptions{Revision: tc.rev, OnNotification: func(_ *mcp.ClientSession, method string, _ json.RawMessage) { notes <- method }}, Options{})
			if tc.rev == mcp.Revision20260728 {
				u, err := s.Listen(t.Context(), mcp.ListenFilter{ToolsListChanged: true})
				if err != nil {
					t.Fatal(err)
				}
				defer u.Close()
			}
			got := func() bool {
				for {
					select {
					case n := <-notes:
						if n == "notifications/tools/list_changed" {
							return true
						}
					default:
						return false
					}
				}
			}
			eventually(t, "a change told", func() bool { // the stream of GET is not waited for by anybody
				if _, err := s.CallTool(t.Context(), "test_trigger_tool_change", nil); err != nil {
					t.Error(err)
				}
				time.Sleep(20 * time.Millisecond)
				return got()
			})
		})
	}
}

// Close ends the session at the server, and calls that wait.
func TestClose(t *testing.T) {
	srv := serve(t)
	for _, rev := range []string{mcp.Revision20250618, mcp.Revision20260728} {
		var mu sync.Mutex
		var id string
		s := dial(t, srv.Addrs()[0]+"/mcp", mcp.ClientOptions{Revision: rev}, Options{Header: func(r *http.Request) error {
			mu.Lock()
			defer mu.Unlock()
			if v := r.Header.Get(fieldSession); v != "" {
				id = v
			}
			return nil
		}})
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
		if err := s.Wait(); err != nil {
			t.Error(err)
		}
		eventually(t, "the work ended", func() bool { return srv.Snapshot().Engine.InFlight == 0 })
		mu.Lock()
		if (id == "") != (rev == mcp.Revision20260728) {
			t.Errorf("%s: session %q", rev, id)
		}
		if id != "" {
			if status := ping(t, srv.Addrs()[0]+"/mcp", id); status != 404 {
				t.Errorf("the session after Close: status %d", status)
			}
		}
		mu.Unlock()
	}
}

// ping posts a ping of a session, and returns the status.
func ping(t *testing.T, url, id string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", typeJSON)
	r.Header.Set(fieldSession, id)
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// What cannot be dialled says what to do.
func TestDialErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + ln.Addr().String()
	_ = ln.Close()
	srv := serve(t)
	here := srv.Addrs()[0]
	for _, tc := range []struct {
		url  string
		co   mcp.ClientOptions
		o    Options
		want string
	}{
		{url: "tcp://127.0.0.1:1", want: "transports.Dial"},
		{url: "sse+tcp://127.0.0.1:1", want: "http://"},
		{url: "http:///mcp", want: "host is missing"},
		{url: ":", want: "no URL"},
		{url: nobody, want: "refused"},
		{url: "sse+" + nobody, want: "refused"},
		{url: here + "/nothing", want: "is the URL that of an MCP endpoint?"},
		{url: "sse+" + here + "/mcp", want: "GET"},
		{url: "sse+" + here + "/sse", co: mcp.ClientOptions{Revision: mcp.Revision20260728}, want: "up to 2025-11-25"},
		{url: here + "/mcp", o: Options{PostTimeout: -1}, want: "negative"},
		{url: here + "/mcp", o: Options{Transport: http.DefaultTransport, TLS: &tls.Config{}}, want: "Options.Transport"},
		{url: here + "/mcp", o: Options{Header: func(*http.Request) error { return errors.New("no token yet") }}, want: "no token yet"},
		{url: here + "/mcp", o: Options{Dial: transports.DialOptions{DialTimeout: -1}}, want: "DialTimeout"},
	} {
		s, err := tryDial(t, tc.url, tc.co, tc.o)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, %v; want %q", tc.url, s, err, tc.want)
		}
	}
}
