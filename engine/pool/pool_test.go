package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Options that make no sense are refused, and the error names them.
func TestPoolOptions(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    PoolOptions
		want []string // what the error says; nil: none
	}{
		{"zero", PoolOptions{}, nil},
		{"small", PoolOptions{Size: 1, Max: 1, WaitQueue: 1, PerConn: 1, DialsAtOnce: 1}, nil},
		{"large", PoolOptions{Size: 100, Max: 100, Warm: 0, WaitQueue: MaxWaitQueue, PerConn: 64, DialsAtOnce: 100, Strategy: PowerOfTwo}, nil},
		{"Size follows Max", PoolOptions{Max: 3}, nil},
		{"no pings", PoolOptions{HealthInterval: -1}, nil},
		{"no breaker", PoolOptions{Breaker: BreakerOptions{Failures: -1, Window: 99}}, nil},
		{"slow retries", PoolOptions{RetryMin: time.Hour}, nil},
		{"Max", PoolOptions{Max: 101}, []string{"Max is 101", "1 to 100"}},
		{"Max negative", PoolOptions{Max: -1}, []string{"Max is -1"}},
		{"Size", PoolOptions{Size: 11, Max: 10}, []string{"Size is 11", "1 to 10"}},
		{"Size negative", PoolOptions{Size: -2}, []string{"Size is -2"}},
		{"Warm", PoolOptions{Size: 5, Warm: 6}, []string{"Warm is 6", "0 to 5"}},
		{"Warm negative", PoolOptions{Warm: -1}, []string{"Warm is -1"}},
		{"PerConn", PoolOptions{PerConn: 65}, []string{"PerConn is 65", "1 to 64"}},
		{"PerConn negative", PoolOptions{PerConn: -1}, []string{"PerConn is -1"}},
		{"WaitQueue", PoolOptions{WaitQueue: MaxWaitQueue + 1}, []string{"WaitQueue is 1048577"}},
		{"WaitQueue negative", PoolOptions{WaitQueue: -1}, []string{"WaitQueue is -1"}},
		{"DialsAtOnce", PoolOptions{DialsAtOnce: 101}, []string{"DialsAtOnce is 101"}},
		{"Strategy", PoolOptions{Strategy: 3}, []string{"Strategy is 3"}},
		{"WaitTimeout", PoolOptions{WaitTimeout: -1}, []string{"WaitTimeout is -1ns"}},
		{"LeaseTimeout", PoolOptions{LeaseTimeout: -1}, []string{"LeaseTimeout"}},
		{"RetireAfter", PoolOptions{RetireAfter: -1}, []string{"RetireAfter"}},
		{"PingTimeout", PoolOptions{PingTimeout: -1}, []string{"PingTimeout"}},
		{"DialTimeout", PoolOptions{DialTimeout: -1}, []string{"DialTimeout"}},
		{"RetryMin", PoolOptions{RetryMin: -1}, []string{"RetryMin"}},
		{"RetryMax", PoolOptions{RetryMin: time.Second, RetryMax: time.Millisecond}, []string{"RetryMax is 1ms", "RetryMin"}},
		{"Breaker", PoolOptions{Breaker: BreakerOptions{Window: 65}}, []string{"Window is 65"}},
		{"all are named", PoolOptions{Max: 101, PerConn: -1, DialTimeout: -1}, []string{"Max", "PerConn", "DialTimeout"}},
	} {
		p, err := NewPool((&fakes{t: t}).dialer(), tc.o)
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v", tc.name, err)
		}
		for _, w := range tc.want {
			if err != nil && !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", tc.name, err, w)
			}
		}
		if p != nil {
			_ = p.Close(context.Background())
		}
	}
	for _, d := range []Dialer[int]{{}, {Dial: func(context.Context) (int, error) { return 0, nil }}, {Close: func(int) error { return nil }}} {
		if _, err := NewPool(d, PoolOptions{}); err == nil || !strings.Contains(err.Error(), "Dialer") {
			t.Errorf("half a Dialer: %v", err)
		}
	}
	p, _ := newPool(t, PoolOptions{})
	defer p.Close(context.Background())
	if o := p.Options(); o.Size != 50 || o.Max != 100 || p.Breaker() == nil {
		t.Errorf("defaults %+v", o)
	}
}

