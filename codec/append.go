package codec

import (
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"
	"unsafe"
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
func AppendString(dst []byte, s string) []byte {
	return AppendStringBytes(dst, unsafe.Slice(unsafe.StringData(s), len(s)))
}

// AppendStringBytes is AppendString for bytes.
func AppendStringBytes(dst, s []byte) []byte {
	dst = append(dst, '"')
	// appendEscaped, by hand: one call less is a twentieth of a short text.
	if vectors && len(s) >= vectorMin {
		dst = appendVector(dst, s)
	} else {
		dst = appendPlain(dst, s)
	}
	return append(dst, '"')
}

const hexDigits = "0123456789abcdef"

// appendEscaped appends what stands between the quotes.
func appendEscaped(dst, s []byte) []byte {
	if vectors && len(s) >= vectorMin {
		return appendVector(dst, s)
	}
	return appendPlain(dst, s)
}

// appendVector is appendEscaped for texts that may be long.
func appendVector(dst, s []byte) []byte {
	for len(s) >= vectorMin {
		n, ill := textKernel(&s[0], len(s))
		if ill {
			break // the rest goes character by character
		}
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst
		}
		dst = appendEscape(dst, s[n])
		s = s[n+1:]
	}
	return appendPlain(dst, s)
}

// appendPlain is appendEscaped without vectors.
func appendPlain(dst, s []byte) []byte {
	start := 0
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			special := specials(load64(s, i))
			if special == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(special) >> 3
		}
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c)
			i++
			start = i
			continue
		}
		for i < len(s) && s[i] >= utf8.RuneSelf {
			n := character(s, i)
			if n == 0 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				n = 1
				start = i + 1
			}
			i += n
		}
	}
	return append(dst, s[start:]...)
}

// appendEscape appends the escape of a quote, a backslash or a control
// character.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
