package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func duration(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

func request(id any, method, params string) string {
	s := fmt.Sprintf(`{"jsonrpc":"2.0","id":%v,"method":"%s"`, id, method)
	if params != "" {
		s += `,"params":` + params
	}
	return s + "}"
}

func result(id any, r string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%v,"result":%s}`, id, r)
}

// hasError reports a line's error code.
func wantError(t testing.TB, line, id string, code int) {
	t.Helper()
	if !strings.Contains(line, fmt.Sprintf(`"code":%d`, code)) {
		t.Errorf("want error %d, got %s", code, line)
	}
	switch id {
	case "omit":
		if strings.Contains(line, `"id"`) {
			t.Errorf("want no id, got %s", line)
		}
	default:
		if !strings.Contains(line, `"id":`+id) {
			t.Errorf("want id %s, got %s", id, line)
		}
	}
}

func TestInlineReply(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	h.feed(c, request(1, "echo", `{"a":1}`), request(`"1"`, "ping", ""), request("9007199254740993", "echo", ""))
	want(t, w.lines(), result(1, `{"a":1}`), result(`"1"`, "{}"), result("9007199254740993", "{}"))
	if w.writes != 1 {
		t.Errorf("%d writes in one turn, want 1", w.writes)
	}
	h.settle()
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name, msg string
		id        string
		code      int
	}{
		{"no JSON", `hello`, "null", -32700},
		{"cut", `{"jsonrpc":"2.0","id":1,"method":"pi`, "null", -32700},
		{"two values", `{} {}`, "null", -32700},
		{"no request", `{}`, "null", -32600},
		{"number", `1`, "null", -32600},
		{"wrong version", `{"jsonrpc":"1.0","id":7,"method":"echo"}`, "7", -32600},
		{"method is a number", `{"jsonrpc":"2.0","id":7,"method":5}`, "7", -32600},
		{"id is an object", `{"jsonrpc":"2.0","id":{},"method":"echo"}`, "null", -32600},
		{"id is null", `{"jsonrpc":"2.0","id":null,"method":"echo"}`, "null", -32600},
		{"id is 1.5", `{"jsonrpc":"2.0","id":1.5,"method":"echo"}`, "null", -32600},
		{"id twice", `{"jsonrpc":"2.0","id":1,"id":2,"method":"echo"}`, "null", -32600},
		{"unknown method", request(3, "nope", ""), "3", -32601},
		{"panic", request(4, "panic", ""), "4", -32603},
		{"no answer", request(5, "forget", ""), "5", -32603},
		{"empty batch", `[]`, "null", -32600},
		{"ill-formed UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", "null", -32700},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, Options{})
			c, w := h.open()
			h.feed(c, tc.msg, request(99, "ping", ""))
			got := w.lines()
			if len(got) != 2 {
				t.Fatalf("got %q", got)
			}
			id := tc.id
			if tc.name == "id twice" && strings.Contains(got[0], `"id":1`) {
				id = "1" // which of the two is readable is the codec's choice
			}
			wantError(t, got[0], id, tc.code)
			want(t, got[1:], result(99, "{}"))
			h.settle()
		})
	}
}

func TestOmitErrorID(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	c.OmitErrorID(true)
	h.feed(c, `}`)
	wantError(t, w.lines()[0], "omit", -32700)
	h.settle()
}

func TestPooledReply(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	h.feed(c, request(1, "pool", `{"a":"\u00e9"}`), request(2, "pool", ""))
	want(t, w.lines())
	if len(h.exec.queue) != 2 || c.InFlight() != 2 {
		t.Fatalf("%d queued, %d in flight", len(h.exec.queue), c.InFlight())
	}
	wakes := h.drv.wakes
	h.exec.runAll()
	if h.drv.wakes != wakes+1 {
		t.Errorf("%d wakes for two replies, want 1", h.drv.wakes-wakes)
	}
	w.writes = 0
	h.l.Turn()
	want(t, w.lines(), result(1, `{"a":"\u00e9"}`), result(2, "{}"))
	if w.writes != 1 {
		t.Errorf("%d writes, want 1", w.writes)
	}
	h.settle()
}

