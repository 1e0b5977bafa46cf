package admin

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports"
)

// What operators see of a server that is used: before, in its drain, after.
func TestHandler(t *testing.T) {
	svc := mcp.NewServer(mcp.Options{Name: "admin"})
	fixture.AddDemo(svc)
	ops := NewOperations()
	svc.Use(ops.Middleware)
	svc.HandleTool(mcp.Tool{Name: "refuses"}, mcp.Pooled, func(*mcp.Call) error { return &mcp.Error{Code: -32602, Message: "no"} })
	svc.HandleTool(mcp.Tool{Name: "asks"}, mcp.Pooled, func(c *mcp.Call) error {
		_, err := c.Roots("roots")
		return err
	})
	s, err := transports.Listen(svc, transports.Options{Listeners: []transports.Listener{{URL: "tcp://127.0.0.1:0"}}})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(Handler(s, ops))
	defer h.Close()
	get := func(path string) (int, string) {
		t.Helper()
		r, err := http.Get(h.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	for _, m := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"},` + meta + `}}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"nobody\"s","arguments":{},` + meta + `}}`,
		`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"add","arguments":{},` + meta + `}}`,
		`{"jsonrpc":"2.0","id":4,"method":"zz_secret\"","params":{` + meta + `}}`,
		`{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{` + meta + `}}`,
		`{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"refuses",` + meta + `}}`,
		`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"asks",` + strings.Replace(meta, `Capabilities":{}`, `Capabilities":{"roots":{}}`, 1) + `}}`,
	} {
		if _, err := io.WriteString(conn, m+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for n := 0; n < 7; {
		b := make([]byte, 64<<10)
		k, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(b[:k]), "\n")
	}
	if status, body := get("/livez"); status != 200 || body != "alive\n" {
		t.Errorf("livez: %d %s", status, body)
	}
	if status, body := get("/readyz"); status != 200 || body != "ready\n" {
		t.Errorf("readyz: %d %s", status, body)
	}
	status, body := get("/metrics")
	for _, want := range []string{
		"\ngannet_connections 1\n", "\ngannet_buffers_lent ", "\ngannet_buffers_got_total ", "\ngannet_messages_received_total 7\n", "\ngannet_panics_total 0\n",
		"\ngo_goroutines ", "\ngo_memstats_mallocs_total ", "\ngo_memstats_alloc_bytes_total ", "\ngo_gc_duration_seconds_sum ", "\ngo_gc_duration_seconds{quantile=\"1\"} ",
		`gannet_connections_closed_total{reason="idle"} 0`, `gannet_http_refused_total{reason="chunk_ext"} 0`, `gannet_http_refused_total{reason="unpacked"} 0`,
		"\ngannet_tls_handshakes_in_flight 0\n", `gannet_tls_handshakes_failed_total{reason="busy"} 0`, "\ngannet_tls_handshake_duration_seconds_count 0\n",
		`gannet_http_refused_total{reason="handshake"} 0`, `gannet_websockets 0`, `gannet_websocket_failed_total{kind="too_large"} 0`, `gannet_connections_closed_total{reason="ping_timeout"} 0`,
		"\ngannet_http2_requests_total 0\n", `gannet_http2_failed_total{reason="resets"} 0`,
		`mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="echo"} 1`,
		`mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="_other",error_type="-32602"} 1`,
		`mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="add",error_type="tool_error"} 1`,
		`mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="refuses",error_type="-32602"} 1`,
		`mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="asks"} 1`,
		`mcp_server_operation_duration_seconds_count{mcp_method_name="_other",error_type="-32601"} 1`,
		`mcp_server_operation_duration_seconds_bucket{mcp_method_name="tools/list",le="+Inf"} 1`,
	} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("metrics: %d, lacks %s", status, want)
		}
	}
	if strings.Contains(body, "zz_secret") || strings.Contains(body, "nobody") {
		t.Error("a label has what a peer sent")
	}
	for line := range strings.Lines(body) {
		if f := strings.Fields(line); !strings.HasPrefix(line, "#") && len(f) != 2 {
			t.Errorf("no line of the format: %s", line)
		}
	}
	if status, body := get("/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("pprof: %d", status)
	}
	if status, _ := get("/none"); status != 404 {
		t.Errorf("none: %d", status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_ = conn.Close()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if status, _ := get("/readyz"); status != 503 {
		t.Errorf("readyz after the end: %d", status)
	}
	if status, _ := get("/livez"); status != 200 {
		t.Errorf("livez after the end: %d", status)
	}
}
