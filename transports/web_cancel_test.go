package transports

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

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
