package ringbuf

import "sync/atomic"

// SPSC is a bounded queue from one producing goroutine to one consuming
// goroutine, such as from loop to loop. Each side keeps a copy of the other's
// index and looks at the real one only when the copy says full or empty, so
// that a steady flow moves few cache lines.
//
// Invariant: 0 <= tail-head <= len(buf), a power of two.
type SPSC[T any] struct {
	buf  []T
	mask uint64
	_    [40]byte

	head     atomic.Uint64 // next to pop; written by the consumer
	tailSeen uint64
	_        [48]byte

	tail     atomic.Uint64 // next to push; written by the producer
	headSeen uint64
	_        [48]byte
}

// NewSPSC returns a queue with room for n elements, rounded up to a power of
// two.
func NewSPSC[T any](n int) *SPSC[T] {
	size := 1
	for size < n {
		size <<= 1
	}
	return &SPSC[T]{buf: make([]T, size), mask: uint64(size - 1)}
}

// Cap returns how many elements the queue holds at most.
func (q *SPSC[T]) Cap() int { return len(q.buf) }

// Push adds v; it reports false when the queue is full. Producer only.
//
// Hot path: no allocation, no lock.
func (q *SPSC[T]) Push(v T) bool {
	t := q.tail.Load()
	if t-q.headSeen == uint64(len(q.buf)) {
		if q.headSeen = q.head.Load(); t-q.headSeen == uint64(len(q.buf)) {
			return false
		}
	}
	q.buf[t&q.mask] = v
	q.tail.Store(t + 1)
	return true
}

// PushN adds as many of vs as have room and returns how many. Producer only.
func (q *SPSC[T]) PushN(vs []T) int {
	t := q.tail.Load()
	if uint64(len(q.buf))-(t-q.headSeen) < uint64(len(vs)) {
		q.headSeen = q.head.Load()
	}
	n := min(uint64(len(vs)), uint64(len(q.buf))-(t-q.headSeen))
	for i := range n {
		q.buf[(t+i)&q.mask] = vs[i]
	}
	q.tail.Store(t + n)
	return int(n)
}

// Pop takes the oldest element; ok is false when the queue is empty. Consumer
// only.
func (q *SPSC[T]) Pop() (v T, ok bool) {
	h := q.head.Load()
	if h == q.tailSeen {
		if q.tailSeen = q.tail.Load(); h == q.tailSeen {
			return v, false
		}
	}
	p := &q.buf[h&q.mask]
	v = *p
	var zero T
	*p = zero // what was taken must not be kept alive
	q.head.Store(h + 1)
	return v, true
}

// PopN takes up to len(vs) elements and returns how many. Consumer only.
func (q *SPSC[T]) PopN(vs []T) int {
	h := q.head.Load()
	if q.tailSeen-h < uint64(len(vs)) {
		q.tailSeen = q.tail.Load()
	}
	n := min(uint64(len(vs)), q.tailSeen-h)
	var zero T
	for i := range n {
		p := &q.buf[(h+i)&q.mask]
		vs[i], *p = *p, zero
	}
	q.head.Store(h + n)
	return int(n)
}

// Len returns about how many elements wait. Safe from any goroutine.
func (q *SPSC[T]) Len() int { return int(q.tail.Load() - q.head.Load()) }
