package pooling

import (
	"errors"
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/pool"
)

// Client is what makes the calls.
type Client string

const (
	// Line is a connection that knows one request and its answer.
	Line Client = "line"
	// Mux is a connection like Line that many callers share: what they ask goes
	// out together, and a goroutine hands each its answer.
	Mux Client = "mux"
	// Session is an mcp.ClientSession.
	Session Client = "session"
)

// Size is how many share how many connections.
type Size struct {
	Name  string `json:"name"`
	Conns int    `json:"conns"`
	Users int    `json:"users"`
}

// Sizes are the three of the erlmcp v3 report of 2026-02-02.
var Sizes = []Size{{"small", 10, 100}, {"medium", 50, 500}, {"large", 100, 1000}}

// Config says what to measure. Target is required.
type Config struct {
	// Target is the server, tcp://HOST:PORT or unix:///PATH, whose tool echo
	// returns its argument text, after its argument ms in milliseconds: gannet
	// serve --demo.
	Target string
	// ServerPID is its process, whose memory is to be told of. Zero: not told.
	ServerPID int
	// Sizes are measured one after the other. nil: Sizes.
	Sizes []Size
	// Client makes the calls. Empty: Line.
	Client Client
	// Strategy, PerConn and Breaker of the pool. Zero: as in pool.PoolOptions.
	Strategy pool.Strategy
	PerConn  int
	Breaker  pool.BreakerOptions
	// Text is the size of the argument and the answer. Zero: 1,024 bytes.
	Text int
	// Work is how long the server takes for each call, whole milliseconds.
	Work time.Duration
	// WarmUp is before Duration, for each size; half of Duration more, a quarter
	// before and a quarter after, is for the rate without a pool. Zero: 500 ms and
	// 3 s.
	WarmUp, Duration time.Duration
	// Timeout bounds an operation. Zero: 10 s.
	Timeout time.Duration
}

// Bounds of Config.
const (
	maxUsers = 100_000
	maxText  = 1 << 20
	maxWork  = 10 * time.Second
)

func (c Config) withDefaults() Config {
	if c.Sizes == nil {
		c.Sizes = Sizes
	}
	if c.Client == "" {
		c.Client = Line
	}
	if c.Text == 0 {
		c.Text = 1024
	}
	if c.WarmUp == 0 {
		c.WarmUp = 500 * time.Millisecond
	}
	if c.Duration == 0 {
		c.Duration = 3 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	return c
}

func (c *Config) validate() (err error) {
	bad := func(format string, args ...any) { err = errors.Join(err, fmt.Errorf("pooling: "+format, args...)) }
	if c.Target == "" {
		bad("no target; want tcp://HOST:PORT or unix:///PATH")
	}
	if c.Client != Line && c.Client != Mux && c.Client != Session {
		bad("client %q; want %q, %q or %q", c.Client, Line, Mux, Session)
	}
	if c.Text < 1 || c.Text > maxText {
		bad("a text of %d bytes; want 1 to %d", c.Text, maxText)
	}
	if c.Work < 0 || c.Work > maxWork || c.Work%time.Millisecond != 0 {
		bad("work of %v; want whole milliseconds, up to %v", c.Work, maxWork)
	}
	if c.WarmUp < 0 || c.Duration < 0 || c.Timeout <= c.Work {
		bad("warm-up %v, duration %v, time-out %v, work %v; want no negative time, and a time-out longer than the work", c.WarmUp, c.Duration, c.Timeout, c.Work)
	}
	if c.Client == Line && c.PerConn > 1 {
		bad("%d borrowers of a connection; the client %q is not shared, %q and %q are", c.PerConn, Line, Mux, Session)
	}
	for _, s := range c.Sizes {
		if s.Conns < 1 || s.Conns > pool.MaxConns || s.Users < 1 || s.Users > maxUsers {
			bad("%d connections for %d users; want 1 to %d for 1 to %d", s.Conns, s.Users, pool.MaxConns, maxUsers)
		}
	}
	return err
}

// client is the MCP client of all sessions.
func (c *Config) client() *mcp.Client {
	return mcp.NewClient(mcp.ClientOptions{Name: "pooling", Version: "1", Revision: mcp.Revision20251125})
}
