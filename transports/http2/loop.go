package http2

import "github.com/gannetmcp/gannet/ringbuf"

// What a Loop keeps at most of objects that nobody uses.
const (
	idleStreams  = 1024
	idleRequests = 256
	idleConns    = 256
)

// Loop is what the connections of one event loop share, so that one at rest
// holds little: limits, buffers, and the objects that are not in use. Used by one
// goroutine at a time.
type Loop struct {
	// Date is the field Date of responses that a Conn gives by itself, as
	// Response.Date: the caller renews it before it calls Next. Empty: none.
	Date []byte

	pool     *ringbuf.Pool
	bufs     ringbuf.Cache
	limits   Limits
	streams  idle[Stream]
	requests idle[Request]
	conns    idle[Conn]
}

// NewLoop returns a Loop with the given limits.
func NewLoop(pool *ringbuf.Pool, l Limits) *Loop {
	loop := &Loop{pool: pool, limits: l.withDefaults()}
	loop.bufs.Init(pool)
	return loop
}

// Limits returns the limits in force.
func (l *Loop) Limits() Limits { return l.limits }

// Close gives the buffers back that the loop keeps for its connections, which
// must be closed.
func (l *Loop) Close() { l.bufs.Flush() }

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

// put keeps an object, unless there are n.
func (s *idle[T]) put(v *T, n int) {
	if len(*s) < n {
		*s = append(*s, v)
	}
}
