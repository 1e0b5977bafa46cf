package web

import "github.com/gannetmcp/gannet/transports/http1"

// Refusal is why an HTTP request was refused before its message was looked at.
type Refusal uint8

// The refusals, in the order of transports.Snapshot.HTTPRefused. Those of limits are named
// as the fields of http1.Limits.
const (
	RefusedMalformed   Refusal = iota // 400: the syntax is wrong
	RefusedUnsupported                // 417, 501, 505: an expectation, coding, method or version that is not there
	RefusedLine                       // 414
	RefusedHead                       // 431: bytes
	RefusedFields                     // 431: number
	RefusedBody                       // 413
	RefusedChunkExt                   // 400: bytes of chunk extensions
	RefusedTrailers                   // 431: bytes of trailers
	RefusedNoRoom                     // 503: the byte budget has none for the body
	RefusedCoding                     // 415: Content-Encoding
	RefusedPacked                     // 400: a body that cannot be unpacked
	RefusedUnpacked                   // 413: one that would become too large
	RefusedHandshake                  // 400, 405, 426: no handshake of a WebSocket
	RefusedTimeout                    // 408: it did not come within the engine's ReadTimeout
	RefusedNoTime                     // 503: a body that becomes more than there is time for
	// NumRefusals is how many there are.
	NumRefusals
)

var refusalNames = [NumRefusals]string{"malformed", "unsupported", "line", "head", "fields", "body", "chunk_ext", "trailers", "no_room", "coding", "packed", "unpacked", "handshake", "timeout", "no_time"}

// String returns the name that metrics have.
func (r Refusal) String() string {
	if r < NumRefusals {
		return refusalNames[r]
	}
	return "unknown"
}

// refusalOf returns what an error counts as.
func refusalOf(e *http1.Error) Refusal {
	switch e {
	case http1.ErrLineTooLong:
		return RefusedLine
	case http1.ErrHeadTooLong:
		return RefusedHead
	case http1.ErrTooManyFields:
		return RefusedFields
	case http1.ErrBodyTooLarge:
		return RefusedBody
	case http1.ErrChunkExtTooLong:
		return RefusedChunkExt
	case http1.ErrTrailersTooLong:
		return RefusedTrailers
	case http1.ErrNoRoom:
		return RefusedNoRoom
	case errUnpackCoding, errUnpackOff:
		return RefusedCoding
	case errUnpackCorrupt:
		return RefusedPacked
	case errUnpackTooMuch:
		return RefusedUnpacked
	case errUnpackNoTime:
		return RefusedNoTime
	case http1.ErrVersion, http1.ErrConnect, http1.ErrCoding, http1.ErrExpect:
		return RefusedUnsupported
	}
	return RefusedMalformed
}
