package pool

import (
	"context"
	"fmt"
	"time"
)

// waiter is a caller that waits for a connection.
type waiter[C any] struct {
	ready      chan struct{} // capacity 1: it got lease or err
	timer      *time.Timer
	prev, next *waiter[C] // in the queue; once out of it, next leads on to who is to be woken too
	queued     bool
	ticket     Ticket
	lease      Lease[C]
	err        error
}

// waitQueue is first in, first out. It keeps waiters for reuse.
type waitQueue[C any] struct {
	head, tail *waiter[C]
	n          int
	spare      *waiter[C] // by next
	spares     int
}

// sparesMax is how many waiters a pool keeps for reuse.
const sparesMax = 1024

func (q *waitQueue[C]) take() *waiter[C] {
	w := q.spare
	if w == nil {
		w = &waiter[C]{ready: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
		w.timer.Stop()
		return w
	}
	q.spare, w.next = w.next, nil
	q.spares--
	return w
}

func (q *waitQueue[C]) put(w *waiter[C]) {
	w.lease, w.err = Lease[C]{}, nil
	if q.spares < sparesMax {
		w.next = q.spare
		q.spare = w
		q.spares++
	}
}

// push puts a waiter at the end, or in front.
func (q *waitQueue[C]) push(w *waiter[C], front bool) {
	w.queued = true
	q.n++
	switch {
	case q.head == nil:
		q.head, q.tail = w, w
	case front:
		w.next, q.head.prev = q.head, w
		q.head = w
	default:
		w.prev, q.tail.next = q.tail, w
		q.tail = w
	}
}

func (q *waitQueue[C]) remove(w *waiter[C]) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	q.n--
}

// append puts others behind w.
func (w *waiter[C]) append(others *waiter[C]) *waiter[C] {
	if w == nil {
		return others
	}
	last := w
	for last.next != nil {
		last = last.next
	}
	last.next = others
	return w
}

// wake wakes w and those behind it.
func (w *waiter[C]) wake() {
	for w != nil {
		next := w.next
		w.next = nil
		w.ready <- struct{}{} // w may be gone after this
		w = next
	}
}

// serve lends what is free to who waits longest. mu is held; the result is to be
// woken without it.
func (p *Pool[C]) serve(now int64) (granted *waiter[C]) {
	for last := granted; p.waiting.n > 0; {
		i := p.pick()
		if i < 0 {
			break
		}
		w := p.waiting.head
		p.waiting.remove(w)
		w.lease = p.lend(i, w.ticket, now)
		p.leases[w.lease.id].begun = notTaken
		if last == nil {
			granted = w
		} else {
			last.next = w
		}
		last = w
	}
	return granted
}

// failAll ends all waits. mu is held; the result is to be woken without it.
func (p *Pool[C]) failAll(err error) (failed *waiter[C]) {
	for last := failed; p.waiting.n > 0; {
		w := p.waiting.head
		p.waiting.remove(w)
		w.err = err
		if last == nil {
			failed = w
		} else {
			last.next = w
		}
		last = w
	}
	return failed
}

// checkoutSlow waits for a connection. mu is held, and let go. t is reported if
// there is no lease.
func (p *Pool[C]) checkoutSlow(ctx context.Context, t Ticket, since int64, front bool) (Lease[C], error) {
	fail := func(count *uint64, err error) (Lease[C], error) {
		if count != nil {
			*count++
		}
		p.mu.Unlock()
		p.report(t, OutcomeIgnored)
		return Lease[C]{}, err
	}
	switch {
	case p.closed:
		return fail(nil, ErrPoolClosed)
	case p.waiting.n >= p.o.WaitQueue:
		return fail(&p.stats.Refused, fmt.Errorf("%w (%s)", ErrPoolExhausted, p.standing()))
	case !t.trial && p.breaker != nil && p.breaker.State() == BreakerOpen: // it opened just now
		return fail(&p.stats.RefusedBreaker, &BreakerOpenError{RetryAfter: p.o.Breaker.Open, Last: p.failure})
	}
	w := p.waiting.take()
	w.ticket = t
	p.waiting.push(w, front)
	p.stats.Waits++
	p.stats.PeakWaiting = max(p.stats.PeakWaiting, p.waiting.n)
	p.demand()
	p.mu.Unlock()

	w.timer.Reset(p.o.WaitTimeout)
	var end error
	select {
	case <-w.ready:
	case <-ctx.Done():
		end = context.Cause(ctx)
	case <-w.timer.C:
		end = ErrWaitTimeout
	}
	w.timer.Stop()
	now := p.now()
	p.mu.Lock()
	if end != nil {
		return p.giveUp(w, t, now, end)
	}
	l, err := w.lease, w.err
	p.waiting.put(w)
	if err != nil {
		count := &p.stats.RefusedBreaker
		if p.closed {
			count = nil
		}
		return fail(count, err)
	}
	e := p.entry(&l)
	if e == nil { // Close did not wait any longer
		return fail(nil, ErrPoolClosed)
	}
	e.begun = now
	waited := now - since
	p.stats.WaitTime.add(waited)
	p.stats.WaitSum += time.Duration(waited)
	p.mu.Unlock()
	return l, nil
}

// giveUp ends a wait that took too long. A connection that came at the last moment
// goes on to the next. mu is held, and let go.
func (p *Pool[C]) giveUp(w *waiter[C], t Ticket, now int64, end error) (Lease[C], error) {
	var granted *waiter[C]
	if w.queued {
		p.waiting.remove(w)
	} else {
		p.mu.Unlock()
		<-w.ready // on its way: whoever took w out of the queue wakes it
		p.mu.Lock()
		if w.err == nil {
			if e := p.entry(&w.lease); e != nil {
				p.stats.Checkouts--
				granted = p.settle(&w.lease, e, now)
			}
		}
	}
	standing := p.standing()
	p.waiting.put(w)
	if end == ErrWaitTimeout {
		p.stats.WaitsTimedOut++
		end = fmt.Errorf("%w (%v; %s)", end, p.o.WaitTimeout, standing)
	} else {
		p.stats.WaitsCancelled++
		end = fmt.Errorf("pool: checkout: %w (%s)", end, standing)
	}
	p.mu.Unlock()
	granted.wake()
	p.report(t, OutcomeIgnored)
	return Lease[C]{}, end
}

// standing says, for errors, how the pool stands. mu is held.
func (p *Pool[C]) standing() string {
	s := fmt.Sprintf("%d connections of at most %d, %d leases out, %d wait", p.open, p.o.Max, p.lent, p.waiting.n)
	if p.retry.err != nil {
		s += fmt.Sprintf("; %d dials in a row have failed, the last with: %v", p.retry.failed, p.retry.err)
	}
	return s
}
