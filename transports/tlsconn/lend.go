package tlsconn

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// Where in a tls.Conn it has the ciphertext that it has read and not used up, and
// the plaintext of the record that it is at; 0 if those are no bytes.Buffer and
// bytes.Reader.
var rawInputAt, inputAt = fieldOf[bytes.Buffer]("rawInput"), fieldOf[bytes.Reader]("input")

// fieldOf returns the offset of a field of tls.Conn, 0 if there is none of that name
// and type.
func fieldOf[T any](name string) uintptr {
	f, ok := reflect.TypeFor[tls.Conn]().FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[T]() {
		return 0
	}
	return f.Offset
}

// lend has c read what is in records, which are whole, without a copy of its own and
// without asking its net.Conn: they become what it has read already. It decrypts them
// where they lie, as it does its own. It reports false, and does nothing, where that
// cannot be: c has something left, or crypto/tls is not built like this any more
// (TestLend says so).
//
// crypto/tls keeps its own buffer for the life of a connection, as large as the
// largest record (golang/go#43563): 0.6 KB at least, 17 KiB after one of full size. It
// also allocates to fill it, each time. Like dropHand this writes to a field that is not
// exported, and relies on what a bytes.Buffer promises: it does not matter whether its
// bytes came by NewBuffer or by ReadFrom, and slices of them are good until it is
// written to again. What crypto/tls has not finished with, it has in rawInput or input.
//
// records is written to, and c refers to it until takeBack. Nobody else may use c
// meanwhile.
func lend(c *tls.Conn, records []byte) bool {
	b := rawInputOf(c)
	if b == nil || b.Len() > 0 {
		return false
	}
	*b = *bytes.NewBuffer(records)
	return true
}

// takeBack has c let go of what it was lent, and reports whether it has used that up.
// Otherwise it refers to it still.
func takeBack(c *tls.Conn) bool {
	b := rawInputOf(c)
	if b == nil || b.Len() > 0 || inputOf(c).Len() > 0 {
		return false
	}
	*b = bytes.Buffer{}
	inputOf(c).Reset(nil)
	return true
}

// dropInput has c forget all that it has read.
func dropInput(c *tls.Conn) {
	if b := rawInputOf(c); b != nil {
		*b = bytes.Buffer{}
		inputOf(c).Reset(nil)
	}
}

func rawInputOf(c *tls.Conn) *bytes.Buffer {
	if rawInputAt == 0 || inputAt == 0 {
		return nil
	}
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), rawInputAt))
}

func inputOf(c *tls.Conn) *bytes.Reader {
	return (*bytes.Reader)(unsafe.Add(unsafe.Pointer(c), inputAt))
}

// give has crypto/tls read records, which are whole and so many.
func (s *Session) give(records []byte, count int) {
	s.unread = int32(count)
	if s.lent = lend(s.conn, records); !s.lent {
		s.l.src = records
	}
}

// takeAway has it let go of them.
func (s *Session) takeAway() {
	s.unread, s.l.src = 0, nil
	if s.lent {
		s.lent = false
		dropInput(s.conn)
	}
}
