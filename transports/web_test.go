package transports

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
)

// webServer serves the everything fixture and the demo on HTTP.
func webServer(t *testing.T, o mcp.Options, eo engine.Options) (*Server, *mcp.Server) {
	t.Helper()
	return webServerAt(t, "http://127.0.0.1:0", o, eo)
}

func webServerAt(t *testing.T, url string, o mcp.Options, eo engine.Options) (*Server, *mcp.Server) {
	t.Helper()
	svc := webService(o)
	s, err := Listen(svc, Options{Listeners: []Listener{{URL: url}}, Engine: eo, Grace: 5 * time.Second, TLS: TLSOptions{SelfSigned: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Shutdown(grace(10 * time.Second)); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		snapshot := s.Snapshot().Engine
		if snapshot.Connections != 0 || snapshot.InFlight != 0 || snapshot.BufferedBytes != 0 || snapshot.Panics != 0 {
			t.Errorf("left: %+v", snapshot)
		}
	})
	return s, svc
}

// webService is the everything fixture and the demo.
func webService(o mcp.Options) *mcp.Server {
	o.Name = "web"
	svc := mcp.NewServer(o)
	fixture.AddEverything(svc)
	fixture.AddDemo(svc)
	return svc
}

const webMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

// webReply is a response that has been read whole.
type webReply struct {
	status int
	header http.Header
	body   string
}

// post sends one message. headers are names and values, in turn.
func post(t *testing.T, url, body string, headers ...string) webReply {
	t.Helper()
	return do(t, "POST", url, body, append([]string{"Content-Type", "application/json", "Accept", "application/json, text/event-stream"}, headers...)...)
}

func do(t *testing.T, method, url, body string, headers ...string) webReply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return webReply{res.StatusCode, res.Header, string(b)}
}

