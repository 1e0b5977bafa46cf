package mcp_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// ask sends a request and returns what comes next.
func ask(t *testing.T, c *mcptest.Client, id any, method, params string) string {
	t.Helper()
	c.Send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%v,"method":%q,"params":{%s}}`, id, method, params))
	return next(t, c)
}

func next(t *testing.T, c *mcptest.Client) string {
	t.Helper()
	m, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What one session, one listener and one connection may subscribe to is
// bounded, and what was ended makes room.
func TestSubscriptionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "limits", MaxSubscriptions: 2, MaxOpenRequests: 2})
		s.HandleResourceTemplate(mcp.ResourceTemplate{URITemplate: "test://{id}"}, mcp.Inline, func(c *mcp.Call) error { return mcp.ErrNotFound })
		c := mcptest.New(t, s)
		modern := func(id int, uris string) string {
			return ask(t, c, 100+id, "subscriptions/listen", `"notifications":{"resourceSubscriptions":[`+uris+`]},"_meta":{`+modernMeta+`}`)
		}
		for i, m := range []string{modern(1, `"test://a","test://b"`), modern(2, `"test://a","test://a"`)} {
			if !strings.Contains(m, "acknowledged") {
				t.Errorf("listener %d: %s", i, m)
			}
		}
		if m := modern(3, ""); !strings.Contains(m, "-31001") {
			t.Errorf("a third listener: %s", m)
		}
		c.Send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":102}}`)
		if m := modern(3, `"test://a","test://b","test://c"`); !strings.Contains(m, "-31001") {
			t.Errorf("three subscriptions of a listener: %s", m)
		}
		if _, err := c.Initialize(t.Context(), mcp.Revision20250618); err != nil {
			t.Fatal(err)
		}
		for i, uri := range []string{"a", "b", "c"} {
			if m := ask(t, c, 10+i, "resources/subscribe", `"uri":"test://`+uri+`"`); strings.Contains(m, "-31001") != (uri == "c") {
				t.Errorf("session, %s: %s", uri, m)
			}
		}
		ask(t, c, 20, "resources/unsubscribe", `"uri":"test://a"`)
		if m := ask(t, c, 21, "resources/subscribe", `"uri":"test://c"`); strings.Contains(m, "error") {
			t.Error(m)
		}
		if told, refused := s.ResourceUpdated("test://b"); told != 2 || refused != 0 {
			t.Errorf("%d told, %d refused, want 2 and none", told, refused)
		}
		next(t, c)
		next(t, c)
		c.Close()
		if told, _ := s.ResourceUpdated("test://b"); told != 0 {
			t.Errorf("%d told after all have gone", told)
		}
	})
}

// A listener is torn down with the notification and then the result when the
// server drains, and keeps its connection from being idle until then.
func TestListenDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "drain"})
		c := mcptest.NewWithOptions(t, s, engine.Options{IdleTimeout: time.Second})
		ask(t, c, `"l"`, "subscriptions/listen", `"notifications":{"toolsListChanged":true},"_meta":{`+modernMeta+`}`)
		time.Sleep(time.Minute)
		s.HandleTool(mcp.Tool{Name: "late"}, mcp.Inline, func(*mcp.Call) error { return nil })
		if m := next(t, c); !strings.Contains(m, "notifications/tools/list_changed") || !strings.Contains(m, `subscriptionId":"l"`) {
			t.Errorf("got %s", m)
		}
		c.Engine().Drain()
		if m := next(t, c); !strings.Contains(m, `"notifications/cancelled"`) || !strings.Contains(m, `"requestId":"l"`) {
			t.Errorf("got %s", m)
		}
		if m := next(t, c); !strings.Contains(m, `"id":"l"`) || !strings.Contains(m, `"resultType":"complete"`) || !strings.Contains(m, `subscriptionId":"l"`) {
			t.Errorf("got %s", m)
		}
	})
}

// A change is announced on each engine, also when one has ended with a change
// on its way.
func TestChangesOnEngines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "engines"})
		add := func(name string) {
			s.HandleTool(mcp.Tool{Name: name}, mcp.Inline, func(*mcp.Call) error { return nil })
		}
		open := func() *mcptest.Client {
			c := mcptest.New(t, s)
			if _, err := c.Initialize(t.Context(), mcp.Revision20251125); err != nil {
				t.Fatal(err)
			}
			return c
		}
		a, b := open(), open()
		add("one")
		for _, c := range []*mcptest.Client{a, b} {
			if m := next(t, c); !strings.Contains(m, "tools/list_changed") {
				t.Errorf("got %s", m)
			}
		}
		add("two")
		a.Close()
		b.Close()
		c := open()
		add("three")
		if m := next(t, c); !strings.Contains(m, "tools/list_changed") {
			t.Errorf("got %s", m)
		}
	})
}
