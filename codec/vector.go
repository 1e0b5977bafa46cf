//go:build (amd64 || arm64) && !purego

package codec

// escapesMin and skipMin are how many bytes escapesKernel and skipKernel must be
// given at least.
const (
	escapesMin = 64
	skipMin    = 64
)

// walkRun is how far skipString walks before it takes to vectors.
const walkRun = 16

// textKernel looks in the n bytes at p, at least vectorMin, for the first that is
// a quote, a backslash or a control character, and returns its place, n if there
// is none. If ill is set, the text up to there is no well-formed UTF-8 (RFC 3629),
// and stop means nothing. The bytes begin where a character does; none outside
// of them is read, and nothing is kept.
//
// UTF-8 is judged as in J. Keiser and D. Lemire, "Validating UTF-8 In Less Than
// One Instruction Per Byte".
//
//go:noescape
func textKernel(p *byte, n int) (stop int, ill bool)

// escapesKernel passes over text with escapes in the n bytes at p, at least
// escapesMin, the first of which is not escaped itself. It returns the place of
// the first byte that it does not pass over: the closing quote; a control
// character or a byte that is no ASCII; the backslash of an escape that is none,
// not whole, or of a character from U+D000 to U+DFFF, perhaps half a surrogate
// pair; or one less than escapesMin bytes before the end. No byte outside of the n
// is read, and nothing is kept.
//
//go:noescape
func escapesKernel(p *byte, n int) (stop int)

// skipKernel passes over the container that begins at p, in text that was judged
// and of which there are n bytes, at least skipMin. It returns the index after
// it and level 0; or the place, less than skipMin bytes before the end, up to
// which it came, how many containers are open there, the one at p among them, and
// whether it is inside of a string, not escaped. No byte outside of the n is read,
// and nothing is kept.
//
//go:noescape
func skipKernel(p *byte, n int) (end, level int, inside bool)
