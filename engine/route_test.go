package engine

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

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

// stampWire notes when output came.
type stampWire struct {
	messages atomic.Int64
	at       atomic.Int64
}

func (w *stampWire) Write(p []byte) (int, error) {
	w.at.Store(int64(time.Since(stampBase)))
	n := int64(0)
	for _, c := range p {
		if c == '\n' {
			n++
		}
	}
	w.messages.Add(n)
	return len(p), nil
}
func (w *stampWire) Resume()           {}
func (w *stampWire) Close(CloseReason) {}

var stampBase = time.Now()

// parkDriver is a loop on a goroutine of its own: it turns round and round
// while awake is set, and otherwise sleeps until it is woken.
type parkDriver struct{ wake chan struct{} }

func (d *parkDriver) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
func (d *parkDriver) WakeAt(int64) {}

// BenchmarkRoute sends messages by name to a connection on the loop of another
// goroutine: from Route to the connection's Write. With pace=flood ns/op is the
// time a message; with pace=one each waits for the one before, and p50 and p99
// are its way across. A loop that is awake looks at its mailbox all the time;
// one that is asleep must be woken, for which chan=bare has the price.
func BenchmarkRoute(b *testing.B) {
	name, message := []byte("session-0123456789abcdef"), []byte(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
	start := func(b *testing.B, awake bool) (*registry.Router, *stampWire, func()) {
		e, err := New(quietService{}, Options{MaxQueuedPushes: 1024})
		if err != nil {
			b.Fatal(err)
		}
		d := &parkDriver{wake: make(chan struct{}, 1)}
		l := e.NewLoop(d)
		w := &stampWire{}
		l.Begin()
		c := l.Open(w, nil)
		l.End()
		var stop atomic.Bool
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for !stop.Load() {
				if !awake {
					<-d.wake
				}
				l.Turn()
			}
		}()
		router := registry.NewRouter(registry.TableOptions{})
		if err := router.NewBinder().Bind(name, c); err != nil {
			b.Fatal(err)
		}
		return router, w, func() { stop.Store(true); d.Wake(); <-ended; e.Close() }
	}
	send := func(b *testing.B, r *registry.Router) {
		for {
			err := r.Route(name, message)
			if err == nil {
				return
			}
			if !errors.Is(err, ErrPushQueueFull) {
				b.Fatal(err)
			}
			runtime.Gosched()
		}
	}
	for _, awake := range []bool{true, false} {
		loop := map[bool]string{true: "awake", false: "asleep"}[awake]
		b.Run("loop="+loop+"/pace=flood", func(b *testing.B) {
			r, w, stop := start(b, awake)
			defer stop()
			sent := int64(0)
			flood := func(n int) {
				for range n {
					send(b, r)
				}
				for sent += int64(n); w.messages.Load() < sent; {
					runtime.Gosched()
				}
			}
			flood(4096) // what grows has grown
			b.ReportAllocs()
			b.ResetTimer()
			flood(b.N)
		})
		b.Run("loop="+loop+"/pace=one", func(b *testing.B) {
			r, w, stop := start(b, awake)
			defer stop()
			times := hdrhistogram.New(1, 1e9, 3)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				begin := int64(time.Since(stampBase))
				send(b, r)
				for w.messages.Load() <= int64(i) {
					if !awake {
						runtime.Gosched()
					}
				}
				_ = times.RecordValue(w.at.Load() - begin)
			}
			b.ReportMetric(float64(times.ValueAtQuantile(50)), "p50-ns")
			b.ReportMetric(float64(times.ValueAtQuantile(99)), "p99-ns")
		})
	}
	b.Run("chan=bare/pace=one", func(b *testing.B) {
		wake := make(chan int64)
		back := make(chan int64)
		go func() {
			for range wake {
				back <- int64(time.Since(stampBase))
			}
			close(back)
		}()
		times := hdrhistogram.New(1, 1e9, 3)
		for range b.N {
			begin := int64(time.Since(stampBase))
			wake <- 0
			_ = times.RecordValue(<-back - begin)
		}
		close(wake)
		b.ReportMetric(float64(times.ValueAtQuantile(50)), "p50-ns")
		b.ReportMetric(float64(times.ValueAtQuantile(99)), "p99-ns")
	})
}

// quietService answers echo and pool, without keeping anything.
type quietService struct{ testService }

func (s quietService) OpenConn(c *Conn) Handler { return &s.testService }

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
