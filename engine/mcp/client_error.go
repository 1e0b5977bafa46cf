package mcp

import "errors"

// Errors of a ClientSession, beside *Error, which is what the server answered
// with, engine.ErrConnClosed and the cause of the caller's context.
var (
	// ErrRequestTimeout ends the wait for an answer when
	// ClientOptions.RequestTimeout, RequestTimeoutMax, TaskTimeout or
	// WithTimeout is over.
	ErrRequestTimeout = errors.New("mcp: no answer in time")
	// ErrTooManyPending refuses a request beyond ClientOptions.MaxPending or
	// MaxPendingBytes. Nothing was sent.
	ErrTooManyPending = errors.New("mcp: too many requests wait for an answer")
	// ErrBadAnswer is wrapped by the error for an answer that the protocol
	// does not allow.
	ErrBadAnswer = errors.New("mcp: the server's answer breaks the protocol")
	// ErrListTooLong refuses a list beyond ClientOptions.MaxPages or MaxListBytes.
	ErrListTooLong = errors.New("mcp: the server's list does not end within the limits")
	// ErrTooManyRounds ends a call whose server goes on asking for input
	// beyond ClientOptions.MaxRounds.
	ErrTooManyRounds = errors.New("mcp: the server asks for input again and again")
	// ErrNotInRevision refuses what the session's revision has no word for.
	ErrNotInRevision = errors.New("mcp: not part of the session's revision")
	// ErrNegotiation is wrapped by the error of a session that client and
	// server could not agree on.
	ErrNegotiation = errors.New("mcp: no revision in common")
	// ErrNotServed is what the error of a transport is (errors.Is) that could not
	// put a request to the server because that does not serve its like, such as
	// the status 404 of HTTP. To the probe it tells of a server of the legacy era.
	ErrNotServed = errors.New("mcp: the server does not serve this")
	// ErrSubscriptionEnded is wrapped by the error of a subscription that the
	// server has ended.
	ErrSubscriptionEnded = errors.New("mcp: the server ended the subscription")
)
