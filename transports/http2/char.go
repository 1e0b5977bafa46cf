package http2

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Classes of bytes in class.
const (
	isName   = 1 << iota // tchar but for capitals, RFC 9110 §5.6.2 and RFC 9113 §8.2.1
	isToken              // tchar
	isTarget             // may stand in a path and a query as it is
	isHost               // reg-name without percent-encoding, RFC 3986 §3.2.2
	isDigit
	isHex
)

// class says what each byte may be part of.
//
// A target may hold what that of an HTTP/1.1 request may: any visible character
// but # " < > \ and the percent sign, which is looked at on its own.
var class = func() (t [256]uint8) {
	for c := '!'; c <= '~'; c++ {
		t[c] |= isTarget
	}
	for _, c := range `#"<>\%` {
		t[c] &^= isTarget
	}
	for _, c := range "0123456789abcdefghijklmnopqrstuvwxyz" {
		t[c] |= isName | isToken | isHost
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[c] |= isToken | isHost
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= isName | isToken
	}
	for _, c := range "-._~!$&'()*+,;=" {
		t[c] |= isHost
	}
	for _, c := range "0123456789" {
		t[c] |= isDigit
	}
	for _, c := range "0123456789abcdefABCDEF" {
		t[c] |= isHex
	}
	return t
}()

// all reports whether every byte of b is of one of the classes.
func all(b []byte, classes uint8) bool {
	for _, c := range b {
		if class[c]&classes == 0 {
			return false
		}
	}
	return true
}

// lower returns c, a capital letter as a small one.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// sameFold reports whether a and b are equal, ASCII letters in either case.
func sameFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// validValue reports whether b may be the value of a field (RFC 9113 §8.2.1): no
// control character but the tab, no white space at its ends. Bytes from 0x80 on
// pass (obs-text). Eight bytes a step.
func validValue(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if first, last := b[0], b[len(b)-1]; first == ' ' || first == '\t' || last == ' ' || last == '\t' {
		return false
	}
	for i := 0; i < len(b); {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			del := w ^ 0x7F*ones
			// The lowest high bit is exact: a borrow only ever spoils what is above it.
			m := ((w-0x20*ones)&^w | (del-ones)&^del) & highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		if c := b[i]; c < ' ' && c != '\t' || c == 0x7F {
			return false
		}
		i++
	}
	return true
}

// parseLength reads a Content-Length (RFC 9110 §8.6): digits and nothing else, no
// more than an int64 holds.
func parseLength(b []byte) (n int64, ok bool) {
	for _, c := range b {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(b) > 0
}

// validHost reports whether b is uri-host [ ":" port ] (RFC 3986 §3.2). No user
// information (RFC 9113 §8.3.1), no percent-encoding, no zone, as in HTTP/1.1.
func validHost(b []byte) bool {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		for i = 1; i < len(b) && b[i] != ']'; i++ {
			if c := b[i]; class[c]&isHex == 0 && c != ':' && c != '.' {
				return false
			}
		}
		if i < 3 || i == len(b) {
			return false
		}
		i++
	} else {
		for i < len(b) && class[b[i]]&isHost != 0 {
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
		if class[c]&isDigit == 0 {
			return false
		}
		port = port*10 + int(c-'0')
	}
	return port <= math.MaxUint16
}
