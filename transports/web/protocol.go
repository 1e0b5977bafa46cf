package web

import "github.com/gannetmcp/gannet/transports/http2"

// Protocol is a version of HTTP that a connection is to speak.
type Protocol uint8

// The protocols.
const (
	AnyProtocol Protocol = iota // whichever the first bytes are of
	HTTP1                       // HTTP/1.1
	HTTP2                       // HTTP/2
)

// Speak says what a connection is to speak, as settled by TLS (ALPN, RFC 7301), if
// Options.Speaks has left that open. Behind Serve, and before the first Deliver.
func (w *Conn) Speak(p Protocol) {
	switch {
	case w.only: // WebSocket is of HTTP/1.1
	case w.h2 != nil || w.preface != 0: // it is settled
	case p == HTTP1:
		w.preface = -1
	case p == HTTP2:
		w.h2 = w.l.newHTTP2(w.conn)
	}
}

// sniff is Deliver while it is open what the peer speaks. It is HTTP/2 if what
// comes begins with the preface (RFC 9113, section 3.3), whose first bytes could be
// those of a method.
func (w *Conn) sniff(p []byte) (taken int) {
	had := int(w.preface)
	rest := http2.Preface[had:]
	n := min(len(p), len(rest))
	switch {
	case string(p[:n]) != rest[:n]:
		w.preface = -1
		if had > 0 {
			w.Deliver([]byte(http2.Preface[:had])) // not a whole request
		}
		return w.Deliver(p)
	case n < len(rest):
		w.preface += int8(n)
		w.conn.StillPartial(0)
		return n
	}
	w.h2 = w.l.newHTTP2(w.conn)
	w.h2.deliver([]byte(http2.Preface[:had]))
	return w.h2.deliver(p)
}
