package transports

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports/nethttp"
)

// badHandlers end in the middle of what they say. What of it was whole is sent,
// the rest is not, and the request is answered by an error.
var badHandlers = []struct {
	name string
	f    func(c *engine.Call)
	sent bool // a notification before
}{
	{"at once", func(*engine.Call) { panic("boom") }, false},
	{"in a notification", func(c *engine.Call) {
		_ = append(c.BeginNotification("notifications/half"), `{"half":`...)
		panic("boom")
	}, false},
	{"in a large notification", func(c *engine.Call) {
		dst := c.BeginNotification("notifications/half")
		for range 8 {
			dst = append(c.Grow(dst, 16<<10), strings.Repeat("h", 16<<10)...)
		}
		panic("boom")
	}, false},
	{"in a second notification", func(c *engine.Call) {
		if err := c.EndNotification(append(c.BeginNotification("notifications/whole"), "{}"...)); err != nil {
			panic(err)
		}
		_ = append(c.Grow(c.BeginNotification("notifications/half"), 9000), `{"half":`...)
		panic("boom")
	}, true},
	{"that returns in a notification", func(c *engine.Call) {
		_ = append(c.Grow(c.BeginNotification("notifications/half"), 9000), `{"half":`...)
	}, false},
	{"that begins an answer in a notification", func(c *engine.Call) {
		_ = append(c.BeginNotification("notifications/half"), `{"half":`...)
		c.Result([]byte("{}"))
	}, false},
	{"in a large result", func(c *engine.Call) {
		_ = append(c.Grow(c.BeginResult(), 64<<10), `{"half":`...)
		panic("boom")
	}, false},
	{"in a result behind a notification", func(c *engine.Call) {
		if err := c.EndNotification(append(c.BeginNotification("notifications/whole"), "{}"...)); err != nil {
			panic(err)
		}
		_ = append(c.Grow(c.BeginResult(), 64<<10), `{"half":`...)
		panic("boom")
	}, true},
}

// badService has a tool for each, inline and pooled.
func badService() *mcp.Server {
	svc := mcp.NewServer(mcp.Options{Name: "bad"})
	fixture.AddDemo(svc)
	for i, h := range badHandlers {
		for name, mode := range map[string]mcp.Mode{"inline": mcp.Inline, "pooled": mcp.Pooled} {
			svc.HandleTool(mcp.Tool{Name: fmt.Sprint(name, i)}, mode, func(c *mcp.Call) error { h.f(c.Engine()); return nil })
		}
	}
	return svc
}

// checkBad checks what was said to a call of a bad tool, as one text.
func checkBad(t *testing.T, what string, said string, sent bool) {
	t.Helper()
	if !strings.Contains(said, `"id":7,"error":{"code":-32603`) || strings.Contains(said, "half") || strings.Contains(said, "notifications/whole") != sent {
		t.Errorf("%s: %.300q", what, said)
	}
}

func TestPanicsHTTP(t *testing.T) {
	// Each host gives its URL, and what ends it.
	for name, start := range map[string]func(t *testing.T, svc *mcp.Server) (string, func() *engine.Engine){
		"loop": func(t *testing.T, svc *mcp.Server) (string, func() *engine.Engine) {
			s, err := Listen(svc, Options{Listeners: []Listener{{URL: "http://127.0.0.1:0"}}, Grace: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			return s.Addrs()[0] + "/mcp", func() *engine.Engine {
				if err := s.Shutdown(grace(10 * time.Second)); err != nil {
					t.Error(err)
				}
				return s.Engine()
			}
		},
		"nethttp": func(t *testing.T, svc *mcp.Server) (string, func() *engine.Engine) {
			h, err := nethttp.New(svc, nethttp.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := httptest.NewServer(h)
			return s.URL + "/mcp", func() *engine.Engine {
				if err := h.Shutdown(grace(10 * time.Second)); err != nil {
					t.Error(err)
				}
				s.Close()
				return h.Engine()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			svc := badService()
			url, end := start(t, svc)
			session := initialize(t, url, "2025-11-25")
			for i, h := range badHandlers {
				for _, mode := range []string{"inline", "pooled"} {
					what := fmt.Sprintf("a handler %s, %s", h.name, mode)
					r := post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"%s%d"}}`, mode, i), "Mcp-Session-Id", session)
					if r.status != 200 {
						t.Errorf("%s: %d", what, r.status)
					}
					checkBad(t, what, r.body, h.sent)
					if h.sent && !strings.HasPrefix(r.header.Get("Content-Type"), "text/event-stream") {
						t.Errorf("%s: %s", what, r.header.Get("Content-Type"))
					}
					r = post(t, url, `{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"echo","arguments":{"text":"still here"}}}`, "Mcp-Session-Id", session)
					if r.status != 200 || !strings.Contains(r.body, "still here") {
						t.Errorf("after %s: %+v", what, r)
					}
				}
			}
			http.DefaultClient.CloseIdleConnections()
			e := end()
			n, st := e.Snapshot(), e.Buffers().Stats()
			// Events that are kept for a client that comes back have buffers.
			if lent := st.Outstanding - st.Cached - svc.Stats().ReplayEvents; n.Connections != 0 || n.InFlight != 0 || n.BufferedBytes != 0 || lent != 0 {
				t.Errorf("left: %+v, %d buffers", n, lent)
			}
			if n.Panics == 0 {
				t.Error("no panic was counted")
			}
		})
	}
}

func TestPanicsTCP(t *testing.T) {
	s, err := Listen(badService(), Options{Listeners: []Listener{{URL: "tcp://127.0.0.1:0"}}})
	if err != nil {
		t.Fatal(err)
	}
	p := dial(t, s)
	p.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}` + "\n")
	p.line()
	for i, h := range badHandlers {
		for _, mode := range []string{"inline", "pooled"} {
			p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"%s%d"}}`, mode, i) + "\n")
			said := p.line()
			if h.sent {
				said += p.line()
			}
			checkBad(t, fmt.Sprintf("a handler %s, %s", h.name, mode), said, h.sent)
			p.send(`{"jsonrpc":"2.0","id":8,"method":"ping"}` + "\n")
			p.want(`{"jsonrpc":"2.0","id":8,"result":{}}`)
		}
	}
	_ = p.Close()
	if err := s.Shutdown(grace(10 * time.Second)); err != nil {
		t.Error(err)
	}
	settled(t, s)
}
