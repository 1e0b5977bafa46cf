package pooling

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/pool"
	"github.com/gannetmcp/gannet/transports"
)

// Run measures each size of c, one after the other. What it measured before an
// error, or the end of ctx, is in the result.
func Run(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return Result{}, err
	}
	r := Result{Target: c.Target, Client: c.Client, Strategy: c.Strategy.String(), PerConn: max(c.PerConn, 1), Text: c.Text,
		WorkMs: c.Work.Milliseconds(), WarmUp: c.WarmUp.Seconds()}
	for _, s := range c.Sizes {
		var p Point
		var err error
		switch c.Client {
		case Session:
			p, err = both(ctx, &c, s, c.sessions(), c.sessionCall())
		case Mux:
			p, err = both(ctx, &c, s, c.muxes(), (*mux).call)
		default:
			p, err = both(ctx, &c, s, c.lines(), (*line).call)
		}
		if err != nil {
			return r, fmt.Errorf("pooling: %d connections for %d users: %w", s.Conns, s.Users, err)
		}
		if p.Direct > 0 {
			p.OfDirect = p.Rate / p.Direct
		}
		r.Points = append(r.Points, p)
		first := &r.Points[0]
		if first.Rate > 0 {
			r.Points[len(r.Points)-1].Scaling = p.Rate / float64(s.Conns) / (first.Rate / float64(first.Conns))
		}
	}
	return r, nil
}

func (c *Config) text() string { return strings.Repeat("x", c.Text) }

// lines is the Dialer of Line.
func (c *Config) lines() pool.Dialer[*line] {
	text, ms := c.text(), int(c.Work.Milliseconds())
	return pool.Dialer[*line]{
		Dial:  func(ctx context.Context) (*line, error) { return dialLine(ctx, c.Target, text, ms) },
		Close: (*line).close,
		Ping:  func(ctx context.Context, l *line) error { return l.pingOnce(ctx) },
	}
}

// muxes is the Dialer of Mux.
func (c *Config) muxes() pool.Dialer[*mux] {
	text, ms := c.text(), int(c.Work.Milliseconds())
	return pool.Dialer[*mux]{
		Dial: func(ctx context.Context) (*mux, error) {
			l, err := dialLine(ctx, c.Target, text, ms)
			if err != nil {
				return nil, err
			}
			return newMux(l), nil
		},
		Close: (*mux).close,
		Ping: func(ctx context.Context, m *mux) error {
			deadline, _ := ctx.Deadline()
			return m.call(deadline)
		},
		Done: func(m *mux) <-chan struct{} { return m.done },
	}
}

// sessions is the Dialer of Session.
func (c *Config) sessions() pool.Dialer[*mcp.ClientSession] {
	client := c.client()
	return transports.SessionDialer(func(ctx context.Context) (*mcp.ClientSession, error) {
		return transports.Dial(ctx, client, c.Target, transports.DialOptions{})
	})
}

func (c *Config) sessionCall() func(*mcp.ClientSession, time.Time) error {
	text := c.text()
	args := map[string]any{"text": text}
	if c.Work > 0 {
		args["ms"] = c.Work.Milliseconds()
	}
	return func(s *mcp.ClientSession, deadline time.Time) error {
		r, err := s.CallTool(context.Background(), "echo", args, mcp.WithTimeout(time.Until(deadline)))
		if err == nil && r.Text() != text {
			err = errWrongAnswer
		}
		return err
	}
}

// How far a measurement is.
const (
	warming int32 = iota
	measuring
	stopping
)

// both measures one size, with a pool and, before and after, without.
func both[C any](ctx context.Context, c *Config, size Size, d pool.Dialer[C], call func(C, time.Time) error) (p Point, err error) {
	before, err := direct(ctx, c, size, d, call)
	if err != nil {
		return p, err
	}
	if p, err = measure(ctx, c, size, d, call); err != nil {
		return p, err
	}
	after, err := direct(ctx, c, size, d, call)
	p.Direct = (before + after) / 2
	return p, err
}

