package engine

import (
	"fmt"
	"strings"
	"testing"
)

// While a peer does not read, what is urgent overtakes what it has been sent
// nothing of: after each 16 urgent frames one normal frame keeps its place, and
// no more than 100 overtake.
func TestUrgentOvertakes(t *testing.T) {
	h := newHarness(t, Options{OutputHighWater: 1 << 30, MaxOutputBytes: 1 << 30})
	c, w := h.open()
	w.room = 10 // of the first frame, which therefore stays first
	request := func(id int, method string) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q}`, id, method)
	}
	var normal []string
	for i := range 30 {
		normal = append(normal, request(i, "echo"))
	}
	h.feed(c, normal...)
	var pings []string
	for i := range 130 {
		pings = append(pings, request(1000+i, "ping"))
	}
	h.feed(c, pings...)
	w.room = -1
	h.pass(200)
	var order strings.Builder
	nextNormal, nextUrgent := 0, 1000
	for _, line := range w.lines() {
		var id int
		if _, err := fmt.Sscanf(line, `{"jsonrpc":"2.0","id":%d,`, &id); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if id >= 1000 {
			if id != nextUrgent {
				t.Fatalf("urgent %d after %d", id, nextUrgent-1)
			}
			nextUrgent++
			order.WriteByte('u')
		} else {
			if id != nextNormal {
				t.Fatalf("normal %d after %d", id, nextNormal-1)
			}
			nextNormal++
			order.WriteByte('n')
		}
	}
	// One frame is half sent; then runs of 16 with a normal one between, 100
	// urgent ones in all; then the rest as it came.
	wanted := "n" + strings.Repeat(strings.Repeat("u", 16)+"n", 6) + strings.Repeat("u", 4) +
		strings.Repeat("n", 30-7) + strings.Repeat("u", 30)
	if order.String() != wanted {
		t.Errorf("order\n  %s\nwant\n  %s", order.String(), wanted)
	}
	if n := h.e.Snapshot().Urgent; n != 100 {
		t.Errorf("%d counted as urgent", n)
	}
	h.settle()
}

// Above the high-water mark messages are held back, up to a bound beyond which
// the connection is closed; a peer that takes nothing for the stall time is
// closed too.
func TestHighWater(t *testing.T) {
	h := newHarness(t, Options{OutputHighWater: 1000, HeldInputBytes: 2000, MaxOutputBytes: 1 << 20})
	c, w := h.open()
	w.room = 0
	call := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"%0900d"}}`, 0)
	h.feed(c, call)
	if c.Blocked() {
		t.Error("blocked below the mark")
	}
	h.feed(c, call)
	if !c.Blocked() {
		t.Error("not blocked above the mark")
	}
	if !c.HoldInput(2000) || c.Closed() {
		t.Error("input within the bound is not held")
	}
	w.room = -1
	h.pass(100)
	if w.resumed != 1 || len(w.lines()) != 2 {
		t.Errorf("resumed %d times", w.resumed)
	}
	w.room = 0
	h.feed(c, call, call)
	h.l.Begin()
	_ = c.Blocked()
	if c.HoldInput(2001) || w.closed != CloseSlowReader {
		t.Errorf("input beyond the bound: closed as %v", w.closed)
	}
	h.l.End()

	c, w = h.open()
	w.room = 0
	h.feed(c, call, call)
	h.pass(DefaultWriteStallTimeout.Milliseconds() - 1000)
	if w.closed != CloseNone {
		t.Fatalf("closed as %v before its time", w.closed)
	}
	h.pass(1200)
	if w.closed != CloseSlowReader {
		t.Errorf("a peer that takes nothing for 30 s: closed as %v", w.closed)
	}
	_ = c
	h.settle()
}

// The unsent output of a connection is bounded.
func TestMaxOutput(t *testing.T) {
	h := newHarness(t, Options{OutputHighWater: 1 << 30, MaxOutputBytes: 4096})
	c, w := h.open()
	w.room = 0
	call := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"%0900d"}}`, 0)
	h.feed(c, call) // blocks
	for i := 0; i < 10 && !c.Closed(); i++ {
		h.feed(c, call)
	}
	if w.closed != CloseSlowReader {
		t.Errorf("closed as %v", w.closed)
	}
	h.settle()
}
