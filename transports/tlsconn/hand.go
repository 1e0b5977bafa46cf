package tlsconn

import (
	"bytes"
	"crypto/tls"
	"unsafe"
)

// handAt is where in a tls.Conn the messages of the handshake are put together, 0
// if that is no bytes.Buffer.
var handAt = fieldOf[bytes.Buffer]("hand")

// handOf returns that buffer, nil if there is none of this kind.
func handOf(c *tls.Conn) *bytes.Buffer {
	if handAt == 0 {
		return nil
	}
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), handAt))
}

// dropHand lets go of the buffer that the ClientHello was put together in, 1.8 KB
// with a key of ML-KEM: a third of what a connection holds at rest, which crypto/tls
// keeps for good and offers no way to give back. It writes to a field that is not
// exported, and may do so because of what bytes.Buffer promises alone: an empty one
// is as good as a new one, whatever is done with it later. If crypto/tls has it no
// more nothing is done, and TestHandDropped says so.
//
// The handshake of c must be over, and nobody else use c meanwhile.
func dropHand(c *tls.Conn) {
	if b := handOf(c); b != nil && b.Len() == 0 {
		*b = bytes.Buffer{}
	}
}
