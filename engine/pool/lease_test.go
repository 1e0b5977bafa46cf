package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A lease that its borrower never ends is taken back: the connection, which the
// borrower may still use, is closed; one that is shared stays.
func TestPoolReclaim(t *testing.T) {
	for _, perConn := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			var events []Event
			p, f := newPool(t, PoolOptions{Size: 1, Max: 1, PerConn: perConn, LeaseTimeout: 10 * time.Second,
				WaitTimeout: time.Hour, OnEvent: func(e Event) { events = append(events, e) }})
			var dead []Lease[*fake]
			for range perConn {
				dead = append(dead, checkout(t, p))
			}
			start := time.Now()
			l := checkout(t, p) // waits until the others are taken back
			if d := time.Since(start); d < 10*time.Second || d > 15*time.Second {
				t.Errorf("served after %v", d)
			}
			if shared := perConn > 1; (l.Conn() == dead[0].Conn()) != shared || dead[0].Conn().closed.Load() == shared {
				t.Errorf("perConn %d: connection %d, the first one closed: %v", perConn, l.Conn().n, dead[0].Conn().closed.Load())
			}
			for _, d := range dead {
				if err := d.Checkin(errDown); !errors.Is(err, ErrLeaseOver) {
					t.Errorf("the late borrower: %v", err)
				}
			}
			checkin(t, l, nil)
			s := p.Snapshot()
			if int(s.Reclaimed) != perConn || int(s.LateCheckins) != perConn || s.Lent != 0 || s.ProductiveTime != 0 {
				t.Errorf("%+v", gauges(s))
			}
			if share, ok := s.Efficiency(); !ok || share != 0 {
				t.Errorf("efficiency %v, %v", share, ok)
			}
			closeAll(t, p, f)
			n := 0
			for _, e := range events {
				if e.Kind == EventReclaimed {
					n++
					says(t, e.Err, errLeaseTimeout)
				}
			}
			if n != perConn {
				t.Errorf("%d events tell of it: %v", n, events)
			}
		})
	}
}

// A borrower that has its connection but was not woken yet is not late.
func TestPoolReclaimNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, LeaseTimeout: time.Second, HealthInterval: time.Second, PingTimeout: 5 * time.Second})
		checkin(t, checkout(t, p), nil)
		p.mu.Lock()
		p.slots.at[0].good -= int64(time.Minute)
		p.mu.Unlock()
		f.all[0].mute.Store(true)
		start := time.Now()
		l := checkout(t, p) // the ping takes longer than a lease may
		if l.Conn().n != 1 || time.Since(start) < 5*time.Second {
			t.Errorf("connection %d after %v", l.Conn().n, time.Since(start))
		}
		checkin(t, l, nil)
		if s := p.Snapshot(); s.Reclaimed != 0 {
			t.Errorf("%s", gauges(s))
		}
		closeAll(t, p, f)
	})
}

// Nor is one that is not woken for long, on a machine that has no CPU for it.
func TestPoolReclaimNotWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, LeaseTimeout: time.Second})
		l := checkout(t, p)
		p.mu.Lock()
		w := p.waiting.take()
		p.waiting.push(w)
		p.mu.Unlock()
		checkin(t, l, nil) // wakes w, whose borrower does not run
		time.Sleep(10 * time.Second)
		if s := p.Snapshot(); s.Reclaimed != 0 || s.Lent != 1 {
			t.Errorf("%s", gauges(s))
		}
		<-w.ready
		checkin(t, w.lease, nil)
		closeAll(t, p, f)
	})
}

// A trial whose borrower dies is not under way any longer once its lease is taken
// back.
func TestPoolReclaimTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1, LeaseTimeout: 5 * time.Second, Breaker: BreakerOptions{Open: time.Second, Trial: time.Hour}})
		p.Breaker().Trip()
		time.Sleep(2 * time.Second)
		checkout(t, p) // and never returned
		_, err := p.Checkout(context.Background())
		says(t, err, ErrBreakerOpen, "trial")
		time.Sleep(10 * time.Second)
		checkin(t, checkout(t, p), nil)
		closeAll(t, p, f)
	})
}

