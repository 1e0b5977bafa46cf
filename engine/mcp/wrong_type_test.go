package mcp_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// variants returns value with each member, at any depth, replaced by each other
// kind of JSON value, and with each member left out; the names say what was
// done.
func variants(value any) map[string]any {
	all := map[string]any{}
	kinds := map[string]any{"null": nil, "true": true, "number": 1.5, "string": "x", "array": []any{}, "object": map[string]any{}}
	var walk func(v any, path string, rebuild func(any) any)
	walk = func(v any, path string, rebuild func(any) any) {
		if path != "" {
			for kind, k := range kinds {
				if fmt.Sprintf("%T", k) != fmt.Sprintf("%T", v) {
					all[path+" is "+kind] = rebuild(k)
				}
			}
		}
		if m, ok := v.(map[string]any); ok {
			for key, sub := range m {
				with := func(x any) any {
					c := maps.Clone(m)
					c[key] = x
					return rebuild(c)
				}
				c := maps.Clone(m)
				delete(c, key)
				all[path+"."+key+" is left out"] = rebuild(c)
				walk(sub, path+"."+key, with)
			}
		}
	}
	walk(value, "", func(x any) any { return x })
	return all
}

// Every field of every request, given every wrong type: the answer is an error
// that blames the request, or a result (the field may be one that nobody looks
// at); never an internal error, never silence; and the connection goes on.
func TestWrongTypes(t *testing.T) {
	requests := map[string]map[string]any{
		"ping":            {},
		"tools/list":      {"cursor": ""},
		"tools/call":      {"name": "add", "arguments": map[string]any{"a": 1.0, "b": 2.0}},
		"server/discover": {},
		"initialize": {"protocolVersion": "2025-11-25", "capabilities": map[string]any{"sampling": map[string]any{}, "roots": map[string]any{"listChanged": true}},
			"clientInfo": map[string]any{"name": "c", "version": "1", "title": "C"}},
	}
	notifications := map[string]map[string]any{
		"notifications/cancelled":   {"requestId": "1", "reason": "r"},
		"notifications/progress":    {"progressToken": "p", "progress": 1.0, "total": 2.0, "message": "m"},
		"notifications/initialized": {},
	}
	tried := 0
	for _, revision := range mcp.Revisions() {
		t.Run(revision, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c *mcptest.Client
				fresh := func(bound bool) {
					c = mcptest.New(t, dialogueServer())
					if bound && revision != mcp.LatestRevision {
						if _, err := c.Initialize(t.Context(), revision); err != nil {
							t.Fatal(err)
						}
					}
				}
				ask := func(method, what string, params any) {
					tried++
					m := map[string]any{"jsonrpc": "2.0", "id": tried, "method": method, "params": params}
					b, err := json.Marshal(m)
					if err != nil {
						t.Fatal(err)
					}
					c.Send(string(b))
					answer, err := c.Receive(t.Context())
					if err != nil {
						t.Fatalf("%s, %s: %v", method, what, err)
					}
					var r struct {
						Error *struct{ Code int }
					}
					if err := json.Unmarshal([]byte(answer), &r); err != nil {
						t.Fatal(err)
					}
					if r.Error != nil && !slices.Contains([]int{-32600, -32601, -32602, -32022}, r.Error.Code) {
						t.Errorf("%s, %s: %s", method, what, answer)
					}
				}
				for method, params := range requests {
					meta := map[string]any{"progressToken": "p"}
					if revision == mcp.LatestRevision {
						meta["io.modelcontextprotocol/protocolVersion"] = revision
						meta["io.modelcontextprotocol/clientCapabilities"] = map[string]any{"sampling": map[string]any{}}
						meta["io.modelcontextprotocol/clientInfo"] = map[string]any{"name": "c", "version": "1"}
					}
					whole := maps.Clone(params)
					whole["_meta"] = meta
					fresh(method != "initialize")
					for what, p := range variants(whole) {
						if method == "initialize" {
							fresh(false)
						}
						ask(method, what, p)
					}
					for _, p := range []any{nil, true, 1.5, "x", []any{}, []any{1.0}} {
						ask(method, fmt.Sprintf("params is %v", p), p)
					}
				}
				fresh(true)
				for method, params := range notifications {
					for _, p := range variants(params) {
						b, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "method": method, "params": p})
						if err != nil {
							t.Fatal(err)
						}
						c.Send(string(b))
					}
				}
				c.SetModern(revision == mcp.LatestRevision)
				r, err := c.CallTool(t.Context(), "add", map[string]any{"a": 1, "b": 2})
				if err != nil || !strings.Contains(fmt.Sprint(r), "3") {
					t.Errorf("after all that: %v, %v", r, err)
				}
			})
		})
	}
	t.Logf("%d requests", tried)
	if tried < 500 {
		t.Error("that is too few: the variants are not what they should be")
	}
}
