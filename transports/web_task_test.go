package transports

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// What a task reports goes to the stream of its session, not to whoever uses the
// connection that the task was begun on: proxies share it among their clients.
func TestWebTaskReports(t *testing.T) {
	s, svc := webServer(t, mcp.Options{}, engine.Options{})
	report, ended := make(chan struct{}), make(chan struct{})
	svc.HandleTool(mcp.Tool{Name: "reporting", TaskSupport: mcp.TaskOptional}, mcp.Pooled, func(c *mcp.Call) error {
		defer close(ended)
		<-report
		if err := c.Progress(1, 2, "secret"); err != nil {
			t.Error(err)
		}
		if err := c.Log(mcp.LogError, "", []byte(`"secret"`)); err != nil {
			t.Error(err)
		}
		return nil
	})
	svc.HandleTool(mcp.Tool{Name: "waiting"}, mcp.Pooled, func(c *mcp.Call) error {
		close(report)
		<-ended
		return c.Reply().TextString("mine")
	})
	url := s.Addrs()[0] + "/mcp"
	a, b := initialize(t, url, "2025-11-25"), initialize(t, url, "2025-11-25")
	if r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}`, "Mcp-Session-Id", a); r.status != 200 {
		t.Fatalf("%+v", r)
	}
	next, end := events(t, url, "GET", "", "Mcp-Session-Id", a)
	defer end()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	call := func(session, params string) (contentType, body string) {
		t.Helper()
		message := `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{` + params + `}}`
		_, err := fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMcp-Session-Id: %s\r\nContent-Length: %d\r\n\r\n%s", session, len(message), message)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.Header.Get("Content-Type"), string(all)
	}
	if _, body := call(a, `"name":"reporting","task":{},"_meta":{"progressToken":7}`); !strings.Contains(body, "working") {
		t.Fatalf("got %s", body)
	}
	if ct, body := call(b, `"name":"waiting"`); ct != "application/json" || strings.Contains(body, "secret") || !strings.Contains(body, "mine") {
		t.Errorf("another session got %s: %s", ct, body)
	}
	for _, want := range []string{"notifications/progress", "notifications/message"} {
		m := next()
		for strings.Contains(m, "tasks/status") {
			m = next()
		}
		if !strings.Contains(m, want) || !strings.Contains(m, "related-task") {
			t.Errorf("got %s, want %s", m, want)
		}
	}
}
