package codec

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
)

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = ones * '"'
	slashs = ones * '\\'
	spaces = ones * ' '
	zeros  = ones * '0'
)

// short judges a string by the eight bytes after its first quote. It returns
// the place of the closing quote, 0 to 7; or 8 if all eight stand for
// themselves; or 16 if one before the closing quote must be looked at.
//
// The lowest set bit of a mask marks the first byte that is meant: borrows in
// the subtractions can mark too much above a byte that is marked rightly, never
// below one. They mark bytes above 0x80 too, which are odd anyway: so odd bytes
// are looked for up to the mark of the quote and at it. That is done beside the
// way from the load to the result, on which the next load waits.
func short(w uint64) int {
	quote := ((w ^ quotes) - ones) & highs
	odd := (((w ^ slashs) - ones) | (w - spaces) | w) & highs
	if odd&(quote^(quote-1)) != 0 {
		return 16
	}
	if quote == 0 {
		return 8
	}
	return bits.TrailingZeros64(quote) >> 3
}

// specials marks the first byte of w that does not stand for itself in a
// string, and may mark others above it. (What short says of marks goes for it.)
func specials(w uint64) uint64 {
	return (((w ^ quotes) - ones) | ((w ^ slashs) - ones) | (w - spaces) | w) & highs
}

// str judges a string from b[i] on, which lies behind its first quote; it
// returns the index of the closing quote, and ok or escaped.
func str(b []byte, i int) (int, fault) {
	if !vectors || len(b)-i < 16+vectorMin {
		return strPlain(b, i, ok)
	}
	special := specials(load64(b, i))
	if special == 0 {
		i += 8
		if special = specials(load64(b, i)); special == 0 {
			return strVector(b, i+8, ok)
		}
	}
	i += bits.TrailingZeros64(special) >> 3
	switch c := b[i]; {
	case c == '"':
		return i, ok
	case c >= utf8.RuneSelf:
		return strLetters(b, i)
	}
	return strVector(b, i, ok)
}

// strLetters is str for a string with a character that is no ASCII at b[i] and
// vectorMin bytes behind: a short string may end after some of these.
func strLetters(b []byte, i int) (int, fault) {
	for range 4 {
		n := character(b, i)
		if n == 0 {
			return i, faultUTF8
		}
		if i += n; b[i] == '"' {
			return i, ok
		}
		if b[i] < utf8.RuneSelf {
			break
		}
	}
	return strVector(b, i, ok)
}

// strVector is str for a string in which f was found before b[i] and that may be
// a long one.
func strVector(b []byte, i int, f fault) (int, fault) {
	for len(b)-i >= vectorMin {
		n, ill := textKernel(&b[i], len(b)-i)
		if ill {
			break // where, and whether it is the first fault, strPlain says
		}
		if i += n; i >= len(b) {
			return i, faultString
		}
		for b[i] == '\\' {
			n := 0
			if len(b)-i >= escapesMin {
				n = escapesKernel(&b[i], len(b)-i)
			}
			if i += n; n == 0 {
				var bad fault
				if i, bad = escape(b, i); bad != ok {
					return i, bad
				}
			}
			if f = escaped; i >= len(b) {
				return i, faultString
			}
		}
		switch c := b[i]; {
		case c == '"':
			return i, f
		case c < ' ':
			return i, faultControl
		}
	}
	return strPlain(b, i, f)
}

// strPlain is str without vectors, for a string in which f was found before
// b[i].
func strPlain(b []byte, i int, f fault) (int, fault) {
	var (
		plain = i // where a run without escapes began
		free  = i // no quote lies between plain and here
	)
	for {
		for i+16 <= len(b) {
			if special := specials(load64(b, i)); special != 0 {
				i += bits.TrailingZeros64(special) >> 3
				goto found
			}
			if special := specials(load64(b, i+8)); special != 0 {
				i += 8 + bits.TrailingZeros64(special)>>3
				goto found
			}
			if i += 16; i-plain >= longRun {
				goto long
			}
		}
		for i < len(b) && b[i] >= ' ' && b[i] < utf8.RuneSelf && b[i] != '"' && b[i] != '\\' {
			i++
		}
		if i >= len(b) {
			return len(b), faultString
		}
	found:
		switch c := b[i]; {
		case c == '"':
			return i, f
		case c == '\\':
			n, bad := escape(b, i)
			if bad != ok {
				return n, bad
			}
			i, f = n, escaped
			plain = i
			continue
		case c >= utf8.RuneSelf:
			for i < len(b) && b[i] >= utf8.RuneSelf {
				n := character(b, i)
				if n == 0 {
					return i, faultUTF8
				}
				i += n
			}
		default:
			return i, faultControl
		}
		if i-plain < longRun {
			continue
		}
	long:
		n, bad := 0, ok
		if n, free, bad = long(b, i, free); bad != ok {
			return n, bad
		}
		if i = n; i >= len(b) {
			return len(b), faultString
		}
		plain = i
		goto found
	}
}

const (
	// longRun is how many bytes without a quote or an escape make a string
	// worth a call of the library's vector search.
	longRun = 256
	// window is how far that search goes ahead of what is judged, so that the
	// bytes are still in the first cache when they are.
	window = 8 << 10
)

