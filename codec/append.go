package codec

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// Appenders write valid JSON to the end of dst, growing it as append does, and
// return it. What they are given is copied.

// AppendResultHead appends a response up to its result; the caller appends
// that, one JSON value, and a closing brace.
func AppendResultHead(dst []byte, id ID) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, id.raw...)
	return append(dst, `,"result":`...)
}

// AppendNotificationHead appends a notification up to its params; the caller
// appends these, one JSON object, and a closing brace. method is one of ours,
// without characters that need escapes.
func AppendNotificationHead(dst []byte, method string) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","method":"`...)
	dst = append(dst, method...)
	return append(dst, `","params":`...)
}

// AppendRequestHead appends a request up to its params; the caller appends
// these, one JSON object, and a closing brace. method is as for
// AppendNotificationHead.
func AppendRequestHead(dst []byte, id ID, method string) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, id.raw...)
	dst = append(dst, `,"method":"`...)
	dst = append(dst, method...)
	return append(dst, `","params":`...)
}

// AppendInt appends an integer.
func AppendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// AppendUint appends an integer.
func AppendUint(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 10) }

// AppendFloat appends a number in the form of encoding/json, the shortest that
// reads back the same. What JSON has no number for, NaN and the infinities,
// becomes null.
func AppendFloat(dst []byte, v float64) []byte {
	abs := math.Abs(v)
	if !(abs <= math.MaxFloat64) {
		return append(dst, "null"...)
	}
	if abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		dst = strconv.AppendFloat(dst, v, 'e', -1, 64)
		if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
			dst[n-2] = dst[n-1] // e-09 is e-9
			dst = dst[:n-1]
		}
		return dst
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

// AppendBool appends true or false.
func AppendBool(dst []byte, v bool) []byte { return strconv.AppendBool(dst, v) }

// AppendString appends s as a JSON string. Ill-formed UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte { return appendQuoted(dst, s) }

// AppendStringBytes is AppendString for bytes.
func AppendStringBytes(dst, s []byte) []byte { return appendQuoted(dst, s) }

const hexDigits = "0123456789abcdef"

// plain says which bytes stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func appendQuoted[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			case '\b':
				dst = append(dst, '\\', 'b')
			case '\f':
				dst = append(dst, '\\', 'f')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		if n := runeLen(s[i:]); n > 0 {
			i += n
			continue
		}
		dst = append(append(dst, s[start:i]...), "\ufffd"...)
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// runeLen returns the length of the well-formed UTF-8 sequence of two bytes or
// more at the beginning of s (RFC 3629 §4), 0 if there is none.
func runeLen[S string | []byte](s S) int {
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