// initialize opens a session and returns its id.
func initialize(t *testing.T, url, revision string) string {
	t.Helper()
	r := post(t, url, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"`+revision+`","capabilities":{"roots":{},"sampling":{},"elicitation":{}}}}`)
	id := r.header.Get("Mcp-Session-Id")
	if r.status != 200 || len(id) != 22 {
		t.Fatalf("initialize: %+v", r)
	}
	return id
}

// What a request is answered, by status, header and code: the table of the
// specification's pages on transports, and what they leave open.
func TestWebStatus(t *testing.T) { onEachWebHost(t, testWebStatus) }

func testWebStatus(t *testing.T, serve webHostFunc) {
	s, _ := serve(t, mcp.Options{HTTP: mcp.HTTPOptions{AllowedOrigins: []string{"https://app.example.org"}}}, engine.Options{MaxMessageBytes: 64 << 10})
	base := s.Addrs()[0]
	url := base + "/mcp"
	id := initialize(t, url, "2025-11-25")
	batching := initialize(t, url, "2025-03-26")
	modern := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params + webMeta + `}}`
	}
	legacy := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params + `}}`
	}
	m := func(more ...string) []string { return append([]string{"MCP-Protocol-Version", "2026-07-28"}, more...) }
	in := func(more ...string) []string { return append([]string{"Mcp-Session-Id", id}, more...) }
	for _, tc := range []struct {
		what    string
		method  string // "" is POST with the usual headers
		path    string
		body    string
		headers []string
		status  int
		says    string // in the body
	}{
		{"page", "GET", "/", "", nil, 200, "claude mcp add"},
		{"page, HEAD", "HEAD", "/", "", nil, 200, ""},
		{"nothing there", "GET", "/none", "", nil, 404, "/mcp"},
		{"page, POST", "POST", "/", "", nil, 405, "GET"},

		{"legacy call", "", "/mcp", legacy("tools/call", `"name":"echo","arguments":{"text":"x"}`), in(), 200, `"text":"x"`},
		{"legacy call, version said", "", "/mcp", legacy("ping", ""), in("MCP-Protocol-Version", "2025-11-25"), 200, `{}`},
		{"legacy call, another version said", "", "/mcp", legacy("ping", ""), in("MCP-Protocol-Version", "2025-06-18"), 200, `{}`},
		{"legacy, unknown method", "", "/mcp", legacy("no/such", ""), in(), 200, "-32601"},
		{"legacy, bad params", "", "/mcp", legacy("tools/call", `"name":7`), in(), 200, "-32602"},
		{"legacy, initialized twice", "", "/mcp", legacy("initialize", `"protocolVersion":"2025-11-25","capabilities":{}`), in(), 400, "-32600"},
		{"legacy, no session", "", "/mcp", legacy("tools/list", ""), nil, 400, "-32600"},
		{"legacy, unknown session", "", "/mcp", legacy("tools/list", ""), []string{"Mcp-Session-Id", "x"}, 404, "-32600"},
		{"legacy, bad initialize", "", "/mcp", legacy("initialize", ""), nil, 200, "-32602"},
		{"legacy notification", "", "/mcp", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, in(), 202, ""},
		{"legacy notification, no session", "", "/mcp", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, nil, 400, "session"},
		{"legacy notification, unknown session", "", "/mcp", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, []string{"Mcp-Session-Id", "x"}, 404, "session"},
		{"legacy response", "", "/mcp", `{"jsonrpc":"2.0","id":7,"result":{}}`, in(), 202, ""},
		{"unsupported version", "", "/mcp", legacy("tools/list", ""), in("MCP-Protocol-Version", "1999-01-01"), 400, "-32022"},
		{"batch", "", "/mcp", `[` + legacy("ping", "") + `,{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","id":2,"method":"ping"}]`, []string{"Mcp-Session-Id", batching}, 200, `[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}]`},
		{"batch of notifications", "", "/mcp", `[{"jsonrpc":"2.0","method":"x"}]`, []string{"Mcp-Session-Id", batching}, 202, ""},
		{"batch, other revision", "", "/mcp", `[` + legacy("ping", "") + `]`, in(), 400, "-32600"},

		{"modern call", "", "/mcp", modern("tools/call", `"name":"echo","arguments":{"text":"x"},`), m("Mcp-Method", "tools/call", "Mcp-Name", "echo"), 200, `"resultType":"complete"`},
		{"modern, session ignored", "", "/mcp", modern("tools/list", ""), m("Mcp-Method", "tools/list", "Mcp-Session-Id", "x"), 200, `"tools"`},
		{"modern, name in base64", "", "/mcp", modern("tools/call", `"name":"echo","arguments":{"text":"x"},`), m("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?ZWNobw==?="), 200, `"text":"x"`},
		{"modern, bad base64", "", "/mcp", modern("tools/call", `"name":"echo","arguments":{"text":"x"},`), m("Mcp-Method", "tools/call", "Mcp-Name", "=?base64?ZWNo*?="), 400, "-32020"},
		{"modern, no method header", "", "/mcp", modern("tools/list", ""), m(), 400, "-32020"},
		{"modern, other method header", "", "/mcp", modern("tools/list", ""), m("Mcp-Method", "Tools/list"), 400, "-32020"},
		{"modern, no name header", "", "/mcp", modern("tools/call", `"name":"echo",`), m("Mcp-Method", "tools/call"), 400, "-32020"},
		{"modern, other name header", "", "/mcp", modern("tools/call", `"name":"echo",`), m("Mcp-Method", "tools/call", "Mcp-Name", "add"), 400, "-32020"},
		{"modern, no version header", "", "/mcp", modern("tools/list", ""), nil, 400, "-32020"},
		{"modern, other version header", "", "/mcp", modern("tools/list", ""), []string{"MCP-Protocol-Version", "2025-11-25"}, 400, "-32020"},
		{"modern, no _meta", "", "/mcp", legacy("tools/list", ""), m("Mcp-Method", "tools/list"), 400, "-32602"},
		{"modern, no capabilities", "", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`, m("Mcp-Method", "tools/list"), 400, "-32602"},
		{"modern, removed method", "", "/mcp", modern("ping", ""), m("Mcp-Method", "ping"), 404, "-32601"},
		{"modern, unknown tool", "", "/mcp", modern("tools/call", `"name":"none",`), m("Mcp-Method", "tools/call", "Mcp-Name", "none"), 400, "-32602"},
		{"modern, unknown version", "", "/mcp", strings.Replace(modern("tools/list", ""), "2026-07-28", "v9", 1), []string{"MCP-Protocol-Version", "v9"}, 400, `"requested":"v9"`},
		{"modern notification", "", "/mcp", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, m(), 202, ""},
		{"argument in a header", "", "/mcp", modern("tools/call", `"name":"test_x_mcp_header","arguments":{"region":"eu"},`), m("Mcp-Method", "tools/call", "Mcp-Name", "test_x_mcp_header", "Mcp-Param-Region", "eu"), 200, "eu"},
		{"argument in no header", "", "/mcp", modern("tools/call", `"name":"test_x_mcp_header","arguments":{"region":"eu"},`), m("Mcp-Method", "tools/call", "Mcp-Name", "test_x_mcp_header"), 400, "-32020"},
		{"argument in another header", "", "/mcp", modern("tools/call", `"name":"test_x_mcp_header","arguments":{"region":"eu"},`), m("Mcp-Method", "tools/call", "Mcp-Name", "test_x_mcp_header", "Mcp-Param-Region", "us"), 400, "-32020"},

		{"no JSON", "", "/mcp", `{"jsonrpc"`, in(), 400, "-32700"},
		{"no message", "", "/mcp", `{"a":1}`, in(), 400, "-32600"},
		{"no body", "", "/mcp", ``, in(), 400, "-32700"},
		{"too large", "", "/mcp", `{"a":"` + strings.Repeat("x", 70<<10) + `"}`, in(), 413, ""},
		{"no JSON by its type", "", "/mcp", legacy("ping", ""), in("Content-Type", "text/plain"), 415, "application/json"},
		{"type with a parameter", "", "/mcp", legacy("ping", ""), in("Content-Type", "Application/JSON; charset=utf-8"), 200, "{}"},
		{"accepts no stream", "", "/mcp", legacy("ping", ""), in("Accept", "application/json"), 406, "text/event-stream"},
		{"accepts anything", "", "/mcp", legacy("ping", ""), in("Accept", "*/*"), 200, "{}"},
		{"accepts nothing of it", "", "/mcp", legacy("ping", ""), in("Accept", "application/json;q=0, text/event-stream"), 406, ""},
		{"method", "PUT", "/mcp", "", nil, 405, "POST, GET, DELETE, OPTIONS"},
		{"stream without a session", "GET", "/mcp", "", []string{"Accept", "text/event-stream"}, 400, "Mcp-Session-Id"},
		{"stream of an unknown session", "GET", "/mcp", "", []string{"Accept", "text/event-stream", "Mcp-Session-Id", "x"}, 404, "session"},
		{"no stream accepted", "GET", "/mcp", "", in("Accept", "text/html"), 406, "text/event-stream"},
		{"end of an unknown session", "DELETE", "/mcp", "", []string{"Mcp-Session-Id", "x"}, 404, "session"},
		{"end of no session", "DELETE", "/mcp", "", nil, 400, "Mcp-Session-Id"},
		{"preflight", "OPTIONS", "/mcp", "", []string{"Origin", "https://app.example.org", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-other, mcp-param-Region,mcp-param-,mcp-param-a b"}, 204, ""},

		{"foreign origin", "", "/mcp", legacy("ping", ""), in("Origin", "https://evil.example.com"), 403, "Origin"},
		{"null origin", "", "/mcp", legacy("ping", ""), in("Origin", "null"), 403, "Origin"},
		{"allowed origin", "", "/mcp", legacy("ping", ""), in("Origin", "https://app.example.org"), 200, "{}"},
		{"origin of this machine", "", "/mcp", legacy("ping", ""), in("Origin", "http://localhost:3000"), 200, "{}"},
		{"foreign host", "", "/mcp", legacy("ping", ""), in("Host", "evil.example.com"), 403, "Host"},
		{"host of this machine", "", "/mcp", legacy("ping", ""), in("Host", "localhost:1"), 200, "{}"},

		{"message without a session", "", "/message", legacy("ping", ""), nil, 400, "sessionId"},
		{"message of an unknown session", "", "/message?sessionId=x", legacy("ping", ""), nil, 404, "session"},
		{"message, GET", "GET", "/message", "", nil, 405, "POST"},
		{"sse, POST", "", "/sse", legacy("ping", ""), nil, 405, "GET"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			var r webReply
			if tc.method == "" {
				r = post(t, base+tc.path, tc.body, tc.headers...)
			} else {
				r = do(t, tc.method, base+tc.path, tc.body, tc.headers...)
			}
			if r.status != tc.status || !strings.Contains(r.body, tc.says) {
				t.Errorf("%d %q, want %d and %q", r.status, r.body, tc.status, tc.says)
			}
			if strings.HasPrefix(r.body, "{") && r.header.Get("Content-Type") == "application/json" && !json.Valid([]byte(r.body)) {
				t.Errorf("no JSON: %s", r.body)
			}
			if r.status == 405 && r.header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			if tc.what == "preflight" && r.header.Get("Access-Control-Allow-Headers") != "Content-Type, Accept, Authorization, Last-Event-ID, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, mcp-param-Region" {
				t.Errorf("header %v", r.header)
			}
			if tc.what == "allowed origin" && r.header.Get("Access-Control-Allow-Origin") != "https://app.example.org" {
				t.Errorf("header %v", r.header)
			}
		})
	}
	// A session that was ended is gone.
	if r := do(t, "DELETE", url, "", "Mcp-Session-Id", id); r.status != 204 {
		t.Errorf("DELETE: %+v", r)
	}
	if r := post(t, url, legacy("ping", ""), "Mcp-Session-Id", id); r.status != 404 {
		t.Errorf("after DELETE: %+v", r)
	}
}

// events reads an event stream: each message that it has.
func events(t *testing.T, url, method, body string, headers ...string) (next func() string, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if ct := res.Header.Get("Content-Type"); res.StatusCode != 200 || ct != "text/event-stream" {
		b, _ := io.ReadAll(res.Body)
		t.Fatalf("%d, %s: %s", res.StatusCode, ct, b)
	}
	lines := bufio.NewReader(res.Body)
	next = func() string {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return err.Error()
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok && strings.TrimSpace(data) != "" {
				return strings.TrimSpace(data)
			}
		}
	}
	return next, func() {
		cancel()
		_ = res.Body.Close()
	}
}

// Streams: of a request that reports, of a session, of a listener, and those of
// HTTP with SSE.
func TestWebStreams(t *testing.T) { onEachWebHost(t, testWebStreams) }

func testWebStreams(t *testing.T, serve webHostFunc) {
	s, svc := serve(t, mcp.Options{}, engine.Options{})
	base := s.Addrs()[0]
	url := base + "/mcp"
	id := initialize(t, url, "2025-11-25")
	in := []string{"Mcp-Session-Id", id}

	next, end := events(t, url, "POST", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"test_tool_with_progress","_meta":{"progressToken":1}}}`, in...)
	for i := range 3 {
		if m := next(); !strings.Contains(m, fmt.Sprintf(`"progress":%d,`, i*50)) {
			t.Errorf("progress %d: %s", i, m)
		}
	}
	if m := next(); !strings.Contains(m, `"id":1,"result"`) {
		t.Errorf("answer: %s", m)
	}
	if m := next(); m != "EOF" {
		t.Errorf("after the answer: %s", m)
	}
	end()

	// The server asks by the stream of the request; the answer is a POST.
	next, end = events(t, url, "POST", `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"test_input_required_result_list_roots"}}`, in...)
	var asked struct {
		ID     int
		Method string
	}
	if err := json.Unmarshal([]byte(next()), &asked); err != nil || asked.Method != "roots/list" {
		t.Fatalf("asked %+v, %v", asked, err)
	}
	if r := post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"roots":[{"uri":"file:///a"}]}}`, asked.ID), in...); r.status != 202 {
		t.Errorf("the answer: %+v", r)
	}
	if m := next(); !strings.Contains(m, "file:///a") {
		t.Errorf("got %s", m)
	}
	end()

	// What belongs to no request comes by the session's stream.
	stream, endStream := events(t, url, "GET", "", in...)
	if r := do(t, "GET", url, "", append([]string{"Accept", "text/event-stream"}, in...)...); r.status != 409 {
		t.Errorf("a second stream: %+v", r)
	}
	if r := post(t, url, `{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"test://watched-resource"}}`, in...); r.status != 200 {
		t.Errorf("subscribe: %+v", r)
	}
	svc.ResourceUpdated("test://watched-resource")
	if m := stream(); !strings.Contains(m, "notifications/resources/updated") {
		t.Errorf("got %s", m)
	}
	post(t, url, `{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"test_trigger_tool_change"}}`, in...)
	if m := stream(); !strings.Contains(m, "tools/list_changed") {
		t.Errorf("got %s", m)
	}

	// A listener's stream is its request's.
	modern := []string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen"}
	listen, endListen := events(t, url, "POST", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+webMeta+`}}`, modern...)
	if m := listen(); !strings.Contains(m, "acknowledged") {
		t.Errorf("got %s", m)
	}
	// Another loop may still be telling of the change before.
	until := func(next func() string, want string) {
		t.Helper()
		m := next()
		for strings.Contains(m, "list_changed") {
			m = next()
		}
		if !strings.Contains(m, want) {
			t.Errorf("got %s, want %s", m, want)
		}
	}
	svc.RemoveTool("hello")
	for _, next := range []func() string{stream, listen} {
		if m := next(); !strings.Contains(m, "tools/list_changed") {
			t.Errorf("got %s", m)
		}
	}

	// HTTP with SSE.
	sse, endSSE := events(t, base+"/sse", "GET", "")
	endpoint := base + sse()
	for _, m := range []string{
		`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"by SSE"}}}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"later","ms":1}}}`,
	} {
		if r := post(t, endpoint, m); r.status != 202 {
			t.Errorf("message: %+v", r)
		}
	}
	for _, want := range []string{"2024-11-05", "by SSE", "later"} {
		if m := sse(); !strings.Contains(m, want) {
			t.Errorf("got %s, want %s", m, want)
		}
	}

	// A session that is ended ends its stream; the others end when the server
	// drains.
	if r := do(t, "DELETE", url, "", in...); r.status != 204 {
		t.Errorf("DELETE: %+v", r)
	}
	until(stream, "EOF")
	endStream()
	go func() { _ = s.Shutdown(grace(5 * time.Second)) }()
	until(listen, "notifications/cancelled")
	if m := listen(); !strings.Contains(m, `"id":"l"`) {
		t.Errorf("got %s", m)
	}
	if m := sse(); m != "EOF" {
		t.Errorf("the stream of HTTP with SSE: %s", m)
	}
	endListen()
	endSSE()
}

// Requests on one connection are answered in their order, whatever comes with
// them, and the connection goes on after each but where it must not.
func TestWebPipeline(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	address := strings.TrimPrefix(s.Addrs()[0], "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	call := func(id int, tool, args string) string {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":%s,%s}}`, id, tool, args, webMeta)
		return fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: %s\r\nContent-Length: %d\r\n\r\n%s", tool, len(body), body)
	}
	var all strings.Builder
	for i := range 40 {
		if i%4 == 0 {
			all.WriteString(call(i, "echo", `{"text":"slow","ms":5}`)) // those behind must wait
		} else {
			all.WriteString(call(i, "echo", `{"text":"fast"}`))
		}
	}
	all.WriteString("GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	text := all.String()
	go func() { // in pieces
		for len(text) > 0 {
			n := min(len(text), 777)
			if _, err := io.WriteString(conn, text[:n]); err != nil {
				return
			}
			text = text[n:]
		}
	}()
	in := bufio.NewReader(conn)
	for i := range 41 {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if i < 40 && !strings.Contains(string(b), fmt.Sprintf(`"id":%d,`, i)) {
			t.Fatalf("response %d: %s", i, b)
		}
		if i == 40 && (res.StatusCode != 404 || !res.Close) {
			t.Errorf("the last response: %d, close %v", res.StatusCode, res.Close)
		}
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after the last response: %v", err)
	}
}
