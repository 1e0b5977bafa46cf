package mcp

import (
	"log/slog"
	"time"

	"github.com/gannetmcp/gannet/engine/registry"
)

// Defaults of Options.
const (
	DefaultMaxOpenRequests = 64
	DefaultMaxQuestions    = 64
	DefaultAnswerTimeout   = 5 * time.Minute
	DefaultStateTTL        = time.Hour

	DefaultMaxTasks         = 10_000
	DefaultMaxTasksPerOwner = 1000
	DefaultMaxTaskBytes     = 64 << 20
	DefaultMaxRunningTasks  = 256 // half of the workers that an engine has by default
	DefaultTaskTTL          = time.Hour
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
	// MaxOpenRequests bounds the requests subscriptions/listen and tasks/result
	// that are open on one connection. Zero: 64. Beyond it: -31001 overloaded.
	MaxOpenRequests int

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
	// states and tasks are bound to it. nil: all are the same.
	Principal func(c *Call) string

	// MaxTasks bounds the tasks that are kept, MaxTasksPerOwner those of one
	// session (2025-11-25) or one principal (2026-07-28), MaxTaskBytes their
	// requests, what clients answer to them, and their results. Zero: 10,000,
	// 1,000 and 64 MiB. Beyond it: -31001 overloaded; a result that there is no
	// room for fails its task.
	MaxTasks, MaxTasksPerOwner, MaxTaskBytes int
	// MaxRunningTasks bounds the tasks whose handlers run, each of which holds a
	// worker until it returns. Other calls have the workers beyond it: keep it
	// below engine.Options.WorkersMax. Zero: 256, or half of WorkersMax where that
	// is less, but at least 1. Beyond it: -31001 overloaded, for the call and for
	// tasks/update, which changes nothing then.
	MaxRunningTasks int
	// TaskTTL is for how long a task is kept from its beginning, and how long it
	// may run; clients of 2025-11-25 may ask for less. Zero: 1 h.
	TaskTTL time.Duration

	// HTTP says how the server is served on HTTP.
	HTTP HTTPOptions

	// Logger takes what an operator should know: tool results that break their
	// own output schema, errors of handlers that peers are not told. nil
	// discards.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		panic("mcp: NewServer: Options.Name is empty")
	}
	for _, n := range []struct {
		name  string
		value *int
		zero  int
	}{
		{"PageSize", &o.PageSize, 0},
		{"MaxSubscriptions", &o.MaxSubscriptions, registry.DefaultMaxPerSubscriber},
		{"MaxOpenRequests", &o.MaxOpenRequests, DefaultMaxOpenRequests},
		{"MaxQuestions", &o.MaxQuestions, DefaultMaxQuestions},
		{"MaxTasks", &o.MaxTasks, DefaultMaxTasks},
		{"MaxTasksPerOwner", &o.MaxTasksPerOwner, DefaultMaxTasksPerOwner},
		{"MaxTaskBytes", &o.MaxTaskBytes, DefaultMaxTaskBytes},
		{"MaxRunningTasks", &o.MaxRunningTasks, 0}, // by the engine: Call.maxRunningTasks
	} {
		if *n.value < 0 {
			panic("mcp: NewServer: Options." + n.name + " must not be negative")
		}
		if *n.value == 0 {
			*n.value = n.zero
		}
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		zero  time.Duration
	}{
		{"CacheTTL", &o.CacheTTL, 0},
		{"AnswerTimeout", &o.AnswerTimeout, DefaultAnswerTimeout},
		{"StateTTL", &o.StateTTL, DefaultStateTTL},
		{"TaskTTL", &o.TaskTTL, DefaultTaskTTL},
	} {
		if *d.value < 0 {
			panic("mcp: NewServer: Options." + d.name + " must not be negative")
		}
		if *d.value == 0 {
			*d.value = d.zero
		}
	}
	o.HTTP = o.HTTP.withDefaults()
	o.PrivateCache = o.PrivateCache || o.ListFilter != nil || o.HTTP.Authenticate != nil
	if o.Version == "" {
		o.Version = "0.0.0"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
