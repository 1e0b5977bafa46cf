package mcp

import (
	"cmp"
	"math"

	"github.com/gannetmcp/gannet/codec"
)

// number is a JSON number: exact where it is written as an integer of 64 bits,
// else the float64 next to it.
type number struct {
	f     float64
	i     int64
	exact bool
}

func readNumber(v codec.Value) (number, bool) {
	if i, err := v.Int64(); err == nil {
		return number{float64(i), i, true}, true
	}
	f, err := v.Float64()
	return number{f: f}, err == nil
}

// compare returns -1, 0 or 1.
func (n number) compare(m number) int {
	switch {
	case n.exact && m.exact:
		return cmp.Compare(n.i, m.i)
	case n.exact:
		return compareIntFloat(n.i, m.f)
	case m.exact:
		return -compareIntFloat(m.i, n.f)
	}
	return cmp.Compare(n.f, m.f)
}

// compareIntFloat does not round i, which float64 has no room for beyond 2^53.
func compareIntFloat(i int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := math.Floor(f)
	if c := cmp.Compare(i, int64(whole)); c != 0 || f == whole {
		return c
	}
	return -1 // f has a fraction
}

func (n number) integer() bool { return n.exact || n.f == math.Trunc(n.f) }

// bound is a limit of a number.
type bound struct {
	limit number
	low   bool // a lower bound
	open  bool // equality is not allowed
	text  string
}

func (b *bound) holds(n number) bool {
	c := n.compare(b.limit)
	if b.low {
		c = -c
	}
	return c < 0 || c == 0 && !b.open
}
