package mcp_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// receive returns the messages that come within ten seconds.
func receive(t *testing.T, c *mcptest.Client) (all []string) {
	time.Sleep(10 * time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			return all
		}
		all = append(all, m)
	}
}

// A handler that fails after its reply has moved to a larger buffer leaves
// nothing of it behind, neither in the answer nor in a buffer given back.
func TestFailureAfterGrowth(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 100<<10)
	for _, mode := range []mcp.Mode{mcp.Inline, mcp.Pooled} {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprintf("mode %d batch %v", mode, batch), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := mcp.NewServer(mcp.Options{Name: "s"})
					s.HandleTool(mcp.Tool{Name: "t"}, mode, func(c *mcp.Call) error {
						if err := c.Reply().Text(big); err != nil {
							return err
						}
						panic("late")
					})
					c := mcptest.New(t, s)
					if _, err := c.Initialize(t.Context(), mcp.Revision20250326); err != nil {
						t.Fatal(err)
					}
					m := `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}`
					want := `{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"Internal error"}}`
					if batch {
						m = `[{"jsonrpc":"2.0","id":6,"method":"ping"},` + m + `]`
						want = `[{"jsonrpc":"2.0","id":6,"result":{}},` + want + `]`
					}
					c.Send(m)
					if got := receive(t, c); len(got) != 1 || got[0] != want {
						t.Errorf("%.300q, want %s", got, want)
					}
				})
			})
		}
	}
}

// An error waits for the progress that was reported before it.
func TestErrorAfterProgress(t *testing.T) {
	for _, mode := range []mcp.Mode{mcp.Inline, mcp.Pooled} {
		synctest.Test(t, func(t *testing.T) {
			s := mcp.NewServer(mcp.Options{Name: "s"})
			s.HandleTool(mcp.Tool{Name: "t"}, mode, func(c *mcp.Call) error {
				for i := range 3 {
					if err := c.Progress(float64(i+1), 3, ""); err != nil {
						return err
					}
				}
				return &mcp.Error{Code: -32602, Message: "no"}
			})
			c := mcptest.New(t, s)
			if _, err := c.Initialize(t.Context(), mcp.Revision20251125); err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				c.Send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":1}}}`, i))
				got := receive(t, c)
				if len(got) != 4 || !strings.Contains(got[3], `"error"`) {
					t.Fatalf("mode %d: %q", mode, got)
				}
			}
		})
	}
}

// Line breaks in what a handler gives as an error's data do not break the line.
func TestErrorDataOnOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "s"})
		s.HandleTool(mcp.Tool{Name: "t"}, mcp.Inline, func(c *mcp.Call) error {
			return &mcp.Error{Code: -32602, Message: "no", Data: []byte("{\r\n\"a\": 1\n}")}
		})
		c := mcptest.New(t, s)
		c.SetModern(true)
		_, err := c.CallTool(t.Context(), "t", nil)
		if e, ok := err.(*mcp.Error); !ok || string(e.Data) != `{  "a": 1 }` {
			t.Errorf("%#v", err)
		}
	})
}

// Arguments are those of the request, and none where it has none.
func TestArgsOutsideTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "s"})
		s.HandleTool(mcp.Tool{Name: "t"}, mcp.Inline, func(*mcp.Call) error { return nil })
		seen := ""
		s.Use(func(next mcp.Handler) mcp.Handler {
			return func(c *mcp.Call) error {
				seen += string(c.Method()) + " " + string(c.Args().Object().Raw()) + "\n"
				return next(c)
			}
		})
		c := mcptest.New(t, s)
		if _, err := c.Initialize(t.Context(), mcp.Revision20251125); err != nil {
			t.Fatal(err)
		}
		if _, err := c.CallTool(t.Context(), "t", map[string]any{"password": "p"}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Call(t.Context(), "ping", nil); err != nil {
			t.Fatal(err)
		}
		if want := "initialize {}\ntools/call {\"password\":\"p\"}\nping {}\n"; seen != want {
			t.Errorf("saw %q, want %q", seen, want)
		}
	})
}

// A progress token is repeated in each report, so it must not be long.
func TestProgressTokenLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "s"})
		s.HandleTool(mcp.Tool{Name: "t"}, mcp.Inline, func(*mcp.Call) error { return nil })
		c := mcptest.New(t, s)
		c.SetModern(true)
		for _, tc := range []struct {
			token any
			good  bool
		}{
			{strings.Repeat("p", 1022), true}, {strings.Repeat("p", 1023), false},
			{strings.Repeat("é", 511), true}, {strings.Repeat("p", 1<<20), false}, {1.5, false}, {nil, false},
		} {
			_, err := c.Call(t.Context(), "tools/call", map[string]any{"name": "t", "_meta": map[string]any{"progressToken": tc.token}})
			if (err == nil) != tc.good {
				t.Errorf("token %.20v: %v", tc.token, err)
			}
		}
	})
}

// Middleware cannot move initialize off the loop, which the connection's state
// belongs to.
func TestInitializeOffLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "s"})
		s.Use(func(next mcp.Handler) mcp.Handler {
			return func(c *mcp.Call) error { c.Go(next); return nil }
		})
		c := mcptest.New(t, s)
		_, err := c.Initialize(t.Context(), mcp.Revision20251125)
		if e, ok := err.(*mcp.Error); !ok || e.Code != -32603 {
			t.Errorf("%v", err)
		}
	})
}
