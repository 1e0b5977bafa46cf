package websocket

import (
	"crypto/sha1"
	"encoding/base64"
)

// Subprotocol is the one that is spoken here.
const Subprotocol = "mcp"

// Head is what a server's handshake needs of a request, as transports/http1 has
// parsed it. Names and values of fields are views.
type Head interface {
	Method() []byte
	Upgrade() bool        // HTTP/1.1, and Connection has the option upgrade
	ContentLength() int64 // 0: no body
	Fields() int
	Field(i int) (name, value []byte)
}

// Refusal is how a request is answered that does not lead to a WebSocket. All are
// values of this package, to be compared by ==.
type Refusal struct {
	Status int
	Reason string // what is wrong, in a few words, fit for the peer
	Header string // whole field lines that the answer must have
}

// Error returns the reason.
func (r *Refusal) Error() string { return "websocket: " + r.Reason }

// Why a handshake is refused. RFC 6455 §4.2 unless something else is said.
var (
	ErrNoUpgrade  = &Refusal{426, "this is a WebSocket; send Upgrade: websocket", versionLine} // RFC 9110 §15.5.22
	ErrVersion    = &Refusal{426, "WebSocket version other than 13", versionLine}              // §4.4
	ErrMethod     = &Refusal{405, "method other than GET", "Allow: GET\r\n"}
	ErrBody       = &Refusal{400, "handshake with a body", ""}
	ErrKey        = &Refusal{400, "Sec-WebSocket-Key missing, repeated or malformed", ""}
	ErrExtensions = &Refusal{400, "Sec-WebSocket-Extensions malformed", ""} // §9.1
)

// versionLine goes with a 426. What Connection has to say of it, whoever writes the
// answer does.
const versionLine = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

// keySize is the length of Sec-WebSocket-Key: 16 bytes in base64.
const keySize = 24

// acceptGUID is what the key is hashed with (RFC 6455 §1.3).
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Wanted reports whether r asks for a WebSocket, be it in a way that Accept refuses.
func Wanted(r Head) bool {
	if !r.Upgrade() {
		return false
	}
	for i := range r.Fields() {
		if name, value := r.Field(i); sameFold(name, "upgrade") && listed(value, "websocket") {
			return true
		}
	}
	return false
}

// Accept reads a client's handshake and appends the answer to it, behind which
// frames begin, both ways. Otherwise it appends nothing and returns why the request
// is refused. A client that wants other subprotocols than mcp gets none, and decides.
//
// Hot path: no allocation.
func (l *Loop) Accept(dst []byte, r Head) ([]byte, Agreed, *Refusal) {
	var key, version []byte
	var keys, versions int
	var mcp, malformed bool
	var taken offer
	for i := range r.Fields() {
		name, value := r.Field(i)
		switch {
		case sameFold(name, "sec-websocket-key"):
			key = value
			keys++
		case sameFold(name, "sec-websocket-version"):
			version = value
			versions++
		case sameFold(name, "sec-websocket-protocol"):
			for more := true; more; {
				var e []byte
				e, value, more = element(value)
				mcp = mcp || string(e) == Subprotocol
			}
		case sameFold(name, "sec-websocket-extensions"):
			for more, ok := true, true; more && ok; {
				var o offer
				if value, more, ok = o.next(value); ok && o.deflate && !taken.deflate {
					taken = o
				}
				malformed = malformed || !ok
			}
		}
	}
	var why *Refusal
	switch {
	case !Wanted(r):
		why = ErrNoUpgrade
	case string(r.Method()) != "GET":
		why = ErrMethod
	case versions != 1 || string(version) != "13":
		why = ErrVersion
	case keys != 1 || !validKey(key):
		why = ErrKey
	case r.ContentLength() != 0:
		why = ErrBody
	case malformed:
		why = ErrExtensions
	}
	if why != nil {
		return dst, Agreed{}, why
	}
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = append(appendAccept(dst, key), "\r\n"...)
	if mcp {
		dst = append(dst, "Sec-WebSocket-Protocol: "+Subprotocol+"\r\n"...)
	}
	var a Agreed
	if taken.deflate && l.opts.CompressMin > 0 {
		a = Agreed{Deflate: true, WindowBits: taken.serverBits}
		dst = append(taken.appendAnswer(append(dst, "Sec-WebSocket-Extensions: "...)), "\r\n"...)
	}
	return append(dst, "\r\n"...), a, nil
}

// listed reports whether a list that is separated by commas has an element, which is
// given in small letters.
func listed(list []byte, want string) bool {
	for more := true; more; {
		var e []byte
		if e, list, more = element(list); sameFold(e, want) {
			return true
		}
	}
	return false
}

// validKey reports whether b is 16 bytes in base64.
func validKey(b []byte) bool {
	var raw [keySize / 4 * 3]byte
	if len(b) != keySize {
		return false
	}
	n, err := base64.StdEncoding.Decode(raw[:], b)
	return err == nil && n == 16
}

// appendAccept appends Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2).
func appendAccept(dst, key []byte) []byte {
	var in [keySize + len(acceptGUID)]byte
	copy(in[copy(in[:], key):], acceptGUID)
	sum := sha1.Sum(in[:])
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}
