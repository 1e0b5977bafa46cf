package engine

import "sync/atomic"

// chargeFrom is the size from which a buffer is charged to the byte budget.
// Below it, connections times buffers is bounded well enough by their count.
const chargeFrom = 64 << 10

// budget counts the bytes that partial messages, queued output and queued
// calls hold in the whole process. Safe from any goroutine.
type budget struct {
	used atomic.Int64
	max  int64
}

// take charges n bytes; it reports false, and charges nothing, when that would
// pass the budget.
func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) <= b.max {
		return true
	}
	b.used.Add(-int64(n))
	return false
}

// force charges n bytes whatever the budget says: for bytes that exist already.
func (b *budget) force(n int) { b.used.Add(int64(n)) }

func (b *budget) give(n int) { b.used.Add(-int64(n)) }

func (b *budget) over() bool { return b.used.Load() > b.max }

// charged returns what a buffer of capacity n counts for.
func charged(n int) int {
	if n <= chargeFrom {
		return 0
	}
	return n
}
