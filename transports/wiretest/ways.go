package wiretest

import (
	"fmt"
	"iter"
	"slices"
)

// Ways yields in cut in each way that it may come: whole, byte by byte, in pieces of
// each of the sizes, and in two, at most cuts times. Each way has a name. The pieces
// are in itself.
func Ways(in []byte, cuts int, sizes ...int) iter.Seq2[string, [][]byte] {
	return func(yield func(string, [][]byte) bool) {
		if !yield("whole", [][]byte{in}) {
			return
		}
		for _, size := range append([]int{1}, sizes...) {
			if !yield(fmt.Sprintf("in pieces of %d", size), slices.Collect(slices.Chunk(in, size))) {
				return
			}
		}
		for i := 1; i < len(in); i += 1 + len(in)/cuts {
			if !yield(fmt.Sprintf("cut at %d", i), [][]byte{in[:i], in[i:]}) {
				return
			}
		}
	}
}
