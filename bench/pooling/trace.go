package pooling

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/engine/pool"
)

// idleUser is how often a user that a phase has no use for looks for the next.
const idleUser = 5 * time.Millisecond

// Trace plays the phases to a live pool of Lines to the server at target, as
// Config.Target, which finds its size by itself. It takes as long as the phases do.
func (c SizingConfig) Trace(ctx context.Context, target string) (t result.Trace, err error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return t, err
	}
	lines := Config{Target: target, Text: 64, Work: c.Work}
	var mu sync.Mutex
	var begin time.Time
	options := c.Controller
	p, err := pool.NewPool(lines.lines(), pool.PoolOptions{
		AutoSize: &options, SampleInterval: c.Sample, RetireAfter: c.Sample, WaitQueue: max(c.most(), 1),
		OnEvent: func(e pool.Event) {
			if e.Kind == pool.EventResized {
				mu.Lock()
				t.Changes = append(t.Changes, result.SizeChange{Time: e.Time.Sub(begin).Seconds(), From: e.From, To: e.To, Reason: e.Reason.String()})
				mu.Unlock()
			}
		},
	})
	if err != nil {
		return t, err
	}
	o := p.Options().AutoSize
	t.Min, t.Max = o.Min, o.Max
	mu.Lock()
	begin = time.Now()
	mu.Unlock()

	var active atomic.Int64
	var calls, failed atomic.Uint64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range c.most() {
		wg.Go(func() {
			for {
				rest := idleUser
				busy := int64(n) < active.Load()
				if busy {
					rest = time.Duration(rand.ExpFloat64() * float64(c.Think))
				}
				select {
				case <-stop:
					return
				case <-time.After(rest):
				}
				if !busy {
					continue
				}
				err := p.Do(context.Background(), func(_ context.Context, l *line) error {
					return l.call(time.Now().Add(c.Work + 10*time.Second))
				})
				if err == nil {
					calls.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	before := p.Snapshot()
	at := time.Now()
	sample := func(users int) {
		s := p.Snapshot()
		now := time.Now()
		waits := s.WaitTime.Sub(&before.WaitTime)
		t.Points = append(t.Points, result.TracePoint{
			Time: now.Sub(begin).Seconds(), Users: users, Size: s.Size, Open: s.Open, Waiting: s.Waiting,
			Utilisation: float64(s.LentIntegral-before.LentIntegral) / (float64(now.Sub(at)) * float64(before.Size)),
			WaitMs:      waits.Quantile(0.95).Seconds() * 1e3,
		})
		before, at = s, now
	}
	tick := time.NewTicker(c.Sample)
	defer tick.Stop()
	end := begin
play:
	for _, ph := range c.Phases {
		end = end.Add(ph.Duration)
		active.Store(int64(ph.Users))
		for time.Now().Before(end) {
			select {
			case <-tick.C:
				sample(ph.Users)
			case <-ctx.Done():
				err = context.Cause(ctx)
				break play
			}
		}
	}
	close(stop)
	wg.Wait()
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if cerr := p.Close(closing); err == nil {
		err = cerr
	}
	t.Calls, t.Errors = calls.Load(), failed.Load()
	t.Sum(c.Phases)
	return t, err
}
