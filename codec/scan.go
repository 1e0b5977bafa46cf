package codec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// fault is why a scan stopped; 0 is none.
type fault uint8

const (
	ok fault = iota
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

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = ones * '"'
	slashs = ones * '\\'
	spaces = ones * 0x20
)

// space returns the index of the first byte from i on that is no white space.
func space(b []byte, i int) int {
	for i < len(b) {
		if c := b[i]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			break
		}
		i++
	}
	return i
}

// str judges a string whose first byte after the quote is b[i]; it returns the
// index of the closing quote.
//
// Eight bytes at a time: the lowest set bit of special marks the first byte
// that does not stand for itself. Borrows in the subtractions can mark too
// much above a byte that is marked rightly, never below one.
func str(b []byte, i int) (int, fault) {
	begin := i
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			q := w ^ quotes
			s := w ^ slashs
			special := ((q-ones)&^q | (s-ones)&^s | (w-spaces)&^w | w) & highs
			if special != 0 {
				i += bits.TrailingZeros64(special) >> 3
				goto found
			}
			i += 8
			if i-begin >= 64 {
				return strLong(b, i)
			}
		}
		for i < len(b) && plain[b[i]] {
			i++
		}
		if i >= len(b) {
			return i, faultString
		}
	found:
		switch c := b[i]; {
		case c == '"':
			return i, ok
		case c == '\\':
			n, f := escape(b, i)
			if f != ok {
				return n, f
			}
			i = n
		case c >= utf8.RuneSelf:
			for {
				n := runeLen(b[i:])
				if n == 0 {
					return i, faultUTF8
				}
				if i += n; i >= len(b) {
					return i, faultString
				}
				if b[i] < utf8.RuneSelf {
					break
				}
			}
		default:
			return i, faultControl
		}
		if i-begin >= 64 {
			return strLong(b, i)
		}
	}
}

// strLong goes on in a string that is long already, by the library's vector
// search: for the closing quote, and for backslashes before it. The quote's
// place is kept while escapes lie before it, so that each byte is searched
// twice at most.
func strLong(b []byte, i int) (int, fault) {
	quote := i - 1
	for {
		if quote < i {
			n := bytes.IndexByte(b[i:], '"')
			if n < 0 {
				return strEnd(b, i)
			}
			quote = i + n
		}
		end := quote
		if n := bytes.IndexByte(b[i:quote], '\\'); n >= 0 {
			end = i + n
		}
		if n, f := text(b, i, end); f != ok {
			return n, f
		}
		if end == quote {
			return quote, ok
		}
		n, f := escape(b, end)
		if f != ok {
			return n, f
		}
		i = n
	}
}

// strEnd finds the fault of a string without end.
func strEnd(b []byte, i int) (int, fault) {
	for i < len(b) {
		end := i + len(b[i:])
		if n := bytes.IndexByte(b[i:], '\\'); n >= 0 {
			end = i + n
		}
		if n, f := text(b, i, end); f != ok {
			return n, f
		}
		if end == len(b) {
			break
		}
		n, f := escape(b, end)
		if f != ok {
			return n, f
		}
		i = n
	}
	return len(b), faultString
}

// text judges b[i:end], in which there is neither quote nor backslash.
func text(b []byte, i, end int) (int, fault) {
	begin := i
	var high uint64
	for ; i+32 <= end; i += 32 {
		w0 := binary.LittleEndian.Uint64(b[i:])
		w1 := binary.LittleEndian.Uint64(b[i+8:])
		w2 := binary.LittleEndian.Uint64(b[i+16:])
		w3 := binary.LittleEndian.Uint64(b[i+24:])
		high |= w0 | w1 | w2 | w3
		if ((w0-spaces)&^w0|(w1-spaces)&^w1|(w2-spaces)&^w2|(w3-spaces)&^w3)&highs != 0 {
			break
		}
	}
	for ; i < end; i++ {
		c := b[i]
		if c < 0x20 {
			return i, faultControl
		}
		high |= uint64(c)
	}
	if high&highs == 0 {
		return end, ok
	}
	return utf8Text(b, begin, end)
}

// utf8Text judges the UTF-8 of b[i:end].
func utf8Text(b []byte, i, end int) (int, fault) {
	for i < end {
		if i+8 <= end && binary.LittleEndian.Uint64(b[i:])&highs == 0 {
			i += 8
			continue
		}
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		n := runeLen(b[i:end])
		if n == 0 {
			return i, faultUTF8
		}
		i += n
	}
	return end, ok
}