// Connections are opened as they are needed, and used again.
func TestPoolLends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 3, Max: 3})
		a, b := checkout(t, p), checkout(t, p)
		if a.Conn() == b.Conn() {
			t.Error("one connection lent twice")
		}
		if s := p.Snapshot(); s.Open != 2 || s.Busy != 2 || s.Lent != 2 || s.Dials != 2 || s.Waits != 2 || s.PeakOpen != 2 {
			t.Errorf("two are out: %+v", gauges(s))
		}
		time.Sleep(time.Second)
		checkin(t, a, nil)
		if err := a.Checkin(nil); !errors.Is(err, ErrLeaseOver) {
			t.Errorf("checked in twice: %v", err)
		}
		c := checkout(t, p)
		if c.Conn() != a.Conn() {
			t.Error("a third connection, with one free")
		}
		if err := a.Checkin(errDown); !errors.Is(err, ErrLeaseOver) || c.Conn().closed.Load() {
			t.Errorf("an old lease checked in: %v", err)
		}
		checkin(t, b, nil)
		checkin(t, c, nil)
		if err := (Lease[*fake]{}).Checkin(errDown); !errors.Is(err, ErrLeaseOver) {
			t.Errorf("the zero lease: %v", err)
		}
		if s := p.Snapshot(); s.Open != 2 || s.Lent != 0 || s.Checkouts != 3 || s.Checkins != 3 || s.LateCheckins != 2 ||
			s.LentTime != 2*time.Second || s.LentIntegral != 2*time.Second || s.ProductiveTime != 2*time.Second {
			t.Errorf("all are back: %+v", gauges(s))
		}
		closeAll(t, p, f)
	})
}

// Broken connections go, others stay; Do says which by what happens in it.
func TestPoolOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errSlow := errors.New("too slow")
		f := &fakes{t: t}
		d := f.dialer()
		d.Judge = func(err error) Outcome {
			switch {
			case errors.Is(err, errSlow):
				return OutcomeFailed
			default:
				return judge(err)
			}
		}
		p, err := NewPool(d, PoolOptions{Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		do := func(err error) *fake {
			var was *fake
			if got := p.Do(context.Background(), func(_ context.Context, c *fake) error { was = c; return err }); got != err {
				t.Errorf("Do returned %v, not %v", got, err)
			}
			return was
		}
		first := do(nil)
		if do(errSlow) != first || do(context.Canceled) != first || do(nil) != first {
			t.Error("a connection that was not broken was replaced")
		}
		do(errDown)
		second := do(nil)
		if second == first || !first.closed.Load() {
			t.Error("a broken connection was lent again")
		}
		func() {
			defer func() {
				if r := recover(); r != "oh" {
					t.Errorf("the panic became %v", r)
				}
			}()
			_ = p.Do(context.Background(), func(context.Context, *fake) error { panic("oh") })
		}()
		if do(nil) == second {
			t.Error("the connection of a borrower that panicked was lent again")
		}
		if s := p.Snapshot(); s.Lost != 2 || s.Breaker.Failures != 3 || s.Breaker.Successes != 4 {
			t.Errorf("%+v", gauges(s))
		}
		closeAll(t, p, f)
		says(t, p.Do(context.Background(), nil), ErrPoolClosed)
	})
}

// Who waits is served in the order of arrival, though others give up, dials fail
// and connections end meanwhile; nobody overtakes.
func TestPoolFIFO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 300
		p, f := newPool(t, PoolOptions{Size: 2, Max: 2, WaitQueue: n, WaitTimeout: time.Hour, RetryMax: time.Second, Breaker: BreakerOptions{Failures: -1}})
		held := []Lease[*fake]{checkout(t, p), checkout(t, p)}
		f.setOnDial(func(context.Context) error {
			if rand.IntN(3) == 0 {
				return errDown
			}
			return nil
		})
		var mu sync.Mutex
		var order []int
		gaveUp := 0
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				if i%7 == 3 {
					ctx, cancel = context.WithTimeout(context.Background(), time.Duration(i)*10*time.Millisecond)
				}
				defer cancel()
				l, err := p.Checkout(ctx)
				mu.Lock()
				if err != nil {
					says(t, err, context.DeadlineExceeded)
					gaveUp++
				} else {
					order = append(order, i)
				}
				mu.Unlock()
				if err != nil {
					return
				}
				time.Sleep(time.Duration(10+i%3) * time.Millisecond)
				if i%10 == 9 {
					err = errDown
				}
				if i%17 == 16 {
					l.Conn().die()
				}
				checkin(t, l, err)
			})
			synctest.Wait()
		}
		if s := p.Snapshot(); s.Waiting != n || s.PeakWaiting != n || s.Open != 2 {
			t.Errorf("before: %+v", gauges(s))
		}
		checkin(t, held[0], nil)
		synctest.Wait()
		checkin(t, held[1], nil)
		wg.Wait()
		for i := 1; i < len(order); i++ {
			// Two served at one moment may be entered either way.
			if order[i] < order[i-1] && (i > 1 && order[i] < order[i-2] || i+1 < len(order) && order[i-1] > order[i+1]) {
				t.Fatalf("served in the order %v", order)
			}
		}
		if len(order)+gaveUp != n || gaveUp == 0 || f.peak > 2 {
			t.Errorf("%d served, %d gave up, %d connections", len(order), gaveUp, f.peak)
		}
		closeAll(t, p, f)
	})
}

