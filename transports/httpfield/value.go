package httpfield

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// IndexControl returns the index at or after from of the first byte of b that no
// value may hold: a control character other than the tab (RFC 9110 §5.5). Without
// one, len(b). Bytes from 0x80 on pass (obs-text).
//
// Eight bytes a step: the lowest high bit of the mask is exact, for a borrow
// only ever spoils what is above it.
func IndexControl(b []byte, from int) int {
	i := from
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		del := w ^ 0x7F*ones
		m := ((w-0x20*ones)&^w | (del-ones)&^del) & highs
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		if b[i] != '\t' {
			return i
		}
		i++
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' && c != '\t' || c == 0x7F {
			return i
		}
	}
	return i
}

// ValidValue reports whether b may be the value of a field as it is (RFC 9110
// §5.5): no control character but the tab, no white space at its ends.
func ValidValue(b []byte) bool {
	if n := len(b); n > 0 && (isSpace(b[0]) || isSpace(b[n-1])) {
		return false
	}
	return IndexControl(b, 0) == len(b)
}

// isSpace reports whether c is white space (OWS, RFC 9110 §5.6.3).
func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// Trim returns b without spaces and tabs at its ends.
func Trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// Element cuts the first element off a comma-separated list (RFC 9110 §5.6.1),
// without white space at its ends; it may be empty. more says that others follow.
// A list of quoted strings is cut at the commas in them, too.
func Element(list []byte) (first, rest []byte, more bool) {
	for i, c := range list {
		if c == ',' {
			return Trim(list[:i]), list[i+1:], true
		}
	}
	return Trim(list), nil, false
}

// ContentLength reads a Content-Length (RFC 9110 §8.6): digits and nothing else,
// no list, no more than an int64 holds.
func ContentLength(b []byte) (n int64, ok bool) {
	for _, c := range b {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(b) > 0
}

// ValidHost reports whether b is uri-host [ ":" port ] (RFC 9110 §7.2, RFC 3986
// §3.2) and not empty. No user information, no percent-encoding, no zone: no name
// that is to be resolved has them, and what compares hosts would have to decode
// them.
func ValidHost(b []byte) bool {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		for i = 1; i < len(b) && b[i] != ']'; i++ {
			if c := b[i]; !HexDigit.Has(c) && c != ':' && c != '.' {
				return false
			}
		}
		if i < len("[::") || i == len(b) {
			return false
		}
		i++
	} else {
		for i < len(b) && RegName.Has(b[i]) {
			i++
		}
		if i == 0 {
			return false
		}
	}
	if i == len(b) {
		return true
	}
	if b[i] != ':' || len(b)-i > len(":65535") {
		return false
	}
	port := 0
	for _, c := range b[i+1:] {
		if !Digit.Has(c) {
			return false
		}
		port = port*10 + int(c-'0')
	}
	return port <= math.MaxUint16
}

// AppendDate appends t as the field Date has it, 29 bytes (RFC 9110 §5.6.7).
func AppendDate(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
}
