package ringbuf

// A Cache keeps a few idle buffers of each class up to 64 KiB.
const (
	cacheClasses = 8 // 512 B to 64 KiB
	cacheDepth   = 8
)

// Cache is one goroutine's front of a Pool: buffers that come and go within a
// turn of an event loop are lent without a lock. It is not safe for concurrent
// use. Its idle buffers count as outstanding in the pool's statistics, and as
// cached.
type Cache struct {
	pool *Pool
	n    [cacheClasses]int
	idle [cacheClasses][cacheDepth][]byte
}

// Init readies c as a front of p.
func (c *Cache) Init(p *Pool) { *c = Cache{pool: p} }

// Get is Pool.Get.
//
// Hot path: no allocation, no lock, once the class is warm.
func (c *Cache) Get(n int) []byte {
	k := classFor(n)
	if k < cacheClasses && c.n[k] > 0 {
		c.n[k]--
		b := c.idle[k][c.n[k]]
		c.idle[k][c.n[k]] = nil
		c.pool.cached.Add(-1)
		unpoison(b)
		return b
	}
	return c.pool.Get(n)
}

// Put is Pool.Put.
func (c *Cache) Put(b []byte) {
	k := classOf(cap(b))
	if uint(k) < cacheClasses && c.n[k] < cacheDepth {
		if isIdle(c.idle[k][:c.n[k]], b) {
			panicDoublePut()
		}
		poison(b)
		c.idle[k][c.n[k]] = b[:0]
		c.n[k]++
		c.pool.cached.Add(1)
		return
	}
	c.pool.Put(b)
}

// Flush gives all idle buffers back to the pool.
func (c *Cache) Flush() {
	for k := range c.idle {
		for c.n[k] > 0 {
			c.n[k]--
			b := c.idle[k][c.n[k]]
			c.idle[k][c.n[k]] = nil
			c.pool.cached.Add(-1)
			unpoison(b)
			c.pool.Put(b)
		}
	}
}
