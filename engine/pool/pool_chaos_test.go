package pool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// consistent says what is wrong inside a pool.
func (p *Pool[C]) consistent() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	p.mu.Lock()
	defer p.mu.Unlock()
	loads := make([]int, len(p.slots.at))
	for i := range p.leases {
		if e := &p.leases[i]; e.slot >= 0 {
			loads[e.slot]++
		}
	}
	now := p.now()
	for i := range p.slots.at {
		s := &p.slots.at[i]
		if s.load != loads[i] || s.load > p.o.PerConn {
			bad("slot %d has load %d, and %d leases", i, s.load, loads[i])
		}
		for state, m := range p.slots.in {
			if m.has(i) != (s.state == slotState(state)) {
				bad("slot %d, state %d, is among those of state %d: %v", i, s.state, state, m.has(i))
			}
		}
		asked := p.slots.asked.has(i)
		if s.load > 0 || asked {
			if s.state != slotOpen && s.state != slotDead {
				bad("slot %d, state %d, is lent %d times, asked: %v", i, s.state, s.load, asked)
			}
		} else if s.state == slotDead {
			bad("slot %d is dead, and nobody has it", i)
		}
		can := s.state == slotOpen && !asked && s.load < p.o.PerConn
		if p.slots.can.has(i) != can {
			bad("slot %d, state %d, load %d, asked: %v, can be lent: %v", i, s.state, s.load, asked, !can)
		}
		for l := range p.o.PerConn {
			if p.slots.byLoad[l].has(i) != (can && s.load == l) {
				bad("slot %d, state %d, load %d, is among those of load %d", i, s.state, s.load, l)
			}
		}
		if can && p.waiting.n > 0 && now-s.good < int64(p.o.HealthInterval) { // else it may be stale
			bad("%d wait, and connection %d is free", p.waiting.n, i)
		}
	}
	for l := range p.o.PerConn {
		if p.slots.loads>>l&1 != 0 == p.slots.byLoad[l].empty() {
			bad("load %d: %b, %v", l, p.slots.loads, p.slots.byLoad[l])
		}
	}
	n := 0
	for w := p.waiting.head; w != nil; w = w.next {
		n++
		if !p.waiting.has(w) || w.next != nil && w.next.prev != w || w.next == nil && p.waiting.tail != w {
			bad("the queue is torn")
		}
	}
	if n != p.waiting.n {
		bad("%d wait, and %d are counted", n, p.waiting.n)
	}
	return errs
}

// Everything at once: dials that fail, connections that die, borrowers that give
// up, break, forget, panic; and what must hold, holds: never more than Max,
// never two on what is one's, nobody forgotten, all counts back to start.
func TestPoolChaos(t *testing.T) {
	for _, o := range []PoolOptions{
		{Size: 4, Max: 7, Strategy: RoundRobin},
		{Size: 5, Max: 8, Overflow: 1, Strategy: LeastLoaded, PerConn: 3},
		{Size: 2, Max: 9, Strategy: PowerOfTwo, PerConn: 64, WaitQueue: 10},
		{Size: 3, Max: 4, Warm: 3, WaitQueue: 5, Breaker: BreakerOptions{Failures: 4, Open: 5 * time.Millisecond, Trial: 50 * time.Millisecond}},
	} {
		t.Run(fmt.Sprint(o.Strategy, " of ", o.Max), func(t *testing.T) {
			t.Parallel()
			chaos(t, o)
		})
	}
}

func chaos(t *testing.T, o PoolOptions) {
	o.WaitTimeout, o.LeaseTimeout, o.RetireAfter = 200*time.Millisecond, 60*time.Millisecond, 20*time.Millisecond
	o.HealthInterval, o.PingTimeout, o.RetryMin, o.RetryMax = 8*time.Millisecond, 5*time.Millisecond, time.Millisecond, 4*time.Millisecond
	if o.Breaker.Failures == 0 {
		o.Breaker.Failures = -1
	}
	var events atomic.Int64
	o.OnEvent = func(Event) { events.Add(1) }
	f := &fakes{t: t}
	f.setOnDial(func(context.Context) error {
		time.Sleep(rand.N(time.Millisecond))
		if rand.IntN(4) == 0 {
			return errDown
		}
		return nil
	})
	p, err := NewPool(f.dialer(), o)
	if err != nil {
		t.Fatal(err)
	}
	perConn := int32(p.Options().PerConn)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var served, over atomic.Int64
	for range 40 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(context.Background(), rand.N(40*time.Millisecond))
				var l Lease[*fake]
				var err error
				if rand.IntN(4) == 0 {
					l, err = p.CheckoutUntil(ctx)
				} else {
					l, err = p.Checkout(ctx)
				}
				if err != nil {
					if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrPoolExhausted) && !errors.Is(err, ErrBreakerOpen) && !errors.Is(err, ErrWaitTimeout) {
						t.Error(err)
					}
					cancel()
					time.Sleep(rand.N(time.Millisecond))
					continue
				}
				c := l.Conn()
				// A shared one stays when a lease of it was over before its borrower was through.
				if n := c.lent.Add(1); n > 1 && perConn == 1 {
					t.Errorf("%d borrowers have connection %d", n, c.n)
				}
				served.Add(1)
				time.Sleep(rand.N(500 * time.Microsecond))
				err = nil
				switch rand.IntN(30) {
				case 0:
					err = errDown
				case 1:
					err = context.Canceled
				case 2:
					c.die()
				case 3:
					c.mute.Store(true)
				case 4: // forgets it
					if rand.IntN(4) == 0 {
						cancel()
						c.lent.Add(-1)
						continue
					}
				}
				c.lent.Add(-1)
				if l.Checkin(err) != nil {
					over.Add(1)
				}
				cancel()
			}
		})
	}
	for until := time.Now().Add(1200 * time.Millisecond); time.Now().Before(until); time.Sleep(time.Millisecond) {
		for _, err := range p.consistent() {
			t.Error(err)
		}
		if t.Failed() {
			break
		}
		if rand.IntN(20) == 0 {
			_ = p.Resize(1 + rand.IntN(p.Options().Max)) // in its bounds
		}
	}
	close(stop)
	wg.Wait()
	eventually(t, "what was forgotten is taken back", func() bool { return p.Snapshot().Lent == 0 })
	for _, err := range p.consistent() {
		t.Error(err)
	}
	s := p.Snapshot()
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	nothing(t, p, f)
	if f.peak > p.Options().Max {
		t.Errorf("%d connections at once, %d are allowed", f.peak, p.Options().Max)
	}
	if served.Load() < 100 || s.Lost == 0 || s.DialFailures == 0 || s.Reclaimed == 0 || s.LateCheckins != uint64(over.Load()) {
		t.Errorf("served %d: %+v", served.Load(), gauges(s))
	}
	if want := s.Lost + s.DialFailures + s.Retired + s.Reclaimed; uint64(events.Load())+p.Snapshot().EventsDropped < want {
		t.Errorf("%d events, %d dropped, of %d", events.Load(), p.Snapshot().EventsDropped, want)
	}

}
