package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A pool whose server fails refuses at once, those who wait too; then one
// borrower at a time is let through, until it is well.
func TestPoolBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var changes []string
		p, f := newPool(t, PoolOptions{Size: 2, Max: 2, HealthInterval: -1, WaitTimeout: time.Hour, Breaker: BreakerOptions{
			OnChange: func(from, to BreakerState) {
				mu.Lock()
				changes = append(changes, fmt.Sprint(from, ">", to))
				mu.Unlock()
			}}})
		held := []Lease[*fake]{checkout(t, p), checkout(t, p)}
		waiting := make(chan error)
		go func() { _, err := p.Checkout(context.Background()); waiting <- err }()
		synctest.Wait()
		f.setDown(errDown)
		checkin(t, held[0], errDown)
		checkin(t, held[1], errDown) // two failures, the server being down; three dials follow
		start := time.Now()
		says(t, <-waiting, ErrBreakerOpen, "try again in 1m0s", "last failure: fake: nobody there")
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("told after %v", d)
		}
		dials := p.Snapshot().Dials
		for range 100 {
			_, err := p.Checkout(context.Background())
			says(t, err, ErrBreakerOpen, "try again in", "last failure: fake: nobody there")
			if errors.Is(err, errDown) {
				t.Error("the refused one has not met it")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if s := p.Snapshot(); s.Dials != dials || s.RefusedBreaker != 101 || s.Breaker.State != BreakerOpen {
			t.Errorf("open: %+v", gauges(s))
		}
		time.Sleep(time.Minute)
		// The trial fails: its dial does.
		_, err := p.Checkout(context.Background())
		says(t, err, ErrBreakerOpen)
		f.setDown(nil)
		time.Sleep(66 * time.Second)
		// While one tries, the others are told at once.
		l := checkout(t, p)
		_, err = p.Checkout(context.Background())
		says(t, err, ErrBreakerOpen, "trial")
		checkin(t, l, nil)
		// A borrower that dies, or gives up, is no success and no failure.
		ctx, cancel := context.WithCancel(context.Background())
		if _, err := p.CheckoutUntil(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		l = checkout(t, p)
		checkin(t, l, nil)
		for range 3 {
			held = append(held[:0], checkout(t, p), checkout(t, p))
			checkin(t, held[0], nil)
			checkin(t, held[1], nil)
		}
		want := []string{"closed>open", "open>half-open", "half-open>open", "open>half-open", "half-open>closed"}
		if !slices.Equal(changes, want) {
			t.Errorf("%v", changes)
		}
		closeAll(t, p, f)
	})
}

// What a refusal says failed last is that, be it a call or a dial.
func TestPoolBreakerSaysWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errSlow, errBusy := errors.New("too slow"), errors.New("too busy")
		f := &fakes{t: t}
		d := f.dialer()
		d.Judge = func(error) Outcome { return OutcomeFailed }
		p, err := NewPool(d, PoolOptions{Size: 2, Max: 2, HealthInterval: -1, Breaker: BreakerOptions{Failures: 2, Open: time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		checkin(t, checkout(t, p), errBusy)
		checkin(t, checkout(t, p), errSlow)
		_, err = p.Checkout(context.Background())
		says(t, err, ErrBreakerOpen, "last failure: too slow")
		time.Sleep(2 * time.Second)
		checkin(t, checkout(t, p), nil)
		checkin(t, checkout(t, p), nil)
		held := checkout(t, p)
		f.setDown(errDown)
		_, err = p.Checkout(context.Background()) // for which two dials, one after the other, fail
		says(t, err, ErrBreakerOpen, "last failure: fake: nobody there")
		checkin(t, held, nil)
		closeAll(t, p, f)
	})
}

// Connections that end as soon as they are made are dials that failed, for the
// breaker too: who waits for one hears of it before long.
func TestPoolBreakerStillborn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{t: t}
		d := f.dialer()
		done := d.Done
		d.Done = func(c *fake) <-chan struct{} { c.die(); return done(c) }
		p, err := NewPool(d, PoolOptions{Size: 2, Max: 2, WaitTimeout: time.Hour, Breaker: BreakerOptions{Failures: 3}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = p.Checkout(context.Background())
		says(t, err, ErrBreakerOpen, "last failure: pool: the connection has ended")
		if d, s := time.Since(start), p.Snapshot(); d > 10*time.Second || s.Breaker.Failures != 3 || s.Lost != 3 || s.Dials != 3 {
			t.Errorf("after %v: %s, %+v", d, gauges(s), s.Breaker)
		}
		closeAll(t, p, f)
	})
}

// A trial whose borrower gives up, waiting, is not under way any longer: the next one
// may try at once.
func TestPoolBreakerTrialGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, HealthInterval: -1, Breaker: BreakerOptions{Open: time.Second, Trial: time.Hour}})
		held := checkout(t, p) // from before
		p.Breaker().Trip()
		time.Sleep(2 * time.Second)
		for range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_, err := p.Checkout(ctx)
			says(t, err, context.DeadlineExceeded)
			cancel()
		}
		checkin(t, held, nil)
		checkin(t, checkout(t, p), nil)
		if s := p.Breaker().Stats(); s.Trials != 4 || s.Stale != 1 {
			t.Errorf("%+v", s)
		}
		closeAll(t, p, f)
	})
}

// A breaker that opens between being asked and the queue is noticed there.
func TestPoolBreakerJustOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, Breaker: BreakerOptions{Trial: time.Hour}})
		k, err := p.breaker.Allow()
		if err != nil {
			t.Fatal(err)
		}
		p.breaker.Trip()
		p.mu.Lock()
		_, err = p.checkoutSlow(context.Background(), k, p.now())
		says(t, err, ErrBreakerOpen)
		if s := p.Snapshot(); s.RefusedBreaker != 1 || s.Breaker.Stale != 1 || s.Dials != 0 {
			t.Errorf("%s", gauges(s))
		}
		closeAll(t, p, f)
	})
}

// A pool without a breaker never refuses by one.
func TestPoolWithoutBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Breaker: BreakerOptions{Failures: -1}})
		for range 50 {
			checkin(t, checkout(t, p), errDown)
		}
		if s := p.Snapshot(); p.Breaker() != nil || !s.BreakerDisabled || s.RefusedBreaker != 0 || s.Lost != 50 {
			t.Errorf("%+v", gauges(s))
		}
		closeAll(t, p, f)
	})
}
