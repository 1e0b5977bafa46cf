// Package wiretest is what the tests of the leaves of transports share: what is cut in
// every way, a budget that can be used up, bodies that are packed.
package wiretest

// Budget is a byte budget of Max bytes, of which Held are reserved. Used by one
// goroutine at a time.
type Budget struct{ Held, Max int }

// Reserve reports whether there was room for n bytes more.
func (b *Budget) Reserve(n int) bool {
	if b.Held+n > b.Max {
		return false
	}
	b.Held += n
	return true
}

// Release gives n bytes back. It panics if they were not reserved.
func (b *Budget) Release(n int) {
	if b.Held -= n; b.Held < 0 {
		panic("wiretest: released more than was reserved")
	}
}
