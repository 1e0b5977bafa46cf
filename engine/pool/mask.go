package pool

import "math/bits"

// mask is a set of slots of a pool, of which there are at most 128.
type mask [2]uint64

// below returns the slots 0 to n-1.
func below(n int) (m mask) {
	if n >= 64 {
		return mask{^uint64(0), 1<<(n-64) - 1}
	}
	return mask{1<<n - 1, 0}
}

func (m *mask) add(i int)    { m[i>>6] |= 1 << (i & 63) }
func (m *mask) remove(i int) { m[i>>6] &^= 1 << (i & 63) }

func (m mask) has(i int) bool     { return m[i>>6]>>(i&63)&1 != 0 }
func (m mask) empty() bool        { return m[0]|m[1] == 0 }
func (m mask) count() int         { return bits.OnesCount64(m[0]) + bits.OnesCount64(m[1]) }
func (m mask) and(o mask) mask    { return mask{m[0] & o[0], m[1] & o[1]} }
func (m mask) andNot(o mask) mask { return mask{m[0] &^ o[0], m[1] &^ o[1]} }

// first returns the lowest slot, or -1.
func (m mask) first() int {
	switch {
	case m[0] != 0:
		return bits.TrailingZeros64(m[0])
	case m[1] != 0:
		return 64 + bits.TrailingZeros64(m[1])
	}
	return -1
}

// last returns the highest slot, or -1.
func (m mask) last() int {
	if m[1] != 0 {
		return 127 - bits.LeadingZeros64(m[1])
	}
	return 63 - bits.LeadingZeros64(m[0])
}

// after returns the lowest slot above i, or, there being none, the lowest of
// all; -1 if m is empty.
func (m mask) after(i int) int {
	if s := m.andNot(below(i + 1)).first(); s >= 0 {
		return s
	}
	return m.first()
}

// nth returns the slot with n lower ones in m, which must have so many.
func (m mask) nth(n int) int {
	word, base := m[0], 0
	if low := bits.OnesCount64(word); n >= low {
		word, base, n = m[1], 64, n-low
	}
	for width := 32; width > 0; width /= 2 {
		if low := bits.OnesCount64(word & (1<<width - 1)); n >= low {
			word, base, n = word>>width, base+width, n-low
		}
	}
	return base
}

// ones counts the set bits among the lowest n of a word.
func ones(word uint64, n int) int { return bits.OnesCount64(word << (64 - n)) }