// escape judges the escape that begins with the backslash at b[i], a surrogate
// pair as one, and returns the index after it.
func escape(b []byte, i int) (int, fault) {
	if i+1 >= len(b) {
		return len(b), faultString
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, ok
	case 'u':
		r, good := hex4(b, i+2)
		if !good {
			return i, faultEscape
		}
		if r&^0x7ff != 0xd800 {
			return i + 6, ok
		}
		if r >= 0xdc00 || i+8 > len(b) || b[i+6] != '\\' || b[i+7] != 'u' {
			return i, faultSurrogate
		}
		if lo, good := hex4(b, i+8); !good || lo&^0x3ff != 0xdc00 {
			return i, faultSurrogate
		}
		return i + 12, ok
	}
	return i, faultEscape
}

// hex4 reads four hexadecimal digits at b[i].
func hex4(b []byte, i int) (r uint32, good bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | uint32(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | uint32(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | uint32(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// number judges a number that begins at b[i] (RFC 8259 §6).
func (s *scanner) number(b []byte, i int) (int, fault) {
	begin := i
	if b[i] == '-' {
		if i++; i >= len(b) {
			return i, faultEnd
		}
	}
	switch c := b[i]; {
	case c == '0':
		i++
	case c >= '1' && c <= '9':
		i = digits(b, i+1)
	default:
		return i, faultNumber
	}
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
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// value judges the value that begins at b[i], which exists and is no white
// space. Containers are walked with a bit for each level that is open, so
// depth costs neither stack nor memory.
func (s *scanner) value(b []byte, i int) (int, fault) {
	var (
		open   [maxDepth / 64]uint64 // bit set: an object
		level  int
		object bool
		f      fault
	)
	for {
		// A value.
		if i >= len(b) {
			return i, faultEnd
		}
		switch c := b[i]; c {
		case '"':
			if i, f = str(b, i+1); f != ok {
				return i, f
			}
			i++
		case '{', '[':
			if level >= s.depth {
				return i, faultDepth
			}
			if object {
				open[level>>6&7] |= 1 << (level & 63)
			} else {
				open[level>>6&7] &^= 1 << (level & 63)
			}
			level++
			object = c == '{'
			i = space(b, i+1)
			if i >= len(b) {
				return i, faultEnd
			}
			if b[i] == c+2 { // '}' is '{'+2, ']' is '['+2
				i++
				level--
				object = open[level>>6&7]>>(level&63)&1 != 0
				break
			}
			if object {
				goto name
			}
			continue
		case 't':
			if i+4 > len(b) || binary.LittleEndian.Uint32(b[i:]) != 't'|'r'<<8|'u'<<16|'e'<<24 {
				return i, faultToken
			}
			i += 4
		case 'f':
			if i+5 > len(b) || binary.LittleEndian.Uint32(b[i+1:]) != 'a'|'l'<<8|'s'<<16|'e'<<24 {
				return i, faultToken
			}
			i += 5
		case 'n':
			if i+4 > len(b) || binary.LittleEndian.Uint32(b[i:]) != 'n'|'u'<<8|'l'<<16|'l'<<24 {
				return i, faultToken
			}
			i += 4
		default:
			if c != '-' && c-'0' > 9 {
				return i, faultToken
			}
			if i, f = s.number(b, i); f != ok {
				return i, f
			}
		}
		// What follows a value.
		for {
			if level == 0 {
				return i, ok
			}
			if i < len(b) && b[i] <= ' ' {
				i = space(b, i)
			}
			if i >= len(b) {
				return i, faultEnd
			}
			c := b[i]
			if c == ',' {
				break
			}
			if c != ']' && c != '}' || (c == '}') != object {
				return i, faultComma
			}
			i++
			level--
			object = open[level>>6&7]>>(level&63)&1 != 0
		}
		i++
		if i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
		if !object {
			continue
		}
	name:
		if i, f = s.name(b, i); f != ok {
			return i, f
		}
	}
}

// name judges a member's name and the colon, and returns the index of its
// value.
func (s *scanner) name(b []byte, i int) (int, fault) {
	if i >= len(b) {
		return i, faultEnd
	}
	if b[i] != '"' {
		return i, faultKey
	}
	if s.members--; s.members < 0 {
		return i, faultMembers
	}
	i, f := str(b, i+1)
	if f != ok {
		return i, f
	}
	return colon(b, i+1)
}

// colon expects a colon, white space around it allowed.
func colon(b []byte, i int) (int, fault) {
	if i < len(b) && b[i] != ':' {
		i = space(b, i)
	}
	if i >= len(b) {
		return i, faultEnd
	}
	if b[i] != ':' {
		return i, faultColon
	}
	i++
	if i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	return i, ok
}
