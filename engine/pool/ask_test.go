package pool

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// neglect makes it long ago that anything was heard of a pool's connections.
func neglect(p *Pool[*fake]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.slots.at {
		p.slots.at[i].good -= int64(time.Minute)
	}
}

// Nobody gets a connection that is being asked, how many may share it ever: not who
// comes meanwhile, not who waits; and if it does not answer, nobody had it.
func TestPoolAskedIsNotLent(t *testing.T) {
	for _, perConn := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			p, f := newPool(t, PoolOptions{Size: 1, Max: 1, PerConn: perConn, HealthInterval: 5 * time.Second, PingTimeout: time.Second, RetryMin: time.Millisecond, WaitTimeout: time.Hour})
			checkin(t, checkout(t, p), nil)
			neglect(p)
			f.all[0].mute.Store(true)
			start := time.Now()
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					l := checkout(t, p)
					if d := time.Since(start); l.Conn().n != 1 || d < time.Second {
						t.Errorf("connection %d after %v", l.Conn().n, d)
					}
					time.Sleep(time.Second)
					checkin(t, l, nil)
				})
				synctest.Wait()
			}
			if s := p.Snapshot(); s.Waiting != 4 || s.Lent != 0 || f.pings.Load() != 1 {
				t.Errorf("while it is asked: %d pings, %s", f.pings.Load(), gauges(s))
			}
			wg.Wait()
			if s := p.Snapshot(); s.Lost != 1 || s.PingFailures != 1 || s.Checkouts != 5 || s.Reclaimed != 0 {
				t.Errorf("%s", gauges(s))
			}
			closeAll(t, p, f)
		})
	}
}

// A connection that somebody holds, and that nothing was heard of since, is asked
// before another shares it. Who holds it goes on with it, whatever the answer.
func TestPoolAsksShared(t *testing.T) {
	for _, mute := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, f := newPool(t, PoolOptions{Size: 1, Max: 2, Overflow: -1, PerConn: 3, HealthInterval: 5 * time.Second, PingTimeout: time.Second, RetryMin: time.Millisecond})
			long := checkout(t, p)
			time.Sleep(4 * time.Second)
			other := checkout(t, p)
			if n := f.pings.Load(); n != 0 {
				t.Errorf("%d pings of one that was heard of four seconds ago", n)
			}
			time.Sleep(7 * time.Second)
			f.all[0].mute.Store(mute)
			start := time.Now()
			l := checkout(t, p)
			if d := time.Since(start); d > time.Second+time.Millisecond {
				t.Errorf("mute: %v: after %v", mute, d) // that is PingTimeout
			}
			if n := f.pings.Load(); n != 1 || (l.Conn() == long.Conn()) == mute || long.Conn().closed.Load() {
				t.Errorf("mute: %v: %d pings, connection %d, the first closed: %v", mute, n, l.Conn().n, long.Conn().closed.Load())
			}
			checkin(t, other, errDown) // now at the latest it is of no use
			if s := p.Snapshot(); s.Lost != 1 || s.Dead != 1 || long.Conn().closed.Load() {
				t.Errorf("mute: %v: %s", mute, gauges(s))
			}
			checkin(t, long, nil)
			checkin(t, l, nil)
			synctest.Wait()
			if !long.Conn().closed.Load() {
				t.Error("nobody has it, and it is open")
			}
			closeAll(t, p, f)
		})
	}
}

// A borrower that checks in, or finds broken, a connection that is asked right then
// does not have it closed, nor lent, before the answer is there.
func TestPoolCheckinWhileAsked(t *testing.T) {
	for _, outcome := range []error{nil, errDown} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakes{t: t}
			d := f.dialer()
			answer := make(chan error)
			d.Ping = func(_ context.Context, c *fake) error {
				err := <-answer
				if c.closed.Load() {
					t.Error("closed while it was asked")
				}
				return err
			}
			p, err := NewPool(d, PoolOptions{Size: 1, Max: 1, PerConn: 2, HealthInterval: 5 * time.Second, PingTimeout: time.Hour, RetryMin: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			held := checkout(t, p)
			neglect(p)
			served := make(chan Lease[*fake], 1)
			go func() { served <- checkout(t, p) }()
			synctest.Wait()
			checkin(t, held, outcome)
			time.Sleep(time.Second)
			if s := p.Snapshot(); s.Waiting != 1 || s.Lent != 0 || held.Conn().closed.Load() {
				t.Errorf("%v: %s", outcome, gauges(s))
			}
			answer <- nil
			l := <-served
			if (l.Conn() == held.Conn()) != (outcome == nil) {
				t.Errorf("%v: connection %d", outcome, l.Conn().n)
			}
			checkin(t, l, nil)
			closeAll(t, p, f)
		})
	}
}

