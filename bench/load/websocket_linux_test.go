package load

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// handshakeHead is a request of net/http as a WebSocket's handshake sees it.
type handshakeHead struct{ *http.Request }

func (h handshakeHead) Method() []byte { return []byte(h.Request.Method) }
func (h handshakeHead) Upgrade() bool {
	return strings.EqualFold(h.Request.Header.Get("Connection"), "upgrade")
}
func (h handshakeHead) ContentLength() int64 { return h.Request.ContentLength }
func (h handshakeHead) Fields() int          { return len(h.Request.Header) }
func (h handshakeHead) Field(i int) (name, value []byte) {
	k := slices.Sorted(maps.Keys(h.Request.Header))[i]
	return []byte(k), []byte(h.Request.Header.Get(k))
}

// webSocketHandler echoes, or answers MCP, on /ws; before each tenth answer it
// pings and waits for the pong. It closes the connection instead of the answer
// number last, and counts the closes of the other side.
func webSocketHandler(t *testing.T, last int, closes *atomic.Int64) http.Handler {
	l := func() *websocket.Loop {
		return websocket.NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), websocket.Options{})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		loop := l()
		answer, agreed, refusal := loop.Accept(nil, handshakeHead{r})
		if refusal != nil {
			w.WriteHeader(refusal.Status)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = conn.Write(answer)
		var p websocket.Parser
		p.Init(loop, nil, agreed)
		defer p.Release()
		buf := make([]byte, 64<<10)
		answered, pongs := 0, 0
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			var out []byte
			for b := buf[:n]; ; {
				k, ev := p.Next(b)
				b = b[k:]
				switch ev {
				case websocket.Pong:
					pongs++
				case websocket.Close:
					if p.Code() != websocket.CodeNormal || pongs != answered/10 {
						t.Errorf("closed by %d, %d pongs to %d answers", p.Code(), pongs, answered)
					}
					closes.Add(1)
					return
				case websocket.Failed:
					t.Error(p.Err())
					return
				case websocket.Message:
					if answered++; answered == last {
						out = loop.AppendClose(out, websocket.CodeGoingAway, "")
						_, _ = conn.Write(out)
						return
					}
					if answered%10 == 0 {
						out = loop.AppendPing(out, []byte("alive?"))
					}
					var m struct {
						ID     *uint64
						Method string
					}
					switch err := json.Unmarshal(p.Payload(), &m); {
					case err != nil: // raw
						out = loop.AppendText(out, p.Payload(), agreed)
					case m.Method == "initialize":
						out = loop.AppendText(out, []byte(`{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}`), agreed)
					case m.ID != nil:
						out = loop.AppendText(out, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":%q}]}}`, *m.ID, textOf(p.Payload())), agreed)
					}
				}
				if ev == websocket.More {
					break
				}
			}
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
	})
	return mux
}

// textOf is the argument of a call of echo.
func textOf(msg []byte) string {
	var m struct {
		Params struct{ Arguments struct{ Text string } }
	}
	_ = json.Unmarshal(msg, &m)
	return m.Params.Arguments.Text
}

// A load over WebSockets is answered whole: frames of each of the three lengths,
// in pieces and several in one read, with pings between them; raw ones too.
func TestWebSocket(t *testing.T) {
	var closes atomic.Int64
	srv := httptest.NewServer(webSocketHandler(t, 0, &closes))
	t.Cleanup(srv.Close)
	target := "ws" + strings.TrimPrefix(srv.URL, "http") + "/ws"
	for _, o := range []Options{
		{Method: MethodPing, Count: 200, Conns: 3, Depth: 5},
		{Method: MethodCall, Size: 1002, Count: 200, Conns: 2, Depth: 16},
		{Method: MethodCall, Size: 200 << 10, Count: 30, Conns: 2, Depth: 2},
		{Method: MethodRaw, Size: 100, Count: 100, Conns: 1, Depth: 4},
	} {
		o.Target, o.Timeout = target, 5*time.Second
		if r := runBounded(t, o, 20*time.Second); r.ErrorTotal != 0 || r.Answered != o.Count || r.SlowChecks > int64(o.Conns) {
			t.Errorf("%s of %d: answered %d of %d, %d checked slowly, errors: %s", o.Method, o.Size, r.Answered, o.Count, r.SlowChecks, &r.Errors)
		}
	}
	closes.Store(0)
	r := runBounded(t, Options{Target: target, Method: MethodCall, Size: 300, Count: 90, Conns: 3, Reconnect: 3, Timeout: 5 * time.Second}, 20*time.Second)
	if x := r.Reconnects; r.ErrorTotal != 0 || r.Answered != 90 || x.Sessions < 25 || closes.Load() < x.Sessions {
		t.Errorf("again and again: answered %d, errors: %s, %s, %d sessions, %d closed", r.Answered, &r.Errors, r.Failure, x.Sessions, closes.Load())
	}
}

// A server that ends a WebSocket, refuses it or is none is told of as such.
func TestWebSocketEnds(t *testing.T) {
	srv := httptest.NewServer(webSocketHandler(t, 50, new(atomic.Int64)))
	t.Cleanup(srv.Close)
	target := "ws" + strings.TrimPrefix(srv.URL, "http")
	o := Options{Target: target + "/ws", Method: MethodPing, Count: 100, Conns: 1, Depth: 1, Timeout: time.Second}
	if r := runBounded(t, o, 10*time.Second); r.Errors.Closed != 1 || r.Errors.Lost != 1 || r.Answered >= 50 {
		t.Errorf("answered %d, errors: %s", r.Answered, &r.Errors)
	}
	o.Target = target + "/none"
	if _, err := Run(o); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a refusal: %v", err)
	}
}
