package pool

import (
	"context"
	"fmt"
)

// Close takes no further checkouts, fails those that wait with ErrPoolClosed, and
// closes each connection as it is checked in. When ctx ends, it waits no longer:
// leases that are still out are taken back and their connections closed under
// their borrowers, and the error says how many. It returns when every connection
// is closed and no goroutine of the pool is left; Dialer functions that do not
// return keep it.
//
// A second Close waits for the first, or for the end of ctx.
func (p *Pool[C]) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		select {
		case <-p.through:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("pool: still closing: %w", context.Cause(ctx))
		}
	}
	p.closed = true
	failed := p.failAll(ErrPoolClosed)
	for m := p.slots.byLoad[0]; !m.empty(); {
		i := m.first()
		m.remove(i)
		p.discard(i)
	}
	p.retry.timer.Stop()
	p.mu.Unlock()
	p.cancel() // dials and pings
	failed.wake()

	err := p.drain(ctx)
	close(p.stop)
	p.running.Wait()
	close(p.through)
	return err
}

// drain waits until all slots are free. When ctx ends it takes leases back.
func (p *Pool[C]) drain(ctx context.Context) (err error) {
	done := ctx.Done()
	for {
		p.mu.Lock()
		empty := p.slots.in[slotFree].count() == p.o.Max
		p.mu.Unlock()
		if empty {
			return err
		}
		select {
		case <-p.stirred:
		case <-done:
			done = nil
			if n := p.cut(); n > 0 {
				err = fmt.Errorf("pool: closed with %d leases still out, whose connections were closed under their borrowers: %w", n, context.Cause(ctx))
			}
		}
	}
}

// cut takes back all leases and closes their connections.
func (p *Pool[C]) cut() (n int) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.leases {
		e := &p.leases[id]
		if e.slot < 0 {
			continue
		}
		n++
		p.stats.Reclaimed++
		p.emit(Event{Kind: EventReclaimed, Err: ErrPoolClosed})
		p.settle(&Lease[C]{p: p, id: int32(id), gen: e.gen}, e, now) // nobody waits
	}
	return n
}
