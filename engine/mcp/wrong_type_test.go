package mcp_test

import (
	"context"
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

// Every field of every request, given every wrong type, and left out: the
// answer is an error that blames the request, or a result (the field may be one
// that nobody looks at, or need not be there); never an internal error, never
// silence; and the connection goes on.
func TestWrongTypes(t *testing.T) {
	requests := map[string]map[string]any{
		"ping":            {},
		"tools/list":      {"cursor": ""},
		"tools/call":      {"name": "add", "arguments": map[string]any{"a": 1.0, "b": 2.0}},
		"server/discover": {},
		"prompts/list":    {"cursor": ""},
		"prompts/get":     {"name": "greet", "arguments": map[string]any{"name": "a", "style": "b"}},
		"resources/list":  {"cursor": ""}, "resources/templates/list": {"cursor": ""},
		"resources/read":      {"uri": "test://items/en/1"},
		"resources/subscribe": {"uri": "test://static"}, "resources/unsubscribe": {"uri": "test://static"},
		"completion/complete": {"ref": map[string]any{"type": "ref/prompt", "name": "greet"}, "argument": map[string]any{"name": "name", "value": "a"},
			"context": map[string]any{"arguments": map[string]any{"style": "b"}}},
		"logging/setLevel": {"level": "emergency"},
		"tasks/get":        {"taskId": "x"}, "tasks/result": {"taskId": "x"}, "tasks/cancel": {"taskId": "x"}, "tasks/list": {"cursor": ""},
		"tasks/update": {"taskId": "x", "inputResponses": map[string]any{"a": map[string]any{}}},
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
					if r.Error != nil && !slices.Contains([]int{-32600, -32601, -32602, -32021, -32022}, r.Error.Code) {
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

// kinds are a value of each JSON type; integers are told from other numbers.
var kinds = map[string]any{
	"null": nil, "boolean": true, "number": 1.5, "integer": 7, "string": "x", "array": []any{}, "object": map[string]any{},
}

// field is a place in the params of a method, and the JSON types that the
// protocol allows there.
type field struct {
	path    []string // "0" is the first element of an array, "*" a member of any name
	allowed map[string]bool
}

// fields finds the places that a schema gives types to.
func (s *protocolSchema) fields(schema any, path []string, refs string) (all []field) {
	m, refs := s.resolve(schema, refs)
	if m == nil {
		return nil
	}
	sub := func(name string, schema any) {
		at := append(slices.Clone(path), name)
		if allowed := s.types(schema, refs); len(allowed) < len(kinds) {
			all = append(all, field{at, allowed})
		}
		all = append(all, s.fields(schema, at, refs)...)
	}
	properties, _ := m["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		sub(name, properties[name])
	}
	if items, ok := m["items"]; ok {
		sub("0", items)
	}
	if alternatives, ok := m["anyOf"].([]any); ok && slices.Equal(path, []string{"ref"}) { // of completion/complete
		for _, one := range alternatives {
			all = append(all, s.fields(one, path, refs)...)
		}
	}
	if additional, ok := m["additionalProperties"].(map[string]any); ok {
		sub("*", additional)
	}
	return all
}

// resolve follows references, none of them twice on the way down.
func (s *protocolSchema) resolve(schema any, refs string) (map[string]any, string) {
	m, _ := schema.(map[string]any)
	for {
		ref, ok := m["$ref"].(string)
		if !ok {
			return m, refs
		}
		if strings.Contains(refs, ref+" ") {
			return nil, refs
		}
		refs += ref + " "
		m, _ = s.definitions[ref[strings.LastIndexByte(ref, '/')+1:]].(map[string]any)
	}
}

// types returns the JSON types that a schema allows.
func (s *protocolSchema) types(schema any, refs string) map[string]bool {
	allowed := map[string]bool{}
	m, refs := s.resolve(schema, refs)
	switch {
	case m["type"] != nil:
		list, ok := m["type"].([]any)
		if !ok {
			list = []any{m["type"]}
		}
		for _, t := range list {
			allowed[t.(string)] = true
		}
	case m["anyOf"] != nil:
		for _, one := range m["anyOf"].([]any) {
			maps.Copy(allowed, s.types(one, refs))
		}
	default:
		for kind := range kinds {
			allowed[kind] = true
		}
	}
	if allowed["number"] {
		allowed["integer"] = true
	}
	return allowed
}

// with returns value with what is at the path replaced. What is not there on
// the way is made.
func with(value any, path []string, leaf any) any {
	if len(path) == 0 {
		return leaf
	}
	if path[0] == "0" {
		return []any{with(nil, path[1:], leaf)}
	}
	m, _ := value.(map[string]any)
	if m = maps.Clone(m); m == nil {
		m = map[string]any{}
	}
	m[path[0]] = with(m[path[0]], path[1:], leaf)
	return m
}

// Every place that the protocol's own schema gives a type to, in every request
// and notification of every revision, given every type that the schema does
// not allow there: a request is refused for its params, or the tool says that
// its arguments are invalid; a notification is not answered; the connection
// goes on. With the types that are allowed nothing of the server's breaks.
func TestWrongTypesBySchema(t *testing.T) {
	schemas := loadSchemas(t)
	if schemas == nil {
		t.Skip("no schemas to take fields from")
	}
	definitions := map[string]string{
		"initialize": "InitializeRequest", "ping": "PingRequest", "server/discover": "DiscoverRequest",
		"tools/list": "ListToolsRequest", "tools/call": "CallToolRequest",
		"prompts/list": "ListPromptsRequest", "prompts/get": "GetPromptRequest",
		"resources/list": "ListResourcesRequest", "resources/templates/list": "ListResourceTemplatesRequest",
		"resources/read": "ReadResourceRequest", "resources/subscribe": "SubscribeRequest", "resources/unsubscribe": "UnsubscribeRequest",
		"completion/complete": "CompleteRequest", "logging/setLevel": "SetLevelRequest", "subscriptions/listen": "SubscriptionsListenRequest",
		"tasks/get": "GetTaskRequest", "tasks/result": "GetTaskPayloadRequest", "tasks/cancel": "CancelTaskRequest", "tasks/list": "ListTasksRequest",
		"notifications/cancelled": "CancelledNotification", "notifications/progress": "ProgressNotification",
	}
	base := map[string]map[string]any{
		"initialize":              {"protocolVersion": "", "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "c", "version": "1"}},
		"tools/call":              {"name": "echo", "arguments": map[string]any{"text": "x"}},
		"prompts/get":             {"name": "greet", "arguments": map[string]any{"name": "a"}},
		"resources/read":          {"uri": "test://static"},
		"resources/subscribe":     {"uri": "test://static"},
		"resources/unsubscribe":   {"uri": "test://static"},
		"completion/complete":     {"ref": map[string]any{"type": "ref/prompt", "name": "greet"}, "argument": map[string]any{"name": "name", "value": "a"}},
		"logging/setLevel":        {"level": "emergency"},
		"subscriptions/listen":    {"notifications": map[string]any{}},
		"notifications/cancelled": {"requestId": "none"},
		"notifications/progress":  {"progressToken": "none", "progress": 1},
	}
	wrong := 0
	for _, revision := range mcp.Revisions() {
		modern := revision == mcp.LatestRevision
		s := schemas[revision]
		for _, method := range slices.Sorted(maps.Keys(definitions)) {
			definition, ok := s.definitions[definitions[method]].(map[string]any)
			if !ok || modern && (method == "ping" || method == "initialize") {
				continue
			}
			t.Run(revision+"/"+method, func(t *testing.T) {
				params := maps.Clone(base[method])
				if method == "initialize" {
					params["protocolVersion"] = revision
				}
				if modern {
					meta := map[string]any{}
					if err := json.Unmarshal([]byte("{"+modernMeta+"}"), &meta); err != nil {
						t.Fatal(err)
					}
					params = with(params, []string{"_meta"}, meta).(map[string]any)
				}
				c := mcptest.New(t, dialogueServer())
				start := func() {
					if !modern {
						if _, err := c.Initialize(t.Context(), revision); err != nil {
							t.Fatal(err)
						}
					}
				}
				if method != "initialize" {
					start()
				}
				c.SetModern(modern)
				notification := strings.HasPrefix(method, "notifications/")
				fields := s.fields(definition["properties"].(map[string]any)["params"], nil, "")
				for _, f := range fields {
					for _, kind := range slices.Sorted(maps.Keys(kinds)) {
						if kind == "null" && slices.Equal(f.path, []string{"arguments"}) {
							continue // means none: a client that is much used sends it
						}
						if !f.allowed[kind] {
							wrong++
						} else if method == "initialize" || method == "subscriptions/listen" {
							continue // it would be accepted, and that once
						}
						what := fmt.Sprintf("%s is of type %s", strings.Join(f.path, "."), kind)
						m := map[string]any{"jsonrpc": "2.0", "method": method, "params": with(params, f.path, kinds[kind])}
						if !notification {
							m["id"] = 1
						}
						b, err := json.Marshal(m)
						if err != nil {
							t.Fatal(err)
						}
						c.Send(string(b))
						if notification {
							continue
						}
						answer, err := c.Receive(t.Context())
						if err != nil {
							t.Fatalf("%s: %v", what, err)
						}
						var r struct {
							Result struct{ IsError bool }
							Error  struct{ Code int }
						}
						if err := json.Unmarshal([]byte(answer), &r); err != nil {
							t.Fatal(err)
						}
						refused := r.Error.Code == -32602 || r.Result.IsError
						if r.Error.Code == -32603 || !refused && !f.allowed[kind] {
							t.Errorf("%s: %s", what, answer)
						}
					}
				}
				if method == "initialize" {
					start()
				}
				if r, err := c.CallTool(t.Context(), "add", map[string]any{"a": 1, "b": 2}); err != nil || !strings.Contains(r.Text(), "3") {
					t.Errorf("after all that: %+v, %v", r, err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if m, err := c.Receive(ctx); err == nil {
					t.Errorf("nobody asked for %s", m)
				}
				t.Logf("%d fields", len(fields))
			})
		}
	}
	t.Logf("%d wrong types", wrong)
	if wrong < 1000 {
		t.Error("that is too few: the fields are not what they should be")
	}
}
