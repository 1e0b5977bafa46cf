package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// retry is how dialling goes.
type retry struct {
	failed  int   // attempts in a row, until a connection has proved to be of use
	err     error // of the last
	orphan  bool  // the last connection was lost, and none was made since
	after   int64 // no attempt before
	timer   *time.Timer
	timerOn bool
}

// alone is told that no connection is left.
func (r *retry) alone(now int64, most time.Duration) {
	if !r.orphan && r.failed == 0 {
		r.orphan, r.after = true, now+fullJitter(most)
	}
}

// failure is told of an attempt that failed.
func (r *retry) failure(now int64, err error, o *PoolOptions) {
	r.err = err
	r.after = now + fullJitter(backoff(o.RetryMin, o.RetryMax, r.failed))
	r.failed++
}

// success is told of one that did not: the next may follow at once.
func (r *retry) success() { r.orphan, r.after = false, 0 }

// proved is told of a connection that was of use.
func (r *retry) proved() { r.failed, r.err = 0, nil }

// backoff returns the longest wait after n failures (from 0): low, doubled each
// time, at most high.
func backoff(low, high time.Duration, n int) time.Duration {
	for ; n > 0 && low < high; n-- {
		low *= 2
	}
	return min(low, high)
}

// fullJitter draws a wait from nothing to most, in nanoseconds.
func fullJitter(most time.Duration) int64 { return int64(rand.N(most + 1)) }

// errEnded is why a connection was lost whose Done channel was closed.
var errEnded = errors.New("pool: the connection has ended")

// demand dials as many connections as are needed and may be. mu is held.
func (p *Pool[C]) demand() {
	want := (p.waiting.n + p.o.PerConn - 1) / p.o.PerConn
	want = max(want-p.probing, p.o.Warm-p.open)
	p.dialFor(want - p.dialing)
}

// dialFor dials n connections more, or fewer if so many may not be. mu is held.
func (p *Pool[C]) dialFor(n int) {
	if n <= 0 || p.closed {
		return
	}
	limit := p.o.DialsAtOnce
	if p.retry.failed > 0 || p.retry.orphan { // as RetryMin says
		limit = 1
		if wait := p.retry.after - p.now(); wait > 0 {
			if !p.retry.timerOn {
				p.retry.timerOn = true
				p.retry.timer.Reset(time.Duration(wait))
			}
			return
		}
	}
	for n = min(n, limit-p.dialing, p.limit()-p.open-p.dialing); n > 0; n-- {
		i := p.slots.free.first()
		if i < 0 {
			return
		}
		p.slots.free.remove(i)
		p.slots.at[i].state = slotDialing
		p.dialing++
		p.stats.Dials++
		p.running.Go(func() { p.dial(i) })
	}
}

// redial is called when a wait is over.
func (p *Pool[C]) redial() {
	p.mu.Lock()
	p.retry.timerOn = false
	p.demand()
	p.mu.Unlock()
}

// dial fills a slot that is reserved for it.
func (p *Pool[C]) dial(i int) {
	ctx, cancel := context.WithTimeout(p.ctx, p.o.DialTimeout)
	defer cancel()
	var conn C
	var done <-chan struct{}
	err := guard("Dialer.Dial", func() (err error) {
		if conn, err = p.d.Dial(ctx); err == nil && p.d.Done != nil {
			done = p.d.Done(conn)
		}
		return err
	})
	now := p.now()
	p.mu.Lock()
	p.dialing--
	s := &p.slots.at[i]
	var granted *waiter[C]
	switch {
	case err != nil:
		p.stats.DialFailures++
		p.failure = err
		p.retry.failure(now, err, &p.o)
		p.emit(Event{Kind: EventDialFailed, Err: err})
		p.vacate(i)
	case p.closed:
		s.conn = conn
		p.discard(i)
	default:
		*s = slot[C]{conn: conn, done: done, state: slotOpen, used: now, good: now}
		p.open++
		p.stats.PeakOpen = max(p.stats.PeakOpen, p.open)
		p.retry.success()
		p.emit(Event{Kind: EventDialed})
		p.slots.enter(i)
		granted = p.serve(now)
		p.demand()
	}
	p.mu.Unlock()
	granted.wake()
	if err != nil && p.ctx.Err() == nil {
		p.report(Ticket{}, OutcomeFailed)
	}
}
