//go:build !purego

package codec

import "golang.org/x/sys/cpu"

// vectors says whether there are AVX2, the system's part of it included, and
// BMI1. It is a variable so that tests can compare both ways in one binary;
// nothing else writes to it.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasBMI1

// vectorMin is how many bytes textAVX2 must be given at least: a vector, and the
// three bytes before it in which a character that reaches into it can begin.
const vectorMin = 35

// escapesMin is how many bytes escapesAVX2 must be given at least.
const escapesMin = 64

// walkRun is how far skipString walks before it takes to vectors.
const walkRun = 16

// textAVX2 looks in the n bytes at p, at least vectorMin, for the first that is
// a quote, a backslash or a control character, and returns its place, n if there
// is none. If ill is set, the text up to there is no well-formed UTF-8 (RFC 3629),
// and stop means nothing. The bytes begin where a character does; none outside
// of them is read, and nothing is kept.
//
// UTF-8 is judged as in J. Keiser and D. Lemire, "Validating UTF-8 In Less Than
// One Instruction Per Byte".
//
//go:noescape
func textAVX2(p *byte, n int) (stop int, ill bool)

// escapesAVX2 passes over text with escapes in the n bytes at p, at least
// escapesMin, the first of which is not escaped itself. It returns the place of
// the first byte that it does not pass over: the closing quote; a control
// character or a byte that is no ASCII; the backslash of an escape that is none,
// not whole, or of a character from U+D000 to U+DFFF, perhaps half a surrogate
// pair; or one less than escapesMin bytes before the end. No byte outside of the n
// is read, and nothing is kept.
//
//go:noescape
func escapesAVX2(p *byte, n int) (stop int)
