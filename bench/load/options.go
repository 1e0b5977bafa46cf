package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// Methods.
const (
	MethodPing = "ping" // ping
	MethodCall = "call" // tools/call of a tool that returns its argument text
	MethodRaw  = "raw"  // lines, or of HTTP bodies, that come back byte by byte and in order; no JSON, no handshake
)

// Defaults and limits of Options.
const (
	DefaultSize     = 1002 // bytes of a call or a raw line
	DefaultTool     = "echo"
	DefaultDuration = 3 * time.Second
	DefaultTimeout  = 5 * time.Second
	DefaultInterval = time.Second

	MaxConns = 50_000
	MaxDepth = 65_536
	MaxSize  = 16 << 20
)

// ErrLinuxOnly is returned by Run on other systems.
var ErrLinuxOnly = errors.New("load: generating load needs Linux (epoll, /proc, CPU affinity)")

// Options say what load to generate. Target is needed; every other field may be
// zero.
type Options struct {
	// Target is tcp://HOST:PORT, unix:///PATH, http://HOST:PORT/PATH (Streamable
	// HTTP), stream+http://HOST:PORT/PATH (the same with an event stream by GET for
	// each session), sse+http://HOST:PORT/PATH (HTTP with SSE of 2024-11-05),
	// ws://HOST:PORT/PATH (WebSocket), h2c://HOST:PORT/PATH (Streamable HTTP by
	// HTTP/2, with prior knowledge), or stdio; and over TLS tls://HOST:PORT,
	// https://…, wss://…, h2://… (HTTP/2 by ALPN) and so on.
	Target string
	TLS    TLSOptions
	// Command and its arguments are started for stdio. Their standard error goes to
	// Stderr; nil is this process's.
	Command []string
	Stderr  io.Writer

	Conns  int    // connections; 0 is 1, at most MaxConns; stdio has 1
	Depth  int    // requests in flight on each, of HTTP/2 streams; 0 is 1, at most MaxDepth
	Method string // "" is MethodPing; not used with Messages
	// Messages are a mix of requests to send instead of one Method, shuffled by
	// their weights.
	Messages []Message
	Revision string   // of the protocol; "" is DefaultRevision
	Headers  []string // of each HTTP request, "Name: value"
	// Size is the length of one request in bytes, its newline included; 0 is
	// DefaultSize, at most MaxSize. A ping has one size; this one is ignored.
	Size int
	Tool string // the tool to call; "" is DefaultTool
	// ArgsExtra are JSON members added to the arguments beside text, without
	// braces, such as `"ms":0`. They count in Size.
	ArgsExtra string

	Warmup   time.Duration // load before measuring; 0 is none
	Duration time.Duration // measured time; 0 is DefaultDuration; not used with Count
	Count    int64         // measure exactly so many requests instead; 0 is by Duration
	// Plan makes the loop an open one: requests are sent when the plan means
	// them to be, and latencies are from that time. Its time is the measured
	// one; Duration and Count are not used. A start that is late by Timeout is
	// skipped. Warm-up, if any, is at the plan's first rate.
	Plan Plan
	// Arrivals are ArrivalsConstant or ArrivalsPoisson; "" is constant. They are of
	// an open loop. Seed is what Poisson's are drawn by; 0 is DefaultSeed. Each
	// measurement of a session has the same.
	Arrivals string
	Seed     uint64
	// MaxInFlight bounds the requests in flight of an open loop: starts beyond
	// it are skipped and counted. 0 is Conns times Depth, which cannot be passed:
	// starts wait for a connection with room.
	MaxInFlight int
	// Spin has an open loop look at the clock without sleeping, which makes its
	// starts some 50 µs more exact and takes a CPU of its own.
	Spin bool

	// Reconnect is how many requests a connection has before it is closed and another
	// is opened in its place: connect, TLS, initialize, the requests, close, and
	// again. 0 opens connections once. Not of stdio. On loopback connections come from
	// many addresses in turn, unless From says from which.
	Reconnect int

	// Timeout bounds each wait: for a handshake step, for a reply, for any
	// progress of a connection with requests in flight, for a child to exit. A
	// connection without progress is given up, except in an open loop. 0 is
	// DefaultTimeout.
	Timeout time.Duration

	// From is the address that connections come from; nil lets the kernel choose.
	// One address has some 28,000 ports.
	From net.IP

	CPUs      []int // pins this process; nil leaves it
	ChildCPUs []int // pins the child of stdio; nil leaves it where this process was before it was pinned
	// ServerPID is the process whose CPU time, memory and context switches are
	// reported; 0 is none, and the child where the target is stdio.
	ServerPID int

	// MetricsURL is the server's page of metrics in the text format of Prometheus,
	// with the names of its Go collector, as gannet's admin pages and most Go
	// servers have one; "" reports nothing of its heap. MetricsOfChild is where the
	// child of stdio says. It is read before and after the measured time, and what
	// reading costs is taken off.
	MetricsURL string

	// Interval is how often a point of Result.Series is taken; 0 is DefaultInterval.
	Interval time.Duration
	// Each is told each point, on the sending thread: it must not block. nil
	// tells nobody.
	Each func(Point)

	// Context ends a run early: the phase in hand stops within a tenth of a second, what
	// is in flight is drained, and the result has what was measured and is marked
	// Interrupted. Without anything measured the error is the context's. nil never ends.
	Context context.Context

	// Progress is told what the run is about to do, on the calling goroutine.
	// nil tells nobody.
	Progress func(step string)

	// Of tests; 0 is nothing.
	ports       int   // what ipLocalPortRange is set to
	http2Window int64 // bytes that a stream's response may have in flight
}

