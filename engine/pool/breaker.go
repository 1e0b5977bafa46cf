package pool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Defaults of BreakerOptions.
const (
	DefaultBreakerFailures  = 5
	DefaultBreakerWindow    = 10
	DefaultBreakerOpen      = time.Minute
	DefaultBreakerSuccesses = 2
	DefaultBreakerTrial     = 30 * time.Second
)

// breakerWindowMax is the largest Window: the outcomes are the bits of a word.
const breakerWindowMax = 64

// ErrBreakerOpen is what Allow fails with while the breaker lets nothing
// through. The error is a *BreakerOpenError, which says for how long.
var ErrBreakerOpen = errors.New("pool: circuit breaker open")

// BreakerOpenError is an ErrBreakerOpen.
type BreakerOpenError struct {
	// RetryAfter is when a trial is possible at the earliest; zero while one is
	// under way, whose end nobody knows.
	RetryAfter time.Duration
	// Last is the failure that a pool saw last; nil where it is not known. It is
	// not wrapped: this caller has not met it.
	Last error
}

// Error says what happened and what to do.
func (e *BreakerOpenError) Error() string {
	s := ErrBreakerOpen.Error() + ": the server has failed and one trial call is under way; try again shortly"
	if e.RetryAfter != 0 {
		s = fmt.Sprintf("%v: the server has failed too often; try again in %v, or see to the server", ErrBreakerOpen, e.RetryAfter.Round(time.Millisecond))
	}
	if e.Last != nil {
		s += fmt.Sprintf(" (the last failure: %v)", e.Last)
	}
	return s
}

// Is makes errors.Is(err, ErrBreakerOpen) true.
func (e *BreakerOpenError) Is(target error) bool { return target == ErrBreakerOpen }

// Outcome is how a call on a connection ended.
type Outcome uint8

const (
	// OutcomeOK: the server answered, if only with an error of its own.
	OutcomeOK Outcome = iota
	// OutcomeIgnored tells nothing of the server: its caller gave up.
	OutcomeIgnored
	// OutcomeFailed: the server failed, the connection goes on.
	OutcomeFailed
	// OutcomeBroken: the server failed, and the connection is of no use.
	OutcomeBroken
)

// BreakerState is what a Breaker does with calls.
type BreakerState uint8

const (
	// BreakerClosed lets all calls through.
	BreakerClosed BreakerState = iota
	// BreakerOpen lets none through.
	BreakerOpen
	// BreakerHalfOpen lets one call at a time through.
	BreakerHalfOpen
)

// String returns the state as metrics name it.
func (s BreakerState) String() string {
	switch s {
	case BreakerClosed:
		return "closed"
	case BreakerOpen:
		return "open"
	case BreakerHalfOpen:
		return "half-open"
	}
	return "unknown"
}

// BreakerOptions configures a Breaker; zero numbers mean their defaults.
type BreakerOptions struct {
	// Failures in a row open the breaker. Zero: 5. In PoolOptions a negative
	// number stands for no breaker.
	Failures int
	// Window is how many outcomes are remembered, at most 64; once so many are
	// known, half of them being failures opens the breaker. Zero: 10.
	Window int
	// Open is how long nothing is let through. Up to a tenth more is added at
	// random, so that the clients of one server do not come back together.
	// Zero: 1 min.
	Open time.Duration
	// Successes in a row, one call after the other, close the breaker again.
	// Zero: 2.
	Successes int
	// Trial is how long a trial call may be without an outcome; then it counts
	// as failed. It should be longer than a call that goes well. Zero: 30 s.
	Trial time.Duration
	// OnChange is called when the state has changed, by the goroutine that brought
	// it about, without a lock: two changes may be told at once. It must not
	// block.
	OnChange func(from, to BreakerState)
}

func (o BreakerOptions) withDefaults() BreakerOptions {
	def(&o.Failures, DefaultBreakerFailures)
	def(&o.Window, DefaultBreakerWindow)
	def(&o.Open, DefaultBreakerOpen)
	def(&o.Successes, DefaultBreakerSuccesses)
	def(&o.Trial, DefaultBreakerTrial)
	return o
}

func (o *BreakerOptions) validate() error {
	switch {
	case o.Failures < 0 || o.Successes < 0 || o.Open < 0 || o.Trial < 0:
		return fmt.Errorf("pool: BreakerOptions: Failures %d, Successes %d, Open %v, Trial %v: none may be negative", o.Failures, o.Successes, o.Open, o.Trial)
	case o.Window < 1 || o.Window > breakerWindowMax:
		return fmt.Errorf("pool: BreakerOptions.Window is %d; want 1 to %d", o.Window, breakerWindowMax)
	}
	return nil
}

