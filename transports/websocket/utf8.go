package websocket

import "unicode/utf8"

// text judges UTF-8 that comes in pieces. The zero text is at the beginning.
type text struct {
	tail [utf8.UTFMax - 1]byte // of a character that is not complete
	n    uint8
}

// add takes in the next piece and reports whether what there is can still become
// UTF-8. ascii says that the piece is known to be that.
func (t *text) add(b []byte, ascii bool) bool {
	if t.n > 0 {
		k := t.finish(b)
		if k < 0 {
			return false
		}
		b = b[k:]
	}
	if ascii || len(b) == 0 {
		return true
	}
	// The last character may be cut: at most three bytes of it are here.
	for i := len(b) - 1; i >= max(0, len(b)-len(t.tail)); i-- {
		if !utf8.RuneStart(b[i]) {
			continue
		}
		if !utf8.FullRune(b[i:]) {
			t.n = uint8(copy(t.tail[:], b[i:]))
			b = b[:i]
		}
		break
	}
	return utf8.Valid(b)
}

// finish takes as many bytes from b as the character in tail wants and returns
// how many those are; -1: it is none.
func (t *text) finish(b []byte) int {
	var c [utf8.UTFMax]byte
	have := copy(c[:], t.tail[:t.n])
	for i, x := range b {
		c[have+i] = x
		if utf8.FullRune(c[:have+i+1]) { // or no character at all
			t.n = 0
			if r, size := utf8.DecodeRune(c[:have+i+1]); r == utf8.RuneError && size <= 1 {
				return -1
			}
			return i + 1
		}
	}
	t.n = uint8(copy(t.tail[:], c[:have+len(b)]))
	return len(b)
}

// complete reports whether no character is cut.
func (t *text) complete() bool { return t.n == 0 }

// validEnd reports whether b does not end within a character.
func validEnd(b []byte) bool {
	var t text
	return !t.add(b, false) || t.complete()
}
