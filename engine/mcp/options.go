package mcp

import (
	"log/slog"
	"time"

	"github.com/gannetmcp/gannet/engine/registry"
)

// Defaults of Options.
const (
	DefaultMaxListeners  = 16
	DefaultMaxQuestions  = 64
	DefaultAnswerTimeout = 5 * time.Minute
	DefaultStateTTL      = time.Hour
)

// Options configures a Server. Only Name is required.
type Options struct {
	// Name and Version identify the server to clients (serverInfo). An empty
	// Version becomes "0.0.0": the field is required by the protocol.
	Name, Version string
	// Title and Description are for people; WebsiteURL leads to a page about
	// the server. Revisions that do not know them are not sent them.
	Title, Description, WebsiteURL string
	// Instructions tells a model how to use the server. Optional.
	Instructions string

	// PageSize is how many tools a page of tools/list has. Zero: all on one.
	PageSize int
	// CacheTTL is for how long clients of revision 2026-07-28 may keep lists
	// (ttlMs). Zero: they ask again each time. Clipped to whole milliseconds.
	CacheTTL time.Duration
	// PrivateCache says that lists must not be shared between users
	// (cacheScope "private" instead of "public").
	PrivateCache bool

	// ListFilter reports whether the client that asks may see the feature of
	// that name in a list, by what c tells of it (its revision, its peer): c
	// must not be answered. It hides features, it does not keep a client from
	// using them. With a filter lists are rendered for each request, which
	// allocates, and are never shared between users. nil shows all, from pages
	// that are rendered once.
	ListFilter func(c *Call, name string) bool

	// MaxSubscriptions bounds the resources that one session, or one
	// subscriptions/listen, may be subscribed to. Zero: 1,000. Beyond it:
	// -31001 overloaded.
	MaxSubscriptions int
	// MaxListeners bounds the requests subscriptions/listen that are open on one
	// connection. Zero: 16. Beyond it: -31001 overloaded.
	MaxListeners int

	// MaxQuestions bounds the questions to the client of one session that wait
	// for their answers. Zero: 64. Beyond it Elicit and its like fail.
	MaxQuestions int
	// AnswerTimeout is how long a client may take to answer a question; it
	// extends the call's time, up to engine.Options.MaxCallTimeout. Zero: 5 min.
	AnswerTimeout time.Duration
	// StateKeys seal what clients of 2026-07-28 send back with a request that
	// asked them something: secrets of any length. The first one seals, all of
	// them open, so that keys can be changed. Processes with the same keys take
	// each other's state. None: a random key for each Server.
	StateKeys [][]byte
	// StateTTL is for how long such a state is taken. Zero: 1 h.
	StateTTL time.Duration
	// Principal names who asks, for what must not pass from one to another:
	// a state is bound to it. nil: all are the same.
	Principal func(c *Call) string

	// Logger takes what an operator should know: tool results that break their
	// own output schema, errors of handlers that peers are not told. nil
	// discards.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		panic("mcp: NewServer: Options.Name is empty")
	}
	if o.PageSize < 0 || o.CacheTTL < 0 {
		panic("mcp: NewServer: Options.PageSize and Options.CacheTTL must not be negative")
	}
	if o.MaxSubscriptions < 0 || o.MaxListeners < 0 {
		panic("mcp: NewServer: Options.MaxSubscriptions and Options.MaxListeners must not be negative")
	}
	if o.MaxSubscriptions == 0 {
		o.MaxSubscriptions = registry.DefaultMaxPerSubscriber
	}
	if o.MaxListeners == 0 {
		o.MaxListeners = DefaultMaxListeners
	}
	if o.MaxQuestions < 0 || o.AnswerTimeout < 0 || o.StateTTL < 0 {
		panic("mcp: NewServer: Options.MaxQuestions, Options.AnswerTimeout and Options.StateTTL must not be negative")
	}
	if o.MaxQuestions == 0 {
		o.MaxQuestions = DefaultMaxQuestions
	}
	if o.AnswerTimeout == 0 {
		o.AnswerTimeout = DefaultAnswerTimeout
	}
	if o.StateTTL == 0 {
		o.StateTTL = DefaultStateTTL
	}
	o.PrivateCache = o.PrivateCache || o.ListFilter != nil
	if o.Version == "" {
		o.Version = "0.0.0"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
