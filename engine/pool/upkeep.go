package pool

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Bounds of the time between two rounds of upkeep.
const (
	upkeepMin = 5 * time.Millisecond
	upkeepMax = time.Second
)

// probesAtOnce is how many connections are pinged at once.
const probesAtOnce = 8

// upkeep is the life of the pool's goroutine.
func (p *Pool[C]) upkeep() {
	every := min(p.o.LeaseTimeout/4, p.o.RetireAfter/4, p.o.SampleInterval)
	if p.d.Ping != nil && p.o.HealthInterval > 0 {
		every = min(every, p.o.HealthInterval/4)
	}
	t := time.NewTicker(min(max(every, upkeepMin), upkeepMax))
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.tend()
		}
	}
}

// tend takes back what is overdue, lets go of what has ended or is not needed,
// pings what is idle, and takes a sample when it is time.
func (p *Pool[C]) tend() {
	breaker := BreakerClosed
	if p.breaker != nil {
		breaker = p.breaker.State()
	}
	now := p.now()
	p.mu.Lock()
	if now >= p.sampler.next {
		p.sample(now, breaker)
	}
	granted, tickets := p.reclaimLate(now)
	for m := p.slots.idle; !m.empty(); {
		i := m.last()
		m.remove(i)
		s := &p.slots.at[i]
		switch {
		case p.ended(i):
		case p.open > p.size && now-s.used >= int64(p.o.RetireAfter):
			p.retire(i)
		case p.d.Ping != nil && p.o.HealthInterval > 0 && now-s.good >= int64(p.o.HealthInterval) && p.probing < probesAtOnce && !p.closed:
			p.probe(i)
		}
	}
	p.demand()
	p.mu.Unlock()
	granted.wake()
	for _, t := range tickets {
		p.report(t, OutcomeIgnored)
	}
}

// probe pings an idle connection, which is not lent meanwhile. mu is held.
func (p *Pool[C]) probe(i int) {
	s := &p.slots.at[i]
	p.slots.leave(i)
	s.state = slotProbed
	p.probing++
	conn := s.conn
	p.running.Go(func() {
		err := p.ping(p.ctx, conn)
		now := p.now()
		p.mu.Lock()
		var granted *waiter[C]
		switch {
		case p.closed:
			p.probing--
			p.open--
			p.discard(i)
		case err != nil:
			p.lose(i, fmt.Errorf("ping: %w", err))
			p.demand()
		default:
			p.probing--
			s.state = slotOpen
			p.worked(s, now)
			p.slots.enter(i)
			granted = p.serve(now)
		}
		p.mu.Unlock()
		granted.wake()
	})
}

// ping asks a connection whether it is there.
func (p *Pool[C]) ping(ctx context.Context, conn C) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.o.PingTimeout, errPingTimeout)
	defer cancel()
	err := guard("Dialer.Ping", func() error { return p.d.Ping(ctx, conn) })
	p.mu.Lock()
	p.stats.Pings++
	if err != nil {
		p.stats.PingFailures++
	}
	p.mu.Unlock()
	return err
}

var errPingTimeout = errors.New("pool: no answer to a ping within PingTimeout")
