package pool

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAutoSizeOptions(t *testing.T) {
	auto := func(o ControllerOptions) *ControllerOptions { return &o }
	for _, tc := range []struct {
		o    PoolOptions
		want string
	}{
		{PoolOptions{AutoSize: auto(ControllerOptions{})}, ""},
		{PoolOptions{Max: 5, AutoSize: auto(ControllerOptions{})}, ""},
		{PoolOptions{Size: 50, Warm: 10, AutoSize: auto(ControllerOptions{})}, ""},
		{PoolOptions{WarnEfficiency: 1, SampleInterval: time.Hour}, ""},
		{PoolOptions{WarnEfficiency: -1}, ""},
		{PoolOptions{Size: 5, AutoSize: auto(ControllerOptions{})}, "AutoSize 10 to 100"},
		{PoolOptions{Warm: 11, AutoSize: auto(ControllerOptions{})}, "Warm"},
		{PoolOptions{Max: 40, AutoSize: auto(ControllerOptions{Max: 41})}, "Max 41"},
		{PoolOptions{AutoSize: auto(ControllerOptions{Aim: 2})}, "Aim 2"},
		{PoolOptions{SampleInterval: -1}, "SampleInterval"},
		{PoolOptions{WarnEfficiency: 1.1}, "WarnEfficiency is 1.1"},
		{PoolOptions{WarnEfficiency: math.NaN()}, "WarnEfficiency is NaN"},
	} {
		p, err := NewPool((&fakes{t: t}).dialer(), tc.o)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc.o, err)
		}
		if p != nil {
			_ = p.Close(context.Background())
		}
	}
}

// A live pool follows a step, a burst and idleness by the Controller, without
// swinging, and each change is told of.
func TestPoolAutoSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var events []Event
		p, f := newPool(t, PoolOptions{AutoSize: &ControllerOptions{}, SampleInterval: 100 * time.Millisecond, RetireAfter: time.Second,
			OnEvent: func(e Event) {
				if e.Kind == EventResized {
					mu.Lock()
					events = append(events, e)
					mu.Unlock()
				}
			}})
		f.setOnDial(func(context.Context) error { time.Sleep(2 * time.Millisecond); return nil })
		stop := make(chan struct{})
		var wg sync.WaitGroup
		// client calls, each call of about 10 ms, keeping one connection busy.
		clients := func(n int, d time.Duration) {
			end := time.Now().Add(d)
			for range n {
				wg.Go(func() {
					for time.Now().Before(end) {
						l := checkout(t, p)
						time.Sleep(8*time.Millisecond + rand.N(4*time.Millisecond))
						checkin(t, l, nil)
					}
				})
			}
		}
		settled := func(what string, low, high int) {
			time.Sleep(20 * time.Second)
			before := p.Snapshot()
			time.Sleep(20 * time.Second)
			s := p.Snapshot()
			if s.Size < low || s.Size > high || s.Grown+s.Shrunk > before.Grown+before.Shrunk+1 {
				t.Errorf("%s: size %d, want %d to %d; %d changes in the last 20 s", what, s.Size, low, high, s.Grown+s.Shrunk-before.Grown-before.Shrunk)
			}
			if s.Open > s.Size {
				t.Errorf("%s: %d are open of %d", what, s.Open, s.Size)
			}
		}
		clients(4, time.Hour/60)
		settled("few", 10, 10)
		clients(40, 81*time.Second)
		settled("step", 44*100/80, 44*100/50)
		clients(25, time.Second) // a burst, too short to be worth much
		settled("burst", 44*100/80, 100)
		time.Sleep(2 * time.Minute)
		settled("idle", 10, 10)
		close(stop)
		wg.Wait()
		var sizes []int
		s := p.Snapshot()
		mu.Lock()
		for _, e := range events {
			sizes = append(sizes, e.To)
			if e.From == e.To || e.Sample.Size != e.From || e.Reason != SizeBusy && e.Reason != SizeWaits && e.Reason != SizeIdle {
				t.Errorf("%+v", e)
			}
		}
		mu.Unlock()
		if n := turns(sizes); n > 4 {
			t.Errorf("%d turns: %v", n, sizes)
		}
		total := uint64(0)
		for _, n := range s.Decisions {
			total += n
		}
		if int(s.Grown+s.Shrunk) != len(sizes) || total < 1500 || s.Decisions[SizeIdle] != s.Shrunk || s.Decisions[SizeBusy]+s.Decisions[SizeWaits] != s.Grown {
			t.Errorf("%d events; %s", len(sizes), gauges(s))
		}
		closeAll(t, p, f)
	})
}