func TestBatch(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	note := `{"jsonrpc":"2.0","method":"n"}`
	h.feed(c, "["+note+","+note+"]")
	want(t, w.lines())
	h.feed(c, "["+request(1, "echo", "")+","+note+","+request(2, "nope", "")+",5,[]]")
	got := w.lines()
	if len(got) != 1 || !strings.HasPrefix(got[0], "["+result(1, "{}")+",") || strings.Count(got[0], `"error"`) != 3 {
		t.Errorf("got %q", got)
	}
	h.feed(c, "["+request(1, "pool", "")+","+request(2, "echo", "")+","+request(3, "pool", "")+"]")
	want(t, w.lines())
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), "["+result(2, "{}")+","+result(1, "{}")+","+result(3, "{}")+"]")
	// A call cancelled inside a batch is missing from the answer.
	h.feed(c, "["+request(1, "pool", "")+","+request(2, "echo", "")+"]", cancelled("1"))
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), "["+result(2, "{}")+"]")
	c.AllowBatch(false)
	h.feed(c, "["+request(1, "echo", "")+"]")
	wantError(t, w.lines()[0], "null", -32600)
	h.settle()
}

func cancelled(id string) string {
	return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `,"reason":"enough"}}`
}

func TestCancel(t *testing.T) {
	h := newHarness(t, Options{})
	var cause error
	started := false
	h.svc.run = func(c *Call) {
		started = true
		ctx := c.Context()
		h.l.Begin() // the loop goes on while the call runs
		c.conn.Receive([]byte(cancelled("1")))
		h.l.End()
		<-ctx.Done()
		cause = contextCause(ctx)
		if !c.Ended() {
			t.Error("Ended is false after cancellation")
		}
		echo(c)
	}
	c, w := h.open()
	h.feed(c, request(1, "pool", ""))
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines())
	if reason, ok := CancelReason(cause); !started || !ok || reason != "enough" {
		t.Errorf("started %v, cause %v, reason %q", started, cause, reason)
	}
	// Cancelled while queued: never runs.
	started = false
	h.feed(c, request(2, "pool", ""), cancelled("2"), cancelled("2"), cancelled(`"2"`), cancelled("77"))
	h.exec.runAll()
	h.l.Turn()
	if started {
		t.Error("a call cancelled in the queue was run")
	}
	want(t, w.lines())
	// The id is free again.
	h.svc.run = nil
	h.feed(c, request(2, "pool", ""))
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), result(2, "{}"))
	if n := h.e.Snapshot().CallsCanceled; n != 2 {
		t.Errorf("%d cancellations counted, want 2", n)
	}
	h.settle()
}

func TestDuplicateID(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	c2, w2 := h.open()
	h.feed(c, request(1, "pool", ""), request(1, "echo", ""), request(`"1"`, "echo", ""))
	h.feed(c2, request(1, "pool", `{"other":true}`))
	got := w.lines()
	wantError(t, got[0], "1", -32600)
	want(t, got[1:], result(`"1"`, "{}"))
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), result(1, "{}"))
	want(t, w2.lines(), result(1, `{"other":true}`))
	h.settle()
}

func TestSubmitAfter(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	h.feed(c, request(1, "later", `{"ms":20}`), request(2, "later", `{"ms":20}`), cancelled("2"))
	if c.InFlight() != 1 {
		t.Fatalf("%d in flight; a parked call that is cancelled goes at once", c.InFlight())
	}
	h.pass(19)
	if len(h.exec.queue) != 0 {
		t.Fatal("submitted too early")
	}
	if at := h.drv.wakeAt - h.clock.nanos; at > 2e6 {
		t.Errorf("driver asked for a wake in %d ns", at)
	}
	h.pass(1)
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), result(1, `{"ms":20}`))
	h.settle()
}

func TestCallTimeout(t *testing.T) {
	h := newHarness(t, Options{CallTimeout: 50 * time.Millisecond})
	c, w := h.open()
	h.feed(c, request(1, "pool", ""), request(2, "later", `{"ms":100}`), "["+request(3, "pool", "")+"]")
	h.pass(49)
	want(t, w.lines())
	h.pass(2)
	got := w.lines()
	if len(got) != 2 {
		t.Fatalf("got %q", got)
	}
	for _, l := range got {
		if !strings.Contains(l, `"code":-31003`) || !strings.Contains(l, `"limitMs":50`) {
			t.Errorf("got %s", l)
		}
	}
	// What the runner answers afterwards is dropped. The batch completes when
	// its last call has come home.
	h.exec.runAll()
	h.l.Turn()
	got = w.lines()
	if len(got) != 1 || !strings.HasPrefix(got[0], "[") {
		t.Errorf("got %q", got)
	}
	if n := h.e.Snapshot().CallsTimedOut; n != 3 {
		t.Errorf("%d timed out, want 3", n)
	}
	h.settle()
}

