package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// ask has the server ask, and returns the client's answer.
func (m *memory) ask(id, method, params string) sentMessage {
	m.t.Helper()
	m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`, id, method, params))
	got := parseSent(m.t, m.next())
	if string(got.ID) != id {
		m.t.Errorf("%s %s: the answer has id %s", method, id, got.ID)
	}
	return got
}

// sameJSON compares two JSON texts.
func sameJSON(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Errorf("%s: %s: %v", what, got, err)
		return
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

const formAllTypes = `{"type":"object","properties":{
	"s":{"type":"string","default":"text"},
	"n":{"type":"number","default":1.5},
	"i":{"type":"integer","default":42},
	"b":{"type":"boolean","default":false},
	"e":{"type":"string","enum":["x","y"],"default":"y"},
	"m":{"type":"array","items":{"type":"string","enum":["p","q","r"]},"default":["p","r"]},
	"given":{"type":"string","default":"not this"},
	"none":{"type":"string"},
	"null":{"type":"string","default":null}
}}`

// The server's requests are answered by the handlers, those without handler
// refused.
func TestClientAnswersServer(t *testing.T) {
	o := mcp.ClientOptions{
		Sampling: func(_ context.Context, r *mcp.SamplingRequest) (*mcp.SamplingResult, error) {
			if r.SystemPrompt == "refuse" {
				return nil, &mcp.Error{Code: -1, Message: "User rejected", Data: []byte("{\n}")}
			}
			if r.SystemPrompt == "break" {
				return nil, errors.New("a secret")
			}
			if r.SystemPrompt == "panic" {
				panic("boom")
			}
			return &mcp.SamplingResult{Content: []mcp.Content{mcp.TextContent(r.Messages[0].Content[0].Text + "!")}, Model: "m1", StopReason: "endTurn"}, nil
		},
		Elicitation: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			switch r.Message {
			case "decline", "cancel", "nonsense":
				return &mcp.ElicitResult{Action: r.Message, Content: map[string]any{"x": 1}}, nil
			}
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"given": "this"}}, nil
		},
		Roots: func(context.Context) ([]mcp.Root, error) { return []mcp.Root{{URI: "file:///a", Name: "a"}}, nil },
	}
	m, s := negotiated(t, mcp.Revision20251125, o)
	sameJSON(t, "ping", m.ask("1", "ping", "{}").Result, `{}`)
	sameJSON(t, "roots", m.ask(`"r-1"`, "roots/list", "{}").Result, `{"roots":[{"uri":"file:///a","name":"a"}]}`)
	sameJSON(t, "sampling", m.ask("2", "sampling/createMessage", `{"messages":[{"role":"user","content":{"type":"text","text":"hi"}}],"maxTokens":10}`).Result,
		`{"role":"assistant","content":{"type":"text","text":"hi!"},"model":"m1","stopReason":"endTurn"}`)
	sameJSON(t, "sampling, blocks in an array", m.ask("3", "sampling/createMessage", `{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"maxTokens":10}`).Result,
		`{"role":"assistant","content":{"type":"text","text":"hi!"},"model":"m1","stopReason":"endTurn"}`)
	sameJSON(t, "refused", m.ask("4", "sampling/createMessage", `{"systemPrompt":"refuse","messages":[],"maxTokens":1}`).Error, `{"code":-1,"message":"User rejected","data":{}}`)
	sameJSON(t, "broken", m.ask("5", "sampling/createMessage", `{"systemPrompt":"break","messages":[],"maxTokens":1}`).Error, `{"code":-32603,"message":"Internal error"}`)
	sameJSON(t, "panic", m.ask("6", "sampling/createMessage", `{"systemPrompt":"panic","messages":[],"maxTokens":1}`).Error, `{"code":-32603,"message":"Internal error"}`)
	sameJSON(t, "form", m.ask("7", "elicitation/create", `{"message":"m","requestedSchema":`+formAllTypes+`}`).Result,
		`{"action":"accept","content":{"s":"text","n":1.5,"i":42,"b":false,"e":"y","m":["p","r"],"given":"this"}}`)
	sameJSON(t, "decline", m.ask("8", "elicitation/create", `{"mode":"form","message":"decline","requestedSchema":`+formAllTypes+`}`).Result, `{"action":"decline"}`)
	sameJSON(t, "cancel", m.ask("9", "elicitation/create", `{"message":"cancel","requestedSchema":{}}`).Result, `{"action":"cancel"}`)
	for what, tc := range map[string]struct {
		method, params string
		code           string
	}{
		"an action that is none":   {"elicitation/create", `{"message":"nonsense","requestedSchema":{}}`, "-32603"},
		"url is not declared":      {"elicitation/create", `{"mode":"url","message":"m","url":"https://x","elicitationId":"1"}`, "-32602"},
		"an unknown mode":          {"elicitation/create", `{"mode":"dream","message":"m"}`, "-32602"},
		"a form without schema":    {"elicitation/create", `{"message":"m"}`, "-32602"},
		"an ill-typed schema":      {"elicitation/create", `{"message":"m","requestedSchema":{"properties":[]}}`, "-32602"},
		"an ill-typed message":     {"elicitation/create", `{"message":3,"requestedSchema":{}}`, "-32602"},
		"ill-typed messages":       {"sampling/createMessage", `{"messages":{},"maxTokens":1}`, "-32602"},
		"tools are not declared":   {"sampling/createMessage", `{"messages":[],"maxTokens":1,"tools":[]}`, "-32602"},
		"an unknown method":        {"x/y", `{}`, "-32601"},
		"a method of servers only": {"tools/list", `{}`, "-32601"},
	} {
		if got := m.ask("10", tc.method, tc.params); !strings.Contains(string(got.Error), `"code":`+tc.code) {
			t.Errorf("%s: %s %s", what, got.Error, got.Result)
		}
	}
	if err := s.RootsChanged(context.Background()); err != nil {
		t.Error(err)
	}
	m.expect("notifications/roots/list_changed")

	bare, _ := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{})
	for _, method := range []string{"roots/list", "sampling/createMessage", "elicitation/create"} {
		if got := bare.ask("1", method, "{}"); !strings.Contains(string(got.Error), "-32601") {
			t.Errorf("%s without handler: %s", method, got.Error)
		}
	}
	old, _ := negotiated(t, mcp.Revision20250326, o)
	if got := old.ask("1", "elicitation/create", `{"message":"m","requestedSchema":{}}`); !strings.Contains(string(got.Error), "-32601") {
		t.Errorf("elicitation in 2025-03-26: %s", got.Error)
	}
	o.ElicitURL = true
	url, _ := negotiated(t, mcp.Revision20251125, o)
	sameJSON(t, "url", url.ask("1", "elicitation/create", `{"mode":"url","message":"m","url":"https://x","elicitationId":"1"}`).Result, `{"action":"accept"}`)
	url0, _ := negotiated(t, mcp.Revision20250618, o)
	if got := url0.ask("1", "elicitation/create", `{"mode":"url","message":"m","url":"https://x"}`); !strings.Contains(string(got.Error), "-32602") {
		t.Errorf("url in 2025-06-18: %s", got.Error)
	}
	// In the modern era servers do not ask.
	modern, _ := negotiated(t, mcp.Revision20260728, o)
	if got := modern.ask("1", "roots/list", `{}`); !strings.Contains(string(got.Error), "-32600") {
		t.Errorf("a request in 2026-07-28: %s", got.Error)
	}
}

// A batch of requests gets a batch of answers, in the revision that has them.
func TestClientBatch(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20250326, mcp.ClientOptions{Roots: func(context.Context) ([]mcp.Root, error) { return nil, nil }})
	c := doErr(t, func() error { return s.Ping(context.Background()) })
	ping := m.expect("ping")
	m.feed(fmt.Sprintf(`[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":%s,"result":{}},{"jsonrpc":"2.0","id":2,"method":"roots/list"},7]`, ping.ID))
	if _, err := c.get(); err != nil {
		t.Error(err)
	}
	sameJSON(t, "batch", []byte(m.next()), `[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{"roots":[]}}]`)
}

// A handler's context ends when the server cancels its request, and nothing is
// answered then.
func TestClientHandlerCancelled(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 2)
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{Roots: func(ctx context.Context) ([]mcp.Root, error) {
		began <- struct{}{}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, ctx.Err()
	}})
	m.feed(`{"jsonrpc":"2.0","id":"a","method":"roots/list"}`)
	<-began
	m.feed(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a","reason":"too slow"}}`)
	if err := <-ended; !errors.Is(err, engine.ErrPeerCancelled) || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("cause %v", err)
	}
	sameJSON(t, "what comes next", m.ask("2", "ping", "{}").Result, "{}")
	m.feed(`{"jsonrpc":"2.0","id":"b","method":"roots/list"}`)
	<-began
	_ = s.Close()
	if err := <-ended; !errors.Is(err, engine.ErrConnClosed) {
		t.Errorf("cause %v", err)
	}
}

