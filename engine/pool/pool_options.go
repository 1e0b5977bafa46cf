package pool

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Defaults of PoolOptions.
const (
	DefaultSize           = 50
	DefaultMax            = 100
	DefaultPerConn        = 1
	DefaultWaitQueue      = 1000
	DefaultWaitTimeout    = 30 * time.Second
	DefaultLeaseTimeout   = 15 * time.Minute
	DefaultRetireAfter    = 30 * time.Second
	DefaultHealthInterval = 5 * time.Second
	DefaultPingTimeout    = 5 * time.Second
	DefaultDialTimeout    = 30 * time.Second
	DefaultDialsAtOnce    = 8
	DefaultRetryMin       = time.Second
	DefaultRetryMax       = time.Minute
	DefaultSampleInterval = time.Second
	DefaultWarnEfficiency = 0.7
)

// Upper ends of PoolOptions.
const (
	// MaxConns is the most connections that a pool may have.
	MaxConns = 100
	// MaxPerConn is the most borrowers that may share a connection.
	MaxPerConn = 64
	// MaxWaitQueue is the most that may wait for a connection.
	MaxWaitQueue = 1 << 20
)

// Strategy is how a pool chooses among connections that can be lent. All of
// them take one of the first Size connections if they can, so that what is
// beyond Size falls idle first, and all cost the same however many there are.
type Strategy uint8

const (
	// RoundRobin takes one after the other.
	RoundRobin Strategy = iota
	// LeastLoaded takes one with the fewest borrowers, in turn among equals.
	LeastLoaded
	// PowerOfTwo draws two at random and takes that with fewer borrowers. Beside
	// other clients of one server it does not fall into step with them.
	PowerOfTwo
)

// String returns the strategy's name.
func (s Strategy) String() string {
	switch s {
	case RoundRobin:
		return "round-robin"
	case LeastLoaded:
		return "least-loaded"
	case PowerOfTwo:
		return "power-of-two"
	}
	return "unknown"
}

// Dialer is what a pool knows of its connections. Its functions are called on
// goroutines of the pool's, several at once, Judge on those of borrowers; a panic in
// one counts as an error.
type Dialer[C any] struct {
	// Dial makes a connection. It must return when ctx ends, which
	// PoolOptions.DialTimeout and Pool.Close see to.
	Dial func(ctx context.Context) (C, error)
	// Close ends a connection. It must return: the place of a connection is
	// taken until then, so that there are never more than PoolOptions.Max.
	Close func(C) error
	// Ping asks the other end whether it is there; ctx ends after
	// PoolOptions.PingTimeout. nil: connections are not asked.
	Ping func(ctx context.Context, c C) error
	// Done returns a channel that is closed when a connection has ended by
	// itself; it is asked once, after Dial. nil, or a nil channel: the pool
	// learns of it by Ping and by what borrowers say. A connection for which it
	// panics is lost.
	Done func(C) <-chan struct{}
	// Judge says what the error of a borrower tells of the server and the
	// connection. It is not asked about nil. nil: context.Canceled is
	// OutcomeIgnored, anything else OutcomeBroken.
	Judge func(error) Outcome
}

// PoolOptions configures a Pool; zero numbers mean their defaults. Negative ones
// are errors but where something else is said.
type PoolOptions struct {
	// Size is how many connections the pool keeps. They are opened as they are
	// needed. Zero: 50, or Max if that is less.
	Size int
	// Max is how many there may be at once, at most 100, those that are being
	// dialled or closed among them. Zero: 100.
	Max int
	// Overflow connections beyond Size, if Max allows, are opened when somebody
	// waits, and closed when they have been idle for RetireAfter. Zero: as many as
	// Max allows, or with AutoSize none, as Size itself then follows; negative:
	// none.
	Overflow int
	// Warm connections are opened and, when lost, reopened even if nobody waits
	// for one; never more than Size, which Resize may make less. Zero: none.
	Warm int
	// PerConn is how many borrowers may share a connection, at most 64: one
	// where a borrower needs it for itself, more where calls are multiplexed, as
	// in MCP. Zero: 1.
	PerConn int
	// Strategy chooses among connections. Zero: RoundRobin.
	Strategy Strategy

	// WaitQueue is how many may wait for a connection; who comes beyond gets
	// ErrPoolExhausted at once. Zero: 1,000; at most 1,048,576.
	WaitQueue int
	// WaitTimeout bounds a wait, beside the borrower's context. Zero: 30 s.
	WaitTimeout time.Duration
	// LeaseTimeout is how long a connection may be lent; then it is taken back
	// from a borrower that must be dead. Zero: 15 min, which is what the engine
	// gives a call at most.
	LeaseTimeout time.Duration
	// RetireAfter is how long a connection beyond Size stays idle. Zero: 30 s.
	RetireAfter time.Duration

	// HealthInterval is how long a connection may be idle before it is pinged,
	// and the time between pings, of which eight are under way at once. One that
	// nothing was heard of for twice as long, idle or shared, is pinged before it is
	// lent. Nobody gets a connection that is being pinged. Zero: 5 s; negative: no
	// pings.
	HealthInterval time.Duration
	// PingTimeout bounds a ping. Zero: 5 s.
	PingTimeout time.Duration

	// DialTimeout bounds a Dial. Zero: 30 s.
	DialTimeout time.Duration
	// DialsAtOnce is how many are under way at once; one, as soon as one has
	// failed and until a connection has been of use. Zero: 8.
	DialsAtOnce int
	// RetryMin is the longest wait before the attempt after a failed one; each
	// that fails doubles it, up to RetryMax. The wait is drawn at random from
	// nothing to that ("full jitter"), so that the clients of a server that was
	// restarted come spread out. Attempts that were under way together fail as one.
	// The first attempt after the last connection was lost waits likewise. A
	// connection that ends within RetryMin, and before it was of any use, counts as a
	// dial that failed. Who waits for a connection goes on waiting. Zero: 1 s and
	// 1 min.
	RetryMin, RetryMax time.Duration

	// Breaker has checkouts fail at once while the server fails, and those who wait:
	// calls by their outcome, and dials, of which those that fail together count as
	// one. See Breaker; Failures less than 0 is none. A panic in OnChange is
	// contained.
	Breaker BreakerOptions

	// AutoSize has Size follow what borrowers need, by a Controller. Size is then
	// what it begins with; zero: AutoSize.Min. nil: Size stays.
	AutoSize *ControllerOptions
	// SampleInterval is the time that a sample of the Controller, and one of the
	// efficiency, spans. Zero: 1 s.
	SampleInterval time.Duration
	// WarnEfficiency is the share of the time that connections were lent in which
	// they should have been of use (Snapshot.Efficiency); a sample of 20 leases or
	// more that is below it is an EventInefficient. Zero: 0.7; negative: no
	// warning.
	WarnEfficiency float64

	// OnEvent is told what happens to connections, one event after the other, on
	// a goroutine of the pool's; it may block, but events that then do not fit a
	// queue of 256 are lost and counted. It must not call Close. nil: nobody.
	OnEvent func(Event)
}

