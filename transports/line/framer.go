package line

import (
	"bytes"

	"github.com/gannetmcp/gannet/ringbuf"
)

// Event says what Next found.
type Event uint8

// The events.
const (
	More    Event = iota // all that was fed is taken in, no line is complete
	Line                 // a line
	TooLong              // a line has passed the limit; the rest of it is skipped
	NoRoom               // the budget has no room for a line; the rest of it is skipped
)

// Budget is what large buffers are charged to. Safe from any goroutine.
type Budget interface {
	// Reserve reports whether n bytes more may be held.
	Reserve(n int) bool
	// Release gives back n reserved bytes.
	Release(n int)
}

// chargeFrom is the buffer size above which the budget is asked.
const chargeFrom = 64 << 10

// Framer splits a stream into lines. The zero Framer is not ready; call Init.
type Framer struct {
	pool    *ringbuf.Pool
	budget  Budget
	max     int    // bytes of a line, line end apart
	part    []byte // the line so far, nil if none is begun
	done    bool   // part was returned as a line and is to be given back
	skip    bool   // inside a line that was refused
	charged int
}

// Init readies f. Lines longer than max bytes, line end apart, are refused.
// budget may be nil.
func (f *Framer) Init(pool *ringbuf.Pool, budget Budget, max int) {
	*f = Framer{pool: pool, budget: budget, max: max}
}

// Next takes bytes from the front of p and returns the first event in them and
// how many it took. Call it again with the rest, until it returns More: then
// all of p is taken.
//
// A line is returned without its end, "\n" or "\r\n"; lines of nothing but
// white space are passed over. The line aliases p or a buffer of f's, and is
// valid until the next call of a method of f or until p is written to.
//
// Hot path: no allocation, no lock, when the line lies in p.
func (f *Framer) Next(p []byte) (line []byte, n int, ev Event) {
	if f.done {
		f.Release()
	}
	for {
		rest := p[n:]
		if len(rest) == 0 {
			return nil, n, More
		}
		i := bytes.IndexByte(rest, '\n')
		if f.skip {
			if i < 0 {
				return nil, len(p), More
			}
			f.skip = false
			n += i + 1
			continue
		}
		if i < 0 {
			return nil, len(p), f.keep(rest)
		}
		n += i + 1
		line = rest[:i]
		if len(f.part) > 0 {
			if ev := f.keep(line); ev != More {
				f.skip = false // its end is here
				return nil, n, ev
			}
			line, f.done = f.part, true
		}
		if k := len(line); k > 0 && line[k-1] == '\r' {
			line = line[:k-1]
		}
		if len(line) > f.max {
			f.Release()
			return nil, n, TooLong
		}
		if len(line) > 0 && (line[0] > ' ' || !blank(line)) {
			return line, n, Line
		}
		if f.done {
			f.Release()
		}
	}
}

// keep appends b to the line so far. It returns More, or why the line is
// refused and skipped from here on.
func (f *Framer) keep(b []byte) Event {
	if len(b) == 0 {
		return More
	}
	need := len(f.part) + len(b)
	if need > f.max+1 || need > f.max && b[len(b)-1] != '\r' { // a "\r" may yet turn out to be the line's end
		f.Release()
		f.skip = true
		return TooLong
	}
	if need > cap(f.part) && !f.grow(need) {
		f.Release()
		f.skip = true
		return NoRoom
	}
	f.part = append(f.part, b...)
	return More
}

// grow makes room for n bytes in all, at least doubling, so that a line in
// small pieces costs time linear in its length.
func (f *Framer) grow(n int) bool {
	if f.part == nil {
		if n > chargeFrom && !f.charge(n) {
			return false
		}
		f.part = f.pool.Get(n)
		f.settle()
		return true
	}
	n = max(n, min(2*cap(f.part), f.max+1))
	if n > chargeFrom && !f.charge(n) {
		return false
	}
	f.part = f.pool.Grow(f.part, n-len(f.part))
	f.settle()
	return true
}

// charge reserves room for a buffer of n bytes in all.
func (f *Framer) charge(n int) bool {
	if f.budget == nil || n <= f.charged {
		return true
	}
	if !f.budget.Reserve(n - f.charged) {
		return false
	}
	f.charged = n
	return true
}

// settle is charge for a buffer that is there already: the pool may have given
// a larger one than was asked for, which is not worth a refusal.
func (f *Framer) settle() {
	if c := cap(f.part); f.charged > 0 && c < f.charged {
		f.budget.Release(f.charged - c)
		f.charged = c
	}
}

// Pending reports whether a line has begun and is not complete.
func (f *Framer) Pending() bool { return f.skip || len(f.part) > 0 && !f.done }

// Charged returns the bytes that f has reserved of the budget.
func (f *Framer) Charged() int { return f.charged }

// Release gives up the line so far and returns its buffer to the pool. A
// Framer needs nothing else when its stream ends.
func (f *Framer) Release() {
	if f.part != nil {
		f.pool.Put(f.part)
		f.part = nil
	}
	if f.charged > 0 {
		f.budget.Release(f.charged)
		f.charged = 0
	}
	f.done = false
}

// blank reports whether b is white space all through.
func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