// long goes on in a string that is long already, by the library's vector
// search. It returns the index of the next quote or backslash, len(b) if there
// is none. There is no quote in b[i:free]; the new value of free is returned
// and kept while escapes lie before it, so that each byte is searched for
// quotes once.
func long(b []byte, i, free int) (int, int, fault) {
	for i < len(b) {
		if free <= i {
			free = min(i+window, len(b))
			if n := bytes.IndexByte(b[i:free], '"'); n >= 0 {
				free = i + n
			}
		}
		end := free
		if n := bytes.IndexByte(b[i:free], '\\'); n >= 0 {
			end = i + n
		}
		n, f := text(b, i, end)
		if f != ok {
			return n, free, f
		}
		if i = n; i < len(b) && (b[i] == '"' || b[i] == '\\') {
			return i, free, ok
		}
	}
	return len(b), free, ok
}

// text judges b[i:end], in which there is neither quote nor backslash, and
// returns end, or the index after a character that lies over it. At least two
// bytes lie before i, and none of their characters reaches to i.
func text(b []byte, i, end int) (int, fault) {
	for i < end {
		for i+32 <= end {
			w0, w1, w2, w3 := load64(b, i), load64(b, i+8), load64(b, i+16), load64(b, i+24)
			if ((w0-spaces)|w0|(w1-spaces)|w1|(w2-spaces)|w2|(w3-spaces)|w3)&highs != 0 {
				break
			}
			i += 32
		}
		var f fault
		if i, f = multibyte(b, i, end); f != ok {
			return i, f
		}
	}
	return i, ok
}

// multibyte goes on in text that is not all ASCII, until eight bytes are or the
// end is reached.
//
// Eight bytes at a time, without a branch for each character, for in most
// scripts words and spaces alternate: a byte must be a continuation (10xxxxxx)
// if and only if the byte before is a lead (11xxxxxx), or the one before that is
// the lead of three (1110xxxx). Leads of four, and what depends on more bits
// (RFC 3629 §4: overlong forms, surrogates), begin with c0, c1, e0, ed or f0 and
// above. Eight bytes with one of these are judged character by character, and so
// are eight with a fault, to find it.
func multibyte(b []byte, i, end int) (int, fault) {
	for {
		if i+8 <= end {
			w := load64(b, i)
			p1, p2 := load64(b, i-1), load64(b, i-2)
			need := p1&(p1<<1) | p2&(p2<<1)&(p2<<2)
			misplaced := (need ^ w&^(w<<1)) & highs
			x0, x1, x2 := w&(ones*0xfe)^(ones*0xc0), w^(ones*0xe0), w^(ones*0xed)
			special := ((x0-ones)&^x0 | (x1-ones)&^x1 | (x2-ones)&^x2 | w&(w<<1)&(w<<2)&(w<<3) | (w-spaces)&^w) & highs
			if misplaced|special == 0 {
				i += 8
				if w&highs == 0 {
					return i, ok
				}
				continue
			}
		}
		switch { // to the beginning of a character that reaches to i
		case b[i-1] >= 0xc0:
			i--
		case b[i-2] >= 0xe0:
			i -= 2
		}
		if i >= end {
			return i, ok
		}
		for stop := min(i+8, end); i < stop; {
			c := b[i]
			if c < utf8.RuneSelf {
				if c < ' ' {
					return i, faultControl
				}
				i++
				continue
			}
			n := character(b, i)
			if n == 0 {
				return i, faultUTF8
			}
			i += n
		}
	}
}

// character returns the length of the UTF-8 sequence of two bytes or more at
// b[i], 0 if it is ill-formed.
func character(b []byte, i int) int {
	if i+4 > len(b) {
		return runeLen(b[i:])
	}
	w := load32(b, i)
	switch {
	case w&0xc0e0 == 0x80c0:
		if w&0x1e != 0 { // else overlong
			return 2
		}
	case w&0xc0c0f0 == 0x8080e0:
		if x := w & 0x200f; x != 0 && x != 0x200d { // overlong, a surrogate
			return 3
		}
	case w&0xc0c0c0f8 == 0x808080f0:
		if w&0x3007 != 0 && (w&4 == 0 || w&0x3003 == 0) { // overlong, above U+10FFFF
			return 4
		}
	}
	return 0
}

// runeLen returns the length of the well-formed UTF-8 sequence of two bytes or
// more at the beginning of s (RFC 3629 §4), 0 if there is none.
func runeLen(s []byte) int {
	c := s[0]
	switch {
	case c >= 0xc2 && c < 0xe0:
		if len(s) >= 2 && s[1]&0xc0 == 0x80 {
			return 2
		}
	case c >= 0xe0 && c < 0xf0:
		if len(s) >= 3 && s[1]&0xc0 == 0x80 && s[2]&0xc0 == 0x80 &&
			(c != 0xe0 || s[1] >= 0xa0) && // overlong
			(c != 0xed || s[1] < 0xa0) { // surrogates
			return 3
		}
	case c >= 0xf0 && c < 0xf5:
		if len(s) >= 4 && s[1]&0xc0 == 0x80 && s[2]&0xc0 == 0x80 && s[3]&0xc0 == 0x80 &&
			(c != 0xf0 || s[1] >= 0x90) && // overlong
			(c != 0xf4 || s[1] < 0x90) { // above U+10FFFF
			return 4
		}
	}
	return 0
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
	w, x, y, z := hexValues[b[i]], hexValues[b[i+1]], hexValues[b[i+2]], hexValues[b[i+3]]
	return uint32(w)<<12 | uint32(x)<<8 | uint32(y)<<4 | uint32(z), w|x|y|z < 16
}

// hexValues has the values of hexadecimal digits, and 255 for other bytes.
var hexValues = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9':
			t[c] = uint8(c - '0')
		case c >= 'a' && c <= 'f':
			t[c] = uint8(c - 'a' + 10)
		case c >= 'A' && c <= 'F':
			t[c] = uint8(c - 'A' + 10)
		default:
			t[c] = 255
		}
	}
	return t
}()
