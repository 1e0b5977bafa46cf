package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Close waits for what is lent, and then has nothing left.
func TestPoolCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 3, Max: 3, PerConn: 2})
		var ls []Lease[*fake]
		for range 6 {
			ls = append(ls, checkout(t, p))
		}
		failed := make(chan error)
		go func() { _, err := p.Checkout(context.Background()); failed <- err }()
		synctest.Wait()
		go func() {
			for _, l := range ls {
				time.Sleep(time.Second)
				if l.Conn().closed.Load() {
					t.Error("closed under its borrower")
				}
				checkin(t, l, nil)
			}
		}()
		short, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		second := make(chan error)
		go func() {
			synctest.Wait()
			second <- p.Close(short)
		}()
		start := time.Now()
		if err := p.Close(context.Background()); err != nil || time.Since(start) != 6*time.Second {
			t.Errorf("closed after %v: %v", time.Since(start), err)
		}
		says(t, <-failed, ErrPoolClosed)
		says(t, <-second, context.DeadlineExceeded, "still closing")
		if err := p.Close(context.Background()); err != nil {
			t.Errorf("closed again: %v", err)
		}
		nothing(t, p, f)
	})
}

// Close with a deadline closes what is still lent, and says so.
func TestPoolCloseDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reclaimed := 0
		p, f := newPool(t, PoolOptions{Size: 3, Max: 4, PerConn: 2, OnEvent: func(e Event) {
			if e.Kind == EventReclaimed && e.Err == ErrPoolClosed {
				reclaimed++
			}
		}})
		var ls []Lease[*fake]
		for range 5 {
			ls = append(ls, checkout(t, p))
		}
		checkin(t, ls[0], errDown) // others may have it still
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		says(t, p.Close(ctx), context.DeadlineExceeded, "4 leases")
		for _, l := range ls {
			if !l.Conn().closed.Load() {
				t.Error("still open")
			}
			says(t, l.Checkin(nil), ErrLeaseOver)
		}
		nothing(t, p, f)
		if reclaimed != 4 { // all events are told before Close returns
			t.Errorf("%d events", reclaimed)
		}
	})
}

// Close meets pings, dead borrowers and closing connections of every kind.
func TestPoolCloseBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 4, Warm: 4, HealthInterval: time.Second, PingTimeout: time.Hour, LeaseTimeout: 20 * time.Second})
		synctest.Wait()
		for _, c := range f.all[:2] {
			c.mute.Store(true)
		}
		time.Sleep(3 * time.Second) // two are being pinged, for an hour
		l := checkout(t, p)         // of a borrower that dies
		start := time.Now()
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("closed after %v", d)
		}
		says(t, l.Checkin(nil), ErrLeaseOver)
		nothing(t, p, f)
		if s := p.Snapshot(); s.PingFailures != 0 {
			t.Errorf("pings that Close ended are failures: %s", gauges(s))
		}
	})
}

// A dial that Close ends is no failure of the server.
func TestPoolCloseDialing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Breaker: BreakerOptions{Failures: 1}})
		f.setOnDial(func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		failed := make(chan error)
		go func() { _, err := p.Checkout(context.Background()); failed <- err }()
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- p.Close(context.Background()) }()
		says(t, <-failed, ErrPoolClosed)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		nothing(t, p, f)
		if s := p.Snapshot(); s.Breaker.Failures != 0 || s.DialFailures != 1 {
			t.Errorf("%s", gauges(s))
		}
	})
}
