//go:build !purego

package codec

import "golang.org/x/sys/cpu"

// vectors says whether there is all that the kernels use, of AVX2 the system's
// part included. It is a variable so that tests can compare both ways in one
// binary; nothing else writes to it.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT && cpu.X86.HasPCLMULQDQ

// vectorMin is how many bytes textKernel must be given at least: a vector, and the
// three bytes before it in which a character that reaches into it can begin.
const vectorMin = 32 + 3
