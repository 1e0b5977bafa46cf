package transports

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// What a task says goes to its session's stream, not to whatever the connection
// that has begun it carries by then.
func TestWebTaskMessages(t *testing.T) {
	s, svc := webServer(t, mcp.Options{}, engine.Options{})
	svc.HandleTool(mcp.Tool{Name: "reporting", TaskSupport: mcp.TaskRequired}, mcp.Pooled, func(c *mcp.Call) error {
		for i := range 20 {
			if err := c.Progress(float64(i+1), 20, ""); err != nil {
				return err
			}
			time.Sleep(5 * time.Millisecond)
		}
		return nil
	})
	url := s.Addrs()[0] + "/mcp"
	in := []string{"Mcp-Session-Id", initialize(t, url, "2025-11-25")}
	stream, end := events(t, url, "GET", "", in...)
	defer end()
	other := []string{"Mcp-Session-Id", initialize(t, url, "2025-11-25")}
	if r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"reporting","task":{},"_meta":{"progressToken":"p"}}}`, in...); !strings.Contains(r.body, "taskId") {
		t.Fatalf("no task: %+v", r)
	}
	for range 5 { // on the same connection
		r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x","ms":15}}}`, other...)
		if ct := r.header.Get("Content-Type"); ct != "application/json" || strings.Contains(r.body, "progress") {
			t.Fatalf("another session got %+v", r)
		}
	}
	for n := 0; n < 20; {
		m := stream()
		switch {
		case strings.Contains(m, fmt.Sprintf(`"progress":%d,`, n+1)):
			n++
		case !strings.Contains(m, "notifications/tasks/status"):
			t.Fatalf("after %d reports: %s", n, m)
		}
	}
}

// One session is used, changed, listened to and ended by many connections on
// several loops at once. Whatever is answered is one whole answer, and nothing
// is left.
func TestWebSessionShared(t *testing.T) {
	rounds := 12
	if raced || testing.Short() {
		rounds = 4
	}
	svc := mcp.NewServer(mcp.Options{Name: "shared", HTTP: mcp.HTTPOptions{KeepAlive: 5 * time.Millisecond, SessionIdle: 2 * time.Second}})
	svc.HandleTool(mcp.Tool{Name: "talk", TaskSupport: mcp.TaskOptional}, mcp.Pooled, func(c *mcp.Call) error {
		for i := range 3 {
			_ = c.Progress(float64(i+1), 3, "")
			_ = c.Log(mcp.LogError, "", []byte(`"said"`))
		}
		_, err := c.Roots("roots")
		return err
	})
	svc.HandleTool(mcp.Tool{Name: "later"}, mcp.Inline, func(c *mcp.Call) error {
		c.GoAfter(20*time.Millisecond, func(*mcp.Call) error { return nil })
		return nil
	})
	svc.HandleResourceTemplate(mcp.ResourceTemplate{URITemplate: "test://{id}"}, mcp.Inline, func(*mcp.Call) error { return mcp.ErrNotFound })
	s, err := Listen(svc, Options{Listeners: []Listener{{URL: "http://127.0.0.1:0"}}, Loops: 4, Grace: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	url := s.Addrs()[0] + "/mcp"
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: 20 * time.Second}
	// ask makes one request, gives it up after d, and returns what there was.
	ask := func(d time.Duration, method, body string, headers ...string) {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := client.Do(r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if err != nil && ctx.Err() == nil {
			t.Errorf("%s %.80s: %v", method, body, err)
		}
	}
	for round := range rounds {
		id := initialize(t, url, "2025-11-25")
		in := []string{"Mcp-Session-Id", id}
		var wg sync.WaitGroup
		stop := make(chan struct{})
		worker := func(f func(i int)) {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						f(i)
					}
				}
			}()
		}
		const most = 5 * time.Second
		call := func(i int, name, more string) string {
			return fmt.Sprintf(`{"jsonrpc":"2.0","id":"%s%d","method":"tools/call","params":{"name":"%s","_meta":{"progressToken":%d}%s}}`, name, i, name, i, more)
		}
		worker(func(i int) { ask(30*time.Millisecond, "POST", call(i, "talk", ""), in...) })
		worker(func(i int) {
			go ask(most, "POST", call(i, "later", ""), in...)
			time.Sleep(5 * time.Millisecond)
			ask(most, "POST", fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"later%d"}}`, i), in...)
		})
		worker(func(i int) { ask(most, "POST", call(i, "talk", `,"task":{"ttl":50}`), in...) })
		worker(func(i int) {
			ask(most, "POST", fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"roots":[]}}`, i+1), in...)
		})
		worker(func(i int) { ask(20*time.Millisecond, "GET", "", in...) })
		worker(func(i int) {
			ask(most, "POST", fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"resources/%s","params":{"uri":"test://a"}}`, i, []string{"subscribe", "unsubscribe"}[i%2]), in...)
			ask(most, "POST", `{"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":"debug"}}`, in...)
		})
		worker(func(i int) {
			ask(20*time.Millisecond, "POST", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["test://a"]},`+webMeta+`}}`,
				"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
		})
		worker(func(i int) {
			svc.ResourceUpdated("test://a")
			svc.HandleTool(mcp.Tool{Name: fmt.Sprintf("t%d-%d", round, i)}, mcp.Inline, func(*mcp.Call) error { return nil })
			svc.RemoveTool(fmt.Sprintf("t%d-%d", round, i))
			_ = s.Snapshot()
			time.Sleep(time.Millisecond)
		})
		time.Sleep(250 * time.Millisecond)
		ask(most, "DELETE", "", in...)
		time.Sleep(50 * time.Millisecond)
		close(stop)
		wg.Wait()
	}
	client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	if err := s.Shutdown(grace(10 * time.Second)); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if n := s.Snapshot().Engine; n.Connections != 0 || n.InFlight != 0 || n.BufferedBytes != 0 || n.Panics != 0 {
		t.Errorf("left: %+v", n)
	}
	if st := s.engine.Buffers().Stats(); st.Outstanding != st.Cached {
		t.Errorf("%d buffers not returned, %d of them in the loops' caches", st.Outstanding, st.Cached)
	}
}