// Each way to fail is one that nothing is learnt from.
func TestPoolSampleFailing(t *testing.T) {
	for name, fail := range map[string]func(p *Pool[*fake], f *fakes){
		"the breaker is open":      func(p *Pool[*fake], _ *fakes) { p.Breaker().Trip() },
		"dials fail":               func(p *Pool[*fake], f *fakes) { f.setDown(errDown); f.all[0].die() },
		"the last connection went": func(p *Pool[*fake], f *fakes) { f.all[0].die() }, // and the next comes within RetryMin
	} {
		synctest.Test(t, func(t *testing.T) {
			p, f := newPool(t, PoolOptions{Warm: 1, HealthInterval: -1, RetryMin: 1000 * time.Hour, AutoSize: &ControllerOptions{Min: 1}})
			synctest.Wait()
			checkin(t, checkout(t, p), nil) // it was of use
			time.Sleep(10 * time.Second)
			before := p.Snapshot()
			fail(p, f)
			for p.Snapshot().Decisions[SizeFailing] == 0 && time.Since(p.base) < 10*time.Minute {
				time.Sleep(100 * time.Millisecond)
			}
			s := p.Snapshot()
			if before.Decisions[SizeFailing] != 0 || s.Decisions[SizeFailing] == 0 {
				t.Errorf("%s: %s", name, gauges(s))
			}
			closeAll(t, p, f)
		})
	}
}

// A server that fails is no reason to resize.
func TestPoolAutoSizeFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{AutoSize: &ControllerOptions{}})
		f.setDown(errDown)
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, err := p.Checkout(context.Background()); err == nil {
					t.Error("a connection to nowhere")
				}
			})
		}
		wg.Wait()
		time.Sleep(5 * time.Second) // a few samples more
		if s := p.Snapshot(); s.Size != 10 || s.Decisions[SizeFailing] == 0 {
			t.Errorf("%s", gauges(s))
		}
		closeAll(t, p, f)
	})
}

func TestPoolResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 2, Max: 5, RetireAfter: time.Second})
		for _, n := range []int{0, -1, 6} {
			if err := p.Resize(n); err == nil || !strings.Contains(err.Error(), "want 1 to 5") {
				t.Errorf("to %d: %v", n, err)
			}
		}
		if err := p.Resize(5); err != nil {
			t.Error(err)
		}
		var ls []Lease[*fake]
		for range 5 {
			ls = append(ls, checkout(t, p))
		}
		for _, l := range ls[1:] {
			checkin(t, l, nil)
		}
		time.Sleep(time.Minute)
		if s := p.Snapshot(); s.Open != 5 || s.Size != 5 || s.Retired != 0 {
			t.Errorf("larger: %s", gauges(s))
		}
		if err := p.Resize(1); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		// What is lent is not closed under its borrower.
		if s := p.Snapshot(); s.Open != 1 || ls[0].Conn().closed.Load() || s.Grown != 1 || s.Shrunk != 1 || s.Decisions[SizeByHand] != 2 {
			t.Errorf("smaller: %s", gauges(s))
		}
		checkin(t, ls[0], nil)
		closeAll(t, p, f)
	})
}

// Who waits has what a larger pool opens, at once.
func TestPoolResizeServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 1, Max: 2, Overflow: -1})
		l := checkout(t, p)
		time.Sleep(300 * time.Millisecond) // between two rounds of upkeep
		served := make(chan Lease[*fake], 1)
		go func() { served <- checkout(t, p) }()
		synctest.Wait()
		if err := p.Resize(2); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(served) != 1 {
			t.Errorf("%s", gauges(p.Snapshot()))
		}
		checkin(t, <-served, nil)
		checkin(t, l, nil)
		closeAll(t, p, f)
	})
}

