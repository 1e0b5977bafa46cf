package mcp_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// walk lists all tools, page by page.
func walk(t *testing.T, c *mcptest.Client) (names []string, sizes []int, last map[string]any) {
	t.Helper()
	params := map[string]any{}
	for {
		raw, err := c.Call(t.Context(), "tools/list", params)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Tools      []struct{ Name string }
			NextCursor *string
		}
		last = nil
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &last); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(r.Tools))
		for _, tool := range r.Tools {
			names = append(names, tool.Name)
		}
		if r.NextCursor == nil || len(sizes) > 100 {
			return names, sizes, last
		}
		params["cursor"] = *r.NextCursor
	}
}

// A filter hides features from lists, on full pages, by who asks; it does not
// keep anyone from calling them, and what it makes is nobody else's.
func TestListFilter(t *testing.T) {
	s := mcp.NewServer(mcp.Options{Name: "s", PageSize: 2, ListFilter: func(c *mcp.Call, name string) bool {
		return c.Modern() || strings.HasSuffix(name, "1") || strings.HasSuffix(name, "3")
	}})
	all := []string{}
	for i := range 7 {
		name := fmt.Sprintf("tool%d", i)
		all = append(all, name)
		s.HandleTool(mcp.Tool{Name: name}, mcp.Inline, func(c *mcp.Call) error { return c.Reply().TextString("called") })
	}
	for _, tc := range []struct {
		revision string
		names    []string
		sizes    []int
	}{
		{mcp.Revision20241105, []string{"tool1", "tool3"}, []int{2}},
		{mcp.Revision20251125, []string{"tool1", "tool3"}, []int{2}},
		{mcp.Revision20260728, all, []int{2, 2, 2, 1}},
	} {
		t.Run(tc.revision, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := mcptest.New(t, s)
				modern := tc.revision == mcp.Revision20260728
				if c.SetModern(modern); !modern {
					if _, err := c.Initialize(t.Context(), tc.revision); err != nil {
						t.Fatal(err)
					}
				}
				names, sizes, last := walk(t, c)
				if !reflect.DeepEqual(names, tc.names) || !reflect.DeepEqual(sizes, tc.sizes) {
					t.Errorf("%v on pages of %v, want %v of %v", names, sizes, tc.names, tc.sizes)
				}
				if modern && last["cacheScope"] != "private" {
					t.Errorf("cacheScope %v", last["cacheScope"])
				}
				for _, cursor := range []string{"t8", "x", "t01"} {
					if _, err := c.Call(t.Context(), "tools/list", map[string]any{"cursor": cursor}); err == nil {
						t.Errorf("cursor %s was taken", cursor)
					}
				}
				if res, err := c.CallTool(t.Context(), "tool0", nil); err != nil || res.Text() != "called" {
					t.Errorf("hidden tool: %v %v", res, err)
				}
			})
		})
	}
}

// A list that a client walks through while features come and go leaves out
// none that was there all the time.
func TestListWhileChanging(t *testing.T) {
	for _, filter := range []func(*mcp.Call, string) bool{nil, func(*mcp.Call, string) bool { return true }} {
		synctest.Test(t, func(t *testing.T) {
			s := mcp.NewServer(mcp.Options{Name: "s", PageSize: 2, ListFilter: filter})
			add := func(name string) {
				s.HandleTool(mcp.Tool{Name: name}, mcp.Inline, func(*mcp.Call) error { return nil })
			}
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				add(name)
			}
			c := mcptest.New(t, s)
			c.SetModern(true)
			page := func(cursor string) (next string, text string) {
				raw, err := c.Call(t.Context(), "tools/list", map[string]any{"cursor": cursor})
				if err != nil {
					t.Fatal(err)
				}
				var r struct {
					Tools      []struct{ Name string }
					NextCursor string
				}
				if err := json.Unmarshal(raw, &r); err != nil {
					t.Fatal(err)
				}
				for _, tool := range r.Tools {
					text += tool.Name
				}
				return r.NextCursor, text
			}
			next, seen := page("")
			s.RemoveTool("b") // the last one of the page before
			s.RemoveTool("a")
			add("f")
			for next != "" {
				var text string
				next, text = page(next)
				seen += text
			}
			for _, name := range "cdef" {
				if !strings.ContainsRune(seen, name) {
					t.Errorf("saw %s, without %c", seen, name)
				}
			}
		})
	}
}
