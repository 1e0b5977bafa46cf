package mcp_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// journal is what middleware notes, on whatever goroutine it runs.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := strings.TrimSpace(j.text.String())
	j.text.Reset()
	return s
}

// layer returns middleware that notes when it is entered and left.
func (j *journal) layer(name string) func(mcp.Handler) mcp.Handler {
	return func(next mcp.Handler) mcp.Handler {
		return func(c *mcp.Call) error {
			fmt.Fprintf(j, "%s>%s:%s ", name, c.Method(), c.Tool())
			err := next(c)
			fmt.Fprintf(j, "<%s ", name)
			return err
		}
	}
}

// Middleware goes round every method and every tool, those from before it
// too, the first that was given outermost.
func TestMiddlewareOrder(t *testing.T) {
	j := &journal{}
	s := newServer(mcp.Options{})
	s.HandleTool(mcp.Tool{Name: "early"}, mcp.Inline, nothing)
	s.Use(j.layer("a"), j.layer("b"))
	s.HandleTool(mcp.Tool{Name: "late"}, mcp.Pooled, nothing)
	s.Use(j.layer("c"))
	c := mcptest.New(t, s)
	for _, tc := range []struct{ method, params, want string }{
		{"ping", `{}`, "a>ping: b>ping: c>ping: <c <b <a"},
		{"initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}`, "a>initialize: b>initialize: c>initialize: <c <b <a"},
		{"tools/list", `{}`, "a>tools/list: b>tools/list: c>tools/list: <c <b <a"},
		{"tools/call", `{"name":"early"}`, "a>tools/call:early b>tools/call:early c>tools/call:early <c <b <a"},
		{"tools/call", `{"name":"late"}`, "a>tools/call:late b>tools/call:late c>tools/call:late <c <b <a"},
		{"tools/call", `{"name":"nothing"}`, "a>tools/call: b>tools/call: c>tools/call: <c <b <a"},
		{"no/such", `{}`, "a>no/such: b>no/such: c>no/such: <c <b <a"},
		{"server/discover", `{"_meta":{` + modernMeta + `}}`, "a>server/discover: b>server/discover: c>server/discover: <c <b <a"},
		// Refused before the method was looked at.
		{"tools/call", `{"name":7}`, ""},
		{"tools/call", `{"name":"early","_meta":[]}`, ""},
		{"initialize", `[]`, ""},
	} {
		c.Send(`{"jsonrpc":"2.0","id":1,"method":"` + tc.method + `","params":` + tc.params + `}`)
		if _, err := c.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := j.take(); got != tc.want {
			t.Errorf("%s %s: %s, want %s", tc.method, tc.params, got, tc.want)
		}
	}
}

var errOdd = errors.New("odd")

// Middleware answers itself, looks at errors and replaces them, and panics,
// before and behind what it goes round, on the loop and on a worker.
func TestMiddlewareAnswers(t *testing.T) {
	log := &journal{}
	s := newServer(mcp.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	do := "" // what the middleware does with the next request
	s.Use(func(next mcp.Handler) mcp.Handler {
		return func(c *mcp.Call) error {
			switch do {
			case "error":
				return &mcp.Error{Code: -32050, Message: "not for you"}
			case "arg error":
				return c.Args().Fail("who", "somebody else")
			case "text":
				return c.Reply().TextString("from the cache")
			case "raw":
				return c.Reply().Raw([]byte(`{"content":[],"structuredContent":{}}`))
			case "nothing":
				return nil
			case "panic":
				panic("before")
			}
			err := next(c)
			switch do {
			case "panic behind":
				panic("behind")
			case "replace":
				if errors.Is(err, errOdd) {
					return errors.New("even")
				}
				return errors.New("no error came")
			case "error behind":
				return errOdd
			case "more":
				return c.Reply().TextString(" and more")
			case "swallow":
				return nil
			}
			return err
		}
	})
	for mode, name := range map[mcp.Mode]string{mcp.Inline: "inline", mcp.Pooled: "pooled"} {
		s.HandleTool(mcp.Tool{Name: name}, mode, func(c *mcp.Call) error { return c.Reply().TextString("text") })
		s.HandleTool(mcp.Tool{Name: name + "-fails"}, mode, func(c *mcp.Call) error {
			_ = c.Reply().TextString("half")
			return errOdd
		})
	}
	s.HandleTool(mcp.Tool{Name: "moves"}, mcp.Inline, func(c *mcp.Call) error {
		c.GoAfter(time.Millisecond, func(c *mcp.Call) error { return c.Reply().TextString("text") })
		return nil
	})
	c := mcptest.New(t, s)
	if _, err := c.Initialize(t.Context(), mcp.Revision20251125); err != nil {
		t.Fatal(err)
	}
	const ok, odd = `{"content":[{"type":"text","text":"text"}]}`, `{"content":[{"type":"text","text":"odd"}],"isError":true}`
	for _, tc := range []struct {
		do, tool, want string // tool "": ping
		logged         string
	}{
		{"", "inline", ok, ""},
		{"", "pooled", ok, ""},
		{"", "moves", ok, ""},
		{"", "", `{}`, ""},
		{"", "inline-fails", odd, ""},
		{"", "pooled-fails", odd, ""},
		{"error", "inline", "not for you", ""},
		{"error", "pooled", "not for you", ""},
		{"error", "", "not for you", ""},
		{"arg error", "inline", `{"content":[{"type":"text","text":"Invalid arguments: who must be somebody else"}],"isError":true}`, ""},
		{"arg error", "", "Invalid params: who must be somebody else", ""},
		{"text", "inline", `{"content":[{"type":"text","text":"from the cache"}]}`, ""},
		{"text", "pooled", `{"content":[{"type":"text","text":"from the cache"}]}`, ""},
		{"raw", "", `{"content":[],"structuredContent":{}}`, ""},
		{"nothing", "pooled", `{"content":[]}`, ""},
		{"replace", "inline-fails", `{"content":[{"type":"text","text":"even"}],"isError":true}`, ""},
		{"replace", "pooled-fails", `{"content":[{"type":"text","text":"even"}],"isError":true}`, ""},
		{"replace", "inline", `{"content":[{"type":"text","text":"no error came"}],"isError":true}`, ""},
		{"more", "inline", `{"content":[{"type":"text","text":"text"},{"type":"text","text":" and more"}]}`, ""},
		{"swallow", "inline-fails", `{"content":[{"type":"text","text":"half"}]}`, ""},
		{"error behind", "pooled", odd, ""},
		{"error behind", "", `{}`, "is lost"}, // ping is answered by then
		{"error behind", "moves", ok, "is lost"},
		{"panic", "inline", "Internal error", ""},
		{"panic", "pooled", "Internal error", ""},
		{"panic", "", "Internal error", ""},
		{"panic behind", "inline", "Internal error", ""},
		{"panic behind", "pooled", "Internal error", ""},
		{"panic behind", "", `{}`, ""},
		{"panic behind", "moves", ok, ""},
		{"", "inline", ok, ""},
	} {
		do = tc.do
		method, params := "tools/call", any(map[string]any{"name": tc.tool})
		if tc.tool == "" {
			method, params = "ping", nil
		}
		raw, err := c.Call(t.Context(), method, params)
		got := string(raw)
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "mcp: ")
		}
		if got != tc.want {
			t.Errorf("%s, %s: %s, want %s", tc.do, tc.tool, got, tc.want)
		}
		if l := log.take(); (l == "") != (tc.logged == "") || !strings.Contains(l, tc.logged) {
			t.Errorf("%s, %s: %q in the log, want %q", tc.do, tc.tool, l, tc.logged)
		}
	}
	if n := c.Engine().Snapshot().Panics; n != 7 {
		t.Errorf("%d panics counted", n)
	}
}

