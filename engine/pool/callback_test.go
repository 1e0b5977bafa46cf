package pool

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A connection whose Done panics is closed, and counts as one that ended at once.
func TestPoolDonePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{t: t}
		d := f.dialer()
		done := d.Done
		d.Done = func(c *fake) <-chan struct{} {
			if c.n < 3 {
				panic("oh")
			}
			return done(c)
		}
		var lost []error
		p, err := NewPool(d, PoolOptions{Size: 1, Max: 1, WaitTimeout: time.Hour, OnEvent: func(e Event) {
			if e.Kind == EventLost {
				lost = append(lost, e.Err)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		l := checkout(t, p)
		if l.Conn().n != 3 {
			t.Errorf("connection %d", l.Conn().n)
		}
		for i, c := range f.all[:3] {
			if !c.closed.Load() {
				t.Errorf("connection %d is open", i)
			}
		}
		if s := p.Snapshot(); s.Open != 1 || s.Dials != 4 || s.DialFailures != 0 || s.Lost != 3 || s.Closed != 3 || s.PeakOpen != 1 {
			t.Errorf("%s", gauges(s))
		}
		checkin(t, l, nil)
		closeAll(t, p, f)
		if len(lost) != 3 || !errors.Is(lost[0], lost[0]) || lost[0].Error() != "pool: Dialer.Done panicked: oh" {
			t.Errorf("told of %v", lost)
		}
	})
}

// A lease whose error Judge panics about is over all the same: the connection goes,
// the server has failed, and Checkin says what happened.
func TestPoolJudgePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{t: t}
		d := f.dialer()
		d.Judge = func(error) Outcome { panic("oh") }
		p, err := NewPool(d, PoolOptions{Size: 2, Max: 2, PerConn: 2})
		if err != nil {
			t.Fatal(err)
		}
		l := checkout(t, p)
		err = l.Checkin(errDown)
		if err == nil || errors.Is(err, ErrLeaseOver) || err.Error() != "pool: Dialer.Judge panicked: oh" {
			t.Errorf("Checkin: %v", err)
		}
		if err := l.Checkin(errDown); !errors.Is(err, ErrLeaseOver) {
			t.Errorf("again: %v", err)
		}
		if err := p.Do(context.Background(), func(context.Context, *fake) error { return errDown }); err != errDown {
			t.Errorf("Do: %v", err)
		}
		p.mu.Lock()
		failure := p.failure
		p.mu.Unlock()
		says(t, failure, errDown, "Judge panicked")
		synctest.Wait()
		if s := p.Snapshot(); s.Lent != 0 || s.Busy != 0 || s.Lost != 2 || s.Closed != 2 || s.Checkins != 2 || s.Breaker.Failures != 2 {
			t.Errorf("%s", gauges(s))
		}
		for _, err := range p.consistent() {
			t.Error(err)
		}
		checkin(t, checkout(t, p), nil) // it is not asked about nil
		closeAll(t, p, f)
	})
}

// A function of the Dialer that ends its goroutine, as a failing test does, has
// failed; the pool goes on, and can be closed.
func TestPoolGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{t: t}
		d := f.dialer()
		dial, ping, end := d.Dial, d.Ping, d.Close
		var dials, pings, closes atomic.Int32
		d.Dial = func(ctx context.Context) (*fake, error) {
			if dials.Add(1) == 1 {
				runtime.Goexit()
			}
			return dial(ctx)
		}
		d.Ping = func(ctx context.Context, c *fake) error {
			if pings.Add(1) == 1 {
				runtime.Goexit()
			}
			return ping(ctx, c)
		}
		d.Close = func(c *fake) error {
			_ = end(c)
			if closes.Add(1) == 1 {
				runtime.Goexit()
			}
			return nil
		}
		p, err := NewPool(d, PoolOptions{Size: 1, Max: 1, HealthInterval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		checkin(t, checkout(t, p), nil)
		time.Sleep(10 * time.Second)
		checkin(t, checkout(t, p), nil)
		if s := p.Snapshot(); s.DialFailures != 1 || s.PingFailures != 1 || s.CloseErrors != 1 || s.Lost != 1 || s.Open != 1 {
			t.Errorf("%s", gauges(s))
		}
		closeAll(t, p, f)
	})
}

// Whoever is told of the breaker's changes may panic: what was under way is done.
func TestPoolOnChangePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		p, f := newPool(t, PoolOptions{Size: 1, Breaker: BreakerOptions{Failures: 2, Open: time.Second, OnChange: func(from, to BreakerState) {
			told.Add(1)
			panic("oh")
		}}})
		for range 2 {
			checkin(t, checkout(t, p), errDown)
		}
		_, err := p.Checkout(context.Background())
		says(t, err, ErrBreakerOpen)
		time.Sleep(2 * time.Second)
		for range 2 {
			checkin(t, checkout(t, p), nil)
		}
		if s := p.Snapshot(); told.Load() != 3 || s.Breaker.State != BreakerClosed || s.Lent != 0 {
			t.Errorf("told %d times; %s", told.Load(), gauges(s))
		}
		f.setDown(errDown) // by a dial, on a goroutine of the pool's
		checkin(t, checkout(t, p), errDown)
		_, err = p.Checkout(context.Background())
		if says(t, err, ErrBreakerOpen); told.Load() != 4 {
			t.Errorf("told %d times", told.Load())
		}
		closeAll(t, p, f)
	})
}

// An error of the user's may ask the pool, while its text becomes part of another.
func TestPoolErrorAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, WaitQueue: 1, WaitTimeout: time.Second, Breaker: BreakerOptions{Failures: -1}})
		curious := textOf(func() string { return gauges(p.Snapshot()) })
		f.setDown(curious)
		failed := make(chan error)
		go func() { _, err := p.Checkout(context.Background()); failed <- err }()
		synctest.Wait()
		_, err := p.Checkout(context.Background())
		says(t, err, ErrPoolExhausted, "DialFailures")
		says(t, <-failed, ErrWaitTimeout, "DialFailures")
		closeAll(t, p, f)
	})
}

// textOf is an error that is made when it is read.
type textOf func() string

func (f textOf) Error() string { return f() }
