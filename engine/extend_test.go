package engine

import (
	"strings"
	"testing"
	"time"
)

// Extend moves the bound, again and again, and not beyond MaxCallTimeout.
func TestExtend(t *testing.T) {
	h := newHarness(t, Options{CallTimeout: 50 * time.Millisecond, MaxCallTimeout: 120 * time.Millisecond})
	c, w := h.open()
	h.feed(c, request(1, "pool", ""))
	call := c.calls
	h.pass(40)
	call.Extend(50 * time.Millisecond)
	call.Extend(time.Millisecond) // never shortens
	h.pass(45)
	want(t, w.lines())
	call.Extend(time.Hour)
	h.pass(33)
	want(t, w.lines())
	h.pass(3)
	got := w.lines()
	if len(got) != 1 || !strings.Contains(got[0], "-31003") {
		t.Errorf("got %q", got)
	}
	h.exec.runAll()
	h.l.Turn()
	h.settle()
}

// What a handler has left is neither answered nor in flight, and its connection
// drains when the service has ended it.
func TestLeave(t *testing.T) {
	h := newHarness(t, Options{})
	h.svc.goodbye = true
	c, w := h.open()
	h.feed(c, request(1, "leave", ""), request(2, "echo", `{"a":1}`))
	if got := w.lines(); len(got) != 1 || !strings.Contains(got[0], `"id":2`) {
		t.Fatalf("got %q", got)
	}
	if c.InFlight() != 0 || c.Cancel([]byte("1"), "") {
		t.Error("a request that was left is in flight")
	}
	h.l.Begin()
	c.Drain()
	h.l.End()
	if got := w.lines(); len(got) != 1 || got[0] != `{"end":true}` || !c.closed {
		t.Errorf("got %q, closed %v", got, c.closed)
	}
	h.settle()
}
