//go:build !invariants && !race

package ringbuf

// Poisoned says whether buffers are filled with 0xCC while nobody has them.
const Poisoned = false

func poison([]byte)                {}
func unpoison([]byte)              {}
func isIdle([][]byte, []byte) bool { return false }
func panicDoublePut()              {}

// link guards an Item against being pushed twice; not in this build.
type link struct{}

func (*link) enter() {}
func (*link) leave() {}
