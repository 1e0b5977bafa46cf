package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/codec"
)

// The harness runs a whole engine on one goroutine: time, wake-ups, the worker
// pool and the wire are fakes of the test's, so that a run is the same each
// time.

type fakeClock struct{ nanos int64 }

func (c *fakeClock) Now() int64 { return c.nanos }

type fakeDriver struct {
	wakes  int
	wakeAt int64
}

func (d *fakeDriver) Wake()           { d.wakes++ }
func (d *fakeDriver) WakeAt(at int64) { d.wakeAt = at }

// fakeExecutor keeps calls until the test runs them.
type fakeExecutor struct {
	queue []*Call
	room  int // -1: any number
}

func (x *fakeExecutor) Submit(calls []*Call) int {
	n := len(calls)
	if x.room >= 0 && n > x.room-len(x.queue) {
		n = max(0, x.room-len(x.queue))
	}
	x.queue = append(x.queue, calls[:n]...)
	return n
}

func (x *fakeExecutor) Close() { x.runAll() }

func (x *fakeExecutor) runAll() {
	for len(x.queue) > 0 {
		c := x.queue[0]
		x.queue = slices.Delete(x.queue, 0, 1) // keeps its room
		c.Run()
	}
}

// fakeWire takes up to room bytes (-1: any number).
type fakeWire struct {
	got      bytes.Buffer
	room     int
	fail     error
	writes   int
	resumed  int
	closed   CloseReason
	onResume func()
}

func (w *fakeWire) Write(p []byte) (int, error) {
	w.writes++
	if w.closed != CloseNone {
		panic("Write after Close")
	}
	if w.fail != nil {
		return 0, w.fail
	}
	n := len(p)
	if w.room >= 0 {
		n = min(n, w.room)
		w.room -= n
	}
	w.got.Write(p[:n])
	return n, nil
}

func (w *fakeWire) Resume() {
	w.resumed++
	if w.onResume != nil {
		w.onResume()
	}
}

func (w *fakeWire) Close(r CloseReason) {
	if w.closed != CloseNone {
		panic("Close twice")
	}
	w.closed = r
}

