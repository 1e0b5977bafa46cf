package nethttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Bodies and answers of any size come whole, told or in chunks; one byte too many
// is 413.
func TestSizes(t *testing.T) {
	const most = 1 << 20
	for name, change := range map[string]func(*httptest.Server){"HTTP/1.1": nil, "HTTP/2": http2} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, mcp.Options{}, Options{Engine: engine.Options{MaxMessageBytes: most, MaxOutputBytes: 64 << 20}}, nil, change)
			body := message("echo", `{"text":"..."}`)
			for _, size := range []int{len(body), 4 << 10, 64 << 10, 64<<10 + 1, most - 1, most, most + 1, 3 * most} {
				text := body + strings.Repeat(" ", size-len(body))
				for _, told := range []bool{true, false} {
					var in io.Reader = strings.NewReader(text)
					if !told {
						in = struct{ io.Reader }{in}
					}
					res, err := h.client.Do(h.request(t.Context(), "POST", "/mcp", in, modern("tools/call", "echo")...))
					want := 200
					if size > most {
						want = 413
					}
					if err != nil {
						if want == 413 { // the connection was closed in the middle of the body
							continue
						}
						t.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					if res.StatusCode != want {
						t.Errorf("%d bytes, told %v: %d", size, told, res.StatusCode)
					}
				}
			}
			for _, size := range []int{8, 32 << 10, 80_000, 9 << 20} {
				if status, text := h.call("blob", fmt.Sprintf(`{"bytes":%d}`, size)); status != 200 || strings.Count(text, "gannet! ") != size/8 || !strings.HasSuffix(text, "}") {
					t.Errorf("blob of %d: %d, %d bytes", size, status, len(text))
				}
			}
			// A client has its answer before the goroutine of its request ends.
			held := func() int64 { return h.h.Engine().Snapshot().BufferedBytes }
			for end := time.Now().Add(10 * time.Second); held() != 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
			}
			if got := held(); got != 0 {
				t.Errorf("%d bytes of the budget are held", got)
			}
		})
	}
}

// The engine's budget has no room for the body: 503, and nothing is kept.
func TestBodyBudget(t *testing.T) {
	h := serve(t, mcp.Options{}, Options{Engine: engine.Options{MaxBufferedBytes: 1 << 20}}, nil, nil)
	body := message("echo", `{"text":"..."}`)
	res, err := h.client.Do(h.request(t.Context(), "POST", "/mcp", struct{ io.Reader }{strings.NewReader(body + strings.Repeat(" ", 4<<20))}, modern("tools/call", "echo")...))
	if err == nil {
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
		_ = res.Body.Close()
	}
	if status, _ := h.call("echo", `{"text":"x"}`); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

// One request too many is told to come again, and served when there is room.
func TestMaxRequests(t *testing.T) {
	h := serve(t, mcp.Options{}, Options{MaxRequests: 1}, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if res, err := h.client.Do(h.request(ctx, "POST", "/mcp", strings.NewReader(message("delay", `{"ms":60000,"text":"x"}`)), modern("tools/call", "delay")...)); err == nil {
			_ = res.Body.Close()
		}
	}()
	h.eventually("the call runs", func() bool { return h.h.Snapshot().Engine.InFlight == 1 })
	status, text, fields := h.do("GET", "/", "")
	if status != 503 || fields.Get("Retry-After") == "" || h.h.Snapshot().Refused != 1 {
		t.Errorf("%d %s %v", status, text, fields)
	}
	cancel()
	h.wantIdle()
	if status, _, _ := h.do("GET", "/", ""); status != 200 {
		t.Errorf("with room: %d", status)
	}
}

// A body that comes too slowly is given up at the read timeout.
func TestTrickle(t *testing.T) {
	h := serve(t, mcp.Options{}, Options{Engine: engine.Options{ReadTimeout: 300 * time.Millisecond}}, nil, nil)
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		for _, b := range []byte("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 500)) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 408 || !res.Close {
		t.Fatalf("%+v, %v", res, err)
	}
	h.wantIdle()
}

// Who does not read is cut: of an answer that is longer than the sockets hold
// nothing is left when no byte of it was taken for long enough, and others are
// not held up meanwhile. What was sent is not taken for the whole.
func TestSlowReader(t *testing.T) {
	h := serve(t, mcp.Options{}, Options{Loops: 1, Engine: engine.Options{WriteStallTimeout: 2 * time.Second, MaxOutputBytes: 64 << 20}}, nil, nil)
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := message("blob", fmt.Sprintf(`{"bytes":%d}`, 32<<20))
	if err := h.request(t.Context(), "POST", "/mcp", strings.NewReader(body), modern("tools/call", "blob")...).Write(c); err != nil {
		t.Fatal(err)
	}
	h.eventually("it is served", func() bool { return h.h.Snapshot().Engine.BufferedBytes > 0 })
	begin := time.Now()
	if status, _ := h.call("echo", `{"text":"x"}`); status != 200 || h.h.Snapshot().Engine.BufferedBytes == 0 { // while the other waits
		t.Errorf("another's call: %d after %v", status, time.Since(begin))
	}
	h.wantIdle()
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("cut after %v", d)
	}
	n := h.h.Snapshot().Engine
	if n.Closed[engine.CloseSlowReader]+n.Closed[engine.ClosePeer] < 2 || n.BufferedBytes != 0 {
		t.Errorf("%+v", n)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("%d bytes were taken for the whole", got)
	}
}

// A stream whose client does not read is cut when what waits for it passes the
// bound.
func TestSlowStream(t *testing.T) {
	h := serve(t, mcp.Options{}, Options{Loops: 1, Engine: engine.Options{MaxOutputBytes: 64 << 10, WriteStallTimeout: time.Minute}}, nil, nil)
	stop := make(chan struct{})
	h.svc.HandleTool(mcp.Tool{Name: "flood"}, mcp.Pooled, func(c *mcp.Call) error {
		defer close(stop)
		text := strings.Repeat("x", 8<<10)
		for i := 0; !c.Ended(); i++ {
			_ = c.Progress(float64(i), 0, text)
		}
		return nil
	})
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"flood","_meta":{"progressToken":1,` + meta[len(`"_meta":{`):] + `}}`
	if err := h.request(t.Context(), "POST", "/mcp", strings.NewReader(body), modern("tools/call", "flood")...).Write(c); err != nil {
		t.Fatal(err)
	}
	select {
	case <-stop:
	case <-time.After(10 * time.Second):
		t.Fatal("not cut after 10 s")
	}
	h.wantIdle()
	if n := h.h.Snapshot().Engine.Closed[engine.CloseSlowReader]; n != 1 {
		t.Errorf("%d closed as slow_reader", n)
	}
}
