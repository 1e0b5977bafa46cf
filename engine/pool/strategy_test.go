package pool

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
)

// Each strategy spreads leases as it says.
func TestPoolStrategies(t *testing.T) {
	loadsAfter := func(t *testing.T, o PoolOptions, do func(p *Pool[*fake])) (loads []int) {
		synctest.Test(t, func(t *testing.T) {
			o.Size, o.Max, o.Warm, o.DialsAtOnce, o.HealthInterval = 8, 8, 8, 8, -1
			p, f := newPool(t, o)
			r := rand.New(rand.NewPCG(5, 6))
			p.random = r.IntN
			synctest.Wait()
			do(p)
			p.mu.Lock()
			loads = make([]int, 8)
			for _, s := range p.slots.at {
				loads[s.conn.n] = s.load
			}
			p.mu.Unlock()
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = p.Close(ctx)
			nothing(t, p, f)
		})
		return loads
	}
	many := func(p *Pool[*fake]) {
		for range 8 * 16 {
			checkout(t, p)
		}
	}
	for _, s := range []Strategy{RoundRobin, LeastLoaded} {
		if loads := loadsAfter(t, PoolOptions{Strategy: s, PerConn: 64}, many); !slices.Equal(loads, []int{16, 16, 16, 16, 16, 16, 16, 16}) {
			t.Errorf("%v: %v", s, loads)
		}
	}
	loads := loadsAfter(t, PoolOptions{Strategy: PowerOfTwo, PerConn: 64}, many)
	if slices.Max(loads)-slices.Min(loads) > 5 || slices.Max(loads) == slices.Min(loads) {
		t.Errorf("power of two: %v", loads)
	}

	// Some have much longer leases: round robin goes on giving to them, the
	// others do not.
	uneven := func(p *Pool[*fake]) {
		var short []Lease[*fake]
		for range 400 {
			l := checkout(t, p)
			if l.Conn().n != 0 && l.Conn().n != 4 { // these two are slow
				short = append(short, l)
			}
			if len(short) > 20 {
				checkin(t, short[0], nil)
				short = short[1:]
			}
		}
	}
	for s, most := range map[Strategy]int{RoundRobin: 64, LeastLoaded: 12, PowerOfTwo: 24} {
		loads := loadsAfter(t, PoolOptions{Strategy: s, PerConn: 64}, uneven)
		slow := max(loads[0], loads[4])
		if (s == RoundRobin) != (slow > 40) || slow > most {
			t.Errorf("%v: %v", s, loads)
		}
	}
	// All that can be is lent, whatever the strategy, and not more.
	for s := RoundRobin; s <= PowerOfTwo; s++ {
		full := loadsAfter(t, PoolOptions{Strategy: s, PerConn: 3, WaitQueue: 1}, func(p *Pool[*fake]) {
			for range 24 {
				checkout(t, p)
			}
			ctx, cancel := context.WithCancel(context.Background())
			go cancel()
			if l, err := p.Checkout(ctx); err == nil {
				t.Errorf("%v: a 25th lease, %v", s, l.Conn().n)
			}
		})
		if !slices.Equal(full, []int{3, 3, 3, 3, 3, 3, 3, 3}) {
			t.Errorf("%v: %v", s, full)
		}
	}
	if RoundRobin.String() != "round-robin" || LeastLoaded.String() != "least-loaded" || PowerOfTwo.String() != "power-of-two" || Strategy(9).String() != "unknown" {
		t.Error("names")
	}
}

// No connection is opened beside one that is idle, though what the strategy chose is
// shared already.
func TestPoolSharesIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 3, PerConn: 4}) // round robin
		a := checkout(t, p)
		b := checkout(t, p) // shared, so that another is dialled
		synctest.Wait()
		for range 3 {
			c := checkout(t, p)
			checkin(t, c, nil)
			synctest.Wait()
		}
		if s := p.Snapshot(); s.Open != 2 {
			t.Errorf("%s", gauges(s))
		}
		checkin(t, a, nil)
		checkin(t, b, nil)
		closeAll(t, p, f)
	})
}

// Connections that are shared spread before they fill: up to Size, each new
// borrower opens one.
func TestPoolShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 4, Max: 6, PerConn: 10, Strategy: LeastLoaded})
		var ls []Lease[*fake]
		for range 40 {
			ls = append(ls, checkout(t, p))
			synctest.Wait()
		}
		if s := p.Snapshot(); s.Open != 4 || s.Lent != 40 || s.Waits != 1 {
			t.Errorf("40 borrowers: %+v", gauges(s))
		}
		ls = append(ls, checkout(t, p)) // more than Size can take
		if s := p.Snapshot(); s.Open != 5 || s.Busy != 5 {
			t.Errorf("41 borrowers: %+v", gauges(s))
		}
		// One says that its connection is broken: who shares it goes on.
		checkin(t, ls[0], errDown)
		if s := p.Snapshot(); ls[0].Conn().closed.Load() || s.Open != 4 || s.Dead != 1 {
			t.Errorf("broken under its borrowers: %+v", gauges(s))
		}
		for _, l := range ls[1:] {
			if l.Conn() == ls[0].Conn() && l.Conn().closed.Load() {
				t.Error("closed under its borrowers")
			}
			checkin(t, l, nil)
		}
		synctest.Wait()
		if s := p.Snapshot(); !ls[0].Conn().closed.Load() || s.Dead != 0 || s.Lent != 0 || s.Busy != 0 {
			t.Errorf("all are back: %+v", gauges(s))
		}
		closeAll(t, p, f)
	})
}
