//go:build !race

package pool

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Submitting and running allocates nothing once workers and ring are there.
func TestAllocs(t *testing.T) {
	done := make(chan struct{}, 64)
	w := NewWorkers(WorkersOptions{Min: 4, Max: 4, Queue: 256}, func(*int) { done <- struct{}{} })
	defer w.Close()
	for _, n := range []int{1, 64} {
		tasks := make([]*int, n)
		op := func() {
			if w.Submit(tasks) != n {
				t.Error("refused")
			}
			for range n {
				<-done
			}
		}
		for range 100 {
			op()
		}
		if a := testing.AllocsPerRun(200, op); a != 0 {
			t.Errorf("%v allocations for %d tasks, want 0", a, n)
		}
	}
}

// Checking out and in allocates nothing once the connections are there, whatever
// the strategy, shared or not, and with the breaker on the way; nor does waiting,
// once as many have waited before.
func TestAllocsPool(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, o := range []PoolOptions{
		{Size: 4, Max: 4},
		{Size: 4, Max: 4, Strategy: LeastLoaded, PerConn: 8},
		{Size: 4, Max: 4, Strategy: PowerOfTwo, PerConn: 8},
		{Size: 4, Max: 4, Breaker: BreakerOptions{Failures: -1}},
	} {
		p, f := newPool(t, o)
		op := func() {
			var ls [4]Lease[*fake]
			for i := range ls {
				l, err := p.Checkout(ctx)
				if err != nil {
					t.Fatal(err)
				}
				ls[i] = l
			}
			for _, l := range ls {
				if err := l.CheckinUsed(time.Microsecond, nil); err != nil {
					t.Error(err)
				}
			}
		}
		op()
		eventually(t, "all are open", func() bool { op(); return p.Snapshot().Open == 4 })
		if a := testing.AllocsPerRun(500, op); a != 0 {
			t.Errorf("%+v: %v allocations", o, a)
		}
		closeAll(t, p, f)
	}

	// One connection and two who want it: one of them always waits.
	p, f := newPool(t, PoolOptions{Size: 1, Max: 1})
	work, done := make(chan struct{}), make(chan error)
	defer close(work)
	go func() {
		for range work {
			l, err := p.Checkout(ctx)
			done <- errors.Join(err, l.Checkin(nil))
		}
	}()
	op := func() {
		l, err := p.Checkout(ctx)
		if err != nil {
			t.Fatal(err)
		}
		work <- struct{}{}
		for p.waitingNow() == 0 {
			time.Sleep(10 * time.Microsecond)
		}
		if err := errors.Join(l.Checkin(nil), <-done); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		op()
	}
	if a := testing.AllocsPerRun(100, op); a != 0 {
		t.Errorf("waiting: %v allocations", a)
	}
	closeAll(t, p, f)
}

func (p *Pool[C]) waitingNow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting.n
}
