package codec

import "math/bits"

// fault is why a scan stopped. The first two are none.
type fault uint8

const (
	ok      fault = iota
	escaped       // ok, and the string has escapes
	faultEnd
	faultToken
	faultString
	faultControl
	faultEscape
	faultSurrogate
	faultUTF8
	faultNumber
	faultKey
	faultColon
	faultComma
	faultTrailing
	faultDepth
	faultMembers
	faultNumberBytes
	faultDuplicate
)

var faultReasons = [...]string{
	faultEnd:         "unexpected end",
	faultToken:       "unexpected character",
	faultString:      "string without end",
	faultControl:     "control character in a string",
	faultEscape:      "bad escape",
	faultSurrogate:   "lone surrogate",
	faultUTF8:        "ill-formed UTF-8",
	faultNumber:      "bad number",
	faultKey:         "want a member name",
	faultColon:       "want a colon",
	faultComma:       "want a comma or the end",
	faultTrailing:    "data after the message",
	faultDepth:       "nested too deep",
	faultMembers:     "too many members",
	faultNumberBytes: "number too long",
	faultDuplicate:   "member name twice",
}

// maxDepth is what the bit stack of a walk can hold.
const maxDepth = 512

// scanner judges JSON text (RFC 8259, and UTF-8 by RFC 3629) without state
// beyond its limits and one count. Its methods take the index of the first
// byte of what they judge and return the index after it, or that of the fault.
type scanner struct {
	depth       int // containers that may still be opened
	members     int // member names that may still be seen
	numberBytes int
}

// space returns the index of the first byte from i on that is no white space.
func space(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\t', '\r':
			i++
		case '\n':
			i++
			for i+8 <= len(b) {
				n := bits.TrailingZeros64(load64(b, i)^spaces) >> 3
				if i += n; n < 8 {
					break
				}
			}
		default:
			return i
		}
	}
	return i
}

// number judges a number that begins at b[i] (RFC 8259 §6).
func (s *scanner) number(b []byte, i int) (int, fault) {
	begin := i
	if b[i] == '-' {
		if i++; i >= len(b) {
			return i, faultEnd
		}
	}
	n := digits(b, i)
	if n == i {
		return i, faultNumber
	}
	if b[i] == '0' && n > i+1 {
		return i + 1, faultNumber
	}
	i = n
	if i < len(b) && b[i] == '.' {
		n := digits(b, i+1)
		if n == i+1 {
			return n, faultNumber
		}
		i = n
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := digits(b, i)
		if n == i {
			return n, faultNumber
		}
		i = n
	}
	if i-begin > s.numberBytes {
		return begin, faultNumberBytes
	}
	return i, ok
}