// withDefaults returns o with its zero fields filled in.
func (o Options) withDefaults() Options {
	if o.Conns == 0 {
		o.Conns = 1
	}
	if o.Depth == 0 {
		o.Depth = 1
	}
	if o.Method == "" {
		o.Method = MethodPing
	}
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	if o.Tool == "" {
		o.Tool = DefaultTool
	}
	if o.Duration == 0 {
		o.Duration = DefaultDuration
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.Revision == "" {
		o.Revision = DefaultRevision
	}
	if o.Arrivals == "" {
		o.Arrivals = ArrivalsConstant
	}
	if o.Seed == 0 {
		o.Seed = DefaultSeed
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o
}

// raw says that no JSON is spoken, and nothing opens a session.
func (o *Options) raw() bool { return o.Method == MethodRaw && len(o.Messages) == 0 }

// seed is of arrivals that chance decides; nil are the others.
func (o *Options) seed() *uint64 {
	if o.Arrivals != ArrivalsPoisson {
		return nil
	}
	return &o.Seed
}

// UsageError is a fault in Options, as against one of the server or the system.
type UsageError struct{ Reason string }

// Error says what is wrong.
func (e *UsageError) Error() string { return "load: " + e.Reason }

// ConnectError says that the server could not be reached, or was no MCP server.
type ConnectError struct{ Err error }

// Error is that of Err.
func (e *ConnectError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *ConnectError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// ofHTTP1 are headers about a connection, which HTTP/2 has not.
var ofHTTP1 = []string{"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"}

// validate checks what withDefaults returned.
func (o *Options) validate() error {
	t, err := parseTarget(o.Target)
	if err != nil {
		return err
	}
	switch {
	case t.network == "stdio" && len(o.Command) == 0:
		return usagef("stdio needs a command")
	case t.network != "stdio" && len(o.Command) > 0:
		return usagef("a command goes with stdio, not with %s", o.Target)
	case t.network == "stdio" && o.Conns != 1:
		return usagef("stdio has one connection, not %d", o.Conns)
	case o.Conns < 1 || o.Conns > MaxConns:
		return usagef("connections: %d is not between 1 and %d", o.Conns, MaxConns)
	case o.Depth < 1 || o.Depth > MaxDepth:
		return usagef("depth: %d is not between 1 and %d", o.Depth, MaxDepth)
	case o.Size < 1 || o.Size > MaxSize:
		return usagef("size: %d is not between 1 and %d", o.Size, MaxSize)
	case o.Warmup < 0 || o.Duration < 0 || o.Timeout < 0 || o.Count < 0:
		return usagef("durations and the count are not negative")
	case o.Interval < time.Millisecond:
		return usagef("interval: %v is less than 1ms", o.Interval)
	case o.Reconnect < 0 || o.Reconnect > MaxReconnect:
		return usagef("requests on each connection: %d is not between 1 and %d", o.Reconnect, MaxReconnect)
	case o.Reconnect > 0 && t.network == "stdio":
		return usagef("stdio is opened once")
	case o.Arrivals != ArrivalsConstant && o.Arrivals != ArrivalsPoisson:
		return usagef("arrivals %.20q are neither %s nor %s", o.Arrivals, ArrivalsConstant, ArrivalsPoisson)
	case o.Arrivals == ArrivalsPoisson && o.Plan == nil:
		return usagef("arrivals are of an open loop: a plan is needed, a rate")
	case o.MaxInFlight < 0:
		return usagef("in flight: %d is less than 0", o.MaxInFlight)
	case !knownRevision(o.Revision):
		return usagef("revision %.40q is none of %v", o.Revision, Revisions)
	case t.sse && o.modern():
		return usagef("revision %s is not spoken by HTTP with SSE", o.Revision)
	case t.aside && o.modern():
		return usagef("revision %s has no event streams by GET", o.Revision)
	case (t.sse || t.aside) && o.raw():
		return usagef("raw lines do not go by event streams")
	case o.From != nil && (o.From.To4() == nil || t.network != "tcp"):
		return usagef("from %v: an IPv4 address is needed, and a target on TCP", o.From)
	case len(o.Messages) > MaxMessages:
		return usagef("messages: %d are more than %d", len(o.Messages), MaxMessages)
	case o.MetricsURL == MetricsOfChild && t.network != "stdio":
		return usagef("metrics: only of stdio there is a child that says where they are; a URL is needed")
	case o.ServerPID < 0:
		return usagef("server pid: %d is none", o.ServerPID)
	case o.ArgsExtra != "" && !json.Valid([]byte("{"+o.ArgsExtra+"}")):
		return usagef("extra arguments are JSON members without braces, not %.60q", o.ArgsExtra)
	}
	for _, h := range o.Headers {
		name, _, ok := strings.Cut(h, ":")
		if !ok || name == "" || strings.ContainsAny(h, "\r\n") {
			return usagef("header %.60q is not Name: value", h)
		}
		if t.h2 && slices.Contains(ofHTTP1, strings.ToLower(name)) {
			return usagef("header %.60q is of HTTP/1.1 alone (RFC 9113, section 8.2.2)", h)
		}
	}
	if err := o.TLS.validate(&t); err != nil {
		return err
	}
	if err := o.Plan.validate(); err != nil {
		return err
	}
	_, err = newTemplates(o)
	return err
}
