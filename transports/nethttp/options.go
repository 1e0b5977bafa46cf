package nethttp

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/gannetmcp/gannet/engine"
)

// DefaultMaxRequests is the default of Options.MaxRequests.
const DefaultMaxRequests = 10_000

// Options configures a Handler. The zero value is usable.
type Options struct {
	// Engine configures the engine behind the handler. Of its times,
	// ReadTimeout bounds how long a request's body may take, and
	// WriteStallTimeout how long a client may take nothing of its answer. Both
	// replace what an http.Server has (ReadTimeout, WriteTimeout) from where the
	// handler begins, so that event streams outlive those.
	Engine engine.Options
	// Loops is the number of engine loops among which requests are dealt out:
	// how many of them are served at the same instant, handlers that wait on
	// the worker pool apart. Zero: GOMAXPROCS. At most 256.
	Loops int
	// MaxRequests bounds the requests that are being served, event streams
	// among them. Zero: 10,000. Beyond it: 503 with Retry-After.
	MaxRequests int
	// Logger takes what an operator should know. nil discards. It is the
	// engine's too, unless Engine.Logger is set.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Loops == 0 {
		o.Loops = min(runtime.GOMAXPROCS(0), 256)
	}
	if o.MaxRequests == 0 {
		o.MaxRequests = DefaultMaxRequests
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Engine.Logger == nil {
		o.Engine.Logger = o.Logger
	}
	return o
}

func (o *Options) validate() error {
	if o.Loops < 1 || o.Loops > 256 {
		return fmt.Errorf("nethttp: Options.Loops is %d; it must lie between 1 and 256", o.Loops)
	}
	if o.MaxRequests < 1 || o.MaxRequests > 10_000_000 {
		return fmt.Errorf("nethttp: Options.MaxRequests is %d; it must lie between 1 and 10000000", o.MaxRequests)
	}
	return nil
}

// errNoService says what New was given.
var errNoService = errors.New("nethttp: New needs a service; mcp.NewServer makes one")
