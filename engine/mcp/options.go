package mcp

import (
	"log/slog"
	"time"

	"github.com/gannetmcp/gannet/engine/registry"
)

// DefaultMaxListeners is the default of Options.MaxListeners.
const DefaultMaxListeners = 16

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
	o.PrivateCache = o.PrivateCache || o.ListFilter != nil
	if o.Version == "" {
		o.Version = "0.0.0"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
