package ringbuf

import (
	"math/rand/v2"
	"sync"
	"testing"
)

func TestPoolClasses(t *testing.T) {
	for _, tc := range []struct{ ask, want int }{
		{0, 512}, {1, 512}, {512, 512}, {513, 1024}, {1000, 1024}, {4096, 4096}, {4097, 8192},
		{MaxBuffer - 1, MaxBuffer}, {MaxBuffer, MaxBuffer}, {MaxBuffer + 1, MaxBuffer + 1},
	} {
		p := NewPool(PoolOptions{})
		b := p.Get(tc.ask)
		if len(b) != 0 || cap(b) != tc.want {
			t.Errorf("Get(%d): len %d, cap %d, want 0, %d", tc.ask, len(b), cap(b), tc.want)
		}
		p.Put(b)
		if s := p.Stats(); s.Outstanding != 0 {
			t.Errorf("Get(%d), Put: %+v", tc.ask, s)
		}
	}
}

// A buffer comes back to whoever asks for its class next, filed by the class
// that it fills: one grown by append must never be lent as larger than it is.
func TestPoolReuse(t *testing.T) {
	for _, tc := range []struct {
		name     string
		put      int // capacity
		ask      int
		reused   bool
		retained int64
		drops    uint64
	}{
		{"same class", 1024, 1024, true, 0, 0},
		{"smaller of the class", 1024, 600, true, 0, 0},
		{"odd capacity fills the class below", 1500, 1024, true, 0, 0},
		{"odd capacity is not lent for more", 1500, 1200, false, 1500, 0},
		{"too small to file", 500, 100, false, 0, 1},
		{"the largest class", MaxBuffer, MaxBuffer, true, 0, 0},
		{"oversize is dropped", 2 * MaxBuffer, MaxBuffer, false, 0, 1},
		{"nothing", 0, 512, false, 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := NewPool(PoolOptions{RetainPerClass: 64 << 20})
			p.Put(make([]byte, 0, tc.put))
			b := p.Get(tc.ask)
			if s := p.Stats(); (s.Misses == 0) != tc.reused || s.Retained != tc.retained || s.Drops != tc.drops {
				t.Errorf("reused %v, %+v", s.Misses == 0, s)
			}
			if cap(b) < tc.ask {
				t.Errorf("asked for %d, got %d", tc.ask, cap(b))
			}
		})
	}
}

func TestPoolRetains(t *testing.T) {
	p := NewPool(PoolOptions{RetainPerClass: 4 << 10, Retain: 6 << 10})
	for range 10 {
		p.Put(make([]byte, 0, 1024))
	}
	if s := p.Stats(); s.Retained != 4<<10 || s.Drops != 6 {
		t.Errorf("of one class: %+v", s)
	}
	for range 10 {
		p.Put(make([]byte, 0, 2048))
	}
	if s := p.Stats(); s.Retained != 6<<10 || s.Drops != 15 {
		t.Errorf("of all classes: %+v", s)
	}
	one := NewPool(PoolOptions{RetainPerClass: 1})
	one.Put(make([]byte, 0, 4096))
	one.Put(make([]byte, 0, 4096))
	if s := one.Stats(); s.Retained != 4096 || s.Drops != 1 {
		t.Errorf("one buffer of a class is kept whatever its size: %+v", s)
	}
}

// Grow keeps the contents and costs time linear in the bytes.
func TestPoolGrow(t *testing.T) {
	p := NewPool(PoolOptions{})
	var b []byte
	for i := range 1 << 20 {
		b = append(p.Grow(b, 1), byte(i))
	}
	for i, c := range b {
		if c != byte(i) {
			t.Fatalf("byte %d is %#x", i, c)
		}
	}
	s := p.Stats()
	if s.Gets > 13 || s.Outstanding != 1 {
		t.Errorf("%+v for a megabyte byte by byte", s)
	}
	same := p.Grow(b, cap(b)-len(b))
	if &same[0] != &b[0] {
		t.Error("moved although there was room")
	}
	p.Put(b)
}

// Any borrowing by several goroutines, by Pool and by Cache, ends with all
// returned, and nobody sees another's bytes meanwhile.
func TestPoolBalance(t *testing.T) {
	p := NewPool(PoolOptions{RetainPerClass: 32 << 10, Retain: 256 << 10})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 3))
			var c Cache
			c.Init(p)
			type loan struct {
				b     []byte
				cache bool
			}
			var held []loan
			for range 20_000 {
				if len(held) < 20 && r.IntN(2) == 0 {
					n := r.IntN(3000)
					if r.IntN(50) == 0 {
						n = r.IntN(200_000)
					}
					l := loan{cache: r.IntN(2) == 0}
					if l.cache {
						l.b = c.Get(n)
					} else {
						l.b = p.Get(n)
					}
					if len(l.b) != 0 || cap(l.b) < n {
						t.Errorf("asked for %d, got %d of %d", n, len(l.b), cap(l.b))
						return
					}
					l.b = append(l.b, byte(g), byte(len(held)))
					l.b = l.b[:cap(l.b)]
					l.b[cap(l.b)-1] = byte(g)
					held = append(held, l)
				} else if len(held) > 0 {
					i := r.IntN(len(held))
					l := held[i]
					held[i] = held[len(held)-1]
					held = held[:len(held)-1]
					if l.b[0] != byte(g) || l.b[cap(l.b)-1] != byte(g) {
						t.Errorf("another goroutine wrote into a buffer that is lent")
						return
					}
					if l.cache {
						c.Put(l.b)
					} else {
						p.Put(l.b)
					}
				}
			}
			for _, l := range held {
				p.Put(l.b)
			}
			c.Flush()
		})
	}
	wg.Wait()
	s := p.Stats()
	if s.Outstanding != 0 || s.Cached != 0 || s.Retained > 256<<10 || s.Retained < 0 || s.Gets != s.Puts {
		t.Errorf("at the end: %+v", s)
	}
}

func TestCache(t *testing.T) {
	p := NewPool(PoolOptions{})
	var c Cache
	c.Init(p)
	b := c.Get(700)
	c.Put(b)
	if s := p.Stats(); s.Cached != 1 || s.Outstanding != 1 {
		t.Errorf("with one idle: %+v", s)
	}
	again := c.Get(1000)
	if &again[:1][0] != &b[:1][0] {
		t.Error("the idle buffer of the class was not lent")
	}
	if s := p.Stats(); s.Cached != 0 || s.Gets != 1 {
		t.Errorf("after the second loan: %+v", s)
	}
	c.Put(again)
	for range cacheDepth + 3 {
		c.Put(p.Get(1000)) // more than it keeps
	}
	c.Put(p.Get(cacheLargest + 1)) // more than it keeps of size
	if s := p.Stats(); s.Cached != cacheDepth || s.Outstanding != cacheDepth {
		t.Errorf("full: %+v", s)
	}
	c.Flush()
	if s := p.Stats(); s.Cached != 0 || s.Outstanding != 0 {
		t.Errorf("flushed: %+v", s)
	}
}

const cacheLargest = MinBuffer << (cacheClasses - 1)