func TestInFlightLimits(t *testing.T) {
	h := newHarness(t, Options{MaxInFlight: 2, MaxInFlightTotal: 3})
	h.exec.room = 100
	c, w := h.open()
	d, v := h.open()
	h.feed(c, request(1, "pool", ""), request(2, "pool", ""), request(3, "pool", ""), request(4, "echo", ""))
	got := w.lines()
	if len(got) != 2 {
		t.Fatalf("got %q", got)
	}
	wantError(t, got[0], "3", -31001)
	want(t, got[1:], result(4, "{}"))
	h.feed(d, request(1, "pool", ""), request(2, "pool", ""))
	wantError(t, v.lines()[0], "2", -31001)
	h.exec.runAll()
	h.l.Turn()
	h.exec.room = 1
	h.feed(c, request(5, "pool", ""), request(6, "pool", ""))
	got = w.lines()
	wantError(t, got[len(got)-1], "6", -31001)
	h.settle()
}

func TestNotificationBeforeReply(t *testing.T) {
	h := newHarness(t, Options{})
	h.svc.run = func(c *Call) {
		for range 2 {
			if err := c.EndNotification(append(c.BeginNotification("notifications/progress"), `{}`...)); err != nil {
				t.Error(err)
			}
		}
		echo(c)
	}
	c, w := h.open()
	h.feed(c, request(1, "notify", ""), request(2, "pool", ""))
	h.exec.runAll()
	h.l.Turn()
	note := `{"jsonrpc":"2.0","method":"notifications/progress","params":{}}`
	want(t, w.lines(), `{"jsonrpc":"2.0","method":"notifications/x","params":{}}`, result(1, "{}"), note, note, result(2, "{}"))
	h.settle()
}

func TestPushLimit(t *testing.T) {
	h := newHarness(t, Options{MaxQueuedPushes: 2})
	c, w := h.open()
	errs := 0
	for range 3 {
		p := c.NewPush()
		p.Buf = append(p.Buf, `{"jsonrpc":"2.0","method":"n"}`...)
		if p.Send() != nil {
			errs++
		}
	}
	h.l.Turn()
	if errs != 1 || len(w.lines()) != 2 || h.e.Snapshot().PushRefused != 1 {
		t.Errorf("%d refused", errs)
	}
	p := c.NewPush()
	p.Buf = append(p.Buf, "x"...)
	h.l.Begin()
	c.Close(CloseLocal)
	h.l.End()
	if err := p.Send(); err != nil {
		t.Error(err)
	}
	h.l.Turn()
	h.settle()
}

// A handler that panics when its call is answered, or has left the loop, harms
// nobody: the answer stands.
func TestPanicAfterAnswer(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	h.feed(c, `{"jsonrpc":"2.0","id":1,"method":"panicAfter"}`, `{"jsonrpc":"2.0","id":2,"method":"panicDetached"}`, `{"jsonrpc":"2.0","id":3,"method":"echo"}`)
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), `{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","id":3,"result":{}}`, `{"jsonrpc":"2.0","id":2,"result":{}}`)
	if n := h.e.Snapshot().Panics; n != 2 {
		t.Errorf("%d panics counted", n)
	}
	h.settle()
}

func TestPanicOffLoop(t *testing.T) {
	h := newHarness(t, Options{})
	h.svc.run = func(c *Call) {
		_ = append(c.BeginResult(), "half"...)
		panic("boom")
	}
	c, w := h.open()
	h.feed(c, request(1, "pool", ""))
	h.exec.runAll()
	h.l.Turn()
	wantError(t, w.lines()[0], "1", -32603)
	if n := h.e.Snapshot().Panics; n != 1 {
		t.Errorf("%d panics counted", n)
	}
	h.settle()
}

