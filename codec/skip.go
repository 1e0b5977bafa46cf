package codec

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
)

// The functions below read text that was judged.

// comma returns the index after the comma that may follow i.
func comma(b []byte, i int) int {
	if i = space(b, i); i < len(b) && b[i] == ',' {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at b[i].
//
// Short ones are walked, escape by escape; a long one is searched for quotes,
// the first of which with an even number of backslashes before it ends it.
func skipString(b []byte, i int) int {
	i++
	for far := i + walkRun; i < far && i+8 <= len(b); {
		w := load64(b, i)
		q, s := w^quotes, w^slashs
		stop := ((q-ones)&^q | (s-ones)&^s) & highs
		if stop == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(stop) >> 3
		if b[i] == '"' {
			return i + 1
		}
		i += 2
	}
	if vectors {
		i = skipVector(b, i)
	}
	for ; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		k := i
		for b[k-1] == '\\' {
			k--
		}
		if (i-k)&1 == 0 {
			return i + 1
		}
	}
}

// skipVector goes on in a string from b[i], which is not escaped, and returns
// the index of its closing quote, or one before it that is not escaped either if
// the text ends soon.
func skipVector(b []byte, i int) int {
	for len(b)-i >= vectorMin {
		n, ill := textKernel(&b[i], len(b)-i)
		if ill {
			return i // never in text that was judged
		}
		i += n
		for i < len(b) && b[i] == '\\' {
			n := 0
			if len(b)-i >= escapesMin {
				n = escapesKernel(&b[i], len(b)-i)
			}
			if i += n; n == 0 {
				i += 2
			}
		}
		if i >= len(b) || b[i] == '"' || b[i] < ' ' { // and neither is a control character, at which this would stay
			return i
		}
	}
	return i
}

// skip returns the index after the value that begins at b[i].
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		level := 0
		if vectors && len(b)-i >= skipMin {
			if b[i+1] == b[i]+2 {
				return i + 2 // empty
			}
			n, open, inside := skipKernel(&b[i], len(b)-i)
			if i += n; open == 0 {
				return i
			}
			if level = open; inside {
				i = skipString(b, i-1)
			}
		}
		for i < len(b) {
			switch c := b[i]; {
			case c == '"':
				i = skipString(b, i)
				continue
			case c|0x20 == '{': // or '['
				level++
			case c|0x20 == '}': // or ']'
				if level--; level == 0 {
					return i + 1
				}
			}
			i++
		}
		return i
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

// unescape appends the text of a string, whose escapes it resolves, to dst. The
// result is never longer than s.
func unescape(dst, s []byte) []byte {
	for {
		n := bytes.IndexByte(s, '\\')
		if n < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:n]...)
		for s = s[n:]; len(s) > 0 && s[0] == '\\'; {
			if s[1] != 'u' {
				dst = append(dst, unescaped[s[1]])
				s = s[2:]
				continue
			}
			r, _ := hex4(s, 2)
			s = s[6:]
			if r&^0x3ff == 0xd800 {
				lo, _ := hex4(s, 2)
				r = 0x10000 + (r&0x3ff)<<10 + lo&0x3ff
				s = s[6:]
			}
			dst = utf8.AppendRune(dst, rune(r))
		}
	}
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
