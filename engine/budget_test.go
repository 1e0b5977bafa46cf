package engine

import (
	"fmt"
	"strings"
	"testing"
)

// large answers calls from the worker pool with n bytes.
func large(n int) func(*Call) {
	text := `"` + strings.Repeat("x", n-2) + `"`
	return func(c *Call) { c.Result([]byte(text)) }
}

// Answers that wait to be taken by their loop are of the budget, however many
// calls a peer has had begun while there was room.
func TestBudgetOfAnswers(t *testing.T) {
	const budget, calls, size = 1 << 20, 100, 100 << 10
	h := newHarness(t, Options{MaxBufferedBytes: budget})
	h.svc.run = large(size)
	c, w := h.open()
	w.room = 0 // it reads nothing
	for i := range calls {
		h.feed(c, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"pool"}`, i))
	}
	for len(h.exec.queue) > 0 {
		call := h.exec.queue[0]
		h.exec.queue = h.exec.queue[1:]
		call.Run()
		if n := h.e.Snapshot().BufferedBytes; n > budget {
			t.Fatalf("%d bytes are charged for answers on their way, the budget is %d", n, budget)
		}
	}
	h.l.Turn()
	s := h.e.Snapshot()
	if s.BufferedBytes == 0 || s.BufferedBytes > 2*budget {
		t.Errorf("%d bytes are charged for output that waits, the budget is %d", s.BufferedBytes, budget)
	}
	if s.CallsRefused == 0 || s.OverBudget == 0 {
		t.Errorf("%d calls refused, %d times over the budget", s.CallsRefused, s.OverBudget)
	}
	w.room = -1 // it reads
	h.pass(100)
	answered, refused := 0, 0
	for _, l := range w.lines() {
		switch {
		case len(l) > size:
			answered++
		case strings.Contains(l, `"code":-31001`):
			refused++
		default:
			t.Errorf("answer %.100s", l)
		}
	}
	if answered == 0 || answered+refused != calls || uint64(refused) != s.CallsRefused {
		t.Errorf("%d answered, %d refused (%d counted), of %d", answered, refused, s.CallsRefused, calls)
	}
	// With room again, large answers are sent.
	h.feed(c, `{"jsonrpc":"2.0","id":"z","method":"pool"}`)
	h.exec.runAll()
	h.l.Turn()
	if l := w.lines(); len(l) != 1 || len(l[0]) < size {
		t.Errorf("%d answers when there was room again", len(l))
	}
	h.settle()
}

// An answer whose call has ended, or whose connection has, holds nothing of the
// budget when it has come home.
func TestBudgetOfAnswersGivenBack(t *testing.T) {
	h := newHarness(t, Options{MaxBufferedBytes: 1 << 20})
	h.svc.run = large(100 << 10)
	c, _ := h.open()
	h.feed(c, `{"jsonrpc":"2.0","id":1,"method":"pool"}`, `{"jsonrpc":"2.0","id":2,"method":"pool"}`)
	calls := h.exec.queue
	h.exec.queue = nil
	calls[0].Run() // answered, then its connection closes
	h.l.Begin()
	c.Close(ClosePeer)
	h.l.End()
	calls[1].Run() // the other way round
	h.l.Turn()
	h.settle()
}

// What stalls beyond the budget is cut in one look, not a connection a second.
func TestBudgetRelieved(t *testing.T) {
	const budget, conns, size = 1 << 20, 64, 256 << 10
	h := newHarness(t, Options{MaxBufferedBytes: budget, OutputHighWater: 4 << 20, WriteStallTimeout: -1})
	answer := `"` + strings.Repeat("x", size) + `"`
	wires := make([]*fakeWire, conns)
	for i := range wires {
		c, w := h.open()
		w.room = 0
		wires[i] = w
		h.feed(c, `{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":`+answer+`}}`)
	}
	if n := h.e.Snapshot().BufferedBytes; n < conns*size {
		t.Fatalf("%d bytes are charged, want the output of all", n)
	}
	h.pass(budgetPeriod + holderGrace/1e6 + 1)
	if n := h.e.Snapshot().BufferedBytes; n > budget {
		t.Errorf("%d bytes are still charged, the budget is %d", n, budget)
	}
	cut := 0
	for _, w := range wires {
		if w.closed == CloseBudget {
			cut++
		}
	}
	if cut == 0 || cut == conns {
		t.Errorf("%d of %d connections were cut", cut, conns)
	}
	h.settle()
}