func TestCloseWithCallsInFlight(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	h.feed(c, request(1, "pool", ""), request(2, "later", `{"ms":1000}`))
	h.l.Begin()
	c.Close(CloseReset)
	c.Close(CloseReset)
	c.Receive([]byte(request(3, "echo", "")))
	h.l.End()
	if w.closed != CloseReset || c.InFlight() != 1 {
		t.Errorf("closed %v, %d in flight", w.closed, c.InFlight())
	}
	h.settle()
	want(t, w.lines())
}

func TestEndOfInput(t *testing.T) {
	h := newHarness(t, Options{})
	c, w := h.open()
	h.l.Begin()
	c.Receive([]byte(request(1, "echo", "")))
	c.Receive([]byte(request(2, "pool", "")))
	c.EndOfInput()
	h.l.End()
	want(t, w.lines(), result(1, "{}"))
	if c.Closed() {
		t.Fatal("closed with a call in flight")
	}
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), result(2, "{}"))
	if w.closed != ClosePeer {
		t.Errorf("closed for %v", w.closed)
	}
	h.settle()
}

func TestDrain(t *testing.T) {
	h := newHarness(t, Options{})
	idle, wi := h.open()
	busy, wb := h.open()
	h.feed(busy, request(1, "pool", ""))
	h.e.Drain()
	h.l.Turn()
	if wi.closed != CloseDrained || !idle.Closed() {
		t.Error("an idle connection stays while draining")
	}
	h.feed(busy, request(2, "echo", ""))
	wantError(t, wb.lines()[0], "2", -31004)
	h.exec.runAll()
	h.l.Turn()
	want(t, wb.lines(), result(1, "{}"))
	if wb.closed != CloseDrained || h.e.Connections() != 0 {
		t.Errorf("closed for %v, %d open", wb.closed, h.e.Connections())
	}
	h.settle()
}

func TestDeadlines(t *testing.T) {
	o := Options{HandshakeTimeout: 100 * time.Millisecond, IdleTimeout: 200 * time.Millisecond, ReadTimeout: 50 * time.Millisecond}
	for _, tc := range []struct {
		name string
		do   func(h *harness, c *Conn)
		ms   int64
		want CloseReason
	}{
		{"silent", func(*harness, *Conn) {}, 100, CloseHandshake},
		{"idle", func(h *harness, c *Conn) { h.pass(90); h.feed(c, request(1, "echo", "")) }, 200, CloseIdle},
		{"kept", func(h *harness, c *Conn) { c.KeepIdle(true); h.feed(c, request(1, "echo", "")) }, 1000, CloseNone},
		{"partial", func(h *harness, c *Conn) {
			c.KeepIdle(true)
			h.l.Begin()
			c.Partial(0)
			h.l.End()
			h.pass(40)
			h.l.Begin()
			c.Partial(0)
			h.l.End()
		}, 50, CloseReadTimeout},
		{"call in flight", func(h *harness, c *Conn) { h.feed(c, request(1, "pool", "")) }, 1000, CloseNone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, o)
			c, w := h.open()
			tc.do(h, c)
			h.pass(tc.ms - 1)
			if w.closed != CloseNone {
				t.Fatalf("closed too early for %v", w.closed)
			}
			h.pass(1)
			if w.closed != tc.want {
				t.Errorf("closed for %v, want %v", w.closed, tc.want)
			}
			h.settle()
		})
	}
}

func TestServiceRefuses(t *testing.T) {
	h := newHarness(t, Options{})
	h.svc.refuse = true
	c, w := h.open()
	if c != nil || w.closed != CloseRefused || h.e.Connections() != 0 {
		t.Errorf("conn %v, closed %v", c, w.closed)
	}
	h.settle()
}

func TestOptionsErrors(t *testing.T) {
	for _, o := range []Options{
		{MaxMessageBytes: 10}, {MaxMessageBytes: 2 << 30}, {MaxInFlight: -1}, {OutputHighWater: -5},
		{WorkersMin: 10, WorkersMax: 2}, {Flush: 9}, {FlushBytes: 1}, {MaxBufferedBytes: 5}, {WorkerQueue: -1},
	} {
		if _, err := New(&testService{}, o); err == nil {
			t.Errorf("%+v was accepted", o)
		} else if !strings.HasPrefix(err.Error(), "engine: Options.") {
			t.Errorf("error %q does not name the option", err)
		}
	}
	if _, err := New(nil, Options{}); err == nil {
		t.Error("a nil service was accepted")
	}
}
