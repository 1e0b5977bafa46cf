package mcp

import (
	"errors"

	"github.com/gannetmcp/gannet/codec"
)

// Error is an error that a handler returns to have its request answered with a
// JSON-RPC error. Any other error of a tool's handler becomes a result with
// isError, which is what a model gets to see.
type Error struct {
	Code    codec.Code
	Message string
	Data    []byte // JSON text, or nil
}

// Error returns the message.
func (e *Error) Error() string { return "mcp: " + e.Message }

// ErrReplyBegun is returned for what must come before a reply's content.
var ErrReplyBegun = errors.New("mcp: the reply has begun")

// errorTextMax bounds the text of a handler's error that is sent to the peer.
const errorTextMax = 4096

func clipText(s string) string { return clip(s, errorTextMax) }

// clip cuts s after max bytes, and marks where it did.
func clip(s string, max int) string {
	if len(s) > max {
		return s[:max] + "…"
	}
	return s
}

// invalidParams is the error for params that are not as the method wants them.
func invalidParams(text string) *Error {
	return &Error{Code: codec.CodeInvalidParams, Message: "Invalid params: " + text}
}

// The refusals that peers can provoke message by message, made once.
var (
	errParamsMeta     = invalidParams("_meta must be an object")
	errMetaTwice      = invalidParams("_meta has a member twice")
	errProgressToken  = invalidParams("_meta.progressToken must be a string or an integer, of at most 1024 bytes")
	errVersionMissing = invalidParams("_meta lacks " + metaVersion)
	errVersionType    = invalidParams("_meta." + metaVersion + " must be a string")
	errCapsMissing    = invalidParams("_meta lacks " + metaCapabilities)
	errLogLevel       = invalidParams("_meta." + metaLogLevel + " must be a level from debug to emergency")
	errToolName       = invalidParams("name must be a string")
	errToolArguments  = invalidParams("arguments must be an object")
	errPromptName     = invalidParams("name must be a string")
	errURI            = invalidParams("uri must be a string of at most 4096 bytes")
	errSetLevel       = invalidParams("level must be one from debug to emergency")
	errListenFilter   = invalidParams("notifications is missing; it must be an object")
	errOpenID         = &Error{Code: codec.CodeInvalidRequest, Message: "Invalid Request: a request with this id is open"}

	errPromptArguments  = invalidParams("arguments must be an object of strings")
	errCompleteRef      = invalidParams(`ref must be {"type":"ref/prompt","name":…} or {"type":"ref/resource","uri":…}`)
	errCompleteArgument = invalidParams("argument must have name and value, both strings")
	errCompleteUnknown  = invalidParams("ref names nothing that this server has")

	errTooManyOpen = &Error{Code: codec.CodeOverloaded, Message: "Overloaded: too many requests are open on this connection; cancel one first"}

	errCursor         = invalidParams("unknown cursor; list from the beginning")
	errInitVersion    = invalidParams("protocolVersion must be a string")
	errNotInitialized = &Error{Code: codec.CodeInvalidRequest, Message: "Invalid Request: not initialized; send initialize first, or name revision " + LatestRevision + " in params._meta"}
	errInitialized    = &Error{Code: codec.CodeInvalidRequest, Message: "Invalid Request: already initialized"}
	errInitInBatch    = &Error{Code: codec.CodeInvalidRequest, Message: "Invalid Request: initialize must not be part of a batch"}
	errOutputSchema   = &Error{Code: codec.CodeInternal, Message: "Internal error: the tool's result breaks its output schema"}
	errModernInBatch  = &Error{Code: codec.CodeInvalidRequest, Message: "Invalid Request: revision " + LatestRevision + " has no batches"}
)