// A connection that comes back from a borrower of which nothing was heard for long is
// asked before the next in the queue gets it, at once.
func TestPoolAsksForWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, HealthInterval: 5 * time.Second, WaitTimeout: time.Hour})
		l := checkout(t, p)
		served := make(chan Lease[*fake], 1)
		go func() { served <- checkout(t, p) }()
		time.Sleep(11500 * time.Millisecond) // between two rounds of upkeep
		checkin(t, l, context.Canceled)      // which tells nothing of the server
		synctest.Wait()
		select {
		case l := <-served:
			if f.pings.Load() != 1 {
				t.Errorf("%d pings", f.pings.Load())
			}
			checkin(t, l, nil)
		default:
			t.Errorf("not served; %s", gauges(p.Snapshot()))
			checkin(t, <-served, nil)
		}
		closeAll(t, p, f)
	})
}

// As many connections as there may be are each asked in every HealthInterval, though
// answers take a while, and eight at once.
func TestPoolAsksAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{t: t}
		d := f.dialer()
		var mu sync.Mutex
		asked, now, most := map[int]int{}, 0, 0
		d.Ping = func(_ context.Context, c *fake) error {
			mu.Lock()
			asked[c.n]++
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}
		p, err := NewPool(d, PoolOptions{Size: 100, Warm: 100, HealthInterval: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		mu.Lock()
		for n := range 100 {
			if asked[n] < 7 || asked[n] > 12 {
				t.Errorf("connection %d was asked %d times in a minute", n, asked[n])
			}
		}
		if most != probesAtOnce {
			t.Errorf("%d pings at once", most)
		}
		mu.Unlock()
		closeAll(t, p, f)
	})
}

// Those who wait have no more connections asked than they need, and none dialled
// instead.
func TestPoolAsksFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{t: t}
		d := f.dialer()
		d.Ping = func(context.Context, *fake) error { time.Sleep(100 * time.Millisecond); return nil }
		p, err := NewPool(d, PoolOptions{Size: 20, Warm: 20, PerConn: 2, HealthInterval: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, tc := range []struct{ waiting, asked int }{{5, 3}, {40, probesAtOnce}} {
			neglect(p)
			var wg sync.WaitGroup
			for range tc.waiting {
				wg.Go(func() {
					l := checkout(t, p)
					time.Sleep(10 * time.Millisecond)
					checkin(t, l, nil)
				})
			}
			synctest.Wait()
			p.mu.Lock()
			if n := p.slots.asked.count(); n != tc.asked || p.waiting.n != tc.waiting {
				t.Errorf("%d wait, %d are asked; want %d, %d", p.waiting.n, n, tc.waiting, tc.asked)
			}
			p.mu.Unlock()
			wg.Wait()
			time.Sleep(time.Second)
		}
		if s := p.Snapshot(); s.Dials != 20 || s.Lost != 0 {
			t.Errorf("%s", gauges(s))
		}
		closeAll(t, p, f)
	})
}

// Who gives up while a connection is asked for it leaves that to the next.
func TestPoolAskGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, HealthInterval: 5 * time.Second, PingTimeout: time.Second})
		checkin(t, checkout(t, p), nil)
		neglect(p)
		f.all[0].mute.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := p.Checkout(ctx)
		if says(t, err, context.DeadlineExceeded); time.Since(start) != 100*time.Millisecond || errors.Is(err, errPingTimeout) {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if s := p.Snapshot(); s.Lost != 0 || s.Lent != 0 || s.Open != 1 {
			t.Errorf("%s", gauges(s))
		}
		checkin(t, checkout(t, p), nil) // by another connection
		if s := p.Snapshot(); s.Lost != 1 || s.Open != 1 {
			t.Errorf("%s", gauges(s))
		}
		closeAll(t, p, f)
	})
}
