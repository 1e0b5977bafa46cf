package pool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Lease is a borrowed connection. It may be copied; all copies are one lease.
// The zero Lease is over.
type Lease[C any] struct {
	p      *Pool[C]
	conn   C
	id     int32
	gen    uint32
	unwind func() bool // ends what watches the borrower's context; nil: nothing does
}

// lease is the pool's side of a Lease.
type lease struct {
	gen    uint32 // grows when it ends
	next   int32  // free: the next free one
	slot   int32  // -1: it is free
	ticket Ticket
	since  int64 // when the connection was set aside
	begun  int64 // when the borrower had it; notTaken until then
}

// notTaken is when a lease began whose borrower, being woken, does not have it yet: it
// cannot be late.
const notTaken = math.MaxInt64

// Conn returns the connection, which is the borrower's until the lease is over;
// with PoolOptions.PerConn above 1 others have it too.
func (l Lease[C]) Conn() C { return l.conn }

// Checkin gives the connection back. err is how the borrower's calls ended:
// Dialer.Judge says what it tells of the connection and of the server; nil is
// OutcomeOK. A connection whose outcome is OutcomeBroken is closed, once all that
// share it have checked in.
//
// It returns ErrLeaseOver if the lease was over, in which case nothing happens;
// deferring a second Checkin is therefore safe. A panic in Dialer.Judge is returned
// as an error too, and taken for OutcomeBroken.
func (l Lease[C]) Checkin(err error) error { return l.CheckinUsed(-1, err) }

// CheckinUsed is Checkin of a borrower that knows for how long its calls were
// under way; a lease held for longer counts as less efficient
// (Snapshot.Efficiency).
func (l Lease[C]) CheckinUsed(used time.Duration, err error) error {
	if err == nil || l.p == nil {
		return l.finish(used, nil, OutcomeOK)
	}
	outcome := OutcomeBroken
	wrong := guard("Dialer.Judge", func() error { outcome = l.p.d.Judge(err); return nil })
	if wrong != nil {
		err = fmt.Errorf("%w, asked about: %w", wrong, err)
	}
	if over := l.finish(used, err, outcome); over != nil {
		return over
	}
	return wrong
}

func (l *Lease[C]) finish(used time.Duration, err error, outcome Outcome) error {
	p := l.p
	if p == nil {
		return ErrLeaseOver
	}
	if l.unwind != nil {
		l.unwind()
	}
	now := p.now()
	p.mu.Lock()
	e := p.entry(l)
	if e == nil {
		p.stats.LateCheckins++
		p.mu.Unlock()
		return ErrLeaseOver
	}
	t := e.ticket
	p.stats.Checkins++
	s := &p.slots.at[e.slot]
	s.used = now
	demand := outcome == OutcomeBroken
	switch outcome {
	case OutcomeOK:
		demand = p.worked(s, now)
		held := time.Duration(now - e.begun)
		if used >= 0 {
			held = min(held, used)
		}
		p.stats.ProductiveTime += held
	case OutcomeFailed:
		p.failure = err
	case OutcomeBroken:
		p.failure = err
		s.works = true // what borrowers say is for the breaker to judge
		p.lose(int(e.slot), err)
	}
	granted := p.settle(l, e, now)
	if demand {
		p.demand()
	}
	p.mu.Unlock()
	granted.wake()
	p.report(t, outcome)
	return nil
}

// lend makes a lease of a slot. mu is held.
func (p *Pool[C]) lend(i int, t Ticket, now int64) Lease[C] {
	s := &p.slots.at[i]
	p.slots.leave(i)
	s.load++
	p.slots.enter(i)
	p.stats.Checkouts++
	id := p.freeLease
	if id < 0 {
		id = int32(len(p.leases))
		p.leases = append(p.leases, lease{})
	} else {
		p.freeLease = p.leases[id].next
	}
	e := &p.leases[id]
	e.slot, e.ticket, e.since, e.begun = int32(i), t, now, now
	return Lease[C]{p: p, conn: s.conn, id: id, gen: e.gen}
}

// entry returns the pool's side of a lease, or nil if it is over. mu is held.
func (p *Pool[C]) entry(l *Lease[C]) *lease {
	if e := &p.leases[l.id]; e.slot >= 0 && e.gen == l.gen {
		return e
	}
	return nil
}

// settle ends a lease and serves who waits for the connection. mu is held; the
// result is to be woken without it.
func (p *Pool[C]) settle(l *Lease[C], e *lease, now int64) (granted *waiter[C]) {
	p.stats.LentTime += time.Duration(now - e.since)
	i := int(e.slot)
	*e = lease{gen: e.gen + 1, next: p.freeLease, slot: -1}
	p.freeLease = l.id
	p.slots.leave(i)
	p.slots.at[i].load--
	return p.release(i, now)
}

// lentIntegral is how many leases were out, integrated over time until now. mu is
// held.
func (p *Pool[C]) lentIntegral(now int64) time.Duration {
	sum := p.stats.LentTime
	for id := range p.leases {
		if e := &p.leases[id]; e.slot >= 0 {
			sum += time.Duration(max(now-e.since, 0)) // now may be from before mu was had
		}
	}
	return sum
}

// reclaim takes a lease back; the caller sees to demand. mu is held; the result is
// to be woken without it.
func (p *Pool[C]) reclaim(l *Lease[C], e *lease, now int64, why error) *waiter[C] {
	p.stats.Reclaimed++
	p.emit(Event{Kind: EventReclaimed, Err: why})
	if p.o.PerConn == 1 {
		p.slots.at[e.slot].works = true // its loss tells nothing of the server
		p.lose(int(e.slot), why)
	}
	return p.settle(l, e, now)
}

var errLeaseTimeout = errors.New("pool: the lease lasted longer than LeaseTimeout")

// reclaimLate takes back the leases that last too long. mu is held; the result is
// to be woken without it, and the tickets reported.
func (p *Pool[C]) reclaimLate(now int64) (granted *waiter[C], tickets []Ticket) {
	for id := range p.leases {
		e := &p.leases[id]
		if e.slot >= 0 && now-e.begun >= int64(p.o.LeaseTimeout) {
			tickets = append(tickets, e.ticket)
			granted = granted.append(p.reclaim(&Lease[C]{p: p, id: int32(id), gen: e.gen}, e, now, errLeaseTimeout))
		}
	}
	return granted, tickets
}

// CheckoutUntil is Checkout for a borrower that may die: the lease is taken back
// when ctx ends, the context of the goroutine or request that borrows. It costs a
// few allocations.
func (p *Pool[C]) CheckoutUntil(ctx context.Context) (Lease[C], error) {
	l, err := p.Checkout(ctx)
	if err != nil {
		return l, err
	}
	over := l // as it is now
	l.unwind = context.AfterFunc(ctx, func() {
		now := p.now()
		p.mu.Lock()
		e := p.entry(&over)
		if e == nil {
			p.mu.Unlock()
			return
		}
		t := e.ticket
		granted := p.reclaim(&over, e, now, fmt.Errorf("pool: the borrower's context ended: %w", context.Cause(ctx)))
		p.demand()
		p.mu.Unlock()
		granted.wake()
		p.report(t, OutcomeIgnored)
	})
	return l, nil
}
