package sse

import (
	"sync"
	"sync/atomic"

	"github.com/gannetmcp/gannet/ringbuf"
)

// Shared is bytes that several streams hold at once, in one buffer of a pool,
// which goes back when the last of them lets go. Nobody writes to them.
//
// It is counted by references: whoever makes one has the first, Retain adds,
// Release takes one away. Only who holds a reference may call a method; then
// all are safe from any goroutine. Letting go twice panics; under the tag
// invariants, and under the race detector, so does any use after the last
// reference is gone, for there a Shared is never used again.
type Shared struct {
	refs atomic.Int64
	b    []byte
	pool *ringbuf.Pool
}

// idleShared keeps the structs; the buffers are the pool's.
var idleShared = sync.Pool{New: func() any { return new(Shared) }}

// NewShared returns b as a Shared with one reference, the caller's. b comes
// from the pool and is the Shared's from here on.
//
// Hot path: no allocation in the steady state.
func NewShared(pool *ringbuf.Pool, b []byte) *Shared {
	s := idleShared.Get().(*Shared)
	s.b, s.pool = b, pool
	s.refs.Store(1)
	return s
}

// Share renders e into a Shared with one reference, the caller's. An event to
// several streams has no ID: each writes its own by AppendIDLine. It fails with
// ErrName or ErrID, and then holds nothing.
func (e *Event) Share(pool *ringbuf.Pool) (*Shared, error) {
	b, err := e.Append(pool.Get(e.Size()))
	if err != nil {
		pool.Put(b)
		return nil, err
	}
	return NewShared(pool, b), nil
}

// Bytes returns the bytes, which are not to be written to and are valid while
// the caller holds a reference.
func (s *Shared) Bytes() []byte {
	if ringbuf.Poisoned && s.refs.Load() <= 0 {
		panic("sse: Bytes of a Shared that was let go")
	}
	return s.b
}

// Footprint returns the bytes of memory that s takes up: its buffer's.
func (s *Shared) Footprint() int { return cap(s.b) }

// Retain adds n references.
func (s *Shared) Retain(n int) {
	if n < 0 || s.refs.Add(int64(n)) <= int64(n) {
		panic("sse: Retain of a Shared that was let go")
	}
}

// Release takes the caller's reference away. With the last, the buffer goes
// back to its pool.
func (s *Shared) Release() {
	n := s.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("sse: Release of a Shared that was let go")
	}
	s.pool.Put(s.b)
	if ringbuf.Poisoned {
		return // to the garbage collector, so that a late user finds no reference
	}
	s.b, s.pool = nil, nil
	idleShared.Put(s)
}
