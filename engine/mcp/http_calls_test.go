package mcp

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// Calls of a session of HTTP that end without having run - cancelled, gone with
// their connection - are forgotten: the session can end when it is idle.
func TestHTTPCallsThatNeverRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{Name: "calls", HTTP: HTTPOptions{SessionIdle: time.Minute}})
		s.HandleTool(Tool{Name: "slow"}, Pooled, func(*Call) error { return nil })
		s.HandleTool(Tool{Name: "later"}, Inline, func(c *Call) error {
			c.GoAfter(time.Minute, func(*Call) error { return nil })
			return nil
		})
		c := newWebClient(t, s)
		id, _ := c.session()
		header := map[string]string{"Content-Type": "application/json", headerSession: id}
		for i, tool := range []string{"slow", "later", "slow", "later"} {
			conn, f := c.do("POST", "/mcp", fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q}}`, i, tool), header)
			if f.x.Done {
				t.Fatalf("answered at once: %s", f.body)
			}
			if i < 2 {
				c.do("POST", "/mcp", fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, i), header)
				c.l.Turn()
				if !f.x.Done {
					t.Errorf("%s: not cancelled", tool)
				}
				continue
			}
			c.l.Begin()
			conn.Close(engine.CloseReset)
			c.l.End()
		}
		for _, call := range c.w.calls {
			call.Run()
		}
		c.l.Turn()
		if s.sessions.find([]byte(id)).busy() {
			t.Error("calls are left")
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if s.sessions.find([]byte(id)) != nil {
			t.Error("the session does not end")
		}
	})
}
