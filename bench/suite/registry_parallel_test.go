package suite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Each body is called until the time is over, the rates add up, and the first error
// ends the goroutine that had it.
func TestTogether(t *testing.T) {
	const each, pause = 10, 2 * time.Millisecond
	var calls [3]atomic.Int64
	bodies := make([]func() error, len(calls))
	for i := range bodies {
		bodies[i] = func() error { calls[i].Add(1); time.Sleep(pause); return nil }
	}
	c, err := together(bodies, 40*time.Millisecond, each)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for i := range calls {
		if calls[i].Load() == 0 {
			t.Errorf("body %d was not called", i)
		}
		sum += calls[i].Load()
	}
	if c.times.TotalCount() != sum {
		t.Errorf("%d readings of %d calls", c.times.TotalCount(), sum)
	}
	// None is faster than its pause.
	if most := float64(len(bodies)*each) / pause.Seconds(); c.rate <= 0 || c.rate > most {
		t.Errorf("rate %.0f, %.0f at most", c.rate, most)
	}
	bad := errors.New("bad")
	bodies[1] = func() error { return bad }
	if _, err := together(bodies, 5*time.Millisecond, each); !errors.Is(err, bad) {
		t.Errorf("%v, want %v", err, bad)
	}
}

// A body that waits for nobody scales with the goroutines, one that waits for the others
// does not.
func TestParallel(t *testing.T) {
	const pause = time.Millisecond
	var turn sync.Mutex
	free := func() error { time.Sleep(pause); return nil }
	held := func() error { turn.Lock(); defer turn.Unlock(); time.Sleep(pause); return nil }
	e := &Env{Context: t.Context()}
	scales := func(body func() error) float64 {
		s, err := parallel(e, time.Second, []func() error{body, body, body})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.one) != parallelTurns || len(s.all) != parallelTurns || len(s.scaling) != parallelTurns || s.times.times.TotalCount() == 0 {
			t.Errorf("%+v", s)
		}
		return median(s.scaling)
	}
	if f, h := scales(free), scales(held); f < 1.5*h {
		t.Errorf("scaling %.2f of what shares nothing, %.2f of what shares a lock", f, h)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := parallel(&Env{Context: ctx}, time.Hour/1e6, []func() error{free}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// Names arrive in the order of the sequence, and one behind the other.
func TestArriving(t *testing.T) {
	keys := [][]byte{[]byte("a"), []byte("bb"), []byte("ccc")}
	list := arriving(keys, []int32{2, 0, 2, 1})
	if got := fmt.Sprintf("%s", list); got != "[ccc a ccc bb]" {
		t.Fatal(got)
	}
	for _, name := range list {
		if cap(name) != len(name) {
			t.Errorf("%s has room for %d", name, cap(name))
		}
	}
	list[0][0] = 'x'
	if string(keys[2]) != "ccc" || string(list[2]) != "ccc" {
		t.Error("it is no copy")
	}
}