// A lease ends with the context of its borrower, if asked to.
func TestPoolCheckoutUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 1})
		ctx, cancel := context.WithCancel(context.Background())
		l, err := p.CheckoutUntil(ctx)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan Lease[*fake])
		go func() { served <- checkout(t, p) }()
		synctest.Wait()
		cancel()
		next := <-served
		if next.Conn() == l.Conn() || !l.Conn().closed.Load() {
			t.Error("the dead borrower's connection was lent again")
		}
		if err := l.Checkin(nil); !errors.Is(err, ErrLeaseOver) {
			t.Error(err)
		}
		checkin(t, next, nil)

		// Checked in before: the end of the context is nobody's business.
		ctx, cancel = context.WithCancel(context.Background())
		if l, err = p.CheckoutUntil(ctx); err != nil {
			t.Fatal(err)
		}
		checkin(t, l, nil)
		cancel()
		synctest.Wait()
		if s := p.Snapshot(); s.Reclaimed != 1 || s.Lost != 1 || s.Open != 1 || s.Lent != 0 {
			t.Errorf("%+v", gauges(s))
		}
		ended, end := context.WithCancel(context.Background())
		end()
		if _, err := p.CheckoutUntil(ended); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}

		// A connection that goes with its borrower, before it was of any use, says
		// nothing of the server.
		checkin(t, checkout(t, p), errDown)
		time.Sleep(time.Minute)
		ctx, cancel = context.WithCancel(context.Background())
		if _, err = p.CheckoutUntil(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		p.mu.Lock()
		if p.retry.failed != 0 {
			t.Errorf("%d dials have failed", p.retry.failed)
		}
		p.mu.Unlock()

		// What watches the context goes with the lease, late or not.
		w := &watched{Context: context.Background()}
		for range 3 {
			l, err := p.CheckoutUntil(w)
			if err != nil {
				t.Fatal(err)
			}
			checkin(t, l, nil)
		}
		if l, err = p.CheckoutUntil(w); err != nil || w.watchers != 1 {
			t.Errorf("%v, %d watchers", err, w.watchers)
		}
		time.Sleep(DefaultLeaseTimeout + time.Minute)
		if says(t, l.Checkin(nil), ErrLeaseOver); w.watchers != 0 {
			t.Errorf("%d watchers", w.watchers)
		}
		closeAll(t, p, f)
	})
}

// watched is a context that counts what waits for its end.
type watched struct {
	context.Context
	watchers int
}

func (w *watched) Done() <-chan struct{} { return make(chan struct{}) }

func (w *watched) AfterFunc(func()) func() bool {
	w.watchers++
	return func() bool { w.watchers--; return true }
}

// Efficiency is the time in which connections were of use, by the time that they
// were set aside.
func TestPoolEfficiency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1})
		s := p.Snapshot()
		if _, ok := s.Efficiency(); ok {
			t.Error("the efficiency of nothing")
		}
		for _, tc := range []struct {
			lent, used, productive time.Duration
			err                    error
		}{
			{10 * time.Second, -1, 10 * time.Second, nil},
			{10 * time.Second, 4 * time.Second, 4 * time.Second, nil},
			{10 * time.Second, time.Hour, 10 * time.Second, nil},
			{10 * time.Second, 0, 0, nil},
			{10 * time.Second, 9 * time.Second, 0, context.Canceled},
			{10 * time.Second, 9 * time.Second, 0, errDown},
		} {
			before := p.Snapshot()
			l := checkout(t, p)
			time.Sleep(tc.lent)
			if err := l.CheckinUsed(tc.used, tc.err); err != nil {
				t.Error(err)
			}
			after := p.Snapshot()
			if lent, got := after.LentTime-before.LentTime, after.ProductiveTime-before.ProductiveTime; lent != tc.lent || got != tc.productive {
				t.Errorf("%+v: lent %v, productive %v", tc, lent, got)
			}
		}
		s = p.Snapshot()
		if share, ok := s.Efficiency(); !ok || share != 0.4 {
			t.Errorf("efficiency %v, %v, want 24 s of 60", share, ok)
		}
		closeAll(t, p, f)
	})
}
