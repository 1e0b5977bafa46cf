package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gannetmcp/gannet/engine/registry"
)

// A connection is a target of the registry: what is routed to its name, from
// any goroutine, comes out of it, and after its end the sender learns that.
func TestRouteToConn(t *testing.T) {
	h := newHarness(t, Options{})
	router := registry.NewRouter(registry.TableOptions{})
	binder := router.NewBinder()
	a, wa := h.open()
	b, wb := h.open()
	for name, c := range map[string]*Conn{"a": a, "b": b} {
		if err := binder.Bind([]byte(name), c); err != nil {
			t.Fatal(err)
		}
	}
	message := []byte(`{"jsonrpc":"2.0","method":"m"}`)
	done := make(chan error)
	go func() { done <- router.Route([]byte("b"), message) }()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	message[0] = '!' // it was copied
	h.l.Turn()
	want(t, wa.lines())
	want(t, wb.lines(), `{"jsonrpc":"2.0","method":"m"}`)
	h.l.Begin()
	b.Close(CloseLocal)
	h.l.End()
	if err := router.Route([]byte("b"), message); !errors.Is(err, ErrConnClosed) || !errors.Is(err, registry.ErrGone) {
		t.Errorf("route to a connection that has ended: %v", err)
	}
	if err := router.Route([]byte("c"), message); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("route to nobody: %v", err)
	}
	if d, r := router.Broadcast([]byte(`{}`)); d != 1 || r != 1 {
		t.Errorf("broadcast: %d delivered, %d refused", d, r)
	}
	h.l.Turn()
	want(t, wa.lines(), `{}`)
	h.settle()
}

// BenchmarkReceive serves calls of a kilobyte; ns/op is the time of one.
func BenchmarkReceive(b *testing.B) {
	for _, method := range []string{"echo", "pool"} {
		for _, depth := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("method=%s/depth=%d", method, depth), func(b *testing.B) {
				h := newHarness(b, Options{})
				c, w := h.open()
				w.got.Grow(1 << 20)
				messages := make([][]byte, depth)
				for i := range messages {
					messages[i] = fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":{"text":"%01000d"}}`, i, method, i)
				}
				turn := func() {
					h.l.Begin()
					for _, m := range messages {
						c.Receive(m)
					}
					h.l.End()
					if len(h.exec.queue) > 0 {
						h.exec.runAll()
						h.l.Turn()
					}
					w.got.Reset()
				}
				for range 100 { // what grows has grown
					turn()
				}
				b.ReportAllocs()
				b.ResetTimer()
				for i := 0; i < b.N; i += depth {
					turn()
				}
			})
		}
	}
}
