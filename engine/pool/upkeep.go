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
	for m := p.slots.byLoad[0]; !m.empty(); {
		i := m.last()
		m.remove(i)
		if !p.ended(i) && p.slots.open() > p.size && now-p.slots.at[i].used >= int64(p.o.RetireAfter) {
			p.retire(i)
		}
	}
	p.askIdle(now)
	p.demand()
	p.mu.Unlock()
	granted.wake()
	for _, t := range tickets {
		p.report(t, OutcomeIgnored)
	}
}

// askIdle pings what was idle for HealthInterval, some at once; as each has
// answered it is called again. mu is held.
func (p *Pool[C]) askIdle(now int64) {
	for m := p.slots.byLoad[0]; !m.empty() && p.slots.asked.count() < probesAtOnce; {
		i := m.last()
		m.remove(i)
		if p.unheard(i, now, p.o.HealthInterval) {
			p.ask(i)
		}
	}
}

// stale reports whether a connection was not heard of for so long that it is asked
// before somebody gets it. mu is held.
func (p *Pool[C]) stale(i int, now int64) bool { return p.unheard(i, now, 2*p.o.HealthInterval) }

// unheard reports whether a connection can be asked and was not heard of for so
// long. mu is held.
func (p *Pool[C]) unheard(i int, now int64, long time.Duration) bool {
	return p.d.Ping != nil && long > 0 && now-p.slots.at[i].good >= int64(long)
}

// ask pings an open connection. It is not lent meanwhile, though who has it
// already, it being shared, goes on with it. mu is held.
func (p *Pool[C]) ask(i int) {
	p.slots.leave(i)
	p.slots.asked.add(i)
	conn := p.slots.at[i].conn
	ctx, cancel := context.WithTimeoutCause(p.ctx, p.o.PingTimeout, errPingTimeout)
	p.call("Dialer.Ping", func() error { return p.d.Ping(ctx, conn) }, func(err error) {
		cancel()
		if err != nil {
			err = fmt.Errorf("ping: %w", err)
		}
		now := p.now()
		p.mu.Lock()
		p.slots.asked.remove(i)
		p.stats.Pings++
		if err == nil {
			p.worked(&p.slots.at[i], now)
		} else if p.ctx.Err() == nil { // else it was Close that ended the ping
			p.stats.PingFailures++
			p.lose(i, err)
		}
		granted := p.release(i, now)
		p.askIdle(now)
		p.demand()
		p.mu.Unlock()
		granted.wake()
	})
}

var errPingTimeout = errors.New("pool: no answer to a ping within PingTimeout")
