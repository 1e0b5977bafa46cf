package http1

import (
	"encoding/binary"
	"math/bits"
)

// Classes of bytes in class.
const (
	isToken  = 1 << iota // tchar, RFC 9110 §5.6.2
	isTarget             // may stand in a request target as it is
	isHost               // reg-name without percent-encoding, RFC 3986 §3.2.2
	isDigit
)

// class says what each byte may be part of.
//
// A target may hold any visible character but # " < > \ and the percent sign,
// which is looked at on its own: RFC 3986 has fewer, but browsers send brackets,
// braces, bars and the like in a query as they are. Nothing at or above 0x80.
var class = func() (t [256]uint8) {
	for c := '!'; c <= '~'; c++ {
		t[c] |= isTarget
	}
	for _, c := range `#"<>\%` {
		t[c] &^= isTarget
	}
	alnum := "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, c := range alnum + "!#$%&'*+-.^_`|~" {
		t[c] |= isToken
	}
	for _, c := range alnum + "-._~!$&'()*+,;=" {
		t[c] |= isHost
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= isDigit
	}
	return t
}()

// notHex is the value in hexValue of what is no hexadecimal digit.
const notHex = 0xFF

var hexValue = func() (t [256]uint8) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = uint8(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			t[c] = uint8(c|0x20-'a') + 10
		default:
			t[c] = notHex
		}
	}
	return t
}()

// lower maps ASCII capitals to small letters.
var lower = func() (t [256]uint8) {
	for c := range t {
		t[c] = uint8(c)
		if 'A' <= c && c <= 'Z' {
			t[c] |= 0x20
		}
	}
	return t
}()

// sameFold reports whether a and b are equal, ASCII letters in either case.
func sameFold[T ~string | ~[]byte](a []byte, b T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower[a[i]] != lower[b[i]] {
			return false
		}
	}
	return true
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// control returns the index at or after i of the first byte of b that no field
// value may hold: a control character other than the tab. Without one, len(b).
// Bytes from 0x80 on pass (obs-text).
//
// Eight bytes a step: the lowest high bit of the mask is exact, for a borrow
// only ever spoils what is above it.
func control(b []byte, i int) int {
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

// trim returns b without spaces and tabs at its ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// element cuts the first element off a comma-separated list (RFC 9110 §5.6.1).
func element(list []byte) (first, rest []byte, more bool) {
	for i, c := range list {
		if c == ',' {
			return trim(list[:i]), list[i+1:], true
		}
	}
	return trim(list), nil, false
}
