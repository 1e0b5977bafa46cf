package transports

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// A call ends when its client goes away (2026-07-28), or cancels it by another
// request (before); its response then ends, too.
func TestWebCancel(t *testing.T) { onEachWebHost(t, testWebCancel) }

func testWebCancel(t *testing.T, serve webHostFunc) {
	s, _ := serve(t, mcp.Options{}, engine.Options{})
	url := s.Addrs()[0] + "/mcp"
	busy := func(n int64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d calls", n), func() bool { return s.Snapshot().Engine.InFlight == n })
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delay","arguments":{"ms":60000,"text":"x"},`+webMeta+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"Content-Type": "application/json", "Accept": "*/*", "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "delay"} {
		r.Header.Set(k, v)
	}
	go func() {
		res, err := http.DefaultClient.Do(r)
		if err == nil {
			res.Body.Close()
		}
	}()
	busy(1)
	cancel()
	busy(0)

	id := initialize(t, url, "2025-11-25")
	done := make(chan webReply, 1)
	go func() {
		done <- post(t, url, `{"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"delay","arguments":{"ms":60000,"text":"x"}}}`, "Mcp-Session-Id", id)
	}()
	busy(1)
	if r := post(t, url, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"slow"}}`, "Mcp-Session-Id", id); r.status != 202 {
		t.Errorf("cancelled: %+v", r)
	}
	if r := <-done; r.status != 202 || r.body != "" {
		t.Errorf("the call that was cancelled: %+v", r)
	}
	busy(0)

	// Of a batch the others are still answered; one of which nothing is left
	// ends, too.
	id = initialize(t, url, "2025-03-26")
	slow := func(id, ms string) string {
		return `{"jsonrpc":"2.0","id":"` + id + `","method":"tools/call","params":{"name":"delay","arguments":{"ms":` + ms + `,"text":"x"}}}`
	}
	for _, tc := range []struct {
		batch  string
		status int
		has    string
	}{
		{"[" + slow("gone", "60000") + "," + slow("stays", "200") + "]", 200, `"id":"stays"`},
		{"[" + slow("gone", "60000") + "]", 202, ""},
	} {
		go func() { done <- post(t, url, tc.batch, "Mcp-Session-Id", id) }()
		eventually(t, "the batch runs", func() bool { return s.Snapshot().Engine.InFlight > 0 })
		if r := post(t, url, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"gone"}}`, "Mcp-Session-Id", id); r.status != 202 {
			t.Errorf("cancelled: %+v", r)
		}
		if r := <-done; r.status != tc.status || !strings.Contains(r.body, tc.has) || strings.Contains(r.body, "gone") {
			t.Errorf("the batch: %+v", r)
		}
		busy(0)
	}
}

// A request for a task's result that waits on one connection is cancelled by a
// request on another, as calls are; the task goes on, and the session's end
// answers those that still wait.
func TestWebCancelTaskResult(t *testing.T) {
	s, svc := webServer(t, mcp.Options{}, engine.Options{})
	svc.HandleTool(mcp.Tool{Name: "task", TaskSupport: mcp.TaskOptional}, mcp.Pooled, func(c *mcp.Call) error {
		<-c.Context().Done()
		return nil
	})
	url := s.Addrs()[0] + "/mcp"
	in := []string{"Mcp-Session-Id", initialize(t, url, "2025-11-25")}
	r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"task","task":{}}}`, in...)
	_, id, _ := strings.Cut(r.body, `"taskId":"`)
	id, _, _ = strings.Cut(id, `"`)
	if id == "" {
		t.Fatalf("no task: %+v", r)
	}
	wait := func(request string) <-chan webReply {
		done := make(chan webReply, 1)
		before := s.Snapshot().Engine.MessagesIn
		go func() {
			done <- post(t, url, `{"jsonrpc":"2.0","id":"`+request+`","method":"tasks/result","params":{"taskId":"`+id+`"}}`, in...)
		}()
		eventually(t, "the request waits", func() bool { return s.Snapshot().Engine.MessagesIn > before })
		return done
	}
	first, second := wait("a"), wait("b")
	if r := post(t, url, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}`, in...); r.status != 202 {
		t.Errorf("cancelled: %+v", r)
	}
	select {
	case r := <-first:
		if r.status != 202 || r.body != "" {
			t.Errorf("the request that was cancelled: %+v", r)
		}
	case <-time.After(10 * time.Second):
		t.Error("the request that was cancelled is still open")
	}
	if r := post(t, url, `{"jsonrpc":"2.0","id":2,"method":"tasks/get","params":{"taskId":"`+id+`"}}`, in...); !strings.Contains(r.body, "working") {
		t.Errorf("the task: %+v", r)
	}
	if r := do(t, "DELETE", url, "", in...); r.status != 204 {
		t.Errorf("delete: %+v", r)
	}
	if r := <-second; r.status != 200 || !strings.Contains(r.body, `"id":"b"`) || !strings.Contains(r.body, "cancelled") {
		t.Errorf("the request that waited at the end of its session: %+v", r)
	}
}
