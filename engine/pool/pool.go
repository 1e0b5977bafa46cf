package pool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Errors of Checkout. What is returned wraps one of them, and says how the pool
// stands.
var (
	// ErrPoolClosed: Close was called.
	ErrPoolClosed = errors.New("pool: closed; its connections are gone, make another pool")
	// ErrPoolExhausted: as many wait as may.
	ErrPoolExhausted = errors.New("pool: too many wait for a connection; come back later, or raise Max, PerConn or WaitQueue")
	// ErrWaitTimeout: none became free within PoolOptions.WaitTimeout.
	ErrWaitTimeout = errors.New("pool: no connection became free in time; raise Max, PerConn or WaitTimeout, or see to the server")
	// ErrLeaseOver is what Checkin returns for a lease that was checked in before
	// or taken back.
	ErrLeaseOver = errors.New("pool: the lease is over: it was checked in before, or taken back as its time or its context was over")
)

// Pool lends connections of type C. It opens them as they are needed, keeps up
// to Size of them and opens up to Max while somebody waits; asks idle ones
// whether they still are; takes back what a borrower does not return; and
// replaces what was lost, with growing waits as long as that fails.
//
// Who finds no connection waits in a queue, and is served in the order of
// arrival: nobody who comes later overtakes, whatever becomes free.
//
// All methods are safe from any goroutine. Checkout and Checkin of a connection
// that is open and free allocate nothing. A pool has one goroutine, one more if
// it has an OnEvent, and one for each connection that is being dialled, pinged or
// closed.
type Pool[C any] struct {
	d       Dialer[C]
	o       PoolOptions
	breaker *Breaker // nil: none
	base    time.Time
	random  func(n int) int // 0 to n-1
	ctx     context.Context // of dials and pings; ends with Close
	cancel  context.CancelFunc
	stop    chan struct{} // closed when nothing is left to do
	through chan struct{} // closed when Close is through
	running sync.WaitGroup
	stirred chan struct{} // capacity 1: something was given back or has ended, for Close

	mu     sync.Mutex // protects all below
	slots  slots[C]
	size   int
	over   int // connections beyond size that may be
	closed bool

	leases    []lease
	freeLease int32 // top of the stack of free ones, or -1

	waiting waitQueue[C]
	failure error // what failed last, a dial or a call
	retry   retry
	sampler sampler

	stats  Snapshot // the counters
	events eventLog
}