// direct is the rate of as many users as may share the connections, each of which
// keeps to one.
func direct[C any](ctx context.Context, c *Config, size Size, d pool.Dialer[C], call func(C, time.Time) error) (rate float64, err error) {
	conns := make([]C, 0, size.Conns)
	defer func() {
		for _, conn := range conns {
			err = errors.Join(err, d.Close(conn))
		}
	}()
	for range size.Conns {
		dialing, cancel := context.WithTimeout(ctx, c.Timeout)
		conn, err := d.Dial(dialing)
		cancel()
		if err != nil {
			return 0, err
		}
		conns = append(conns, conn)
	}
	var calls atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	errs := make([]error, min(len(conns)*max(c.PerConn, 1), size.Users))
	start := time.Now()
	for i := range errs {
		conn := conns[i%len(conns)]
		wg.Go(func() {
			n := int64(0)
			for errs[i] == nil && !stop.Load() {
				if errs[i] = call(conn, time.Now().Add(c.Timeout)); errs[i] == nil {
					n++
				}
			}
			calls.Add(n)
		})
	}
	select {
	case <-time.After(c.Duration / 4):
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	stop.Store(true)
	wg.Wait()
	return float64(calls.Load()) / time.Since(start).Seconds(), errors.Join(append(errs, err)...)
}

// measure measures one size.
func measure[C any](ctx context.Context, c *Config, size Size, d pool.Dialer[C], call func(C, time.Time) error) (pt Point, err error) {
	pt.Size = size
	tallies := make([]*tally, shards)
	for i := range tallies {
		tallies[i] = newTally()
	}
	var dialError atomic.Pointer[error]
	before := collected()
	p, err := pool.NewPool(d, pool.PoolOptions{
		Size: size.Conns, Max: size.Conns, Warm: size.Conns, PerConn: c.PerConn, Strategy: c.Strategy, Breaker: c.Breaker,
		WaitQueue: max(size.Users, 1), WaitTimeout: c.Timeout,
		OnEvent: func(e pool.Event) {
			if e.Kind == pool.EventDialFailed {
				dialError.Store(&e.Err)
			}
		},
	})
	if err != nil {
		return pt, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), c.Timeout)
		defer cancel()
		err = errors.Join(err, p.Close(closing))
	}()
	if err := open(ctx, p, size.Conns, c.Timeout); err != nil {
		if e := dialError.Load(); e != nil {
			err = fmt.Errorf("%w: %w", err, *e)
		}
		return pt, err
	}
	idle := collected()
	pt.PoolBytes = int64(idle.heap) - int64(before.heap)
	pt.ConnBytes = float64(pt.PoolBytes) / float64(size.Conns)

	var phase atomic.Int32
	var wg sync.WaitGroup
	for i := range size.Users {
		wg.Go(func() { use(p, call, c.Timeout, &phase, tallies[i%shards]) })
	}
	rest := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	rest(c.WarmUp)
	from, start, cpu, allocs := p.Snapshot(), time.Now(), cpuSeconds(), allocations()
	phase.Store(measuring)
	rest(c.Duration)
	phase.Store(stopping)
	to, elapsed := p.Snapshot(), time.Since(start)
	cpu, allocs = cpuSeconds()-cpu, allocations()-allocs
	loaded := memory()
	pt.RSS, _ = load.ResidentMemory(os.Getpid()) // absent where it cannot be told
	if c.ServerPID != 0 {
		pt.ServerRSS, _ = load.ResidentMemory(c.ServerPID)
	}
	wg.Wait()
	if ctx.Err() != nil {
		return pt, context.Cause(ctx)
	}
	pt.HeapBytes = int64(loaded.heap+loaded.stacks) - int64(before.heap+before.stacks)
	all := tallies[0]
	for _, t := range tallies[1:] {
		all.add(t)
	}
	pt.fill(c, all, &from, &to, elapsed)
	if n := float64(all.operations); n > 0 {
		pt.CPUMicros = cpu * 1e6 / n
		pt.Allocs = float64(allocs) / n
	}
	return pt, nil
}

// fill computes what follows from what was counted.
func (pt *Point) fill(c *Config, all *tally, from, to *pool.Snapshot, elapsed time.Duration) {
	pt.Seconds, pt.Operations = elapsed.Seconds(), all.operations
	pt.Rate = float64(all.operations) / pt.Seconds
	pt.Latency, pt.Wait, pt.Call = timesOf(all.latency), timesOf(all.wait), timesOf(all.call)
	if len(all.errors) > 0 {
		pt.Errors = all.errors
	}
	for _, n := range all.errors {
		pt.ErrorTotal += n
	}
	if n := to.Checkouts - from.Checkouts; n > 0 {
		pt.WaitShare = float64(to.Waits-from.Waits) / float64(n)
	}
	if lent := to.LentTime - from.LentTime; lent > 0 {
		pt.Efficiency = float64(to.ProductiveTime-from.ProductiveTime) / float64(lent)
	}
	pt.Busy = float64(to.LentIntegral-from.LentIntegral) / (float64(elapsed) * float64(pt.Conns) * float64(max(c.PerConn, 1)))
	if c.Work > 0 {
		pt.Ideal = float64(pt.Conns*max(c.PerConn, 1)) / c.Work.Seconds()
		pt.OfIdeal = pt.Rate / pt.Ideal
	}
	pt.PeakOpen, pt.PeakWaiting = to.PeakOpen, to.PeakWaiting
	pt.Dials, pt.Lost, pt.Reclaimed, pt.Warnings = to.Dials, to.Lost, to.Reclaimed, to.Warnings
}

// open waits until n connections are.
func open[C any](ctx context.Context, p *pool.Pool[C], n int, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		s := p.Snapshot()
		switch {
		case s.Open >= n:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Now().After(deadline):
			return fmt.Errorf("%d of %d connections are open after %v", s.Open, n, timeout)
		}
		time.Sleep(time.Millisecond)
	}
}

// use is the life of a user.
func use[C any](p *pool.Pool[C], call func(C, time.Time) error, timeout time.Duration, phase *atomic.Int32, t *tally) {
	for {
		began := phase.Load()
		if began == stopping {
			return
		}
		asked := time.Now()
		l, err := p.Checkout(context.Background())
		if err != nil {
			t.failed(err)
			time.Sleep(time.Millisecond) // refused at once: not faster than the pool recovers
			continue
		}
		lent := time.Now()
		err = call(l.Conn(), asked.Add(timeout))
		answered := time.Now()
		if over := l.CheckinUsed(answered.Sub(lent), err); err == nil {
			err = over
		}
		switch returned := time.Now(); {
		case err != nil:
			t.failed(err)
		case began == measuring && phase.Load() == measuring:
			t.done(returned.Sub(asked), lent.Sub(asked), answered.Sub(lent))
		}
	}
}

// footprint is the memory of this process.
type footprint struct{ heap, stacks uint64 }

func memory() footprint {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return footprint{s[0].Value.Uint64(), s[1].Value.Uint64()}
}

// collected is memory after a collection, of which there are two: the first only
// moves aside what a sync.Pool holds.
func collected() footprint {
	runtime.GC()
	runtime.GC()
	return memory()
}

func allocations() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
