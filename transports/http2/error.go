package http2

import "strconv"

// Code is an error code (RFC 9113 §7).
type Code uint32

// The codes.
const (
	CodeNo                 Code = 0x0
	CodeProtocol           Code = 0x1
	CodeInternal           Code = 0x2
	CodeFlowControl        Code = 0x3
	CodeSettingsTimeout    Code = 0x4
	CodeStreamClosed       Code = 0x5
	CodeFrameSize          Code = 0x6
	CodeRefusedStream      Code = 0x7
	CodeCancel             Code = 0x8
	CodeCompression        Code = 0x9
	CodeConnect            Code = 0xa
	CodeEnhanceYourCalm    Code = 0xb
	CodeInadequateSecurity Code = 0xc
	CodeHTTP11Required     Code = 0xd
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
	"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
	"CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// String returns the name that RFC 9113 has.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "0x" + strconv.FormatUint(uint64(c), 16)
}

// Error is why a connection has failed or a request was refused. All are values
// of this package, to be compared by ==.
type Error struct {
	Code   Code   // what the peer is told
	Status int    // not 0: of the response that a request was answered with
	Reason string // what is wrong, in a few words, fit for the peer
}

// Error returns the code or the status, and the reason.
func (e *Error) Error() string {
	if e.Status != 0 {
		return "http2: " + strconv.Itoa(e.Status) + ": " + e.Reason
	}
	return "http2: " + e.Code.String() + ": " + e.Reason
}

// What ends a connection (RFC 9113 §5.4.1): malformed or out of order.
var (
	ErrPreface       = &Error{CodeProtocol, 0, "not the preface of HTTP/2"}                                    // §3.4
	ErrNoSettings    = &Error{CodeProtocol, 0, "the first frame is not SETTINGS"}                              // §3.4
	ErrFrameTooLarge = &Error{CodeFrameSize, 0, "frame larger than SETTINGS_MAX_FRAME_SIZE"}                   // §4.2
	ErrFrameLength   = &Error{CodeFrameSize, 0, "length that its type of frame cannot have"}                   // §6
	ErrPadding       = &Error{CodeProtocol, 0, "padding longer than its frame"}                                // §6.1
	ErrStreamID      = &Error{CodeProtocol, 0, "frame on a stream that its type cannot be on"}                 // §5.1.1, §6
	ErrIdleStream    = &Error{CodeProtocol, 0, "frame on a stream that has not begun"}                         // §5.1
	ErrClosedStream  = &Error{CodeStreamClosed, 0, "HEADERS on a stream that has ended"}                       // §5.1
	ErrContinuation  = &Error{CodeProtocol, 0, "CONTINUATION missing, or not behind HEADERS"}                  // §6.10
	ErrPush          = &Error{CodeProtocol, 0, "PUSH_PROMISE from a client"}                                   // §8.4
	ErrSettingValue  = &Error{CodeProtocol, 0, "value that a setting cannot have"}                             // §6.5.2
	ErrSettingWindow = &Error{CodeFlowControl, 0, "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1"}                 // §6.5.2
	ErrWindow        = &Error{CodeFlowControl, 0, "window of the connection above 2^31-1, or more was sent"}   // §6.9.1
	ErrZeroIncrement = &Error{CodeProtocol, 0, "WINDOW_UPDATE by 0"}                                           // §6.9
	ErrCompression   = &Error{CodeCompression, 0, "header block that cannot be decoded"}                       // §4.3
	ErrDependency    = &Error{CodeProtocol, 0, "PRIORITY of a stream that has not begun, depending on itself"} // RFC 7540 §5.3.1
)

// What ends a connection because a limit is passed.
var (
	ErrBlockTooLong    = &Error{CodeEnhanceYourCalm, 0, "header block in too many bytes"}
	ErrBlockTooCut     = &Error{CodeEnhanceYourCalm, 0, "header block in too many CONTINUATION frames"}
	ErrTooManyResets   = &Error{CodeEnhanceYourCalm, 0, "too many streams reset"}
	ErrTooManySettings = &Error{CodeEnhanceYourCalm, 0, "too many SETTINGS"}
	ErrTooManyPings    = &Error{CodeEnhanceYourCalm, 0, "too many PING"}
	ErrTooManyEmpty    = &Error{CodeEnhanceYourCalm, 0, "too many DATA without data"}
	ErrTooManyIdle     = &Error{CodeEnhanceYourCalm, 0, "too many frames that say nothing"}
	ErrTooMuchControl  = &Error{CodeEnhanceYourCalm, 0, "too many answers that are not read"}
)

// What a stream is reset for (RFC 9113 §5.4.2).
var (
	ErrLengthSum      = &Error{CodeProtocol, 0, "content-length is not that of the DATA"}                 // §8.1.1
	ErrTrailers       = &Error{CodeProtocol, 0, "trailers malformed or without END_STREAM"}               // §8.1
	ErrSelfDependency = &Error{CodeProtocol, 0, "stream that depends on itself"}                          // RFC 7540 §5.3.1
	ErrStreamWindow   = &Error{CodeFlowControl, 0, "window of the stream above 2^31-1, or more was sent"} // §6.9.1
	ErrStreamZero     = &Error{CodeProtocol, 0, "WINDOW_UPDATE of a stream by 0"}                         // §6.9
	ErrStreamPriority = &Error{CodeFrameSize, 0, "PRIORITY that has not 5 bytes"}                         // §6.3
	ErrHalfClosed     = &Error{CodeStreamClosed, 0, "frame behind the one with END_STREAM"}               // §5.1
	ErrTooManyStreams = &Error{CodeRefusedStream, 0, "more streams than SETTINGS_MAX_CONCURRENT_STREAMS"} // §5.1.2
	ErrGoingAway      = &Error{CodeRefusedStream, 0, "the server takes no more requests"}                 // §6.8
)

// What a malformed request is answered before its stream is reset (RFC 9113 §8.1.1).
var (
	ErrPseudoHeader    = &Error{CodeProtocol, 400, "pseudo-header field missing, repeated, unknown or behind a field"} // §8.3
	ErrMethod          = &Error{CodeProtocol, 400, "malformed :method"}                                                // §8.3.1
	ErrScheme          = &Error{CodeProtocol, 400, "malformed :scheme"}                                                // §8.3.1
	ErrTarget          = &Error{CodeProtocol, 400, "malformed :path"}                                                  // §8.3.1
	ErrHost            = &Error{CodeProtocol, 400, "host missing, malformed or other than :authority"}                 // §8.3.1
	ErrFieldName       = &Error{CodeProtocol, 400, "field name malformed or not in small letters"}                     // §8.2.1
	ErrFieldValue      = &Error{CodeProtocol, 400, "control character in a field value, or white space around it"}     // §8.2.1
	ErrConnectionField = &Error{CodeProtocol, 400, "field that is about a connection, or TE other than trailers"}      // §8.2.2
	ErrContentLength   = &Error{CodeProtocol, 400, "content-length repeated or malformed"}                             // §8.1.1
)

// What a request is answered (RFC 9110 §15), by the Conn itself.
var (
	ErrConnect      = &Error{CodeNo, 501, "method CONNECT"}
	ErrExpect       = &Error{CodeNo, 417, "expectation other than 100-continue"}
	ErrHeadTooLarge = &Error{CodeNo, 431, "header list too large"}
	ErrTooManyField = &Error{CodeNo, 431, "too many header fields"}
	ErrBodyTooLarge = &Error{CodeNo, 413, "request body too large"}
	ErrNoRoom       = &Error{CodeNo, 503, "no memory for the request"} // Budget.Reserve said no
)
