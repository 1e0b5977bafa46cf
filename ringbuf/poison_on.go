//go:build invariants || race

package ringbuf

import "unsafe"

// Poisoned says whether buffers are filled with 0xCC while nobody has them.
const Poisoned = true

const poisonByte = 0xCC

// poison overwrites a buffer that was given back.
func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = poisonByte
	}
}

// unpoison checks that nobody has written to a buffer while it was idle.
func unpoison(b []byte) {
	for i, c := range b[:cap(b)] {
		if c != poisonByte {
			panic("ringbuf: buffer written after Put, at offset " + itoa(i))
		}
	}
}

// isIdle looks for b among the idle buffers.
func isIdle(idle [][]byte, b []byte) bool {
	for _, o := range idle {
		if unsafe.SliceData(o) == unsafe.SliceData(b) {
			return true
		}
	}
	return false
}

func panicDoublePut() { panic("ringbuf: Put of a buffer that is idle already") }

func itoa(n int) string {
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

// link guards an Item against being pushed twice.
type link struct{ queued bool }

func (l *link) enter() {
	if l.queued {
		panic("ringbuf: Push of an item that is in a mailbox already")
	}
	l.queued = true
}

func (l *link) leave() { l.queued = false }
