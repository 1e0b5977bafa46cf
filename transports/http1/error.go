package http1

import "strconv"

// Error is why a request was refused. All are values of this package, to be
// compared by ==. After any of them the boundary of the next request is not to
// be trusted (RFC 9112 §11.2): answer once, by AppendError, and close.
type Error struct {
	Status int    // what to answer
	Reason string // what is wrong, in a few words, fit for the peer
}

// Error returns the status and the reason.
func (e *Error) Error() string { return "http1: " + strconv.Itoa(e.Status) + ": " + e.Reason }

// What is malformed. RFC 9112 unless something else is said.
var (
	ErrRequestLine       = &Error{400, "malformed request line"}                         // §3
	ErrTarget            = &Error{400, "malformed request target"}                       // §3.2
	ErrLineEnd           = &Error{400, "line not ended by CR LF"}                        // §2.2
	ErrFold              = &Error{400, "white space before a field"}                     // §2.2, §5.2
	ErrFieldName         = &Error{400, "malformed field name"}                           // §5.1
	ErrFieldValue        = &Error{400, "control character in a field value"}             // RFC 9110 §5.5
	ErrHost              = &Error{400, "Host missing, repeated or malformed"}            // §3.2
	ErrContentLength     = &Error{400, "Content-Length repeated or malformed"}           // §6.3
	ErrTransferEncoding  = &Error{400, "Transfer-Encoding other than chunked"}           // §6.1, §6.3
	ErrLengthAndEncoding = &Error{400, "Content-Length together with Transfer-Encoding"} // §6.1
	ErrChunkSize         = &Error{400, "malformed chunk size"}                           // §7.1
	ErrChunkExt          = &Error{400, "malformed chunk extension"}                      // §7.1.1
	ErrChunkEnd          = &Error{400, "chunk data not ended by CR LF"}                  // §7.1
	ErrTrailer           = &Error{400, "malformed trailer field"}                        // §7.1.2
	ErrVersion           = &Error{505, "HTTP version other than 1.0 and 1.1"}            // §2.3
	ErrConnect           = &Error{501, "method CONNECT"}                                 // §3.2.3
	ErrCoding            = &Error{501, "transfer coding other than chunked"}             // §6.1
	ErrExpect            = &Error{417, "expectation other than 100-continue"}            // RFC 9110 §10.1.1
)

// What is beyond a limit. RFC 9110 §15 unless something else is said.
var (
	ErrLineTooLong     = &Error{414, "request line too long"}
	ErrHeadTooLong     = &Error{431, "request head too long"} // RFC 6585 §5
	ErrTooManyFields   = &Error{431, "too many header fields"}
	ErrTrailersTooLong = &Error{431, "trailer section too long"}
	ErrBodyTooLarge    = &Error{413, "request body too large"}
	ErrChunkExtTooLong = &Error{400, "chunk extensions too long"}
	ErrNoRoom          = &Error{503, "no memory for the request body"} // Budget.Reserve said no
)

// ErrTimeout is what a peer that does not go on is answered. No Parser returns
// it, for none has a clock: see Phase.
var ErrTimeout = &Error{408, "request not complete in time"}

// errShort says that a head goes on behind what is there. It never leaves the
// package: more bytes wanted is the event More, not an error.
var errShort = &Error{}