// A result that asks for input gets it from the same handlers, and the exact
// state back, as a new request, until there is a result.
func TestClientRounds(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20260728, mcp.ClientOptions{
		Elicitation: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": r.Message}}, nil
		},
		Roots: func(context.Context) ([]mcp.Root, error) { return nil, nil },
	})
	for method, call := range map[string]func(context.Context) (any, error){
		"tools/call":     func(ctx context.Context) (any, error) { return s.CallTool(ctx, "x", map[string]int{"a": 1}) },
		"prompts/get":    func(ctx context.Context) (any, error) { return s.GetPrompt(ctx, "x", map[string]string{"a": "1"}) },
		"resources/read": func(ctx context.Context) (any, error) { return s.ReadResource(ctx, "file:///x") },
	} {
		c := do(t, func() (any, error) { return call(context.Background()) })
		r1 := m.expect(method)
		m.reply(r1, `{"resultType":"input_required","requestState":"s\u00e9<1>","inputRequests":{`+
			`"who":{"method":"elicitation/create","params":{"mode":"form","message":"Ann","requestedSchema":{"type":"object","properties":{"age":{"type":"integer","default":7}}}}},`+
			`"where":{"method":"roots/list"}}}`)
		r2 := m.expect(method)
		if string(r2.ID) == string(r1.ID) {
			t.Errorf("%s: the retry has the same id", method)
		}
		sameJSON(t, method, r2.Params["inputResponses"], `{"who":{"action":"accept","content":{"name":"Ann","age":7}},"where":{"roots":[]}}`)
		sameJSON(t, method, r2.Params["requestState"], `"sé<1>"`)
		m.reply(r2, `{"resultType":"input_required","inputRequests":{"again":{"method":"roots/list","params":{}}}}`)
		r3 := m.expect(method)
		sameJSON(t, method, r3.Params["inputResponses"], `{"again":{"roots":[]}}`)
		if r3.Params["requestState"] != nil {
			t.Errorf("%s: state %s of an earlier round", method, r3.Params["requestState"])
		}
		m.reply(r3, `{"resultType":"input_required","requestState":"later"}`)
		r4 := m.expect(method)
		sameJSON(t, method, r4.Params["requestState"], `"later"`)
		for _, name := range []string{"name", "arguments", "uri"} {
			if string(r4.Params[name]) != string(r1.Params[name]) {
				t.Errorf("%s: %s is %s, was %s", method, name, r4.Params[name], r1.Params[name])
			}
		}
		m.reply(r4, `{"resultType":"complete","content":[],"messages":[],"contents":[]}`)
		if _, err := c.get(); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// What a result of the modern era may not be.
func TestClientRoundsRefused(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20260728, mcp.ClientOptions{
		Roots: func(context.Context) ([]mcp.Root, error) { return nil, errors.New("no disk") },
	})
	for name, tc := range map[string]struct {
		result, text string
		is           error
	}{
		"unknown type":       {`{"resultType":"dream","content":[]}`, "dream", mcp.ErrBadAnswer},
		"ill-typed type":     {`{"resultType":1,"content":[]}`, "", mcp.ErrBadAnswer},
		"undeclared task":    {`{"resultType":"task","taskId":"1","status":"working"}`, "task", mcp.ErrBadAnswer},
		"no input, no state": {`{"resultType":"input_required"}`, "does not say", mcp.ErrBadAnswer},
		"state is no string": {`{"resultType":"input_required","requestState":{}}`, "requestState", mcp.ErrBadAnswer},
		"undeclared input":   {`{"resultType":"input_required","inputRequests":{"a":{"method":"sampling/createMessage","params":{}}}}`, "sampling", nil},
		"handler fails":      {`{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}`, "no disk", nil},
	} {
		c := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(context.Background(), "x", nil) })
		m.reply(m.expect("tools/call"), tc.result)
		if _, err := c.get(); err == nil || !strings.Contains(err.Error(), tc.text) || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := do(t, func() ([]mcp.ToolInfo, error) { return s.ListTools(context.Background()) })
	m.reply(m.expect("tools/list"), `{"resultType":"input_required","requestState":"x"}`)
	if _, err := c.get(); !errors.Is(err, mcp.ErrBadAnswer) {
		t.Errorf("a list that asks for input: %v", err)
	}
	// A result without resultType is complete.
	d := do(t, func() ([]mcp.ToolInfo, error) { return s.ListTools(context.Background()) })
	m.reply(m.expect("tools/list"), `{"tools":[]}`)
	if _, err := d.get(); err != nil {
		t.Error(err)
	}
}

// A server that asks for ever is left.
func TestClientRoundsLimit(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20260728, mcp.ClientOptions{MaxRounds: 3, Roots: func(context.Context) ([]mcp.Root, error) { return nil, nil }})
	c := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(context.Background(), "x", nil) })
	for range 4 {
		m.reply(m.expect("tools/call"), `{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}`)
	}
	if _, err := c.get(); !errors.Is(err, mcp.ErrTooManyRounds) || !strings.Contains(err.Error(), "MaxRounds") {
		t.Errorf("got %v", err)
	}
	// The pause before a retry that brings nothing new ends with the context.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	d := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(ctx, "x", nil) })
	m.reply(m.expect("tools/call"), `{"resultType":"input_required","requestState":"x"}`)
	if _, err := d.get(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
