package codec

import "strconv"

// Code is a JSON-RPC error code. It is no error value, so that it cannot be
// returned by mistake where an error is meant.
type Code int32

// The codes that Gannet sends or knows.
const (
	CodeParse          Code = -32700 // [std] the message is no JSON
	CodeInvalidRequest Code = -32600 // [std] the JSON is no JSON-RPC message, or passes a limit
	CodeMethodNotFound Code = -32601 // [std]
	CodeInvalidParams  Code = -32602 // [std]
	CodeInternal       Code = -32603 // [std]

	CodeResourceNotFound   Code = -32002 // [MCP, up to 2025-11-25]
	CodeURLElicitation     Code = -32042 // [MCP 2025-11-25] a url elicitation must happen first
	CodeHeaderMismatch     Code = -32020 // [MCP 2026-07-28] headers and body differ
	CodeMissingCapability  Code = -32021 // [MCP 2026-07-28] the client lacks a capability that is needed
	CodeUnsupportedVersion Code = -32022 // [MCP 2026-07-28] protocol version not supported

	CodeOverloaded   Code = -31001 // [Gannet] a limit on work in progress is reached; try again later
	CodeRateLimited  Code = -31002 // [Gannet] this peer asks too often
	CodeTimedOut     Code = -31003 // [Gannet] the call ran over its deadline
	CodeShuttingDown Code = -31004 // [Gannet] the server drains
	CodeNoSession    Code = -31005 // [Gannet] the session table is full
)

// String returns the code's text as it stands in error messages.
func (c Code) String() string {
	switch c {
	case CodeParse:
		return "Parse error"
	case CodeInvalidRequest:
		return "Invalid Request"
	case CodeMethodNotFound:
		return "Method not found"
	case CodeInvalidParams:
		return "Invalid params"
	case CodeInternal:
		return "Internal error"
	case CodeResourceNotFound:
		return "Resource not found"
	case CodeURLElicitation:
		return "URL elicitation required"
	case CodeHeaderMismatch:
		return "Header mismatch"
	case CodeMissingCapability:
		return "Missing required client capability"
	case CodeUnsupportedVersion:
		return "Unsupported protocol version"
	case CodeOverloaded:
		return "Overloaded"
	case CodeRateLimited:
		return "Rate limited"
	case CodeTimedOut:
		return "Timed out"
	case CodeShuttingDown:
		return "Shutting down"
	case CodeNoSession:
		return "No room for a session"
	}
	return "error " + strconv.Itoa(int(c))
}

// retryAfterMs is what refusals for want of room tell the peer to wait.
const retryAfterMs = 1000

// The refusals that have one form only.
var (
	ErrInternal     = &Error{Code: CodeInternal}
	ErrShuttingDown = &Error{Code: CodeShuttingDown}
)

// Overloaded returns the refusal of a request for want of room, to be made
// once and kept.
func Overloaded(reason string) Error {
	data := append([]byte(`{"retryAfterMs":`), strconv.Itoa(retryAfterMs)...)
	data = AppendString(append(data, `,"reason":`...), reason)
	return Error{Code: CodeOverloaded, Reason: reason, Data: append(data, '}')}
}

// InvalidRequest returns the refusal of a message that is no request we serve,
// to be made once and kept.
func InvalidRequest(reason string) Error {
	return Error{Code: CodeInvalidRequest, Reason: reason}
}

// MessageTooLarge returns the refusal of a message above limit bytes, to be
// made once and kept.
func MessageTooLarge(limit int) Error {
	return Error{Code: CodeInvalidRequest, Reason: "message too large", Limit: limit, Unit: "bytes"}
}

// TimedOut returns the error of a call that ran longer than limitMs, to be
// made once and kept.
func TimedOut(limitMs int64) Error {
	return Error{Code: CodeTimedOut, Data: append(strconv.AppendInt([]byte(`{"limitMs":`), limitMs, 10), '}')}
}