// Every wait is bounded: in number, by WaitTimeout, by the context; the errors
// say how the pool stands and what to do.
func TestPoolWaitLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, WaitQueue: 3, WaitTimeout: time.Minute})
		l := checkout(t, p)
		ended, end := context.WithCancel(context.Background())
		end()
		_, err := p.Checkout(ended)
		says(t, err, context.Canceled)

		errEnough := errors.New("enough")
		cancelled, cancel := context.WithCancelCause(context.Background())
		deadline, stop := context.WithTimeout(context.Background(), 3*time.Second)
		defer stop()
		errs := make([]error, 3)
		var wg sync.WaitGroup
		for i, ctx := range []context.Context{cancelled, deadline, context.Background()} {
			wg.Go(func() { _, errs[i] = p.Checkout(ctx) })
			synctest.Wait()
		}
		_, err = p.Checkout(context.Background())
		says(t, err, ErrPoolExhausted, "1 connections of at most 1", "3 wait", "raise Max")
		cancel(errEnough)
		synctest.Wait()
		says(t, errs[0], errEnough, "1 leases out")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		says(t, errs[1], context.DeadlineExceeded)
		start := time.Now()
		wg.Wait()
		says(t, errs[2], ErrWaitTimeout, "1m0s", "raise Max", "1 connections of at most 1, 1 leases out, 0 wait")
		if d := time.Since(start); d > time.Minute {
			t.Errorf("waited %v longer", d)
		}
		if s := p.Snapshot(); s.Refused != 1 || s.WaitsCancelled != 2 || s.WaitsTimedOut != 1 || s.Waiting != 0 || s.Checkouts != 1 {
			t.Errorf("%+v", gauges(s))
		}
		before := p.Snapshot()
		go func() {
			time.Sleep(3 * time.Second)
			checkin(t, l, nil)
		}()
		checkin(t, checkout(t, p), nil) // the queue is as it should be
		s := p.Snapshot()
		waits := s.WaitTime.Sub(&before.WaitTime)
		if q := waits.Quantile(1); s.WaitSum-before.WaitSum != 3*time.Second || waits.Count() != 1 || q < 3*time.Second || q > 3*time.Second*9/8 {
			t.Errorf("it waited 3 s: sum %v, histogram %v", s.WaitSum-before.WaitSum, q)
		}
		closeAll(t, p, f)
		_, err = p.Checkout(context.Background())
		says(t, err, ErrPoolClosed, "make another")
	})
}

// Connections beyond Size are there for a burst and go when idle; those within
// stay.
func TestPoolOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 2, Max: 5, RetireAfter: 10 * time.Second, HealthInterval: -1})
		var leases []Lease[*fake]
		for range 5 {
			leases = append(leases, checkout(t, p))
		}
		for _, l := range leases {
			checkin(t, l, nil)
		}
		for range 9 { // what is left of the work goes to the first two
			time.Sleep(time.Second)
			a, b := checkout(t, p), checkout(t, p)
			if a.Conn().n > 1 || b.Conn().n > 1 {
				t.Fatalf("connections %d and %d, beyond Size, are kept busy", a.Conn().n, b.Conn().n)
			}
			checkin(t, a, nil)
			checkin(t, b, nil)
		}
		if open, _ := f.counts(); open != 5 {
			t.Errorf("%d are open before their time", open)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if s := p.Snapshot(); s.Open != 2 || s.Retired != 3 || s.Lost != 0 {
			t.Errorf("after RetireAfter: %+v", gauges(s))
		}
		time.Sleep(time.Hour)
		if open, _ := f.counts(); open != 2 {
			t.Errorf("%d are open after an hour", open)
		}
		// It is idle from when it was checked in last, not from when it was made.
		leases = leases[:0]
		for range 3 {
			leases = append(leases, checkout(t, p))
		}
		time.Sleep(time.Minute)
		for _, l := range leases {
			checkin(t, l, nil)
		}
		time.Sleep(9 * time.Second)
		if open, _ := f.counts(); open != 3 {
			t.Errorf("%d are open 9 s after they were used", open)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if open, _ := f.counts(); open != 2 || f.all[0].closed.Load() || f.all[1].closed.Load() {
			t.Errorf("%d are open, and the first two stay", open)
		}
		closeAll(t, p, f)
	})
}

