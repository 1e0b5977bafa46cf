package webclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
)

// asked is a request as a scripted server sees it.
type asked struct {
	*http.Request
	ID     json.RawMessage
	Method string
	Params map[string]json.RawMessage
}

// scripted serves by f on a port of its own; what f does not answer gets what a
// legacy server of Streamable HTTP would say.
func scripted(t *testing.T, f func(http.ResponseWriter, *asked) bool) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &asked{Request: r}
		_ = decode(r, a) // GET and DELETE have no message
		switch {
		case f(w, a):
		case r.Method != "POST":
			w.WriteHeader(405)
		case a.Method == "server/discover":
			http.Error(w, "Bad Request: unsupported protocol version", 400)
		case a.Method == "initialize":
			w.Header().Set(fieldSession, "s1")
			result(w, a, `{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"scripted","version":"1"}}`)
		case a.ID == nil:
			w.WriteHeader(202)
		default:
			result(w, a, `{"content":[{"type":"text","text":"ok"}]}`)
		}
	})}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + ln.Addr().String() + "/mcp"
}

// decode reads the message in the body.
func decode(r *http.Request, a *asked) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, a)
}

func result(w http.ResponseWriter, a *asked, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	fmt.Fprintf(w, "{\"jsonrpc\":\"2.0\",\n\"id\":%s,\r\n\"result\":%s}", a.ID, text)
}

func stream(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", typeEvents)
	_, _ = io.WriteString(w, text)
	w.(http.Flusher).Flush()
}

func answerEvent(a *asked) string {
	return fmt.Sprintf("data: {\"jsonrpc\":\"2.0\",\"id\":%s,\ndata: \"result\":{\"content\":[]}}\n\n", a.ID)
}

