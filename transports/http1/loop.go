package http1

import "github.com/gannetmcp/gannet/ringbuf"

// idleMax bounds the Requests and the Answers that a Loop keeps while nobody
// uses them.
const idleMax = 256

// Loop is what the parsers of one event loop share, so that a connection at
// rest holds nothing: limits, the buffer pool, and the Requests and Answers that
// are not in use. Used by one goroutine at a time.
type Loop struct {
	pool     *ringbuf.Pool
	limits   Limits
	requests idle[Request]
	answers  idle[Answer]
}

// NewLoop returns a Loop with the given limits.
func NewLoop(pool *ringbuf.Pool, l Limits) *Loop {
	return &Loop{pool: pool, limits: l.withDefaults()}
}

// Limits returns the limits in force.
func (l *Loop) Limits() Limits { return l.limits }

// idle is a stack of objects that are not in use.
type idle[T any] []*T

// take returns an object that was in use before, or a new one.
func (s *idle[T]) take() *T {
	if i := len(*s) - 1; i >= 0 {
		v := (*s)[i]
		(*s)[i] = nil
		*s = (*s)[:i]
		return v
	}
	return new(T)
}

// put keeps an object, unless there are plenty.
func (s *idle[T]) put(v *T) {
	if len(*s) < idleMax {
		*s = append(*s, v)
	}
}
