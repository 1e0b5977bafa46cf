package pool

import "fmt"

// sampler makes samples of a pool. It is under the pool's mu.
type sampler struct {
	controller *Controller // nil: Size stays
	at, next   int64       // when the last one was taken, when to take one
	before     Snapshot    // counters then
	poor       bool        // the last sample was below WarnEfficiency
}

// efficiencyLeases is how many leases must have ended in a sample for its
// efficiency to say anything.
const efficiencyLeases = 20

// rearm is how much efficiency must rise above WarnEfficiency before a further
// warning.
const rearm = 0.05

// Resize changes how many connections the pool keeps. Those beyond n are closed
// when they have been idle for RetireAfter, those beyond n and Overflow as soon as
// nobody has them; more are opened as they are needed.
//
// Errors: n is below 1 or beyond Max.
func (p *Pool[C]) Resize(n int) error {
	if n < 1 || n > p.o.Max {
		return fmt.Errorf("pool: Resize to %d; want 1 to %d", n, p.o.Max)
	}
	p.mu.Lock()
	p.decided(Decision{n, SizeByHand}, Sample{Size: p.size})
	p.mu.Unlock()
	return nil
}

// decided counts a decision and carries it out. mu is held.
func (p *Pool[C]) decided(d Decision, s Sample) {
	p.stats.Decisions[d.Reason]++
	if d.Size == p.size {
		return
	}
	if d.Size > p.size {
		p.stats.Grown++
	} else {
		p.stats.Shrunk++
	}
	from := p.size
	p.size = d.Size
	p.emit(Event{Kind: EventResized, From: from, To: d.Size, Reason: d.Reason, Sample: s})
	p.demand()
}

// sample looks back at the time since the last sample, and decides on the size.
// breaker is the state of the breaker. mu is held.
func (p *Pool[C]) sample(now int64, breaker BreakerState) {
	l := &p.sampler
	elapsed := now - l.at
	s := p.stats
	s.LentIntegral = p.lentIntegral(now)
	lent, productive := s.LentTime-l.before.LentTime, s.ProductiveTime-l.before.ProductiveTime
	if ended := s.Checkins + s.Reclaimed - l.before.Checkins - l.before.Reclaimed; ended >= efficiencyLeases && lent > 0 {
		p.judgeEfficiency(float64(productive) / float64(lent))
	}
	if l.controller != nil {
		waits := s.WaitTime.Sub(&l.before.WaitTime)
		sample := Sample{
			Size:        p.size,
			Utilisation: float64(s.LentIntegral-l.before.LentIntegral) / (float64(elapsed) * float64(p.size) * float64(p.o.PerConn)),
			Wait:        waits.Quantile(0.95),
			Waiting:     p.needed(),
			Failing:     p.retry.failed > 0 || p.retry.orphan || breaker != BreakerClosed,
		}
		p.decided(l.controller.Next(sample), sample)
	}
	l.at, l.before = now, s
	if l.next += int64(p.o.SampleInterval); l.next <= now {
		l.next = now + int64(p.o.SampleInterval)
	}
}

// judgeEfficiency warns, once until it is better again. mu is held.
func (p *Pool[C]) judgeEfficiency(share float64) {
	switch warn := p.o.WarnEfficiency; {
	case warn < 0:
	case share < warn:
		p.stats.PoorSamples++
		if !p.sampler.poor {
			p.sampler.poor = true
			p.stats.Warnings++
			p.emit(Event{Kind: EventInefficient, Efficiency: share})
		}
	case share >= min(warn+rearm, 1):
		p.sampler.poor = false
	}
}
