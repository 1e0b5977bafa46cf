//go:build !purego

package codec

import "golang.org/x/sys/cpu"

// vectors says whether there is all that the kernels use, of AVX2 the system's
// part included. It is a variable so that tests can compare both ways in one
// binary; nothing else writes to it.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT && cpu.X86.HasPCLMULQDQ

// vectorMin is how many bytes textAVX2 must be given at least: a vector, and the
// three bytes before it in which a character that reaches into it can begin.
const vectorMin = 35

// escapesMin and skipMin are how many bytes escapesAVX2 and skipAVX2 must be
// given at least.
const (
	escapesMin = 64
	skipMin    = 64
)

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

// skipAVX2 passes over the container that begins at p, in text that was judged
// and of which there are n bytes, at least skipMin. It returns the index after
// it and level 0; or the place, less than skipMin bytes before the end, up to
// which it came, how many containers are open there, the one at p among them, and
// whether it is inside of a string, not escaped. No byte outside of the n is read,
// and nothing is kept.
//
//go:noescape
func skipAVX2(p *byte, n int) (end, level int, inside bool)
