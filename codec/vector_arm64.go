//go:build !purego

package codec

// vectors says whether the kernels are used: NEON is part of every CPU that Go
// has this port for. It is a variable so that tests can compare both ways in one
// binary; nothing else writes to it.
var vectors = true

// vectorMin is how many bytes textKernel must be given at least: a vector, and the
// three bytes before it in which a character that reaches into it can begin.
const vectorMin = 16 + 3