// digits returns the index of the first byte from i on that is no digit.
func digits(b []byte, i int) int {
	for i+8 <= len(b) {
		n := leadingDigits(load64(b, i))
		if i += n; n < 8 {
			return i
		}
	}
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// leadingDigits returns how many of eight bytes are digits before the first
// that is none.
func leadingDigits(w uint64) int {
	w ^= zeros
	other := ((w + ones*(0x80-10)) | w) & highs
	if other == 0 {
		return 8
	}
	return bits.TrailingZeros64(other) >> 3
}

// literals are true, false and null by bits 3 and 4 of their first letters, so
// that which of them comes need not be guessed.
var literals = [4]struct {
	word, mask uint64
	size       int
}{
	't' >> 3 & 3: {'t' | 'r'<<8 | 'u'<<16 | 'e'<<24, 1<<32 - 1, 4},
	'f' >> 3 & 3: {'f' | 'a'<<8 | 'l'<<16 | 's'<<24 | 'e'<<32, 1<<40 - 1, 5},
	'n' >> 3 & 3: {'n' | 'u'<<8 | 'l'<<16 | 'l'<<24, 1<<32 - 1, 4},
	3:            {word: 1}, // none
}

// literal judges the literal that begins at b[i] and returns its length, 0 if
// there is none.
func literal(b []byte, i int) int {
	l := &literals[b[i]>>3&3]
	if i+8 <= len(b) {
		if load64(b, i)&l.mask == l.word {
			return l.size
		}
		return 0
	}
	var w uint64
	for k, c := range b[i:] {
		w |= uint64(c) << (8 * k)
	}
	if w&l.mask == l.word {
		return l.size
	}
	return 0
}

// value judges the value that begins at b[i], white space before it allowed.
// Containers are walked with a bit for each level that is open, so depth costs
// neither stack nor memory.
func (s *scanner) value(b []byte, i int) (int, fault) {
	var (
		shut  byte   // what closes the container we are in, 0 outside
		open  uint64 // the containers around it, the innermost in the lowest bit; set: an object
		full  [maxDepth / 64]uint64
		level int
		f     fault
		names = s.members
	)
	for {
		// A value.
		if uint(i) >= uint(len(b)) {
			return i, faultEnd
		}
		switch c := b[i]; {
		case c == '"':
			n := 16
			if i+9 <= len(b) {
				n = short(load64(b, i+1))
			}
			if n < 8 {
				i += n + 2
				break
			}
			if i, f = str(b, i+1+n&8); f > escaped {
				return i, f
			}
			i++
		case c|0x20 == '{': // or '['
			if level >= s.depth {
				return i, faultDepth
			}
			if level&63 == 0 && level > 0 {
				full[(level>>6-1)&7] = open
			}
			level++
			open = open<<1 | uint64(shut>>5&1)
			shut = c + 2 // '}' is '{'+2, ']' is '['+2
			i++
			if uint(i) < uint(len(b)) && b[i] <= ' ' {
				i = space(b, i)
			}
			if uint(i) >= uint(len(b)) {
				return i, faultEnd
			}
			if b[i] == shut {
				break // closed below
			}
			if c == '{' {
				goto name
			}
			continue
		case c-'0' <= 9:
			if i+8 <= len(b) {
				w := load64(b, i)
				n := leadingDigits(w)
				if end := byte(w >> (8 * n & 63)); n < 8 && end != '.' && end|0x20 != 'e' && (c != '0' || n == 1) {
					i += n
					break
				}
			}
			if i, f = s.number(b, i); f != ok {
				return i, f
			}
		case c == '-':
			if i, f = s.number(b, i); f != ok {
				return i, f
			}
		case c <= ' ':
			n := space(b, i)
			if n == i {
				return i, faultToken
			}
			i = n
			continue
		default:
			n := literal(b, i)
			if n == 0 {
				return i, faultToken
			}
			i += n
		}
		// What follows a value.
		for {
			if level == 0 {
				s.members = names
				return i, ok
			}
			if uint(i) >= uint(len(b)) {
				return i, faultEnd
			}
			c := b[i]
			if c == ',' {
				break
			}
			if c == shut {
				i++
				level--
				shut = ']' | byte(open&1)<<5 // '}' is ']'+0x20
				open >>= 1
				if level&63 == 0 && level > 0 {
					open = full[(level>>6-1)&7]
				}
				continue
			}
			n := space(b, i)
			if n == i {
				return i, faultComma
			}
			i = n
		}
		i++
		if shut == ']' {
			continue
		}
	name:
		if uint(i) >= uint(len(b)) {
			return i, faultEnd
		}
		if b[i] != '"' {
			if i = space(b, i); i >= len(b) {
				return i, faultEnd
			}
			if b[i] != '"' {
				return i, faultKey
			}
		}
		if names--; names < 0 {
			return i, faultMembers
		}
		n := 16
		if i+9 <= len(b) {
			n = short(load64(b, i+1))
		}
		if n < 8 {
			i += n + 2
		} else {
			if i, f = str(b, i+1+n&8); f > escaped {
				return i, f
			}
			i++
		}
		if uint(i) < uint(len(b)) && b[i] == ':' {
			i++
			continue
		}
		if i, f = colon(b, i); f != ok {
			return i, f
		}
	}
}

// colon expects a colon, white space around it allowed, and returns the index
// of what follows.
func colon(b []byte, i int) (int, fault) {
	if i = space(b, i); i >= len(b) {
		return i, faultEnd
	}
	if b[i] != ':' {
		return i, faultColon
	}
	return space(b, i+1), ok
}