// Middleware may be added while the server serves; a nil handler is noticed
// when it is composed.
func TestMiddlewareWhileServing(t *testing.T) {
	s := newServer(mcp.Options{})
	s.HandleTool(mcp.Tool{Name: "x"}, mcp.Pooled, nothing)
	c := mcptest.New(t, s)
	c.SetModern(true)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if _, err := c.CallTool(t.Context(), "x", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 20 {
		s.Use(func(next mcp.Handler) mcp.Handler { return next })
		name := fmt.Sprint("y", i)
		s.HandleTool(mcp.Tool{Name: name}, mcp.Inline, nothing)
		if i%2 == 0 && !s.RemoveTool(name) {
			t.Error(name)
		}
	}
	wg.Wait()
	if got := panicText(func() { s.Use(func(mcp.Handler) mcp.Handler { return nil }) }); !strings.Contains(got, "nil Handler") {
		t.Errorf("panic %q", got)
	}
	if _, err := c.CallTool(t.Context(), "x", nil); err != nil {
		t.Errorf("after a composition that failed: %v", err)
	}
	var e *mcp.Error
	if _, err := c.CallTool(t.Context(), "y0", nil); !errors.As(err, &e) || e.Code != codec.CodeInvalidParams {
		t.Errorf("%v", err)
	}
}
