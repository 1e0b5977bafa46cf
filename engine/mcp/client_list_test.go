package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// Lists follow their cursors, an empty one among them, and keep what they do
// not know, schemas byte for byte.
func TestClientLists(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{})
	ctx := context.Background()
	schema := `{"$schema":"x","type":"object","allOf":[{"if":{}}],"x-1":[1.0,1e2]}`
	c := do(t, func() ([]mcp.ToolInfo, error) { return s.ListTools(ctx) })
	r := m.expect("tools/list")
	if r.Params["cursor"] != nil {
		t.Errorf("the first page has cursor %s", r.Params["cursor"])
	}
	m.reply(r, `{"tools":[{"name":"a","title":"A","description":"d","inputSchema":`+schema+`,"annotations":{"readOnlyHint":true},"execution":{"taskSupport":"required"},"_meta":{"k":1},"new":2}],"nextCursor":""}`)
	r = m.expect("tools/list")
	sameJSON(t, "cursor", r.Params["cursor"], `""`)
	m.reply(r, `{"tools":[{"name":"b","inputSchema":{}}],"nextCursor":"3\""}`)
	r = m.expect("tools/list")
	sameJSON(t, "cursor", r.Params["cursor"], `"3\""`)
	m.reply(r, `{"tools":[]}`)
	tools, err := c.get()
	if err != nil || len(tools) != 2 {
		t.Fatalf("%v, %v", tools, err)
	}
	a := tools[0]
	if a.Name != "a" || a.Title != "A" || a.Description != "d" || string(a.InputSchema) != schema || !*a.Annotations.ReadOnlyHint ||
		a.Execution.TaskSupport != "required" || string(a.Meta) != `{"k":1}` || !strings.Contains(string(a.Raw), `"new":2`) {
		t.Errorf("got %+v", a)
	}

	res := do(t, func() ([]mcp.ResourceInfo, error) { return s.ListResources(ctx) })
	m.reply(m.expect("resources/list"), `{"resources":[{"uri":"file:///a","name":"a","mimeType":"text/plain","size":3}]}`)
	if got, err := res.get(); err != nil || got[0].URI != "file:///a" || got[0].MIMEType != "text/plain" || *got[0].Size != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	tmpl := do(t, func() ([]mcp.ResourceTemplateInfo, error) { return s.ListResourceTemplates(ctx) })
	m.reply(m.expect("resources/templates/list"), `{"resourceTemplates":[{"uriTemplate":"file:///{x}","name":"a"}],"nextCursor":null}`)
	if got, err := tmpl.get(); err != nil || got[0].URITemplate != "file:///{x}" {
		t.Errorf("%+v, %v", got, err)
	}
	prm := do(t, func() ([]mcp.PromptInfo, error) { return s.ListPrompts(ctx) })
	m.reply(m.expect("prompts/list"), `{"prompts":[{"name":"p","arguments":[{"name":"x","required":true}]}]}`)
	if got, err := prm.get(); err != nil || !got[0].Arguments[0].Required {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestClientListLimits(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{MaxPages: 3, MaxListBytes: 500})
	c := do(t, func() ([]mcp.ToolInfo, error) { return s.ListTools(context.Background()) })
	for range 3 {
		m.reply(m.expect("tools/list"), `{"tools":[],"nextCursor":"again"}`)
	}
	if _, err := c.get(); !errors.Is(err, mcp.ErrListTooLong) || !strings.Contains(err.Error(), "MaxPages") {
		t.Errorf("got %v", err)
	}
	c = do(t, func() ([]mcp.ToolInfo, error) { return s.ListTools(context.Background()) })
	for range 2 {
		m.reply(m.expect("tools/list"), `{"tools":[{"name":"`+strings.Repeat("x", 300)+`"}],"nextCursor":"again"}`)
	}
	if _, err := c.get(); !errors.Is(err, mcp.ErrListTooLong) || !strings.Contains(err.Error(), "MaxListBytes") {
		t.Errorf("got %v", err)
	}
}

