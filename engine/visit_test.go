package engine

import (
	"testing"
	"time"
)

// EachLoop calls on each loop when its time has come there, whether it has
// connections or not, and what panics harms nobody.
func TestEachLoop(t *testing.T) {
	h := newHarness(t, Options{})
	other := &fakeDriver{}
	l2 := h.e.NewLoop(other)
	a, _ := h.open()
	b, _ := h.open()
	seen := map[*Loop][]*Conn{}
	h.e.EachLoop(10*time.Millisecond, func(l *Loop) {
		seen[l] = []*Conn{}
		for c := range l.Conns() {
			seen[l] = append(seen[l], c)
		}
	})
	h.e.EachLoop(0, func(*Loop) { panic("contained") })
	h.l.Turn()
	l2.Turn()
	if len(seen) != 0 {
		t.Fatal("called too early")
	}
	h.pass(11)
	l2.Turn()
	if got := seen[h.l]; len(got) != 2 || got[0] != b || got[1] != a {
		t.Errorf("the first loop saw %d connections", len(got))
	}
	if got, ok := seen[l2]; !ok || len(got) != 0 {
		t.Errorf("the second loop saw %d connections, %v", len(got), ok)
	}
	if n := h.e.Snapshot().Panics; n != 2 {
		t.Errorf("%d panics contained, want 2", n)
	}
	for c := range h.l.Conns() { // closing while going through
		h.l.Begin()
		c.Close(CloseForced)
		h.l.End()
	}
	h.settle()
}