// What comes in place of an answer fails its request, with an error that says
// what it was, and nothing else: the session goes on.
func TestAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter, *asked)
		want   string // of the error; empty: none
	}{
		"JSON with line breaks": {func(w http.ResponseWriter, a *asked) { result(w, a, `{"content":[]}`) }, ""},
		"events": {func(w http.ResponseWriter, a *asked) {
			stream(w, ": hi\n\nevent: other\ndata: no JSON\n\nid: 1\ndata:\n\n"+answerEvent(a))
		}, ""},
		"error by status": {func(w http.ResponseWriter, a *asked) {
			w.Header().Set("Content-Type", typeJSON)
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"bad params"}}`, a.ID)
		}, "bad params"},
		"error without id": {func(w http.ResponseWriter, a *asked) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"jsonrpc":"2.0","error":{"code":-32600,"message":"what?"}}`)
		}, "what?"},
		"error without id, 200": {func(w http.ResponseWriter, a *asked) {
			w.Header().Set("Content-Type", typeJSON)
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"what?"}}`)
		}, "what?"},
		"method not found, 404": {func(w http.ResponseWriter, a *asked) {
			w.WriteHeader(404)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"unknown"}}`, a.ID)
		}, "unknown"},
		"unauthorized": {func(w http.ResponseWriter, _ *asked) {
			w.Header().Set("WWW-Authenticate", "Bearer x")
			w.WriteHeader(401)
		}, "Options.Header as Bearer x"},
		"forbidden": {func(w http.ResponseWriter, _ *asked) { w.WriteHeader(403) }, "does not let"},
		"busy":      {func(w http.ResponseWriter, _ *asked) { w.Header().Set("Retry-After", "7"); w.WriteHeader(503) }, "Retry-After: 7"},
		"page":      {func(w http.ResponseWriter, _ *asked) { fmt.Fprint(w, "<html>") }, "Content-Type"},
		"nothing":   {func(w http.ResponseWriter, _ *asked) { w.WriteHeader(202) }, "Content-Type"},
		"no JSON":   {func(w http.ResponseWriter, _ *asked) { w.Header().Set("Content-Type", typeJSON); fmt.Fprint(w, "{") }, "no answer"},
		"another's answer": {func(w http.ResponseWriter, _ *asked) {
			w.Header().Set("Content-Type", typeJSON)
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":999,"result":{}}`)
		}, "no answer"},
		"too long":          {func(w http.ResponseWriter, a *asked) { result(w, a, `{"x":"`+strings.Repeat("x", 70<<10)+`"}`) }, "MaxMessageBytes"},
		"too long an event": {func(w http.ResponseWriter, a *asked) { stream(w, "data: "+strings.Repeat("x", 70<<10)+"\n\n") }, "MaxMessageBytes"},
		"stream breaks":     {func(w http.ResponseWriter, _ *asked) { stream(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n") }, "ended before the answer"},
		"resume refused":    {func(w http.ResponseWriter, _ *asked) { stream(w, "id: 1\nretry: 1\ndata:\n\n") }, "could not be resumed"},
		"redirected away": {func(w http.ResponseWriter, _ *asked) {
			w.Header().Set("Location", "http://other.invalid/mcp")
			w.WriteHeader(307)
		}, "dial that"},
		"redirected to GET": {func(w http.ResponseWriter, _ *asked) { w.Header().Set("Location", "/x"); w.WriteHeader(302) }, "drop the message"},
		"redirected":        {func(w http.ResponseWriter, _ *asked) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(307) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			url := scripted(t, func(w http.ResponseWriter, a *asked) bool {
				if a.Method != "tools/call" || a.URL.Path == "/elsewhere" || string(a.Params["name"]) != `"x"` {
					return false
				}
				tc.answer(w, a)
				return true
			})
			o := Options{}
			o.Dial.Engine.MaxMessageBytes = 64 << 10
			s := dial(t, url, mcp.ClientOptions{}, o)
			_, err := s.CallTool(t.Context(), "x", nil)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v; want %q", err, tc.want)
			}
			if _, err := s.CallTool(t.Context(), "y", nil); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// A stream that breaks is resumed from the last id, after the time it said, as
// often as it takes.
func TestResume(t *testing.T) {
	var mu sync.Mutex
	var ids []string
	var call *asked
	var broke time.Time
	url := scripted(t, func(w http.ResponseWriter, a *asked) bool {
		mu.Lock()
		defer mu.Unlock()
		switch last := a.Header.Get(fieldLastID); {
		case a.Method == "tools/call":
			call = a
			stream(w, "id: p\nretry: 120\ndata:\n\n")
			broke = time.Now()
		case a.Request.Method == "GET" && last != "":
			ids = append(ids, last)
			if d := time.Since(broke); d < 110*time.Millisecond && len(ids) == 1 {
				t.Errorf("resumed after %v", d)
			}
			switch len(ids) {
			case 1:
				stream(w, "id: q\nretry: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n")
			case 2:
				w.WriteHeader(502)
			default:
				stream(w, answerEvent(call))
			}
			if a.Header.Get(fieldSession) != "s1" || a.Header.Get(fieldVersion) != "2025-11-25" {
				t.Errorf("resumed with %v", a.Header)
			}
		default:
			return false
		}
		return true
	})
	s := dial(t, url, mcp.ClientOptions{}, Options{})
	if _, err := s.CallTool(t.Context(), "x", nil); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(ids); got != "[p q q]" {
		t.Errorf("resumed from %s", got)
	}
}

// A session that the server has ended (404) ends here, or is begun anew.
func TestSessionEnds(t *testing.T) {
	for _, again := range []bool{false, true} {
		var ended atomic.Bool
		url := scripted(t, func(w http.ResponseWriter, a *asked) bool {
			if a.Method == "tools/call" && ended.Swap(false) {
				w.WriteHeader(404)
				return true
			}
			return false
		})
		o := Options{Dial: transports.DialOptions{Reconnect: again, ReconnectMin: time.Millisecond}}
		s := dial(t, url, mcp.ClientOptions{}, o)
		ended.Store(true)
		var status *StatusError
		if _, err := s.CallTool(t.Context(), "x", nil); !errors.As(err, &status) || status.Status != 404 {
			t.Errorf("got %v", err)
		}
		if !again {
			if err := s.Wait(); err == nil || !strings.Contains(err.Error(), "ended the session") {
				t.Errorf("the end: %v", err)
			}
			continue
		}
		eventually(t, "a session again", func() bool {
			_, err := s.CallTool(t.Context(), "x", nil)
			return err == nil
		})
	}
}

// What the server can say of its own accord is listened to before the first
// request, however slow the beginning is; but a server that begins with what it
// has to say is not waited for.
func TestListenFirst(t *testing.T) {
	for what, tc := range map[string]struct {
		begin  func(w http.ResponseWriter, r *http.Request, begun *atomic.Bool)
		before bool // the call
	}{
		"slow": {func(w http.ResponseWriter, r *http.Request, begun *atomic.Bool) {
			time.Sleep(50 * time.Millisecond)
			begun.Store(true)
			stream(w, ": \n\n")
			<-r.Context().Done()
		}, true},
		"none": {func(w http.ResponseWriter, _ *http.Request, begun *atomic.Bool) {
			time.Sleep(50 * time.Millisecond)
			begun.Store(true)
			w.WriteHeader(405)
		}, true},
		"silent": {func(_ http.ResponseWriter, r *http.Request, _ *atomic.Bool) { <-r.Context().Done() }, false},
	} {
		var begun, inTime atomic.Bool
		url := scripted(t, func(w http.ResponseWriter, a *asked) bool {
			switch {
			case a.Request.Method == "GET":
				tc.begin(w, a.Request, &begun)
				return true
			case a.Method == "tools/call":
				inTime.Store(begun.Load())
			}
			return false
		})
		s := dial(t, url, mcp.ClientOptions{}, Options{})
		if _, err := s.CallTool(t.Context(), "x", nil); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if inTime.Load() != tc.before {
			t.Errorf("%s: the call came after the server had begun: %v", what, inTime.Load())
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A server of HTTP+SSE is found behind a URL of which nothing is known; its
// messages go only where they belong.
func TestFallback(t *testing.T) {
	for _, tc := range []struct{ endpoint, want string }{
		{"/messages?session=1", ""},
		{"http://other.invalid/messages", "not at this server"},
		{"", "not within"},
	} {
		out := make(chan string, 10)
		url := scripted(t, func(w http.ResponseWriter, a *asked) bool {
			switch {
			case a.Request.Method == "GET":
				if tc.endpoint == "" {
					stream(w, ": nothing\n\n")
					<-a.Context().Done()
					return true
				}
				stream(w, "event: endpoint\ndata: "+tc.endpoint+"\n\n")
				for {
					select {
					case m := <-out:
						stream(w, "event: message\ndata: "+m+"\n\n")
					case <-a.Context().Done():
						return true
					}
				}
			case a.URL.Path == "/mcp":
				w.WriteHeader(405)
			case a.Method == "initialize":
				out <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"old","version":"1"}}}`, a.ID)
				w.WriteHeader(202)
			case a.ID != nil:
				out <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}`, a.ID)
				w.WriteHeader(202)
			default:
				w.WriteHeader(202)
			}
			return true
		})
		s, err := tryDial(t, url, mcp.ClientOptions{}, Options{EndpointTimeout: 200 * time.Millisecond})
		if tc.want != "" {
			if err == nil || tc.endpoint != "" && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q: %v", tc.endpoint, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if s.Info().Revision != mcp.Revision20241105 {
			t.Errorf("negotiated %s", s.Info().Revision)
		}
		if _, err := s.CallTool(t.Context(), "x", nil); err != nil {
			t.Error(err)
		}
	}
}

const modernTools = `{"resultType":"complete","tools":[
{"name":"good","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"object","properties":{"deep":{"type":"integer","x-mcp-header":"Deep"}}}}}},
{"name":"bad","inputSchema":{"type":"object","properties":{"x":{"type":"number","x-mcp-header":"X"}}}},
{"name":"space","inputSchema":{"type":"object","properties":{"x":{"type":"string","x-mcp-header":"a b"}}}}],"ttlMs":0,"cacheScope":"private"}`

// In the modern era fields repeat what is in the message; tools that would need
// fields that cannot be are left out; a server that misses a field has the list
// asked for again.
func TestStandardHeaders(t *testing.T) {
	var mu sync.Mutex
	var last http.Header
	lists := 0
	url := scripted(t, func(w http.ResponseWriter, a *asked) bool {
		mu.Lock()
		defer mu.Unlock()
		if a.ID == nil {
			t.Errorf("a notification: %+v", a)
		}
		last = a.Header
		if a.Header.Get(fieldMethod) != a.Method || a.Header.Get(fieldVersion) != mcp.Revision20260728 || a.Header.Get(fieldSession) != "" {
			t.Errorf("%s with %v", a.Method, a.Header)
		}
		switch a.Method {
		case "server/discover":
			w.Header().Set(fieldSession, "never")
			result(w, a, `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private"}`)
		case "tools/list":
			lists++
			result(w, a, modernTools)
		default:
			if lists == 0 {
				w.Header().Set("Content-Type", typeJSON)
				w.WriteHeader(400)
				fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32020,"message":"Header mismatch"}}`, a.ID)
				return true
			}
			result(w, a, `{"resultType":"complete","content":[]}`)
		}
		return true
	})
	s := dial(t, url, mcp.ClientOptions{}, Options{Header: func(r *http.Request) error { r.Header.Set("Authorization", "Bearer b"); return nil }})
	ctx := t.Context()
	for _, tc := range []struct {
		name         string
		args         any
		field, value string // value "-": none
	}{
		{"good", map[string]any{"region": "us-west1"}, "Mcp-Param-Region", "us-west1"},
		{"good", map[string]any{"region": " padded"}, "Mcp-Param-Region", "=?base64?IHBhZGRlZA==?="},
		{"good", map[string]any{"region": "世界"}, "Mcp-Param-Region", "=?base64?5LiW55WM?="},
		{"good", map[string]any{"region": "=?base64?eA==?="}, "Mcp-Param-Region", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="},
		{"good", map[string]any{"region": nil}, "Mcp-Param-Region", "-"},
		{"good", map[string]any{"n": map[string]any{"deep": 7}}, "Mcp-Param-Deep", "7"},
		{"good", nil, "Mcp-Param-Deep", "-"},
		{"good", nil, fieldName, "good"},
		{"näme", nil, fieldName, "=?base64?bsOkbWU=?="},
		{"good", nil, "Authorization", "Bearer b"},
	} {
		if _, err := s.CallTool(ctx, tc.name, tc.args); err != nil {
			t.Fatalf("%s %v: %v", tc.name, tc.args, err)
		}
		mu.Lock()
		v, ok := last[http.CanonicalHeaderKey(tc.field)]
		if ok != (tc.value != "-") || ok && v[0] != tc.value {
			t.Errorf("%s %v: %s is %q", tc.name, tc.args, tc.field, v)
		}
		mu.Unlock()
	}
	if lists != 1 {
		t.Errorf("%d lists", lists)
	}
	tools, err := s.ListTools(ctx)
	if err != nil || len(tools) != 1 || tools[0].Name != "good" {
		t.Errorf("%+v, %v", tools, err)
	}
}

// A call of the modern era that is given up closes its response, and sends
// nothing.
func TestModernCancel(t *testing.T) {
	gone := make(chan struct{})
	url := scripted(t, func(w http.ResponseWriter, a *asked) bool {
		switch a.Method {
		case "server/discover":
			result(w, a, `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private"}`)
		case "tools/call":
			stream(w, ": working\n\n")
			<-a.Context().Done()
			close(gone)
		default:
			t.Errorf("sent %s", a.Method)
		}
		return true
	})
	s := dial(t, url, mcp.ClientOptions{}, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.CallTool(ctx, "x", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the response was not closed")
	}
}