// Overflow bounds what is beyond Size, and zero of it is as many as Max allows.
func TestPoolOverflowBounds(t *testing.T) {
	for _, tc := range []struct{ size, max, overflow, want int }{
		{2, 5, 0, 5}, {2, 5, 1, 3}, {2, 5, 9, 5}, {2, 5, -1, 2}, {5, 5, 3, 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, f := newPool(t, PoolOptions{Size: tc.size, Max: tc.max, Overflow: tc.overflow, RetireAfter: time.Hour, WaitTimeout: time.Hour})
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					l := checkout(t, p)
					time.Sleep(time.Second)
					checkin(t, l, nil)
				})
			}
			synctest.Wait()
			if s := p.Snapshot(); s.Open != tc.want || s.Waiting != 20-tc.want {
				t.Errorf("%+v: %s", tc, gauges(s))
			}
			// What is beyond the bound goes as soon as it is back, though somebody waits.
			if err := p.Resize(1); err != nil {
				t.Error(err)
			}
			time.Sleep(1500 * time.Millisecond)
			want := 1 + max(tc.overflow, 0)
			if tc.overflow == 0 {
				want = tc.max
			}
			if s := p.Snapshot(); s.Open > want || s.Open < 1 || s.Waiting == 0 {
				t.Errorf("%+v, Size 1: %s", tc, gauges(s))
			}
			wg.Wait()
			closeAll(t, p, f)
		})
	}
}

// Idle connections are asked whether they are there; one that does not answer is
// replaced before anybody has it.
func TestPoolHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 2, Warm: 2, HealthInterval: 5 * time.Second, PingTimeout: time.Second})
		time.Sleep(time.Minute)
		if n := f.pings.Load(); n < 18 || n > 24 {
			t.Errorf("%d pings of two connections in a minute, want one in five seconds each", n)
		}
		f.all[0].mute.Store(true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s := p.Snapshot()
		if !f.all[0].closed.Load() || s.Lost != 1 || s.PingFailures != 1 || s.Open != 2 || s.Dials != 3 {
			t.Errorf("a connection that does not answer: %+v", gauges(s))
		}
		f.all[1].die() // tells of it
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := p.Snapshot(); !f.all[1].closed.Load() || s.Lost != 2 || s.Open != 2 {
			t.Errorf("a connection that has ended: %+v", gauges(s))
		}
		f.all[2].die()
		f.all[3].die()
		if c := checkout(t, p); c.Conn().n < 4 {
			t.Errorf("connection %d was lent, and had ended", c.Conn().n)
		} else {
			checkin(t, c, nil)
		}
		closeAll(t, p, f)
	})
}

// A connection that was idle for long is pinged before it is lent, if upkeep has
// not come round to it.
func TestPoolPingsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 3, Max: 3, HealthInterval: 5 * time.Second, PingTimeout: time.Second})
		var ls []Lease[*fake]
		for range 3 {
			ls = append(ls, checkout(t, p))
		}
		for _, l := range ls {
			checkin(t, l, nil)
		}
		neglect(p) // as if upkeep was late
		l := checkout(t, p)
		if f.pings.Load() == 0 {
			t.Error("lent, and not pinged first")
		}
		checkin(t, l, nil)
		synctest.Wait() // the others have answered too
		neglect(p)
		for _, c := range f.all {
			c.mute.Store(true)
		}
		if l = checkout(t, p); l.Conn().n != 3 { // all three were dead
			t.Errorf("connection %d", l.Conn().n)
		}
		checkin(t, l, nil)
		if s := p.Snapshot(); s.Checkouts != 5 || s.Checkins != 5 || s.WaitTime.Count() != 5 || s.Lost != 3 {
			t.Errorf("%+v", gauges(s))
		}
		closeAll(t, p, f)
	})
}
