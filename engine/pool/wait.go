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

// push puts a waiter at the end.
func (q *waitQueue[C]) push(w *waiter[C]) {
	q.n++
	if q.head == nil {
		q.head, q.tail = w, w
		return
	}
	w.prev, q.tail.next = q.tail, w
	q.tail = w
}

// has reports whether a waiter is in the queue still.
func (q *waitQueue[C]) has(w *waiter[C]) bool { return w == q.head || w.prev != nil }

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
	w.prev, w.next = nil, nil
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

// serve lends what is free to who waits longest; what is free and stale is asked for
// them. mu is held; the result is to be woken without it.
func (p *Pool[C]) serve(now int64) (granted *waiter[C]) {
	for last := granted; p.waiting.n > 0; {
		i := p.pick(now)
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
	if p.waiting.n > 0 && !p.slots.can.empty() {
		p.demand()
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
func (p *Pool[C]) checkoutSlow(ctx context.Context, t Ticket, since int64) (Lease[C], error) {
	letGo := func(count *uint64) {
		if count != nil {
			*count++
		}
		p.mu.Unlock()
		p.report(t, OutcomeIgnored)
	}
	switch {
	case p.closed:
		letGo(nil)
		return Lease[C]{}, ErrPoolClosed
	case p.waiting.n >= p.o.WaitQueue:
		stands := p.standing()
		letGo(&p.stats.Refused)
		return Lease[C]{}, fmt.Errorf("%w (%s)", ErrPoolExhausted, stands)
	case p.breaker != nil && p.breaker.State() == BreakerOpen: // it opened just now
		err := &BreakerOpenError{RetryAfter: p.o.Breaker.Open, Last: p.failure}
		letGo(&p.stats.RefusedBreaker)
		return Lease[C]{}, err
	}
	w := p.waiting.take()
	w.ticket = t
	p.waiting.push(w)
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
		return p.giveUp(w, t, end)
	}
	l, err := w.lease, w.err
	p.waiting.put(w)
	if err != nil {
		count := &p.stats.RefusedBreaker
		if err == ErrPoolClosed {
			count = nil
		}
		letGo(count)
		return Lease[C]{}, err
	}
	e := p.entry(&l)
	if e == nil { // Close did not wait any longer
		letGo(nil)
		return Lease[C]{}, ErrPoolClosed
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
func (p *Pool[C]) giveUp(w *waiter[C], t Ticket, end error) (Lease[C], error) {
	var granted *waiter[C]
	if p.waiting.has(w) {
		p.waiting.remove(w)
	} else {
		p.mu.Unlock()
		<-w.ready // on its way: whoever took w out of the queue wakes it
		now := p.now()
		p.mu.Lock()
		if w.err == nil {
			if e := p.entry(&w.lease); e != nil {
				p.stats.Checkouts--
				granted = p.settle(&w.lease, e, now)
			}
		}
	}
	stands := p.standing()
	p.waiting.put(w)
	if end == ErrWaitTimeout {
		p.stats.WaitsTimedOut++
	} else {
		p.stats.WaitsCancelled++
	}
	p.mu.Unlock()
	granted.wake()
	p.report(t, OutcomeIgnored)
	if end == ErrWaitTimeout {
		return Lease[C]{}, fmt.Errorf("%w (%v; %s)", end, p.o.WaitTimeout, stands)
	}
	return Lease[C]{}, fmt.Errorf("pool: checkout: %w (%s)", end, stands)
}

// standing is, for errors, how a pool stands. It is made a text without the lock, as
// that asks the error of the user's.
type standing struct {
	open, most, lent, waiting, failed int
	err                               error
}

// standing returns how the pool stands. mu is held.
func (p *Pool[C]) standing() standing {
	return standing{p.slots.open(), p.o.Max, p.slots.lent(), p.waiting.n, p.retry.failed, p.retry.err}
}

// String is for the end of a message.
func (s standing) String() string {
	text := fmt.Sprintf("%d connections of at most %d, %d leases out, %d wait", s.open, s.most, s.lent, s.waiting)
	if s.err != nil {
		text += fmt.Sprintf("; %d dials in a row have failed, the last with: %v", s.failed, s.err)
	}
	return text
}