// lines returns what was written since the last call, a line an element.
func (w *fakeWire) lines() []string {
	s := strings.TrimSuffix(w.got.String(), "\n")
	w.got.Reset()
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// testService answers by method: "echo" with its params, "pool" the same from
// the worker pool, "later" after params.ms, "panic", "forget", "error", and
// "notify" with a notification first.
type testService struct {
	opened, closed int
	reasons        []CloseReason
	notes          []string
	responses      []string
	refuse         bool
	goodbye        bool // when a connection drains
	onOpen         func(*Conn)
	run            func(*Call)
}

func (s *testService) OpenConn(c *Conn) Handler {
	s.opened++
	if s.refuse {
		return nil
	}
	c.AllowBatch(true)
	if s.onOpen != nil {
		s.onOpen(c)
	}
	return s
}

func echo(c *Call) {
	dst := c.BeginResult()
	p := c.Params().Raw()
	if len(p) == 0 {
		p = []byte("{}")
	}
	c.EndResult(append(c.Grow(dst, len(p)+1), p...))
}

var echoRunner = RunnerFunc(echo)

func (s *testService) ServeRequest(c *Call) {
	switch string(c.Method()) {
	case "echo":
		echo(c)
	case "ping":
		c.EndUrgentResult(append(c.BeginResult(), "{}"...))
	case "pool":
		if s.run != nil {
			c.Submit(RunnerFunc(s.run))
			return
		}
		c.Submit(echoRunner)
	case "later":
		ms, _ := c.Params().Get("ms")
		n, _ := ms.Int64()
		c.SubmitAfter(duration(n), echoRunner)
	case "panic":
		dst := c.BeginResult()
		_ = append(dst, "half"...)
		panic("boom")
	case "forget":
	case "leave":
		c.Leave()
	case "panicAfter":
		echo(c)
		panic("after the answer")
	case "panicDetached":
		c.Submit(echoRunner)
		panic("after Submit")
	case "notify":
		if err := c.EndNotification(append(c.BeginNotification("notifications/x"), "{}"...)); err != nil {
			panic(err)
		}
		echo(c)
	default:
		c.Error(codec.CodeMethodNotFound, "method not found", nil)
	}
}

// DrainConn says good-bye, so that tests see that it was called.
func (s *testService) DrainConn(c *Conn) {
	if s.goodbye {
		c.Send([]byte(`{"end":true}`))
	}
}

func (s *testService) ServeNotification(c *Conn, m *codec.Message) {
	if string(m.Method()) == "notifications/cancelled" {
		id, _ := m.Params().Get("requestId")
		reason := ""
		if v, ok := m.Params().Get("reason"); ok {
			b, _ := v.Bytes(c.Loop().arena)
			reason = string(b)
		}
		c.Cancel(id.Raw(), reason)
		return
	}
	s.notes = append(s.notes, string(m.Method()))
}

func (s *testService) ServeResponse(_ *Conn, m *codec.Message) {
	s.responses = append(s.responses, string(m.ID().Raw()))
}

func (s *testService) CloseConn(_ *Conn, r CloseReason) {
	s.closed++
	s.reasons = append(s.reasons, r)
}

type harness struct {
	t     testing.TB
	clock *fakeClock
	exec  *fakeExecutor
	drv   *fakeDriver
	svc   *testService
	e     *Engine
	l     *Loop
}

func newHarness(t testing.TB, o Options) *harness {
	t.Helper()
	h := &harness{t: t, clock: &fakeClock{nanos: 1e9}, exec: &fakeExecutor{room: -1}, drv: &fakeDriver{}, svc: &testService{}}
	o.Clock = h.clock
	if o.Executor == nil {
		o.Executor = h.exec
	}
	e, err := New(h.svc, o)
	if err != nil {
		t.Fatal(err)
	}
	h.e, h.l = e, e.NewLoop(h.drv)
	return h
}

func (h *harness) open() (*Conn, *fakeWire) {
	w := &fakeWire{room: -1}
	h.l.Begin()
	c := h.l.Open(w, nil)
	h.l.End()
	return c, w
}

// feed serves messages in one turn.
func (h *harness) feed(c *Conn, msgs ...string) {
	h.l.Begin()
	for _, m := range msgs {
		c.Receive([]byte(m))
	}
	h.l.End()
}

// pass lets time go by, in steps at which a driver would have been woken.
func (h *harness) pass(ms int64) {
	for range ms {
		h.clock.nanos += 1e6
		h.l.Turn()
	}
}

// settle checks that nothing is held once everything has ended.
func (h *harness) settle() {
	h.t.Helper()
	h.exec.runAll()
	h.l.Turn()
	h.l.Begin()
	h.l.closeConns(CloseLocal)
	h.l.End()
	h.exec.runAll()
	h.l.Turn()
	s := h.e.Snapshot()
	if s.Connections != 0 || s.InFlight != 0 || s.BufferedBytes != 0 {
		h.t.Errorf("left over: %d connections, %d calls, %d bytes of the budget", s.Connections, s.InFlight, s.BufferedBytes)
	}
	if h.l.table.n != 0 {
		h.t.Errorf("%d calls left in the in-flight table", h.l.table.n)
	}
	if h.l.wheel.armed > 1 || h.l.wheel.armed == 1 && !h.l.budgetTmr.armed() {
		h.t.Errorf("%d timers left armed", h.l.wheel.armed)
	}
	h.l.bufs.Flush()
	if st := h.e.Buffers().Stats(); st.Outstanding != st.Cached {
		h.t.Errorf("%d buffers not returned (%d gets, %d puts)", st.Outstanding, st.Gets, st.Puts)
	}
	if h.svc.opened != h.svc.closed+btoi(h.svc.refuse)*h.svc.opened {
		h.t.Errorf("%d connections opened, %d closed", h.svc.opened, h.svc.closed)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func want(t testing.TB, got []string, lines ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(lines) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

func contextCause(ctx context.Context) error { return context.Cause(ctx) }