// def sets what is zero.
func def[T int | float64 | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// Breaker keeps callers from a server that fails. Closed, it lets all through
// and looks at how they end. Failures in a row, or a window half of failures,
// open it: every Allow fails at once. When its time is over, one call is let
// through as a trial; the others go on failing, so that a server that has just
// come back is not met by all who wait for it. A trial that fails, or does not
// end, opens it again; a few that succeed one after the other close it.
//
// All methods are safe from any goroutine, and allocate nothing but the error
// of a refusal.
type Breaker struct {
	o BreakerOptions

	mu       sync.Mutex // protects all below
	state    BreakerState
	era      uint64 // 1, and grows with each change of state: outcomes of calls allowed before do not count
	failed   int    // in a row
	window   uint64 // the last outcomes, 1 is a failure
	known    int    // of these
	good     int    // trials that succeeded
	until    time.Time
	trialEnd time.Time // of the one that is under way; zero: none is
	stats    BreakerStats
}

// BreakerStats are counters.
type BreakerStats struct {
	State       BreakerState
	Allowed     uint64
	Refused     uint64
	Failures    uint64 // outcomes that counted as such
	Successes   uint64
	Stale       uint64 // outcomes of calls from before a change of state, not counted
	Trials      uint64 // calls let through half-open
	TrialsStuck uint64 // trials that did not end in time
	Opened      uint64 // changes to open
	HalfOpened  uint64
	Closed      uint64
}

// Ticket is what an allowed call reports its end with. The zero Ticket is that of
// something nobody asked Allow for, such as a probe: its failures count, its
// successes do not.
type Ticket struct {
	era uint64 // in which it was given; 0: nobody asked
}

// NewBreaker returns a closed breaker.
//
// Errors: numbers out of range, which are named.
func NewBreaker(o BreakerOptions) (*Breaker, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Breaker{o: o, era: 1}, nil
}

// Options returns the options that are in force.
func (b *Breaker) Options() BreakerOptions { return b.o }

// Allow asks for one call. If the error is nil, Report must be called with the
// ticket when the call has ended, exactly once; else the error is a
// *BreakerOpenError. It never blocks.
func (b *Breaker) Allow() (Ticket, error) {
	b.mu.Lock()
	if b.state == BreakerClosed {
		b.stats.Allowed++
		t := Ticket{b.era}
		b.mu.Unlock()
		return t, nil
	}
	return b.allowTrial()
}

// allowTrial is Allow while the breaker is not closed. mu is held, and let go.
func (b *Breaker) allowTrial() (Ticket, error) {
	now, from := time.Now(), b.state
	if b.state == BreakerHalfOpen && !b.trialEnd.IsZero() && !now.Before(b.trialEnd) {
		b.stats.TrialsStuck++
		b.stats.Failures++
		b.open(now)
	}
	if b.state == BreakerOpen && !now.Before(b.until) {
		b.change(BreakerHalfOpen)
		b.stats.HalfOpened++
	}
	var t Ticket
	var err error
	if b.state == BreakerHalfOpen && b.trialEnd.IsZero() {
		b.trialEnd = now.Add(b.o.Trial)
		b.stats.Trials++
		b.stats.Allowed++
		t = Ticket{b.era}
	} else {
		b.stats.Refused++
		e := &BreakerOpenError{}
		if b.state == BreakerOpen {
			e.RetryAfter = b.until.Sub(now)
		}
		err = e
	}
	b.unlock(from)
	return t, err
}

// Report tells how a call that Allow let through has ended.
func (b *Breaker) Report(t Ticket, o Outcome) {
	b.mu.Lock()
	from := b.state
	asked := t != Ticket{}
	switch {
	case asked && t.era != b.era:
		b.stats.Stale++
	case !asked && (o == OutcomeOK || b.state == BreakerOpen):
	default:
		if asked { // half-open it is the trial
			b.trialEnd = time.Time{}
		}
		switch o {
		case OutcomeOK:
			b.success()
		case OutcomeFailed, OutcomeBroken:
			b.failure()
		}
	}
	b.unlock(from)
}

func (b *Breaker) success() {
	b.stats.Successes++
	b.failed = 0
	if b.state == BreakerClosed {
		b.remember(0)
		return
	}
	if b.good++; b.good >= b.o.Successes {
		b.change(BreakerClosed)
		b.stats.Closed++
	}
}

func (b *Breaker) failure() {
	b.stats.Failures++
	if b.state == BreakerHalfOpen {
		b.open(time.Now())
		return
	}
	b.failed++
	bad := b.remember(1)
	if b.failed >= b.o.Failures || b.known == b.o.Window && 2*bad >= b.o.Window {
		b.open(time.Now())
	}
}

// remember puts an outcome into the window and returns how many failures are
// in it.
func (b *Breaker) remember(bit uint64) int {
	b.window = b.window<<1 | bit
	if b.known < b.o.Window {
		b.known++
	}
	return ones(b.window, b.known)
}

// open begins a time in which nothing is let through.
func (b *Breaker) open(now time.Time) {
	b.change(BreakerOpen)
	b.stats.Opened++
	b.until = now.Add(b.o.Open + rand.N(b.o.Open/10+1))
}

func (b *Breaker) change(to BreakerState) {
	b.state = to
	b.era++
	b.failed, b.window, b.known, b.good, b.trialEnd = 0, 0, 0, 0, time.Time{}
}

// unlock lets go of mu and tells of a change of state since from.
func (b *Breaker) unlock(from BreakerState) {
	to := b.state
	b.mu.Unlock()
	if from != to && b.o.OnChange != nil {
		b.o.OnChange(from, to)
	}
}

// State returns the state as it is; a breaker whose time is over is open until
// somebody asks Allow.
func (b *Breaker) State() BreakerState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Trip opens the breaker, whatever its state, for its whole time.
func (b *Breaker) Trip() {
	b.mu.Lock()
	from := b.state
	b.open(time.Now())
	b.unlock(from)
}

// Reset closes the breaker, whatever its state.
func (b *Breaker) Reset() {
	b.mu.Lock()
	from := b.state
	b.change(BreakerClosed)
	if from != BreakerClosed {
		b.stats.Closed++
	}
	b.unlock(from)
}

// Stats returns the counters.
func (b *Breaker) Stats() BreakerStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.State = b.state
	return s
}
