package websocket

// Code is why a connection is closed (RFC 6455 §7.4).
type Code uint16

// The codes that are sent or told of here.
const (
	CodeNormal      Code = 1000
	CodeGoingAway   Code = 1001 // a server that shuts down
	CodeProtocol    Code = 1002
	CodeUnsupported Code = 1003 // a binary message
	CodeNone        Code = 1005 // the frame has none; never on the wire
	CodeInvalid     Code = 1007 // not UTF-8, or not deflate
	CodePolicy      Code = 1008
	CodeTooLarge    Code = 1009
	CodeInternal    Code = 1011
	CodeTryLater    Code = 1013
)

// legal reports whether a peer may send c: those of RFC 6455 §7.4.1 and of the
// IANA registry, but for the ones that are reserved for what is not sent, those
// of libraries, and those of applications.
func (c Code) legal() bool {
	return c >= 1000 && c <= 1003 || c >= 1007 && c <= 1014 || c >= 3000 && c <= 4999
}

// Error is why a connection fails. All are values of this package, to be compared
// by ==. After any of them nothing more is parsed: send a close frame with the
// code, and hang up (RFC 6455 §7.1.7).
type Error struct {
	Code   Code
	Reason string // what is wrong, in a few words, fit for the peer; at most 123 bytes
}

// Error returns the reason.
func (e *Error) Error() string { return "websocket: " + e.Reason }

// What is wrong with a frame. RFC 6455 unless something else is said.
var (
	ErrReserved      = &Error{CodeProtocol, "reserved bit set"}                            // §5.2, RFC 7692 §6
	ErrOpcode        = &Error{CodeProtocol, "reserved opcode"}                             // §5.2
	ErrUnmasked      = &Error{CodeProtocol, "frame of a client without mask"}              // §5.1
	ErrMasked        = &Error{CodeProtocol, "frame of a server with a mask"}               // §5.1
	ErrLength        = &Error{CodeProtocol, "length not in its shortest form, or too big"} // §5.2
	ErrControlLength = &Error{CodeProtocol, "control frame above 125 bytes"}               // §5.5
	ErrControlSplit  = &Error{CodeProtocol, "control frame in fragments"}                  // §5.5
	ErrContinuation  = &Error{CodeProtocol, "continuation of no message"}                  // §5.4
	ErrInterleaved   = &Error{CodeProtocol, "message inside of another"}                   // §5.4
	ErrCloseLength   = &Error{CodeProtocol, "close frame with a single byte"}              // §5.5.1
	ErrCloseCode     = &Error{CodeProtocol, "close code that may not be sent"}             // §7.4
	ErrBinary        = &Error{CodeUnsupported, "binary message; send text"}                // §7.4.1
	ErrUTF8          = &Error{CodeInvalid, "text is not UTF-8"}                            // §8.1
	ErrDeflate       = &Error{CodeInvalid, "compressed data is spoilt"}                    // RFC 7692 §7.2.2
)

// What is beyond a limit.
var (
	ErrTooLong   = &Error{CodeTooLarge, "message too long"}
	ErrFragments = &Error{CodeTooLarge, "message in too many fragments"}
)
