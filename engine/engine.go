package engine

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/pool"
	"github.com/gannetmcp/gannet/ringbuf"
)

// Errors that callers compare with.
var (
	// ErrConnClosed is the cause of cancellation of a call whose connection ended.
	ErrConnClosed = errors.New("engine: connection closed")
	// ErrCallTimeout is the cause of cancellation of a call that ran over Options.CallTimeout.
	ErrCallTimeout = errors.New("engine: call timed out")
	// ErrPeerCancelled is wrapped by the cause of cancellation of a call that
	// its peer cancelled; the error's text ends in the peer's reason.
	ErrPeerCancelled = errors.New("engine: cancelled by the peer")
	// ErrPushQueueFull refuses a message of the server's own when
	// Options.MaxQueuedPushes are on their way to the connection's loop.
	ErrPushQueueFull = errors.New("engine: too many messages queued for the connection's loop")
	// ErrEngineClosed refuses a call that is spawned once Close was called.
	ErrEngineClosed = errors.New("engine: closed")
)

// Engine serves any number of connections on any number of loops with one
// Service. Its methods are safe from any goroutine.
type Engine struct {
	opts          Options
	svc           Service
	parser        *codec.Parser
	buffers       *ringbuf.Pool
	executor      Executor
	budget        budget
	tooLarge      codec.Error
	timedOut      codec.Error
	inFlight      atomic.Int64 // calls off the loop, all connections
	draining      atomic.Bool
	closed        atomic.Bool
	open          atomic.Int64  // open connections
	panics        atomic.Uint64 // contained off the loop
	pushesRefused atomic.Uint64

	mu    sync.Mutex // protects loops
	loops []*Loop

	ending sync.RWMutex // Close against Spawn: what is spawned before it finds a turn

	pushMu   sync.Mutex // protects the free list of pushes
	pushFree *Push
	pushIdle int
}

// New returns an engine for svc, or an error that names the option at fault.
// The engine starts no goroutine of its own but those of the worker pool, and
// these only when calls leave the loop.
func New(svc Service, o Options) (*Engine, error) {
	if svc == nil {
		return nil, errors.New("engine: New needs a Service")
	}
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	e := &Engine{opts: o, svc: svc, parser: codec.NewParser(o.Codec), buffers: o.Buffers, executor: o.Executor}
	e.budget.max = o.MaxBufferedBytes
	e.tooLarge = codec.MessageTooLarge(o.MaxMessageBytes)
	e.timedOut = codec.TimedOut(o.CallTimeout.Milliseconds())
	if e.buffers == nil {
		e.buffers = ringbuf.NewPool(ringbuf.PoolOptions{})
	}
	if e.executor == nil {
		e.executor = pool.NewWorkers(pool.WorkersOptions{
			Min: o.WorkersMin, Max: o.WorkersMax, Queue: o.WorkerQueue,
		}, (*Call).Run)
	}
	return e, nil
}

// Options returns the options in force, defaults filled in; a duration of
// zero means none there.
func (e *Engine) Options() Options { return e.opts }

// Service returns what the engine was made for.
func (e *Engine) Service() Service { return e.svc }

// Buffers returns the pool that the engine's buffers come from.
func (e *Engine) Buffers() *ringbuf.Pool { return e.buffers }

// Connections returns how many connections are open, parts of others (Conn.OpenPart)
// among them.
func (e *Engine) Connections() int { return int(e.open.Load()) }

// Draining reports whether Drain was called.
func (e *Engine) Draining() bool { return e.draining.Load() }

// Drain refuses new requests from here on (-31004), lets those in flight end,
// and closes each connection when it has nothing left to do. It returns at
// once; the drain is over when Connections returns zero.
func (e *Engine) Drain() {
	if e.draining.Swap(true) {
		return
	}
	e.wakeAll()
}

// Ended reports whether Close was called.
func (e *Engine) Ended() bool { return e.closed.Load() }

// Close ends every connection that is left, whatever it was doing, and waits
// for calls that are still running. The drivers must keep calling Turn until
// it returns, and then once more, for what the last calls have put into the
// mailboxes. Idempotent.
func (e *Engine) Close() {
	e.draining.Store(true)
	e.ending.Lock()
	again := e.closed.Swap(true)
	e.ending.Unlock()
	if again {
		return
	}
	e.wakeAll()
	e.executor.Close()
	e.wakeAll()
}

func (e *Engine) wakeAll() {
	e.mu.Lock()
	loops := e.loops
	e.mu.Unlock()
	for _, l := range loops {
		l.driver.Wake()
	}
}

// Reserve charges n bytes of a transport's own buffers (partial messages) to
// Options.MaxBufferedBytes and reports whether they may be held. Only buffers
// above 64 KiB need to be charged. What was reserved is given back by Release.
// Safe from any goroutine.
func (e *Engine) Reserve(n int) bool { return e.budget.take(n) }

// Release gives back what Reserve charged.
func (e *Engine) Release(n int) { e.budget.give(n) }
