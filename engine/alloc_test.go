//go:build !race && !invariants

package engine

import (
	"runtime"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/codec"
)

// countWire throws output away and counts.
type countWire struct{ writes, bytes int }

func (w *countWire) Write(p []byte) (int, error) { w.writes++; w.bytes += len(p); return len(p), nil }
func (w *countWire) Resume()                     {}
func (w *countWire) Close(CloseReason)           {}

// ringExecutor keeps calls in a slice that it reuses.
type ringExecutor struct{ queue []*Call }

func (x *ringExecutor) Submit(calls []*Call) int {
	x.queue = append(x.queue, calls...)
	return len(calls)
}
func (x *ringExecutor) Close() {}
func (x *ringExecutor) run() {
	for _, c := range x.queue {
		c.Run()
	}
	x.queue = x.queue[:0]
}

// quiet answers echo and the rest without keeping anything.
type quiet struct{}

func (quiet) OpenConn(c *Conn) Handler            { c.AllowBatch(true); return quiet{} }
func (quiet) ServeResponse(*Conn, *codec.Message) {}
func (quiet) CloseConn(*Conn, CloseReason)        {}
func (quiet) ServeNotification(c *Conn, m *codec.Message) {
	if id, ok := m.Params().Get("requestId"); ok {
		c.Cancel(id.Raw(), "")
	}
}

var list = []byte(`{"tools":[` + strings.Repeat(`{"name":"x"},`, 500) + `{"name":"y"}]}`)

func (quiet) ServeRequest(c *Call) {
	switch string(c.Method()) {
	case "ping":
		c.EndUrgentResult(append(c.BeginResult(), "{}"...))
	case "echo":
		echo(c)
	case "list":
		c.Result(list)
	case "pool":
		c.Submit(echoRunner)
	case "later":
		c.SubmitAfter(duration(50), echoRunner)
	default:
		c.Error(-32601, "method not found", nil)
	}
}

// TestAllocs holds every path that a message takes through the engine to no
// allocation at all: bytes in, output out, one turn for each operation.
func TestAllocs(t *testing.T) {
	clock, exec := &fakeClock{nanos: 1e9}, &ringExecutor{}
	e, err := New(quiet{}, Options{Clock: clock, Executor: exec})
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLoop(&fakeDriver{})
	w := &countWire{}
	l.Begin()
	c := l.Open(w, nil)
	other := l.Open(&countWire{}, nil)
	l.End()
	none := func(name string, op func()) {
		t.Run(name, func(t *testing.T) {
			for range 200 { // pools and tables reach their size
				op()
			}
			if n := testing.AllocsPerRun(200, op); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
		})
	}
	turn := func(f func()) {
		l.Begin()
		f()
		l.End()
	}
	// feeds serves messages in one turn, and must cause so many bytes of output.
	feeds := func(name string, messages ...string) {
		var all [][]byte
		for _, m := range messages {
			all = append(all, []byte(m))
		}
		none(name, func() {
			before := w.bytes
			turn(func() {
				for _, m := range all {
					c.Receive(m)
				}
			})
			if len(exec.queue) > 0 {
				exec.run()
				l.Turn()
			}
			if w.bytes == before {
				t.Fatal("nothing was answered")
			}
		})
	}
	call := func(method, id string, n int) string {
		return `{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":{"text":"` + strings.Repeat("x", n) + `"}}`
	}
	feeds("Ping", `{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	feeds("Echo", call("echo", `"a"`, 1000))
	feeds("Echo/depth=16", repeat(16, call("echo", "7", 1000))...)
	feeds("Echo/1MB", call("echo", "1", 1<<20))
	feeds("List", call("list", "1", 0))
	feeds("Error/method", call("nothing", "1", 10))
	feeds("Error/parse", `{"jsonrpc":"2.0",`)
	feeds("Error/request", `{"jsonrpc":"1.0","id":1}`)
	feeds("Batch", `[`+call("echo", "1", 100)+`,`+call("ping", "2", 0)+`,`+call("nothing", "3", 0)+`,1]`)
	feeds("Pooled", call("pool", "1", 1000))
	feeds("Pooled/depth=64", distinct(64, "pool", 200)...)
	feeds("Pooled/batch", `[`+call("pool", "1", 100)+`,`+call("pool", "2", 100)+`]`)
	none("Oversized", func() { turn(c.Oversized) })
	cancel := []byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	later := []byte(call("later", "1", 100))
	none("Cancel", func() {
		turn(func() { c.Receive(later) })
		if c.InFlight() != 1 {
			t.Fatal("not in flight")
		}
		turn(func() { c.Receive(cancel) })
		if c.InFlight() != 0 {
			t.Fatal("still in flight")
		}
	})
	none("Later", func() {
		turn(func() { c.Receive(later) })
		clock.nanos += 60e6
		l.Turn()
		exec.run()
		l.Turn()
		if c.InFlight() != 0 {
			t.Fatal("still in flight")
		}
	})
	message := []byte(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
	none("Deliver", func() {
		if err := other.Deliver(message); err != nil {
			t.Fatal(err)
		}
		l.Turn()
	})
}

// 50,000 deadlines cost no allocation and no goroutine.
func TestAllocsOfDeadlines(t *testing.T) {
	clock := &fakeClock{nanos: 1e9}
	e, err := New(quiet{}, Options{Clock: clock, Executor: &ringExecutor{}})
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLoop(&fakeDriver{})
	timers := make([]timer, 50_000)
	op := func() {
		for i := range timers {
			l.armAt(&timers[i], l.now+int64(1+i%60_000)*1e6)
		}
		if l.wheel.armed != len(timers) {
			t.Fatal(l.wheel.armed, "armed")
		}
		for i := range timers {
			l.wheel.disarm(&timers[i])
		}
	}
	if n := testing.AllocsPerRun(5, op); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
	// As many connections, each with its idle deadline.
	l.Begin()
	for range 50_000 {
		l.Open(&countWire{}, nil)
	}
	l.End()
	if l.wheel.armed < 50_000 {
		t.Errorf("%d deadlines armed", l.wheel.armed)
	}
	if n := runtime.NumGoroutine(); n >= 64 {
		t.Errorf("%d goroutines", n)
	}
	clock.nanos += int64(DefaultHandshakeTimeout) + 1e9
	l.Turn()
	if n := e.Connections(); n != 0 {
		t.Errorf("%d connections are left after their deadline", n)
	}
}

func repeat(n int, s string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// distinct makes n calls with ids of their own.
func distinct(n int, method string, size int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = `{"jsonrpc":"2.0","id":` + string(rune('0'+i/10)) + string(rune('0'+i%10)) + `1,"method":"` + method + `","params":{"text":"` + strings.Repeat("x", size) + `"}}`
		if i < 10 {
			all[i] = strings.Replace(all[i], `"id":0`, `"id":9`, 1) // no leading zero
		}
	}
	return all
}
