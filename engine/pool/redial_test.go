package pool

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A server that is away is tried one dial at a time, with waits that grow and
// are drawn at random; who waits is served when it is back.
func TestPoolRedial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 20, Max: 20, WaitTimeout: time.Hour, Breaker: BreakerOptions{Failures: -1}})
		f.setDown(errDown)
		f.setOnDial(func(context.Context) error { time.Sleep(10 * time.Millisecond); return nil })
		start := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				l := checkout(t, p)
				time.Sleep(time.Second)
				checkin(t, l, nil)
			})
		}
		time.Sleep(20 * time.Minute)
		f.mu.Lock()
		times := append([]time.Time{start}, f.dialTimes...)
		f.mu.Unlock()
		// The first are tried together: nothing has failed yet.
		together := 0
		for together < len(times)-1 && times[together+1].Equal(start) {
			together++
		}
		if together != DefaultDialsAtOnce {
			t.Errorf("%d dials at the start", together)
		}
		n := 0
		for i := together + 1; i < len(times); i++ {
			// From the end of one to the start of the next, the bound doubles.
			wait := times[i].Sub(times[i-1]) - 10*time.Millisecond
			if wait < 0 || wait > time.Minute+10*time.Millisecond {
				t.Errorf("dial %d after %v", i, wait)
			}
			n++
		}
		if n < 20 || n > 200 {
			t.Errorf("%d dials in 20 minutes", n)
		}
		s := p.Snapshot()
		if s.Waiting != 20 || s.Open != 0 || s.DialFailures != s.Dials || int(s.Dials) != len(times)-1 {
			t.Errorf("%+v", gauges(s))
		}
		f.setDown(nil)
		wg.Wait()
		if s := p.Snapshot(); s.Open == 0 || f.dialPeak > DefaultDialsAtOnce || s.Checkins != 20 {
			t.Errorf("back: %+v", gauges(s))
		}
		closeAll(t, p, f)
	})
}

// The bound of the waits doubles, up to the largest; waits fill it.
func TestPoolBackoff(t *testing.T) {
	for _, tc := range []struct {
		n    int
		want time.Duration
	}{{0, 1}, {1, 2}, {3, 8}, {5, 32}, {6, 60}, {7, 60}, {1 << 30, 60}} {
		if got := backoff(time.Second, time.Minute, tc.n); got != tc.want*time.Second {
			t.Errorf("after %d failures %v", tc.n, got)
		}
	}
	low, high := 0, 0
	for range 1000 {
		switch d := time.Duration(fullJitter(time.Second)); {
		case d < 0 || d > time.Second:
			t.Fatal(d)
		case d < time.Second/4:
			low++
		case d > time.Second*3/4:
			high++
		}
	}
	if low < 150 || high < 150 {
		t.Errorf("of 1,000 waits %d in the first quarter, %d in the last", low, high)
	}
}

// When all connections are lost at once, the pool waits before it dials, and then
// dials one; when one of several is lost, it is replaced at once.
func TestPoolLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 10, Warm: 10, RetryMin: 2 * time.Second, HealthInterval: -1, RetireAfter: time.Second})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		f.all[3].die()
		time.Sleep(time.Second)
		synctest.Wait()
		if s := p.Snapshot(); s.Open != 10 || s.Lost != 1 || s.Dials != 11 {
			t.Errorf("one lost: %+v", gauges(s))
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		for _, c := range f.all {
			c.die()
		}
		dials := len(f.dialTimes)
		died := time.Now()
		f.setOnDial(func(context.Context) error { time.Sleep(time.Millisecond); return nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := p.Snapshot(); s.Open != 10 || s.Lost != 11 {
			t.Errorf("all lost: %+v", gauges(s))
		}
		first, second := f.dialTimes[dials].Sub(died), f.dialTimes[dials+1].Sub(f.dialTimes[dials])
		if first > 3*time.Second || second < time.Millisecond {
			t.Errorf("the first dial after %v, the second %v later, before that was through", first, second)
		}
		closeAll(t, p, f)
	})
}

// A server that takes connections and ends them at once is not dialled in a circle,
// though another connection to it is fine.
func TestPoolStillborn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 5, Max: 5, WaitTimeout: time.Hour})
		good := checkout(t, p)
		d := p.d.Done
		p.d.Done = func(c *fake) <-chan struct{} { c.die(); return d(c) }
		served := make(chan Lease[*fake])
		go func() { served <- checkout(t, p) }()
		time.Sleep(10 * time.Minute)
		if s := p.Snapshot(); s.Dials < 10 || s.Dials > 60 || s.Lost != s.Dials-1 || s.Open != 1 || s.Waiting != 1 {
			t.Errorf("%s", gauges(s))
		}
		p.mu.Lock() // the function is read by dials alone, one at a time
		p.d.Done = d
		p.mu.Unlock()
		checkin(t, <-served, nil)
		checkin(t, good, nil)
		// It has been of use: several are dialled at once again.
		var ls []Lease[*fake]
		for range 5 {
			ls = append(ls, checkout(t, p))
		}
		for _, l := range ls {
			checkin(t, l, nil)
		}
		if s := p.Snapshot(); s.Open != 5 {
			t.Errorf("%s", gauges(s))
		}
		closeAll(t, p, f)
	})
}

// A dial that hangs is given up; one that panics is an error; Close ends one
// that is under way.
func TestPoolDialBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, DialTimeout: time.Second, WaitTimeout: time.Hour, Breaker: BreakerOptions{Failures: -1}})
		hang := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
		f.setOnDial(hang)
		go func() {
			time.Sleep(3500 * time.Millisecond)
			f.setOnDial(func(context.Context) error { panic("oh") })
			time.Sleep(10 * time.Second)
			f.setOnDial(nil)
		}()
		l := checkout(t, p)
		if s := p.Snapshot(); s.DialFailures < 3 || s.Dials != s.DialFailures+1 {
			t.Errorf("%+v", gauges(s))
		}
		checkin(t, l, errDown)
		f.setOnDial(hang)
		failed := make(chan error)
		go func() { _, err := p.Checkout(context.Background()); failed <- err }()
		time.Sleep(1100 * time.Millisecond) // it is being dialled
		closed := make(chan error)
		go func() { closed <- p.Close(context.Background()) }()
		says(t, <-failed, ErrPoolClosed)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		nothing(t, p, f)
	})
}
