package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// retry is how dialling goes.
type retry struct {
	failed int    // attempts in a row, until a connection has proved to be of use
	err    error  // of the last
	round  uint64 // grows with each of them
	orphan bool   // the last connection was lost, and none was made since
	after  int64  // no attempt before
	timer  *time.Timer
}

// alone is told that no connection is left.
func (r *retry) alone(now int64, most time.Duration) {
	if r.failed == 0 {
		r.orphan, r.after = true, now+fullJitter(most)
	}
}

// failure is told of an attempt that failed, and of round when it began: those that
// were under way together fail as one. It reports whether this one counts.
func (r *retry) failure(now int64, round uint64, err error, o *PoolOptions) bool {
	if round != r.round {
		return false
	}
	r.err = err
	r.after = now + fullJitter(backoff(o.RetryMin, o.RetryMax, r.failed))
	r.failed++
	r.round++
	return true
}

// success is told of one that did not: the next may follow at once.
func (r *retry) success() { r.orphan, r.after = false, 0 }

// proved is told of a connection that was of use. It reports whether dials were held
// back until now.
func (r *retry) proved() (held bool) {
	held = r.failed > 0
	r.failed, r.err = 0, nil
	return held
}

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

// needed is how many connections those would take who wait. mu is held.
func (p *Pool[C]) needed() int { return (p.waiting.n + p.o.PerConn - 1) / p.o.PerConn }

// demand asks and dials as many connections as are needed and may be. mu is held.
func (p *Pool[C]) demand() {
	want := p.needed()
	if want > 0 { // what is free is stale: else nobody would wait
		for m := p.slots.can; !m.empty() && p.slots.asked.count() < min(want, probesAtOnce); {
			i := m.first()
			m.remove(i)
			if !p.ended(i) {
				p.ask(i)
			}
		}
		want -= p.slots.asked.count() + p.slots.can.count()
	}
	want = max(want, min(p.o.Warm, p.size)-p.slots.open())
	p.dialFor(want - p.slots.dialing())
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
			p.retry.timer.Reset(time.Duration(wait))
			return
		}
	}
	dialing := p.slots.dialing()
	for n = min(n, limit-dialing, p.limit()-p.slots.open()-dialing); n > 0; n-- {
		i := p.slots.in[slotFree].first()
		if i < 0 {
			return
		}
		p.dial(i)
	}
}

// redial is called when a wait is over.
func (p *Pool[C]) redial() {
	p.mu.Lock()
	p.demand()
	p.mu.Unlock()
}

// dial fills a free slot. mu is held.
func (p *Pool[C]) dial(i int) {
	p.slots.move(i, slotDialing)
	p.stats.Dials++
	round := p.retry.round
	ctx, cancel := context.WithTimeout(p.ctx, p.o.DialTimeout)
	var conn C
	p.call("Dialer.Dial", func() (err error) {
		conn, err = p.d.Dial(ctx)
		return err
	}, func(err error) {
		cancel()
		if err != nil {
			p.dialFailed(i, round, err)
			return
		}
		var done <-chan struct{}
		if p.d.Done != nil {
			err = guard("Dialer.Done", func() error { done = p.d.Done(conn); return nil })
		}
		now := p.now()
		p.mu.Lock()
		s := &p.slots.at[i]
		s.conn, s.done, s.round, s.used, s.good = conn, done, round, now, now
		p.slots.move(i, slotOpen)
		p.stats.PeakOpen = max(p.stats.PeakOpen, p.slots.open())
		p.retry.success()
		p.emit(Event{Kind: EventDialed})
		if err != nil { // nobody would learn of its end
			p.lose(i, err)
		}
		granted := p.release(i, now)
		p.demand()
		p.mu.Unlock()
		granted.wake()
	})
}

// dialFailed gives a slot back, and tells the breaker.
func (p *Pool[C]) dialFailed(i int, round uint64, err error) {
	now := p.now()
	p.mu.Lock()
	p.stats.DialFailures++
	p.failure = err
	counts := p.retry.failure(now, round, err, &p.o)
	p.emit(Event{Kind: EventDialFailed, Err: err})
	p.vacate(i)
	p.mu.Unlock()
	if counts && p.ctx.Err() == nil {
		p.report(Ticket{}, OutcomeFailed)
	}
}
