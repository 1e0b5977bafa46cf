package ringbuf

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// The size classes are the powers of two from 512 B to 16 MiB.
const (
	minClassBits = 9
	maxClassBits = 24
	classes      = maxClassBits - minClassBits + 1

	// MinBuffer and MaxBuffer are the smallest and the largest class, in bytes.
	MinBuffer = 1 << minClassBits
	MaxBuffer = 1 << maxClassBits
)

// Defaults of PoolOptions.
const (
	DefaultRetainPerClass = 8 << 20
	DefaultRetain         = 64 << 20
)

// PoolOptions configures a Pool; the zero value is usable.
type PoolOptions struct {
	// RetainPerClass bounds the idle bytes kept of one size class; one buffer
	// at least is kept of each. Zero: 8 MiB.
	RetainPerClass int
	// Retain bounds the idle bytes kept of all classes. Zero: 64 MiB.
	Retain int
}

// Pool lends buffers by size class. What it keeps idle is bounded; buffers
// above that, and above the largest class, go back to the garbage collector.
// All methods are safe from any goroutine.
type Pool struct {
	perClass int
	retain   int64
	retained atomic.Int64
	gets     atomic.Uint64
	puts     atomic.Uint64
	misses   atomic.Uint64
	drops    atomic.Uint64
	cached   atomic.Int64
	class    [classes]sizeClass
}

// sizeClass is a stack of idle buffers: the one used last, whose memory is
// most likely in a cache of the CPU, is lent first.
type sizeClass struct {
	mu   sync.Mutex // protects idle
	idle [][]byte
	_    [32]byte
}

// PoolStats are a pool's counters. Gets minus Puts is Outstanding; of these,
// Cached lie idle in Caches.
type PoolStats struct {
	Gets, Puts  uint64
	Misses      uint64 // gets that had to allocate
	Drops       uint64 // puts that were left to the garbage collector
	Outstanding int64
	Cached      int64
	Retained    int64 // idle bytes
}

// NewPool returns an empty pool.
func NewPool(o PoolOptions) *Pool {
	if o.RetainPerClass == 0 {
		o.RetainPerClass = DefaultRetainPerClass
	}
	if o.Retain == 0 {
		o.Retain = DefaultRetain
	}
	return &Pool{perClass: o.RetainPerClass, retain: int64(o.Retain)}
}

// classFor returns the smallest class that holds n bytes; classes if none does.
func classFor(n int) int {
	if n <= MinBuffer {
		return 0
	}
	return bits.Len(uint(n-1)) - minClassBits
}

// classOf returns the class that a buffer of capacity n is filed in, the
// largest that it fills; -1 if it fills none.
func classOf(n int) int {
	if n < MinBuffer {
		return -1
	}
	return min(bits.Len(uint(n))-1-minClassBits, classes-1)
}

// Get lends a buffer of length 0 and a capacity of n bytes at least. It is the
// caller's until Put. Above MaxBuffer it is allocated and never kept.
//
// Hot path: no allocation once the class is warm.
func (p *Pool) Get(n int) []byte {
	p.gets.Add(1)
	if b := p.take(n); b != nil {
		return b
	}
	return p.miss(n)
}

func (p *Pool) miss(n int) []byte {
	p.misses.Add(1)
	if c := classFor(n); c < classes {
		return make([]byte, 0, 1<<(c+minClassBits))
	}
	return make([]byte, 0, n)
}

// take returns an idle buffer or nil.
func (p *Pool) take(n int) []byte {
	c := classFor(n)
	if c >= classes {
		return nil
	}
	k := &p.class[c]
	k.mu.Lock()
	i := len(k.idle) - 1
	if i < 0 {
		k.mu.Unlock()
		return nil
	}
	b := k.idle[i]
	k.idle[i] = nil
	k.idle = k.idle[:i]
	k.mu.Unlock()
	p.retained.Add(-int64(cap(b)))
	unpoison(b)
	return b
}

// Put takes b back; it came from Get and may have been grown by append. A
// buffer that nobody could be lent, too small or too large for the classes,
// or above what is kept, is left to the garbage collector.
func (p *Pool) Put(b []byte) {
	p.puts.Add(1)
	p.file(b)
}

// file keeps b or drops it.
func (p *Pool) file(b []byte) {
	c := classOf(cap(b))
	size := int64(cap(b))
	if c < 0 || cap(b) > 2*MaxBuffer-1 || p.retained.Add(size) > p.retain {
		if c >= 0 && cap(b) <= 2*MaxBuffer-1 {
			p.retained.Add(-size)
		}
		p.drops.Add(1)
		return
	}
	k := &p.class[c]
	poison(b)
	k.mu.Lock()
	if n := len(k.idle); n > 0 && (n+1)<<(c+minClassBits) > p.perClass {
		k.mu.Unlock()
		p.retained.Add(-size)
		p.drops.Add(1)
		return
	}
	doubled := isIdle(k.idle, b)
	if !doubled {
		k.idle = append(k.idle, b[:0])
	}
	k.mu.Unlock()
	if doubled {
		panicDoublePut()
	}
}

// Grow returns a buffer with the contents of b and room for n bytes more. It is
// b itself where that has the room; otherwise b goes back to the pool. The
// result is at least twice as large as b, so that growing bit by bit costs
// time linear in the bytes.
func (p *Pool) Grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	bigger := p.Get(max(len(b)+n, 2*cap(b)))
	bigger = append(bigger, b...)
	if b != nil {
		p.Put(b)
	}
	return bigger
}

// Stats returns the counters. They are not taken at one instant.
func (p *Pool) Stats() PoolStats {
	s := PoolStats{
		Puts: p.puts.Load(), Misses: p.misses.Load(), Drops: p.drops.Load(),
		Cached: p.cached.Load(), Retained: p.retained.Load(),
	}
	s.Gets = p.gets.Load()
	s.Outstanding = int64(s.Gets) - int64(s.Puts)
	return s
}
