//go:build !(amd64 || arm64) || purego

package codec

// There are no vectors here: what asks for them is left out by the compiler.
const (
	vectors    = false
	vectorMin  = 0
	escapesMin = 0
	skipMin    = 0
)

// walkRun is how far skipString walks before it takes to the library's search.
const walkRun = longRun

func textKernel(*byte, int) (stop int, ill bool) { return 0, true }

func escapesKernel(*byte, int) (stop int) { return 0 }

func skipKernel(*byte, int) (end, level int, inside bool) { return 0, 0, false }
