package engine

import (
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/ringbuf"
)

// Defaults of Options.
const (
	DefaultMaxMessageBytes   = 16 << 20
	DefaultOutputHighWater   = 1 << 20
	DefaultHeldInputBytes    = 256 << 10
	DefaultMaxInFlight       = 1000
	DefaultMaxInFlightTotal  = 10_000
	DefaultMaxBufferedBytes  = 1 << 30
	DefaultMaxQueuedPushes   = 1024
	DefaultFlushBytes        = 256 << 10
	DefaultWorkersMax        = 512
	DefaultWorkerQueue       = 4096
	DefaultCallTimeout       = 60 * time.Second
	DefaultMaxCallTimeout    = 15 * time.Minute
	DefaultHandshakeTimeout  = 30 * time.Second
	DefaultReadTimeout       = 30 * time.Second
	DefaultIdleTimeout       = 5 * time.Minute
	DefaultWriteStallTimeout = 30 * time.Second
)

// FlushPolicy says when gathered replies are written.
type FlushPolicy uint8

// The policies. Output is never held longer than the turn of the loop that
// made it.
const (
	FlushBatch FlushPolicy = iota // when FlushBytes are gathered, else once at the end of the turn (default)
	FlushTurn                     // once, at the end of the turn
	FlushOff                      // after each message: an A/B switch, 8 to 13 times the CPU at depth 16 and above
)

// Options configures an Engine. The zero value is usable: each field says what
// zero means. A negative number is an error unless the field says otherwise.
type Options struct {
	// Clock is the engine's time; nil means SystemClock.
	Clock Clock
	// Executor runs calls off the loop; nil means a worker pool of
	// engine/pool with the three Worker options below.
	Executor Executor
	// Logger takes what an operator should know: panics with their stack,
	// refusals of connections. nil discards.
	Logger *slog.Logger
	// Observer is told of connections opening and closing; nil functions are
	// not called.
	Observer Observer
	// Buffers is the pool that all buffers come from; nil means one of the
	// engine's own.
	Buffers *ringbuf.Pool

	// Codec bounds depth, members, numbers, ids and batches; see codec.Limits.
	Codec codec.Limits
	// MaxMessageBytes bounds one message in, framing apart. Zero: 16 MiB.
	// At least 1 KiB, at most 1 GiB.
	MaxMessageBytes int
	// MaxOutputBytes bounds the unsent output of one connection beside the
	// message that passes it. Zero: MaxMessageBytes.
	MaxOutputBytes int
	// OutputHighWater is the unsent output above which a connection's
	// messages are no longer processed. Zero: 1 MiB.
	OutputHighWater int
	// HeldInputBytes is how much input is kept of a connection whose messages
	// are not processed; beyond it the connection is closed
	// (CloseSlowReader). Zero: 256 KiB.
	HeldInputBytes int
	// MaxInFlight bounds the calls of one connection that are off the loop.
	// Zero: 1,000. Beyond it: -31001 overloaded.
	MaxInFlight int
	// MaxInFlightTotal bounds the calls of all connections that are off the
	// loop. Zero: 10,000. Beyond it: -31001 overloaded.
	MaxInFlightTotal int
	// MaxBufferedBytes bounds what partial messages, queued output and queued
	// calls hold in the process, counting buffers above 64 KiB, and of HTTP/2 what
	// the streams of a connection hold together. Zero: 1 GiB,
	// or a quarter of GOMEMLIMIT where that is less. Beyond it large messages
	// are refused with -31001, which also takes the place of large answers from
	// the worker pool, and what holds most without progress for a second is cut
	// (CloseBudget).
	MaxBufferedBytes int64
	// MaxQueuedPushes bounds the server's own messages (progress, other
	// notifications) on their way to one loop. Zero: 1,024. Beyond it the
	// sender is refused with ErrPushQueueFull.
	MaxQueuedPushes int

	// Flush says when replies are written, FlushBytes at how many gathered
	// bytes FlushBatch writes inside a turn. Zero: 256 KiB.
	Flush      FlushPolicy
	FlushBytes int

	// WorkersMin, WorkersMax and WorkerQueue size the worker pool. Zero: 0,
	// 512 and 4,096. A full queue answers -31001 overloaded.
	WorkersMin, WorkersMax, WorkerQueue int

	// CallTimeout bounds a call off the loop, from its arrival. Zero: 60 s;
	// negative: none. Beyond it: -31003 timed out, and the call's context
	// is cancelled.
	CallTimeout time.Duration
	// MaxCallTimeout is how far Call.Extend may move that bound, from the
	// call's arrival. Zero: 15 min, or CallTimeout if that is more; negative:
	// not at all.
	MaxCallTimeout time.Duration
	// HandshakeTimeout closes a connection that never completed a message.
	// Zero: 30 s; negative: never.
	HandshakeTimeout time.Duration
	// ReadTimeout closes a connection whose peer stopped in the middle of a
	// message. Zero: 30 s; negative: never.
	ReadTimeout time.Duration
	// IdleTimeout closes a connection on which nothing came and no call runs,
	// unless its service keeps it (Conn.KeepIdle). Zero: 5 min; negative: never.
	IdleTimeout time.Duration
	// WriteStallTimeout closes a connection whose peer took no byte of
	// waiting output. Zero: 30 s; negative: never.
	WriteStallTimeout time.Duration
}

