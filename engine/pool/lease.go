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
	p    *Pool[C]
	conn C
	id   int32
	gen  uint32
}

// lease is the pool's side of a Lease.
type lease struct {
	gen    uint32 // grows when it ends
	next   int32  // free: the next free one
	slot   int32
	live   bool
	ticket Ticket
	since  int64       // when the connection was set aside
	begun  int64       // when the borrower had it; notTaken until then
	unwind func() bool // ends what watches the borrower's context; nil: nothing does
}

// notTaken is when a lease began whose borrower, being woken or waiting for a ping,
// does not have it yet: it cannot be late.
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
// deferring a second Checkin is therefore safe.
func (l Lease[C]) Checkin(err error) error { return l.CheckinUsed(-1, err) }

// CheckinUsed is Checkin of a borrower that knows for how long its calls were
// under way; a lease held for longer counts as less efficient
// (Snapshot.Efficiency).
func (l Lease[C]) CheckinUsed(used time.Duration, err error) error {
	outcome := OutcomeOK
	if err != nil && l.p != nil {
		outcome = l.p.d.Judge(err)
	}
	return l.finish(used, err, outcome)
}

func (l *Lease[C]) finish(used time.Duration, err error, outcome Outcome) error {
	p := l.p
	if p == nil {
		return ErrLeaseOver
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
	switch outcome {
	case OutcomeOK:
		p.worked(s, now)
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
	if outcome == OutcomeBroken {
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
	if s.load == 0 {
		p.busy++
	}
	s.load++
	p.slots.enter(i)
	p.integrate(now)
	p.lent++
	p.stats.Checkouts++
	id := p.freeLease
	if id < 0 {
		id = int32(len(p.leases))
		p.leases = append(p.leases, lease{})
	} else {
		p.freeLease = p.leases[id].next
	}
	e := &p.leases[id]
	e.live, e.slot, e.ticket, e.since, e.begun = true, int32(i), t, now, now
	return Lease[C]{p: p, conn: s.conn, id: id, gen: e.gen}
}

// entry returns the pool's side of a lease, or nil if it is over. mu is held.
func (p *Pool[C]) entry(l *Lease[C]) *lease {
	if e := &p.leases[l.id]; e.live && e.gen == l.gen {
		return e
	}
	return nil
}

// settle ends a lease and serves who waits for the connection. mu is held; the
// result is to be woken without it.
func (p *Pool[C]) settle(l *Lease[C], e *lease, now int64) (granted *waiter[C]) {
	p.stats.LentTime += time.Duration(now - e.since)
	if e.unwind != nil {
		e.unwind()
	}
	i := int(e.slot)
	*e = lease{gen: e.gen + 1, next: p.freeLease}
	p.freeLease = l.id
	p.integrate(now)
	p.lent--
	s := &p.slots.at[i]
	if s.state == slotOpen {
		p.slots.leave(i)
		if s.load--; s.load == 0 {
			p.busy--
		}
		if p.closed && s.load == 0 {
			p.open--
			p.discard(i)
			return nil
		}
		if p.open > p.limit() && s.load == 0 { // Size has become less
			p.retire(i)
			return nil
		}
		p.slots.enter(i)
		return p.serve(now)
	}
	if s.load--; s.load == 0 { // dead
		p.dead--
		p.discard(i)
	}
	return nil
}

// integrate brings LentIntegral up to now. mu is held.
func (p *Pool[C]) integrate(now int64) {
	if now > p.lentSince { // two that read the clock before they had mu may be out of order
		p.stats.LentIntegral += time.Duration(p.lent) * time.Duration(now-p.lentSince)
		p.lentSince = now
	}
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
		if e.live && e.begun != notTaken && now-e.begun >= int64(p.o.LeaseTimeout) {
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
	unwind := context.AfterFunc(ctx, func() {
		now := p.now()
		p.mu.Lock()
		e := p.entry(&l)
		if e == nil {
			p.mu.Unlock()
			return
		}
		t := e.ticket
		granted := p.reclaim(&l, e, now, fmt.Errorf("pool: the borrower's context ended: %w", context.Cause(ctx)))
		p.demand()
		p.mu.Unlock()
		granted.wake()
		p.report(t, OutcomeIgnored)
	})
	p.mu.Lock()
	if e := p.entry(&l); e != nil {
		e.unwind = unwind
	} else {
		unwind()
	}
	p.mu.Unlock()
	return l, nil
}