func (o PoolOptions) withDefaults() PoolOptions {
	def(&o.Max, DefaultMax)
	if o.AutoSize != nil {
		a := o.AutoSize.withDefaults(o.Max)
		o.AutoSize = &a
		def(&o.Size, a.Min)
	}
	def(&o.Size, min(DefaultSize, o.Max))
	def(&o.PerConn, DefaultPerConn)
	def(&o.WaitQueue, DefaultWaitQueue)
	def(&o.WaitTimeout, DefaultWaitTimeout)
	def(&o.LeaseTimeout, DefaultLeaseTimeout)
	def(&o.RetireAfter, DefaultRetireAfter)
	def(&o.HealthInterval, DefaultHealthInterval)
	def(&o.PingTimeout, DefaultPingTimeout)
	def(&o.DialTimeout, DefaultDialTimeout)
	def(&o.DialsAtOnce, DefaultDialsAtOnce)
	def(&o.SampleInterval, DefaultSampleInterval)
	def(&o.WarnEfficiency, DefaultWarnEfficiency)
	def(&o.RetryMin, DefaultRetryMin)
	def(&o.RetryMax, max(DefaultRetryMax, o.RetryMin))
	if o.Breaker.Failures >= 0 {
		o.Breaker = o.Breaker.withDefaults()
	}
	return o
}

func (o *PoolOptions) validate() error {
	positive := func(name string, d time.Duration) error {
		if d < 0 {
			return fmt.Errorf("pool: PoolOptions.%s is %v; want 0 for its default, or more", name, d)
		}
		return nil
	}
	within := func(name string, v, low, high int) error {
		if v < low || v > high {
			return fmt.Errorf("pool: PoolOptions.%s is %d; want %d to %d", name, v, low, high)
		}
		return nil
	}
	err := errors.Join(
		within("Max", o.Max, 1, MaxConns),
		within("Size", o.Size, 1, max(o.Max, 1)),
		within("Warm", o.Warm, 0, max(o.Size, 0)),
		within("PerConn", o.PerConn, 1, MaxPerConn),
		within("WaitQueue", o.WaitQueue, 1, MaxWaitQueue),
		within("DialsAtOnce", o.DialsAtOnce, 1, MaxConns),
		within("Strategy", int(o.Strategy), 0, int(PowerOfTwo)),
		positive("WaitTimeout", o.WaitTimeout),
		positive("LeaseTimeout", o.LeaseTimeout),
		positive("RetireAfter", o.RetireAfter),
		positive("PingTimeout", o.PingTimeout),
		positive("DialTimeout", o.DialTimeout),
		positive("RetryMin", o.RetryMin),
		positive("SampleInterval", o.SampleInterval),
	)
	if !(o.WarnEfficiency <= 1) {
		err = errors.Join(err, fmt.Errorf("pool: PoolOptions.WarnEfficiency is %v; want a share up to 1, or less than 0 for no warning", o.WarnEfficiency))
	}
	if a := o.AutoSize; a != nil {
		err = errors.Join(err, a.validate(min(max(o.Max, 1), MaxConns)))
		if o.Size < a.Min || o.Size > a.Max || o.Warm > a.Min {
			err = errors.Join(err, fmt.Errorf("pool: PoolOptions: Size %d and Warm %d, but AutoSize %d to %d; want Warm <= AutoSize.Min <= Size <= AutoSize.Max", o.Size, o.Warm, a.Min, a.Max))
		}
	}
	if o.RetryMin >= 0 && o.RetryMax < o.RetryMin {
		err = errors.Join(err, fmt.Errorf("pool: PoolOptions.RetryMax is %v, less than RetryMin, %v", o.RetryMax, o.RetryMin))
	}
	if o.Breaker.Failures >= 0 {
		err = errors.Join(err, o.Breaker.validate())
	}
	return err
}

func (d *Dialer[C]) validate() error {
	if d.Dial == nil || d.Close == nil {
		return errors.New("pool: Dialer.Dial and Dialer.Close must be there")
	}
	return nil
}

// judge is the Judge of a Dialer that has none.
func judge(err error) Outcome {
	if errors.Is(err, context.Canceled) {
		return OutcomeIgnored
	}
	return OutcomeBroken
}
