package codec

import (
	"strconv"
	"unsafe"
)

// Error is why a message was refused. Errors found by a Parser live inside the
// Message that was parsed into and are valid until it is parsed into again.
type Error struct {
	Code   Code
	Offset int    // byte in the message at which a syntax error was found
	Reason string // what is wrong, in a few words; empty if Code says it all
	Limit  int    // the limit that was passed, 0 if none was
	Unit   string // what Limit counts
	Data   []byte // JSON text for the data member where it is not made of Limit and Unit
}

// Error returns the text with the offset of a syntax error.
func (e *Error) Error() string {
	return "codec: " + string(e.appendText(nil))
}

// appendText appends the message member's text without its quotes.
func (e *Error) appendText(dst []byte) []byte {
	dst = append(dst, e.Code.String()...)
	if e.Reason != "" {
		dst = appendEscaped(append(dst, ": "...), unsafe.Slice(unsafe.StringData(e.Reason), len(e.Reason)))
	}
	if e.Code == CodeParse {
		dst = strconv.AppendInt(append(dst, " at byte "...), int64(e.Offset), 10)
	}
	return dst
}

// NoID says how an error reply names a request whose id could not be read.
type NoID uint8

// The two ways.
const (
	NoIDNull NoID = iota // "id":null, as JSON-RPC 2.0 §5 says; MCP before 2025-11-25
	NoIDOmit             // no id member; MCP from 2025-11-25
)

func appendErrorHead(dst []byte, id ID, no NoID) []byte {
	dst = append(dst, `{"jsonrpc":"2.0",`...)
	switch {
	case id.IsSet():
		dst = append(append(append(dst, `"id":`...), id.raw...), ',')
	case no == NoIDNull:
		dst = append(dst, `"id":null,`...)
	}
	return append(dst, `"error":{"code":`...)
}

// AppendErrorReply appends a whole error reply.
func AppendErrorReply(dst []byte, id ID, no NoID, e *Error) []byte {
	dst = strconv.AppendInt(appendErrorHead(dst, id, no), int64(e.Code), 10)
	dst = append(e.appendText(append(dst, `,"message":"`...)), '"')
	switch {
	case e.Data != nil:
		dst = append(append(dst, `,"data":`...), e.Data...)
	case e.Limit > 0:
		dst = strconv.AppendInt(append(dst, `,"data":{"limit":`...), int64(e.Limit), 10)
		dst = append(AppendString(append(dst, `,"unit":`...), e.Unit), '}')
	}
	return append(dst, "}}"...)
}

// AppendError appends a whole error reply with a message of the caller's. data
// is JSON text or nil.
func AppendError(dst []byte, id ID, no NoID, code Code, message string, data []byte) []byte {
	dst = strconv.AppendInt(appendErrorHead(dst, id, no), int64(code), 10)
	dst = AppendString(append(dst, `,"message":`...), message)
	if data != nil {
		dst = append(append(dst, `,"data":`...), data...)
	}
	return append(dst, "}}"...)
}
