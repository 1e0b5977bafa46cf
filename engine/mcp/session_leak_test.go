package mcp

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// lost is a wire whose peer never reads, and goes away; a clock; an executor
// that keeps calls until they are asked for.
type lost struct {
	now   int64
	calls []*engine.Call
}

func (*lost) Write(p []byte) (int, error) { return len(p), nil }
func (*lost) Resume()                     {}
func (*lost) Close(engine.CloseReason)    {}
func (w *lost) Now() int64                { return w.now }
func (*lost) Wake()                       {}
func (*lost) WakeAt(int64)                {}

type lostExecutor struct{ w *lost }

func (x lostExecutor) Submit(calls []*engine.Call) int {
	x.w.calls = append(x.w.calls, calls...)
	return len(calls)
}
func (lostExecutor) Close() {}

// A hundred thousand sessions that were opened, used, and abandoned in the
// middle of something leave nothing behind: no subscription, no listener, no
// task, no question, no call, no buffer, no goroutine, no memory.
func TestAbandonedSessions(t *testing.T) {
	sessions := 100_000
	if testing.Short() || raceEnabled {
		sessions = 5000
	}
	s := NewServer(Options{Name: "leak", TaskTTL: time.Minute})
	s.HandleTool(Tool{Name: "ask"}, Pooled, func(c *Call) error {
		_, err := c.Roots("roots")
		return err
	})
	s.HandleTool(Tool{Name: "task", TaskSupport: TaskOptional}, Pooled, func(c *Call) error {
		<-c.Context().Done()
		return nil
	})
	s.HandleResourceTemplate(ResourceTemplate{URITemplate: "test://{id}"}, Inline, func(*Call) error { return ErrNotFound })
	w := &lost{now: 1e9}
	e, err := engine.New(s, engine.Options{Clock: w, Executor: lostExecutor{w}, MaxInFlightTotal: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLoop(w)
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	batch := func(n int) {
		var conns []*engine.Conn
		ended := make(chan struct{}, n)
		running := 0
		l.Begin()
		for i := range n {
			c := l.Open(w, nil)
			send := func(format string, args ...any) { c.Receive(fmt.Appendf(nil, format, args...)) }
			send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"client %d","version":"1"}}}`, i)
			switch i % 5 {
			case 0:
				send(`{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"test://%d"}}`, i)
				send(`{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"test://shared"}}`)
			case 1:
				send(`{"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["test://%d","test://shared"]},%s}}`, i, meta)
			case 2:
				send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ask"}}`)
			case 3:
				send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"task","task":{}}}`)
				send(`{"jsonrpc":"2.0","id":3,"method":"tasks/list"}`)
			case 4:
				send(`{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"debug"}}`)
			}
			conns = append(conns, c)
		}
		l.End()
		for _, call := range w.calls {
			running++
			go func() {
				call.Run()
				ended <- struct{}{}
			}()
		}
		w.calls = w.calls[:0]
		runtime.Gosched()
		l.Begin()
		for _, c := range conns {
			c.Close(engine.CloseReset)
		}
		l.End()
		for range running {
			<-ended
		}
		w.now += 1e6
		l.Turn()
	}
	measure := func() (heap uint64) {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const size = 1000
	for range 3 { // pools and tables reach their size
		batch(size)
	}
	heap, goroutines := measure(), runtime.NumGoroutine()
	for done := 0; done < sessions; done += size {
		batch(size)
	}
	if after := measure(); after > heap+1<<20 {
		t.Errorf("%d bytes in use, %d before", after, heap)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	if n, m := s.updates.Len(), s.updates.Subscriptions(); n != 0 || m != 0 {
		t.Errorf("%d topics and %d subscriptions are left", n, m)
	}
	if n := len(s.tasks.byID) + len(s.tasks.order) + len(s.tasks.owned) + s.tasks.bytes; n != 0 {
		t.Errorf("tasks are left: %d, %d, %d, %d bytes", len(s.tasks.byID), len(s.tasks.order), len(s.tasks.owned), s.tasks.bytes)
	}
	snapshot := e.Snapshot()
	if snapshot.Connections != 0 || snapshot.InFlight != 0 || snapshot.BufferedBytes != 0 || snapshot.Panics != 0 {
		t.Errorf("left: %+v", snapshot)
	}
	if b := e.Buffers().Stats(); b.Outstanding != b.Cached {
		t.Errorf("%d buffers were not given back", b.Outstanding-b.Cached)
	}
	if snapshot.Opened < uint64(sessions) {
		t.Errorf("%d opened", snapshot.Opened)
	}
}
