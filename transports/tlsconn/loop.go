package tlsconn

import "github.com/gannetmcp/gannet/ringbuf"

// regionMax is how much ciphertext is opened at once, in bytes: what an event
// loop reads in one event.
const regionMax = 64 << 10

// Loop is what the Sessions of one event loop share, so that one at rest holds
// little. It is used by the goroutine of that event loop.
type Loop struct {
	bufs  ringbuf.Cache
	pool  *ringbuf.Pool
	plain []byte // what Next returns
	src   []byte // what the wire of a Session has, inside a call of its Next
}

// NewLoop returns a Loop whose buffers come from pool.
func NewLoop(pool *ringbuf.Pool) *Loop {
	l := &Loop{pool: pool, plain: make([]byte, 0, regionMax+maxPlaintext)}
	l.bufs.Init(pool)
	return l
}

// Close gives back what the Loop keeps for Sessions to come.
func (l *Loop) Close() { l.bufs.Flush() }

// grow makes room for n bytes more in b.
func (l *Loop) grow(b []byte, n int) []byte {
	if b == nil {
		return l.bufs.Get(n)
	}
	return l.pool.Grow(b, n)
}