// NewPool returns a pool of the connections that d makes. It must be closed.
//
// Errors: options out of range, which are all named; a Dialer without Dial or
// Close.
func NewPool[C any](d Dialer[C], o PoolOptions) (*Pool[C], error) {
	o = o.withDefaults()
	if err := errors.Join(d.validate(), o.validate()); err != nil {
		return nil, err
	}
	if d.Judge == nil {
		d.Judge = judge
	}
	p := &Pool[C]{
		d: d, o: o, base: time.Now(), random: rand.IntN, size: o.Size, freeLease: -1,
		stop: make(chan struct{}), through: make(chan struct{}), stirred: make(chan struct{}, 1),
	}
	if o.Breaker.Failures >= 0 {
		b := o.Breaker
		b.OnChange = p.breakerChanged
		p.breaker, _ = NewBreaker(b) // validated above
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.sampler.next = int64(o.SampleInterval)
	if o.AutoSize != nil {
		p.sampler.controller, _ = NewController(*o.AutoSize) // validated above
	}
	if p.over = max(o.Overflow, 0); o.Overflow == 0 && o.AutoSize == nil {
		p.over = o.Max
	}
	p.slots.init(o.Max, o.PerConn)
	p.retry.timer = time.AfterFunc(time.Hour, p.redial)
	p.retry.timer.Stop()
	p.running.Go(p.upkeep)
	if o.OnEvent != nil {
		p.events.stir = make(chan struct{}, 1)
		p.running.Add(1)
		go p.tell()
	}
	p.redial()
	return p, nil
}

// Options returns the options that are in force.
func (p *Pool[C]) Options() PoolOptions { return p.o }

// Breaker returns the pool's breaker, to look at or to set by hand; nil if it
// has none.
func (p *Pool[C]) Breaker() *Breaker { return p.breaker }

// limit is how many connections may be open, if there are so many slots. mu is held.
func (p *Pool[C]) limit() int { return p.size + p.over }

// now returns nanoseconds since the pool was made.
func (p *Pool[C]) now() int64 { return int64(time.Since(p.base)) }

// Checkout borrows a connection, and waits for one if none is free: until ctx
// ends or WaitTimeout is over. ctx bounds that alone. The lease must be checked
// in; if that is not done within LeaseTimeout, it is taken back. A connection
// that is not shared is then closed, as its borrower may yet wake up and use it.
//
// Errors wrap ErrPoolClosed, ErrPoolExhausted, ErrWaitTimeout, ErrBreakerOpen, or
// the cause of ctx.
func (p *Pool[C]) Checkout(ctx context.Context) (Lease[C], error) {
	if ctx.Err() != nil {
		return Lease[C]{}, fmt.Errorf("pool: checkout: %w", context.Cause(ctx))
	}
	var t Ticket
	if p.breaker != nil {
		var err error
		if t, err = p.breaker.Allow(); err != nil {
			return Lease[C]{}, p.refused(err)
		}
	}
	now := p.now()
	p.mu.Lock()
	if p.waiting.n == 0 && !p.closed {
		if slot := p.pick(now); slot >= 0 {
			l := p.lend(slot, t, now)
			p.stats.WaitTime[0]++
			if p.slots.at[slot].load > 1 && p.slots.byLoad[0].empty() && p.slots.open()+p.slots.dialing() < p.size {
				p.dialFor(1) // shared before Size is reached: the next has one of its own
			}
			p.mu.Unlock()
			return l, nil
		}
	}
	return p.checkoutSlow(ctx, t, now)
}

// refused adds to the breaker's error what failed. Slow path.
func (p *Pool[C]) refused(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.RefusedBreaker++
	if e, ok := err.(*BreakerOpenError); ok {
		e.Last = p.failure
	}
	return err
}

// report tells the breaker of an outcome.
func (p *Pool[C]) report(t Ticket, o Outcome) {
	if p.breaker != nil {
		p.breaker.Report(t, o)
	}
}

// breakerChanged is told by the breaker.
func (p *Pool[C]) breakerChanged(from, to BreakerState) {
	p.mu.Lock()
	var failed *waiter[C]
	if to == BreakerOpen {
		failed = p.failAll(&BreakerOpenError{RetryAfter: p.o.Breaker.Open, Last: p.failure})
	}
	p.emit(Event{Kind: EventBreaker, BreakerFrom: from, BreakerTo: to})
	p.mu.Unlock()
	failed.wake()
	if change := p.o.Breaker.OnChange; change != nil {
		_ = guard("BreakerOptions.OnChange", func() error { change(from, to); return nil })
	}
}

// Do calls f with a borrowed connection and checks it in with what f returns.
// If f panics, the connection is closed, as nobody knows how it stands, and the
// panic goes on. ctx is f's too.
func (p *Pool[C]) Do(ctx context.Context, f func(ctx context.Context, c C) error) error {
	l, err := p.Checkout(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned {
			_ = l.finish(-1, errPanicked, OutcomeBroken)
		}
	}()
	err = f(ctx, l.conn)
	_ = l.Checkin(err) // over if it took longer than LeaseTimeout; err is what counts
	returned = true
	return err
}

var errPanicked = errors.New("pool: the borrower panicked")

// call runs f, a function of the user's called what, on a goroutine of its own and
// hands its error to then: a panic in it is one, and so is runtime.Goexit, which
// tests that fail call.
func (p *Pool[C]) call(what string, f func() error, then func(error)) {
	p.running.Go(func() {
		err := errGoexit
		defer func() { then(err) }()
		err = guard(what, f)
	})
}

var errGoexit = errors.New("pool: a function of the Dialer called runtime.Goexit instead of returning")

// guard calls f; a panic in it is an error.
func guard(what string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("pool: %s panicked: %v", what, r)
		}
	}()
	return f()
}
