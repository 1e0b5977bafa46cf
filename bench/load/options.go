package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Methods.
const (
	MethodPing = "ping" // ping
	MethodCall = "call" // tools/call of a tool that returns its argument text
	MethodRaw  = "raw"  // lines that come back byte by byte and in order; no JSON, no handshake
)

// Defaults and limits of Options.
const (
	DefaultSize     = 1002 // bytes of a call or a raw line
	DefaultTool     = "echo"
	DefaultDuration = 3 * time.Second
	DefaultTimeout  = 5 * time.Second

	MaxConns = 50_000
	MaxDepth = 65_536
	MaxSize  = 16 << 20
)

// ErrLinuxOnly is returned by Run on other systems.
var ErrLinuxOnly = errors.New("load: generating load needs Linux (epoll, /proc, CPU affinity)")

// Options say what load to generate. Target is needed; every other field may be
// zero.
type Options struct {
	// Target is tcp://HOST:PORT, unix:///PATH, or stdio.
	Target string
	// Command and its arguments are started for stdio; their standard error is
	// this process's.
	Command []string

	Conns  int    // connections; 0 is 1, at most MaxConns; stdio has 1
	Depth  int    // requests in flight on each; 0 is 1, at most MaxDepth
	Method string // "" is MethodPing
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
	// Timeout bounds each wait: for a handshake step, for any progress of a
	// connection with requests in flight, for a child to exit. 0 is
	// DefaultTimeout.
	Timeout time.Duration

	CPUs      []int // pins this process; nil leaves it
	ChildCPUs []int // pins the child of stdio; nil leaves it where this process was before it was pinned
	// ServerPID is the process whose CPU time, memory and context switches are
	// reported; 0 is none, and the child where the target is stdio.
	ServerPID int

	// Progress is told what the run is about to do, on the calling goroutine.
	// nil tells nobody.
	Progress func(step string)
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
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o
}

// UsageError is a fault in Options, as against one of the server or the system.
type UsageError struct{ Reason string }

// Error says what is wrong.
func (e *UsageError) Error() string { return "load: " + e.Reason }

func usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

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
	case o.ServerPID < 0:
		return usagef("server pid: %d is none", o.ServerPID)
	case o.ArgsExtra != "" && !json.Valid([]byte("{"+o.ArgsExtra+"}")):
		return usagef("extra arguments are JSON members without braces, not %.60q", o.ArgsExtra)
	}
	_, err = newTemplate(o)
	return err
}