// Results of all kinds of content come typed and whole, unknown kinds too.
func TestClientResults(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{})
	ctx := context.Background()
	c := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(ctx, "x", nil) })
	m.reply(m.expect("tools/call"), `{"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"},`+
		`{"type":"resource_link","uri":"file:///x","name":"n"},{"type":"resource","resource":{"uri":"file:///y","text":"t"}},{"type":"hologram","text":{"a":1}},{"type":"text","text":"b"}],`+
		`"structuredContent":{"z": [1]},"isError":true,"_meta":{"k":1}}`)
	r, err := c.get()
	if err != nil {
		t.Fatal(err)
	}
	if r.Text() != "ab" || !r.IsError || string(r.StructuredContent) != `{"z": [1]}` || r.Content[1].MIMEType != "image/png" || r.Content[2].URI != "file:///x" ||
		r.Content[3].Resource.Text != "t" || r.Content[4].Type != "hologram" || !strings.Contains(string(r.Content[4].Raw), `{"a":1}`) || len(r.Raw) == 0 {
		t.Errorf("got %+v", r)
	}
	if b, err := json.Marshal(r.Content[4]); err != nil || string(b) != `{"type":"hologram","text":{"a":1}}` {
		t.Errorf("marshals to %s, %v", b, err)
	}
	if b, _ := json.Marshal(mcp.TextContent("")); string(b) != `{"type":"text","text":""}` {
		t.Errorf("an empty text marshals to %s", b)
	}
	for _, bad := range []string{`{"content":[{"text":"no type"}]}`, `{"content":{}}`, `{"content":[],"isError":"yes"}`} {
		c := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(ctx, "x", nil) })
		m.reply(m.expect("tools/call"), bad)
		if _, err := c.get(); !errors.Is(err, mcp.ErrBadAnswer) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	rr := do(t, func() (*mcp.ResourceResult, error) { return s.ReadResource(ctx, "file:///x") })
	call := m.expect("resources/read")
	sameJSON(t, "uri", call.Params["uri"], `"file:///x"`)
	m.reply(call, `{"contents":[{"uri":"file:///x","blob":"AA=="}]}`)
	if got, err := rr.get(); err != nil || got.Contents[0].Blob != "AA==" {
		t.Errorf("%+v, %v", got, err)
	}
	p := do(t, func() (*mcp.PromptResult, error) { return s.GetPrompt(ctx, "p", map[string]string{"a": "b"}) })
	call = m.expect("prompts/get")
	sameJSON(t, "arguments", call.Params["arguments"], `{"a":"b"}`)
	m.reply(call, `{"description":"d","messages":[{"role":"user","content":{"type":"text","text":"hi"}}]}`)
	if got, err := p.get(); err != nil || got.Messages[0].Content.Text != "hi" || got.Messages[0].Role != "user" {
		t.Errorf("%+v, %v", got, err)
	}
	for ref, want := range map[mcp.CompletionRef]string{{Prompt: "p"}: `{"type":"ref/prompt","name":"p"}`, {ResourceURI: "f:///{x}"}: `{"type":"ref/resource","uri":"f:///{x}"}`} {
		k := do(t, func() (*mcp.Completion, error) { return s.Complete(ctx, ref, "arg", "va", map[string]string{"o": "1"}) })
		call = m.expect("completion/complete")
		sameJSON(t, "ref", call.Params["ref"], want)
		sameJSON(t, "argument", call.Params["argument"], `{"name":"arg","value":"va"}`)
		sameJSON(t, "context", call.Params["context"], `{"arguments":{"o":"1"}}`)
		m.reply(call, `{"completion":{"values":["val","var"],"total":5,"hasMore":true}}`)
		if got, err := k.get(); err != nil || len(got.Values) != 2 || got.Total != 5 || !got.HasMore {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// Notifications come in order, on one goroutine, and are dropped beyond the
// bounds.
func TestClientNotifications(t *testing.T) {
	var mu sync.Mutex
	var got []string
	hold := make(chan struct{})
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{NotificationQueue: 10, NotificationBytes: 2000,
		OnNotification: func(_ *mcp.ClientSession, method string, params json.RawMessage) {
			<-hold
			mu.Lock()
			got = append(got, method+string(params))
			mu.Unlock()
			if method == "panic" {
				panic("boom")
			}
		}})
	m.feed(`{"jsonrpc":"2.0","method":"panic"}`, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
	for i := range 20 {
		m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","method":"n","params":{"i":%d}}`, i))
	}
	m.feed(`{"jsonrpc":"2.0","method":"big","params":{"x":"` + strings.Repeat("x", 2000) + `"}}`)
	dropped := int(s.Stats().NotificationsDropped)
	if dropped < 12 || dropped > 13 {
		t.Errorf("%d dropped", dropped)
	}
	close(hold)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		mu.Lock()
		n := len(got)
		mu.Unlock()
		if n == 23-dropped {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d came, %d dropped", n, dropped)
		}
	}
	if got[0] != "panic" || got[1] != "notifications/tools/list_changed" || got[2] != `n{"i":0}` || got[3] != `n{"i":1}` {
		t.Errorf("got %v", got)
	}
}

// The log level is told to legacy servers, and to modern ones with each request.
func TestClientLogLevel(t *testing.T) {
	ctx := context.Background()
	m, s := negotiated(t, mcp.Revision20250618, mcp.ClientOptions{})
	c := doErr(t, func() error { return s.SetLogLevel(ctx, mcp.LogWarning) })
	r := m.expect("logging/setLevel")
	sameJSON(t, "level", r.Params["level"], `"warning"`)
	m.reply(r, "{}")
	if _, err := c.get(); err != nil {
		t.Error(err)
	}
	if err := s.SetLogLevel(ctx, 99); err == nil {
		t.Error("an unknown level")
	}
	if err := s.SetLogLevel(ctx, -1); err == nil {
		t.Error("no level")
	}
	m, s = negotiated(t, mcp.Revision20260728, mcp.ClientOptions{})
	for _, level := range []mcp.LogLevel{-1, mcp.LogDebug, -1} {
		if err := s.SetLogLevel(ctx, level); err != nil {
			t.Error(err)
		}
		c := do(t, func() ([]mcp.ToolInfo, error) { return s.ListTools(ctx) })
		r := m.expect("tools/list")
		var meta map[string]json.RawMessage
		_ = json.Unmarshal(r.Params["_meta"], &meta)
		got := string(meta["io.modelcontextprotocol/logLevel"])
		if want := map[mcp.LogLevel]string{mcp.LogDebug: `"debug"`}[level]; got != want {
			t.Errorf("level %d is sent as %s", level, got)
		}
		m.reply(r, `{"resultType":"complete","tools":[]}`)
		if _, err := c.get(); err != nil {
			t.Error(err)
		}
	}
}

// Subscriptions of both eras.
func TestClientSubscriptions(t *testing.T) {
	ctx := context.Background()
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{})
	for method, f := range map[string]func(context.Context, string) error{"resources/subscribe": s.Subscribe, "resources/unsubscribe": s.Unsubscribe} {
		c := doErr(t, func() error { return f(ctx, "file:///x") })
		r := m.expect(method)
		sameJSON(t, method, r.Params["uri"], `"file:///x"`)
		m.reply(r, "{}")
		if _, err := c.get(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Listen(ctx, mcp.ListenFilter{}); !errors.Is(err, mcp.ErrNotInRevision) {
		t.Errorf("Listen in 2025-11-25: %v", err)
	}

	notes := make(chan string, 10)
	m, s = negotiated(t, mcp.Revision20260728, mcp.ClientOptions{OnNotification: func(_ *mcp.ClientSession, method string, params json.RawMessage) { notes <- method }})
	if err := s.Subscribe(ctx, "file:///x"); !errors.Is(err, mcp.ErrNotInRevision) {
		t.Errorf("Subscribe in 2026-07-28: %v", err)
	}
	open := func() (*mcp.ClientSubscription, sentMessage) {
		t.Helper()
		c := do(t, func() (*mcp.ClientSubscription, error) {
			return s.Listen(ctx, mcp.ListenFilter{ToolsListChanged: true, ResourceSubscriptions: []string{"file:///x"}})
		})
		r := m.expect("subscriptions/listen")
		sameJSON(t, "filter", r.Params["notifications"], `{"toolsListChanged":true,"resourceSubscriptions":["file:///x"]}`)
		m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":%s}}}`, r.ID))
		u, err := c.get()
		if err != nil {
			t.Fatal(err)
		}
		if f := u.Honored(); !f.ToolsListChanged || f.ResourceSubscriptions != nil {
			t.Errorf("honored %+v", f)
		}
		<-notes // the acknowledgement
		return u, r
	}
	u, r := open()
	m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":%s}}}`, r.ID))
	if got := <-notes; got != "notifications/tools/list_changed" {
		t.Errorf("got %s", got)
	}
	_ = u.Close()
	_ = u.Close()
	sameJSON(t, "cancelled", m.expect("notifications/cancelled").Params["requestId"], string(r.ID))
	<-u.Done()
	if err := u.Err(); err != nil || len(m.out) != 0 {
		t.Errorf("after Close: %v, %d messages", err, len(m.out))
	}
	// The server ends it: by a result, by a notification, with the connection.
	u, r = open()
	m.reply(r, `{"resultType":"complete"}`)
	<-u.Done()
	if err := u.Err(); err != nil {
		t.Error(err)
	}
	u, r = open()
	m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s,"reason":"bye"}}`, r.ID))
	<-u.Done()
	if err := u.Err(); !errors.Is(err, mcp.ErrSubscriptionEnded) || !strings.Contains(err.Error(), "bye") {
		t.Errorf("got %v", err)
	}
	_ = u.Close()
	if len(m.out) != 0 {
		t.Errorf("sent %s", m.next())
	}
	// Refused, never acknowledged, given up.
	c := do(t, func() (*mcp.ClientSubscription, error) { return s.Listen(ctx, mcp.ListenFilter{}) })
	m.replyError(m.expect("subscriptions/listen"), -32602, "")
	var rpc *mcp.Error
	if _, err := c.get(); !errors.As(err, &rpc) {
		t.Errorf("refused: %v", err)
	}
	c = do(t, func() (*mcp.ClientSubscription, error) { return s.Listen(ctx, mcp.ListenFilter{}) })
	m.reply(m.expect("subscriptions/listen"), `{}`)
	if _, err := c.get(); !errors.Is(err, mcp.ErrBadAnswer) {
		t.Errorf("not acknowledged: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := s.Listen(short, mcp.ListenFilter{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("given up: %v", err)
	}
	m.expect("subscriptions/listen")
	m.expect("notifications/cancelled")
	u, _ = open()
	m.hangUp()
	<-u.Done()
	if u.Err() == nil {
		t.Error("a subscription whose connection ended has no error")
	}
}
