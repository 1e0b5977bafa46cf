package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

func newServer(o mcp.Options) *mcp.Server {
	o.Name, o.Version = "test", "1"
	return mcp.NewServer(o)
}

func nothing(*mcp.Call) error { return nil }

// panicText runs f and returns what it panicked with.
func panicText(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

// Pages have the size that was asked for, and their cursors lead through all
// tools, also while tools come and go.
func TestPages(t *testing.T) {
	for _, size := range []int{0, 1, 3, 7, 8} {
		s := newServer(mcp.Options{PageSize: size})
		for i := range 7 {
			s.HandleTool(mcp.Tool{Name: fmt.Sprint("tool", i)}, mcp.Inline, nothing)
		}
		c := mcptest.New(t, s)
		c.SetModern(true)
		var seen []string
		cursor, pages := "", 0
		for {
			p := map[string]any{}
			if cursor != "" {
				p["cursor"] = cursor
			}
			raw, err := c.Call(t.Context(), "tools/list", p)
			if err != nil {
				t.Fatal(err)
			}
			var r struct {
				Tools      []struct{ Name string }
				NextCursor string
				TTLMs      *int
			}
			if err := json.Unmarshal(raw, &r); err != nil || r.TTLMs == nil || *r.TTLMs != 0 {
				t.Fatalf("%v in %s", err, raw)
			}
			if size > 0 && len(r.Tools) > size {
				t.Errorf("a page of %d tools, want %d at most", len(r.Tools), size)
			}
			for _, tool := range r.Tools {
				seen = append(seen, tool.Name)
			}
			if pages++; pages == 1 {
				s.RemoveTool("tool0") // a page that was read already gets shorter
			}
			if cursor = r.NextCursor; cursor == "" {
				break
			}
		}
		for i := range 7 {
			if !strings.Contains(strings.Join(seen, " "), fmt.Sprint("tool", i)) {
				t.Errorf("size %d: tool%d was left out: %v", size, i, seen)
			}
		}
	}
}

// A tool that is not as it should be is noticed when it is registered.
func TestRegistration(t *testing.T) {
	type in struct {
		A int `json:"a"`
	}
	type bad struct{ C chan int }
	good := func(context.Context, in) (string, error) { return "", nil }
	for _, tc := range []struct {
		name string
		do   func(*mcp.Server)
		says string
	}{
		{"raw", func(s *mcp.Server) { s.HandleTool(mcp.Tool{Name: "x"}, mcp.Inline, nothing) }, ""},
		{"typed", func(s *mcp.Server) { mcp.AddTool(s, mcp.Tool{Name: "x"}, good) }, ""},
		{"name taken", func(s *mcp.Server) {
			s.HandleTool(mcp.Tool{Name: "x"}, mcp.Inline, nothing)
			mcp.AddTool(s, mcp.Tool{Name: "x"}, good)
		}, `name is taken: "x"`},
		{"no name", func(s *mcp.Server) { s.HandleTool(mcp.Tool{}, mcp.Inline, nothing) }, "name"},
		{"name with a blank", func(s *mcp.Server) { s.HandleTool(mcp.Tool{Name: "a b"}, mcp.Inline, nothing) }, "a b"},
		{"name too long", func(s *mcp.Server) {
			s.HandleTool(mcp.Tool{Name: strings.Repeat("x", 129)}, mcp.Inline, nothing)
		}, "128"},
		{"no handler", func(s *mcp.Server) { s.HandleTool(mcp.Tool{Name: "x"}, mcp.Inline, nil) }, "no handler"},
		{"schema is no JSON", func(s *mcp.Server) {
			s.HandleTool(mcp.Tool{Name: "x", InputSchema: []byte(`{`)}, mcp.Inline, nothing)
		}, "InputSchema"},
		{"schema of no object", func(s *mcp.Server) {
			s.HandleTool(mcp.Tool{Name: "x", InputSchema: []byte(`{"type":"string"}`)}, mcp.Inline, nothing)
		}, "object"},
		{"schema with a typing error", func(s *mcp.Server) {
			s.HandleTool(mcp.Tool{Name: "x", InputSchema: []byte(`{"type":"object","properties":{"a":{"type":"strnig"}}}`), Validate: true}, mcp.Inline, nothing)
		}, "must be one of"},
		{"arguments that are no object", func(s *mcp.Server) {
			mcp.AddTool(s, mcp.Tool{Name: "x"}, func(context.Context, int) (string, error) { return "", nil })
		}, "wrap it in a struct"},
		{"result that is no object", func(s *mcp.Server) {
			mcp.AddTool(s, mcp.Tool{Name: "x"}, func(context.Context, in) ([]int, error) { return nil, nil })
		}, "wrap it in a struct"},
		{"type without a schema", func(s *mcp.Server) {
			mcp.AddTool(s, mcp.Tool{Name: "x"}, func(context.Context, bad) (string, error) { return "", nil })
		}, "chan"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := panicText(func() { tc.do(newServer(mcp.Options{})) })
			if (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) {
				t.Errorf("panic %q, want %q in it", got, tc.says)
			}
		})
	}
}

// Tools come and go while they are called.
func TestRemoveTool(t *testing.T) {
	s := newServer(mcp.Options{})
	s.HandleTool(mcp.Tool{Name: "x"}, mcp.Inline, func(c *mcp.Call) error { return c.Reply().TextString("here") })
	c := mcptest.New(t, s)
	c.SetModern(true)
	if r, err := c.CallTool(t.Context(), "x", nil); err != nil || r.Text() != "here" {
		t.Errorf("%v, %v", r, err)
	}
	if !s.RemoveTool("x") || s.RemoveTool("x") {
		t.Error("RemoveTool says the wrong thing")
	}
	if _, err := c.CallTool(t.Context(), "x", nil); err == nil || !strings.Contains(err.Error(), "x") {
		t.Errorf("a tool that was removed: %v", err)
	}
	if raw, err := c.Call(t.Context(), "tools/list", nil); err != nil || !strings.Contains(string(raw), `"tools":[]`) {
		t.Errorf("%s, %v", raw, err)
	}
}
