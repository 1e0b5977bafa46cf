package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// Defaults of ClientOptions.
const (
	DefaultProbeTimeout      = 5 * time.Second
	DefaultRequestTimeout    = 60 * time.Second
	DefaultRequestTimeoutMax = 10 * time.Minute
	DefaultTaskTimeout       = time.Hour
	DefaultMaxPending        = 1000
	DefaultMaxPendingBytes   = 8 << 20
	DefaultNotificationQueue = 256
	DefaultNotificationBytes = 1 << 20
	DefaultMaxPages          = 1000
	DefaultMaxListBytes      = 64 << 20
	DefaultMaxRounds         = 16
)

// ClientOptions configures a Client. Only Name is required. A zero number
// means its default; a negative one is an error unless its comment says more.
//
// Handlers run on goroutines of the worker pool, or on that of the call that
// made the server ask; they may block, and several may run at once. Which of
// them are there is what the client declares as its capabilities.
type ClientOptions struct {
	// Name and Version identify the client to servers (clientInfo). An empty
	// Version becomes "0.0.0". Title is for people.
	Name, Version, Title string

	// Revision is the only revision of the protocol to be used, such as
	// Revision20251125. Empty: the newest that client and server have in
	// common, found out by server/discover and, where a server does not know
	// that, by initialize (2026-07-28, "Version negotiation").
	Revision string
	// ProbeTimeout is how long an answer to server/discover is waited for
	// before the server is taken for one of a revision up to 2025-11-25, some
	// of which do not answer what they do not know. Zero: 5 s.
	ProbeTimeout time.Duration

	// RequestTimeout is how long an answer is waited for; each progress
	// notification of the request starts it again. Zero: 60 s; negative: none.
	RequestTimeout time.Duration
	// RequestTimeoutMax bounds the wait whatever progress there is. Zero:
	// 10 min; negative: none.
	RequestTimeoutMax time.Duration
	// TaskTimeout bounds the wait for a task that a tool call has become, from
	// the server's first word of it; WithTimeout may make it longer. Beyond it
	// the call fails with ErrRequestTimeout, and the task is cancelled. Zero:
	// 1 h; negative: none.
	TaskTimeout time.Duration

	// MaxPending bounds the requests of a session that wait for an answer, and
	// MaxPendingBytes the bytes of these; a request beyond either fails at
	// once with ErrTooManyPending. One request of any size may always be sent.
	// Zero: 1,000 and 8 MiB.
	MaxPending, MaxPendingBytes int
	// NotificationQueue and NotificationBytes bound what waits for
	// OnNotification. Beyond either, notifications are dropped and counted.
	// Zero: 256 and 1 MiB.
	NotificationQueue, NotificationBytes int
	// MaxPages bounds the pages, MaxListBytes the bytes, of one list; beyond
	// either it fails with ErrListTooLong. Zero: 1,000 and 64 MiB.
	MaxPages, MaxListBytes int
	// MaxRounds bounds how often a server may ask for more input in place of
	// one result (2026-07-28, "Multi round-trip requests"). Zero: 16.
	MaxRounds int

	// Sampling has a language model say something (sampling/createMessage). A
	// user should be able to see and refuse it; an *Error is what the server
	// is answered, with code -1 for a refusal.
	Sampling func(ctx context.Context, r *SamplingRequest) (*SamplingResult, error)
	// SamplingTools declares that Sampling knows tools (from 2025-11-25).
	SamplingTools bool
	// Elicitation asks the user for something (elicitation/create, from
	// 2025-06-18).
	Elicitation func(ctx context.Context, r *ElicitRequest) (*ElicitResult, error)
	// ElicitURL declares that Elicitation also leads users to a URL (from
	// 2025-11-25); otherwise it gets forms only.
	ElicitURL bool
	// Roots returns the folders that the server may work in (roots/list).
	Roots func(ctx context.Context) ([]Root, error)
	// Tasks declares the tasks extension to servers of revision 2026-07-28:
	// they may then answer a tool call by a task, which CallTool waits for.
	Tasks bool

	// OnNotification is told of the server's notifications, but those that
	// belong to one request (progress, cancelled). The calls of a session come
	// one after the other, in order, on a goroutine of their own, which lives
	// as long as notifications wait. params is nil if there was none.
	OnNotification func(s *ClientSession, method string, params json.RawMessage)

	// Logger takes what an operator should know: malformed messages, handlers
	// that fail. nil discards.
	Logger *slog.Logger
}

func (o ClientOptions) withDefaults() ClientOptions {
	if o.Name == "" {
		panic("mcp: NewClient: ClientOptions.Name is empty")
	}
	if o.Revision != "" && revisionOf(o.Revision) == nil {
		panic(fmt.Sprintf("mcp: NewClient: ClientOptions.Revision is %q; use one of %v, or leave it empty", o.Revision, Revisions()))
	}
	if o.Version == "" {
		o.Version = "0.0.0"
	}
	for _, f := range []struct {
		name string
		v    *int
		zero int
	}{
		{"MaxPending", &o.MaxPending, DefaultMaxPending},
		{"MaxPendingBytes", &o.MaxPendingBytes, DefaultMaxPendingBytes},
		{"NotificationQueue", &o.NotificationQueue, DefaultNotificationQueue},
		{"NotificationBytes", &o.NotificationBytes, DefaultNotificationBytes},
		{"MaxPages", &o.MaxPages, DefaultMaxPages},
		{"MaxListBytes", &o.MaxListBytes, DefaultMaxListBytes},
		{"MaxRounds", &o.MaxRounds, DefaultMaxRounds},
	} {
		switch {
		case *f.v == 0:
			*f.v = f.zero
		case *f.v < 0:
			panic(fmt.Sprintf("mcp: NewClient: ClientOptions.%s is %d; it must not be negative", f.name, *f.v))
		}
	}
	if o.ProbeTimeout < 0 {
		panic("mcp: NewClient: ClientOptions.ProbeTimeout must not be negative; pin a Revision to avoid the probe")
	}
	if o.ProbeTimeout == 0 {
		o.ProbeTimeout = DefaultProbeTimeout
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.RequestTimeoutMax == 0 {
		o.RequestTimeoutMax = DefaultRequestTimeoutMax
	}
	if o.TaskTimeout == 0 {
		o.TaskTimeout = DefaultTaskTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
