package pool

import (
	"context"
	"sync"
	"sync/atomic"
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
	r := retry{failed: 9, after: int64(time.Hour)}
	if r.alone(0, time.Second); r.after != int64(time.Hour) {
		t.Errorf("that the last connection is lost too makes the wait %v", time.Duration(r.after))
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
		p, f := newPool(t, PoolOptions{Size: 5, Max: 5, WaitTimeout: time.Hour, Breaker: BreakerOptions{Failures: -1}})
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

// Dials that fail together are one failure: the waits begin as after one, and so does
// the breaker. Those who wait go on until a connection is there or their own time is
// over, and are told why there was none.
func TestPoolRedialTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 8, Max: 8, WaitTimeout: time.Hour, RetryMin: time.Second, RetryMax: time.Hour})
		f.setDown(errDown)
		f.setOnDial(func(ctx context.Context) error { time.Sleep(100 * time.Millisecond); return nil })
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				limit := time.Hour
				if i%2 == 0 {
					limit = 150*time.Millisecond + time.Duration(i)*time.Millisecond
				}
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				defer cancel()
				l, err := p.Checkout(ctx)
				d := time.Since(start)
				switch {
				case limit == time.Hour && err == nil && d < 3*time.Second:
					checkin(t, l, nil)
				case limit < time.Hour && d == limit:
					says(t, err, context.DeadlineExceeded, "1 dials in a row have failed, the last with: fake: nobody there")
				default:
					t.Errorf("waiter %d: %v after %v", i, err, d)
				}
			})
		}
		time.Sleep(101 * time.Millisecond)
		if s := p.Snapshot(); s.DialFailures != 8 || s.Waiting != 8 || s.Breaker.Failures != 1 || s.Breaker.State != BreakerClosed {
			t.Errorf("all have failed: %s", gauges(s))
		}
		f.setDown(nil)
		wg.Wait()
		closeAll(t, p, f)
	})
}

// Nor are connections that end together, as soon as they are there, more than one.
func TestPoolStillbornTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 8, Max: 8, Warm: 8, RetryMin: time.Second, RetryMax: time.Hour, HealthInterval: -1, RetireAfter: 20 * time.Millisecond})
		synctest.Wait()
		for _, c := range f.all {
			c.die()
		}
		time.Sleep(10 * time.Millisecond)
		p.mu.Lock()
		if p.retry.failed != 1 {
			t.Errorf("%d failures", p.retry.failed)
		}
		p.mu.Unlock()
		// One failure after the other counts.
		f.setDown(errDown)
		time.Sleep(time.Minute)
		p.mu.Lock()
		if n := len(f.dialTimes) - 8; p.retry.failed != 1+n || n < 3 {
			t.Errorf("%d failures, and %d dials more", p.retry.failed, n)
		}
		p.mu.Unlock()
		closeAll(t, p, f)
	})
}

// A connection that has proved to be of use ends the wait for a dial at once.
func TestPoolProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 3, Max: 3, WaitTimeout: time.Hour, RetryMin: time.Hour, RetryMax: time.Hour})
		var n atomic.Int32
		f.setOnDial(func(context.Context) error {
			if n.Add(1) == 2 {
				time.Sleep(time.Second)
				return errDown
			}
			return nil
		})
		first := checkout(t, p)
		served := make(chan Lease[*fake], 2)
		for range 3 {
			go func() { served <- checkout(t, p) }()
			synctest.Wait()
		}
		third := <-served
		time.Sleep(2500 * time.Millisecond) // the second dial has failed: up to an hour until the next
		start := time.Now()
		checkin(t, first, nil)
		held := []Lease[*fake]{third, <-served, <-served} // the first connection again, and another
		if d := time.Since(start); d != 0 {
			t.Errorf("after %v", d)
		}
		for _, l := range held {
			checkin(t, l, nil)
		}
		closeAll(t, p, f)
	})
}

// While one dial fails another may succeed: then the next may follow at once, one at
// a time.
func TestPoolRedialAfterSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 4, Max: 4, WaitTimeout: time.Hour, RetryMin: time.Hour, RetryMax: time.Hour})
		var n atomic.Int32
		f.setOnDial(func(context.Context) error {
			switch n.Add(1) {
			case 1:
				time.Sleep(time.Second)
				return errDown
			case 2:
				time.Sleep(2 * time.Second)
			}
			return nil
		})
		start := time.Now()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				l := checkout(t, p)
				if d := time.Since(start); d != 2*time.Second {
					t.Errorf("after %v", d)
				}
				time.Sleep(time.Minute)
				checkin(t, l, nil)
			})
		}
		wg.Wait()
		closeAll(t, p, f)
	})
}

// The place of a connection is taken until Close has returned, and free right then;
// beside it, others are opened.
func TestPoolSlowClose(t *testing.T) {
	for _, most := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakes{t: t}
			d := f.dialer()
			end := d.Close
			d.Close = func(c *fake) error {
				time.Sleep(time.Minute)
				return end(c)
			}
			p, err := NewPool(d, PoolOptions{Size: most, Max: most, Warm: 1, RetryMin: 1, WaitTimeout: time.Hour, HealthInterval: -1, SampleInterval: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			for _, borrow := range []bool{true, false} {
				start := time.Now()
				if borrow {
					checkin(t, checkout(t, p), errDown)
				} else {
					f.all[len(f.all)-1].die()
				}
				for {
					if n := p.Snapshot(); n.Open > 0 && n.Lost > map[bool]uint64{true: 0, false: 1}[borrow] {
						break
					}
					time.Sleep(time.Millisecond)
				}
				d := time.Since(start)
				if least, limit := time.Duration(most%2)*time.Minute, time.Duration(most%2)*time.Minute+time.Second+10*time.Millisecond; d < least || d > limit {
					t.Errorf("Max %d, borrowed: %v: another after %v, want %v to %v", most, borrow, d, least, limit)
				}
				time.Sleep(2 * time.Minute)
			}
			closeAll(t, p, f)
		})
	}
}

// A connection that has ended while it was lent is replaced when it comes back, at
// once, however long closing it takes.
func TestPoolEndedWhileLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{t: t}
		d := f.dialer()
		end := d.Close
		d.Close = func(c *fake) error {
			time.Sleep(time.Minute)
			return end(c)
		}
		p, err := NewPool(d, PoolOptions{Size: 2, Max: 4, Overflow: -1})
		if err != nil {
			t.Fatal(err)
		}
		a, b := checkout(t, p), checkout(t, p)
		time.Sleep(300 * time.Millisecond) // between two rounds of upkeep
		served := make(chan Lease[*fake], 1)
		go func() { served <- checkout(t, p) }()
		synctest.Wait()
		a.Conn().die()
		checkin(t, a, nil)
		synctest.Wait()
		if len(served) != 1 {
			t.Errorf("%s", gauges(p.Snapshot()))
		}
		checkin(t, <-served, nil)
		checkin(t, b, nil)
		closeAll(t, p, f)
	})
}