// What a Controller is told of: utilisation of all places, the wait of those who were
// served, how many connections those want who wait.
func TestPoolSample(t *testing.T) {
	type load struct {
		borrowers int
		hold      time.Duration // all begin at once, each second
	}
	for _, tc := range []struct {
		name    string
		perConn int
		load    load
		wait    [2]time.Duration // at least, at most
		waiting int
		util    [2]float64
	}{
		{"all places", 4, load{40, time.Hour}, [2]time.Duration{0, 0}, 0, [2]float64{0.9, 1}},
		{"some wait", 4, load{45, time.Hour}, [2]time.Duration{0, 0}, 2, [2]float64{0.9, 1}},
		{"waits", 1, load{20, 10 * time.Millisecond}, [2]time.Duration{10 * time.Millisecond, 12 * time.Millisecond}, 0, [2]float64{0.01, 0.03}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var first Event
			p, f := newPool(t, PoolOptions{PerConn: tc.perConn, Warm: 10, Strategy: LeastLoaded, WaitTimeout: time.Hour, LeaseTimeout: 2 * time.Hour, AutoSize: &ControllerOptions{}, OnEvent: func(e Event) {
				if e.Kind == EventResized && first.To == 0 {
					first = e
				}
			}})
			synctest.Wait()
			if s := p.Snapshot(); s.Open != 10 {
				t.Errorf("%s", gauges(s))
			}
			var wg sync.WaitGroup
			for range 3 {
				for range tc.load.borrowers {
					wg.Go(func() {
						l := checkout(t, p)
						if n := p.Snapshot(); n.Open > n.Size && n.Grown == 0 {
							t.Errorf("%s: %d open of %d, with AutoSize", tc.name, n.Open, n.Size)
						}
						time.Sleep(tc.load.hold)
						checkin(t, l, nil)
					})
				}
				time.Sleep(1100 * time.Millisecond)
				if tc.load.hold == time.Hour {
					time.Sleep(5 * time.Second)
					break
				}
			}
			wg.Wait()
			closeAll(t, p, f)
			s := first.Sample
			if s.Size != 10 || s.Wait < tc.wait[0] || s.Wait > tc.wait[1] || s.Waiting != tc.waiting || s.Utilisation < tc.util[0] || s.Utilisation > tc.util[1] || s.Failing {
				t.Errorf("%s: %+v", tc.name, first)
			}
		})
	}
}

// Size is the bound of what is kept open, also when it has become less than Warm.
func TestPoolResizeBelowWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := newPool(t, PoolOptions{Size: 8, Max: 10, Warm: 8, RetireAfter: time.Second})
		synctest.Wait()
		if err := p.Resize(3); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if s := p.Snapshot(); s.Open != 3 || s.Retired != 5 || s.Dials != 8 {
			t.Errorf("smaller: %s", gauges(s))
		}
		for _, c := range f.all {
			c.die()
		}
		time.Sleep(time.Hour)
		if s := p.Snapshot(); s.Open != 3 || s.Dials != 11 {
			t.Errorf("lost: %s", gauges(s))
		}
		if err := p.Resize(10); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if s := p.Snapshot(); s.Open != 8 || s.Dials != 16 {
			t.Errorf("larger: %s", gauges(s))
		}
		closeAll(t, p, f)
	})
}

// An efficiency below 70 % is warned of, once until it is better.
func TestPoolWarns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []float64
		p, f := newPool(t, PoolOptions{Size: 1, OnEvent: func(e Event) {
			if e.Kind == EventInefficient {
				mu.Lock()
				told = append(told, e.Efficiency)
				mu.Unlock()
			}
		}})
		work := func(seconds int, share float64) {
			for range 40 * seconds {
				l := checkout(t, p)
				time.Sleep(25 * time.Millisecond)
				if err := l.CheckinUsed(time.Duration(share*float64(25*time.Millisecond)), nil); err != nil {
					t.Error(err)
				}
			}
		}
		for i, step := range []struct {
			share float64
			want  int // events so far
		}{{0.9, 0}, {0.71, 0}, {0.6, 1}, {0.3, 1}, {0.72, 1}, {0.6, 1}, {0.8, 1}, {0.69, 2}} {
			work(5, step.share)
			synctest.Wait()
			mu.Lock()
			if len(told) != step.want {
				t.Errorf("step %d: %v", i, told)
			}
			mu.Unlock()
		}
		time.Sleep(2 * time.Second) // the last of them is in a sample by then
		before := p.Snapshot().PoorSamples
		for range 5 { // a few leases say nothing
			for range efficiencyLeases - 1 {
				l := checkout(t, p)
				time.Sleep(time.Millisecond)
				checkin(t, l, context.Canceled)
			}
			time.Sleep(time.Second)
		}
		if after := p.Snapshot().PoorSamples; after != before {
			t.Errorf("%d poor samples of %d leases each", after-before, efficiencyLeases-1)
		}
		if s := p.Snapshot(); s.Warnings != 2 || s.PoorSamples < 12 || told[0] >= 0.7 || told[0] < 0.5 {
			t.Errorf("%v; %s", told, gauges(s))
		}
		closeAll(t, p, f)
	})
}