// Executor runs calls off the loop.
type Executor interface {
	// Submit queues calls and returns how many of them, from the front, were
	// taken. For each, (*Call).Run is called once on some goroutine. It does
	// not block and does not keep the slice.
	Submit(calls []*Call) (accepted int)
	// Close takes no more calls and returns when those taken have ended.
	Close()
}

// Observer is told what happens to connections. Functions are called on the
// connection's loop and must not block.
type Observer struct {
	ConnOpened func(c *Conn)
	ConnClosed func(c *Conn, reason CloseReason)
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	defInt := func(p *int, d int) {
		if *p == 0 {
			*p = d
		}
	}
	defInt(&o.MaxMessageBytes, DefaultMaxMessageBytes)
	defInt(&o.MaxOutputBytes, o.MaxMessageBytes)
	defInt(&o.OutputHighWater, DefaultOutputHighWater)
	defInt(&o.HeldInputBytes, DefaultHeldInputBytes)
	defInt(&o.MaxInFlight, DefaultMaxInFlight)
	defInt(&o.MaxInFlightTotal, DefaultMaxInFlightTotal)
	defInt(&o.MaxQueuedPushes, DefaultMaxQueuedPushes)
	defInt(&o.FlushBytes, DefaultFlushBytes)
	defInt(&o.WorkersMax, DefaultWorkersMax)
	defInt(&o.WorkerQueue, DefaultWorkerQueue)
	if o.MaxBufferedBytes == 0 {
		o.MaxBufferedBytes = DefaultMaxBufferedBytes
		if lim := debug.SetMemoryLimit(-1); lim != math.MaxInt64 && lim/4 < o.MaxBufferedBytes {
			o.MaxBufferedBytes = lim / 4
		}
	}
	defDur := func(p *time.Duration, d time.Duration) {
		switch {
		case *p == 0:
			*p = d
		case *p < 0:
			*p = 0 // from here on: none
		}
	}
	defDur(&o.CallTimeout, DefaultCallTimeout)
	defDur(&o.MaxCallTimeout, max(DefaultMaxCallTimeout, o.CallTimeout))
	defDur(&o.HandshakeTimeout, DefaultHandshakeTimeout)
	defDur(&o.ReadTimeout, DefaultReadTimeout)
	defDur(&o.IdleTimeout, DefaultIdleTimeout)
	defDur(&o.WriteStallTimeout, DefaultWriteStallTimeout)
	return o
}

// Validate says what New would find wrong with the options.
func (o Options) Validate() error {
	o = o.withDefaults()
	return o.validate()
}

func (o *Options) validate() error {
	for _, f := range []struct {
		name string
		v    int64
		min  int64
		max  int64
	}{
		{"MaxMessageBytes", int64(o.MaxMessageBytes), 1 << 10, 1 << 30},
		{"MaxOutputBytes", int64(o.MaxOutputBytes), 1 << 10, 1 << 32},
		{"OutputHighWater", int64(o.OutputHighWater), 1, 1 << 32},
		{"HeldInputBytes", int64(o.HeldInputBytes), 1 << 10, 1 << 30},
		{"MaxInFlight", int64(o.MaxInFlight), 1, 1 << 20},
		{"MaxInFlightTotal", int64(o.MaxInFlightTotal), 1, 1 << 24},
		{"MaxBufferedBytes", o.MaxBufferedBytes, 1 << 20, math.MaxInt64},
		{"MaxQueuedPushes", int64(o.MaxQueuedPushes), 1, 1 << 20},
		{"FlushBytes", int64(o.FlushBytes), 1 << 10, 1 << 30},
		{"WorkersMin", int64(o.WorkersMin), 0, 1 << 16},
		{"WorkersMax", int64(o.WorkersMax), 1, 1 << 16},
		{"WorkerQueue", int64(o.WorkerQueue), 1, 1 << 24},
	} {
		if f.v < f.min || f.v > f.max {
			return fmt.Errorf("engine: Options.%s is %d; it must lie between %d and %d", f.name, f.v, f.min, f.max)
		}
	}
	if o.WorkersMin > o.WorkersMax {
		return fmt.Errorf("engine: Options.WorkersMin is %d, above WorkersMax %d", o.WorkersMin, o.WorkersMax)
	}
	if o.Flush > FlushOff {
		return fmt.Errorf("engine: Options.Flush is %d; use FlushBatch, FlushTurn or FlushOff", o.Flush)
	}
	return nil
}
