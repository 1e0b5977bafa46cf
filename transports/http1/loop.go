package http1

import "github.com/gannetmcp/gannet/ringbuf"

// idleMax bounds the Requests that a Loop keeps while nobody uses them.
const idleMax = 256

// Loop is what the parsers of one event loop share, so that a connection at
// rest holds nothing: limits, the buffer pool, and the Requests that are not in
// use. Used by one goroutine at a time.
type Loop struct {
	pool     *ringbuf.Pool
	limits   Limits
	requests requests
}

// NewLoop returns a Loop with the given limits.
func NewLoop(pool *ringbuf.Pool, l Limits) *Loop {
	return &Loop{pool: pool, limits: l.withDefaults()}
}

// Limits returns the limits in force.
func (l *Loop) Limits() Limits { return l.limits }

// requests is a stack of Requests that are not in use.
type requests []*Request

// take returns a Request that was in use before, or a new one.
func (s *requests) take() *Request {
	if i := len(*s) - 1; i >= 0 {
		v := (*s)[i]
		(*s)[i] = nil
		*s = (*s)[:i]
		return v
	}
	return new(Request)
}

// put keeps a Request, unless there are plenty.
func (s *requests) put(v *Request) {
	if len(*s) < idleMax {
		*s = append(*s, v)
	}
}
