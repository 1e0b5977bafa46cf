package transports

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The answers of a batch of 64 that went to the worker pool come home by two
// wakes at most: the first answer wakes the loop, and what arrives while it is
// awake costs no wake of its own. A busy machine may let worker and loop take
// turns now and then, so what counts is the median of some rounds.
func TestWakesOfPooledBatch(t *testing.T) {
	s := start(t, Options{Loops: 1}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	const batch, rounds = 64, 50
	var b strings.Builder
	for i := range batch {
		b.WriteString(req(i, "pool", ""))
	}
	wakes := make([]uint64, rounds)
	for i := range wakes {
		before := s.Snapshot().Engine.Wakes
		p.send(b.String())
		for range batch {
			p.line()
		}
		eventually(t, "calls at home", func() bool { return s.Snapshot().Engine.InFlight == 0 })
		wakes[i] = s.Snapshot().Engine.Wakes - before
	}
	slices.Sort(wakes)
	t.Logf("wakes of %d answers: %v", batch, wakes)
	if median := wakes[rounds/2]; median > 2 {
		t.Errorf("%d wakes for %d answers, want 2", median, batch)
	}
}

// Nothing happens on a server that nobody talks to.
func TestIdleTurns(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	var ps []*peer
	for range 50 {
		p := dial(t, s)
		p.send(req(1, "keep", ""))
		p.want(res(1, "{}"))
		ps = append(ps, p)
	}
	time.Sleep(50 * time.Millisecond)
	before := s.Snapshot().Engine.Turns
	time.Sleep(300 * time.Millisecond)
	if n := s.Snapshot().Engine.Turns - before; n > 2 {
		t.Errorf("%d turns in 300 ms with %d idle connections", n, len(ps))
	}
}
