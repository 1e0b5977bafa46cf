package ringbuf

import "errors"

// ErrFull is returned by Ring.Write when not all bytes had room.
var ErrFull = errors.New("ringbuf: ring is full")

// Ring is a byte ring over a buffer that its caller provides. Not safe for
// concurrent use.
//
// Invariants: 0 <= r < len(buf) or both 0; 0 <= n <= len(buf); the bytes held
// are buf[r:r+n], going on at the front where they pass the end.
type Ring struct {
	buf []byte
	r   int // next byte to read
	n   int // bytes held
}

// NewRing returns a ring over buf, which is the ring's until Release.
func NewRing(buf []byte) *Ring { return &Ring{buf: buf[:cap(buf)]} }

// Len returns how many bytes are held, Cap how many can be, Free the rest.
func (g *Ring) Len() int { return g.n }

// Cap returns the size of the ring in bytes.
func (g *Ring) Cap() int { return len(g.buf) }

// Free returns how many bytes Write would take.
func (g *Ring) Free() int { return len(g.buf) - g.n }

// Write copies as much of p as has room and returns how much that is, with
// ErrFull if it is not all.
func (g *Ring) Write(p []byte) (n int, err error) {
	if len(p) > g.Free() {
		p, err = p[:g.Free()], ErrFull
	}
	w := g.r + g.n
	if w >= len(g.buf) {
		w -= len(g.buf)
	}
	n = copy(g.buf[w:], p)
	copy(g.buf, p[n:])
	g.n += len(p)
	return len(p), err
}

// Peek returns all bytes held, in order, as two slices; tail is empty unless
// they pass the end of the ring. Both alias the ring and are valid until the
// next Write or Release.
func (g *Ring) Peek() (head, tail []byte) {
	end := g.r + g.n
	if end <= len(g.buf) {
		return g.buf[g.r:end], nil
	}
	return g.buf[g.r:], g.buf[:end-len(g.buf)]
}

// Discard drops the first n bytes, or all if there are fewer, and returns how
// many it dropped. Discard(0) drops nothing.
func (g *Ring) Discard(n int) int {
	n = max(0, min(n, g.n))
	g.n -= n
	if g.n == 0 {
		g.r = 0
		return n
	}
	if g.r += n; g.r >= len(g.buf) {
		g.r -= len(g.buf)
	}
	return n
}

// Read moves bytes into p and returns how many; 0 when the ring is empty.
func (g *Ring) Read(p []byte) int {
	head, tail := g.Peek()
	n := copy(p, head)
	n += copy(p[n:], tail)
	return g.Discard(n)
}

// Reset drops all bytes.
func (g *Ring) Reset() { g.r, g.n = 0, 0 }

// Release empties the ring and gives its buffer back to the caller.
func (g *Ring) Release() []byte {
	b := g.buf
	*g = Ring{}
	return b[:0]
}
