//go:build !race && !invariants

package mcp_test

import (
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
)

// sink is a wire that throws output away.
type sink struct{ bytes int }

func (w *sink) Write(p []byte) (int, error) { w.bytes += len(p); return len(p), nil }
func (w *sink) Resume()                     {}
func (w *sink) Close(engine.CloseReason)    {}

type still struct{ now int64 }

func (s *still) Now() int64 { return s.now }
func (*still) Wake()        {}
func (*still) WakeAt(int64) {}

// queue is an executor that the test empties.
type queue struct{ calls []*engine.Call }

func (q *queue) Submit(calls []*engine.Call) int {
	q.calls = append(q.calls, calls...)
	return len(calls)
}
func (q *queue) Close() {}

// TestAllocs holds the way of a message through the server to no allocation at
// all, in both eras, middleware and sessions in place.
func TestAllocs(t *testing.T) {
	s := mcp.NewServer(mcp.Options{Name: "alloc", Version: "1", Instructions: "none"})
	fixture.AddDemo(s)
	echo := func(c *mcp.Call) error {
		text, err := c.Args().Bytes("text")
		if err != nil {
			return err
		}
		return c.Reply().Text(text)
	}
	const schema = `{"type":"object","properties":{"text":{"type":"string","minLength":1}},"required":["text"],"additionalProperties":false}`
	s.HandleTool(mcp.Tool{Name: "pooled", InputSchema: []byte(schema), Validate: true}, mcp.Pooled, echo)
	structure := []byte(`{"text":"x"}`)
	s.HandleTool(mcp.Tool{Name: "structured", OutputSchema: []byte(schema), Validate: true}, mcp.Inline, func(c *mcp.Call) error {
		return c.Reply().Structured(structure)
	})
	image := make([]byte, 1000)
	s.HandleTool(mcp.Tool{Name: "contents"}, mcp.Inline, func(c *mcp.Call) error {
		r := c.Reply()
		if err := r.TextString("text"); err != nil {
			return err
		}
		if err := r.Image(image, "image/png"); err != nil {
			return err
		}
		if err := r.Audio(image, "audio/wav"); err != nil {
			return err
		}
		if err := r.Link("file:///x", "x", "text/plain"); err != nil {
			return err
		}
		return r.Resource("file:///y", "text/plain", image)
	})
	report := func(c *mcp.Call) error {
		for i := range 3 {
			if err := c.Progress(float64(i), 3, "step"); err != nil {
				return err
			}
		}
		return c.Reply().TextString("done")
	}
	s.HandleTool(mcp.Tool{Name: "progress"}, mcp.Inline, report)
	s.HandleTool(mcp.Tool{Name: "progress-pooled"}, mcp.Pooled, report)
	s.HandlePrompt(mcp.Prompt{Name: "static", Description: "A prompt.", Arguments: []mcp.PromptArgument{{Name: "text", Required: true}}}, mcp.Inline, func(c *mcp.Call) error {
		text, err := c.Args().Bytes("text")
		if err != nil {
			return err
		}
		return c.Reply().Text(text)
	})
	s.HandleResource(mcp.Resource{URI: "test://text", MIMEType: "text/plain"}, mcp.Inline, func(c *mcp.Call) error {
		return c.Reply().Text(image)
	})
	s.HandleResource(mcp.Resource{URI: "test://blob"}, mcp.Pooled, func(c *mcp.Call) error { return c.Reply().Blob(image) })
	line := []byte(`{"line":1}`)
	s.HandleTool(mcp.Tool{Name: "log"}, mcp.Inline, func(c *mcp.Call) error {
		if err := c.Log(mcp.LogError, "logger", line); err != nil {
			return err
		}
		return c.Reply().TextString("logged")
	})
	s.HandleTool(mcp.Tool{Name: "update"}, mcp.Inline, func(c *mcp.Call) error {
		s.ResourceUpdated("test://text")
		return nil
	})
	s.Use(func(next mcp.Handler) mcp.Handler { return func(c *mcp.Call) error { return next(c) } })
	clock, exec := &still{1e9}, &queue{}
	e, err := engine.New(s, engine.Options{Clock: clock, Executor: exec})
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLoop(clock)
	open := func(revision string) (*engine.Conn, *sink) {
		w := &sink{}
		l.Begin()
		c := l.Open(w, nil)
		if revision != mcp.LatestRevision {
			c.Receive([]byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + revision + `","capabilities":{}}}`))
		}
		l.End()
		return c, w
	}
	text := strings.Repeat("A line of text, \\\"quoted\\\", with an é.\\n", 25)
	for _, revision := range mcp.Revisions() {
		c, w := open(revision)
		meta, modern := "", revision == mcp.LatestRevision
		if modern {
			meta = `,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}`
		}
		call := func(tool, args string) string {
			return `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"` + tool + `","arguments":` + args + meta + `}}`
		}
		plain := func(method string) string {
			return `{"jsonrpc":"2.0","id":7,"method":"` + method + `","params":{` + strings.TrimPrefix(meta, ",") + `}}`
		}
		token := func(m string) string {
			if modern {
				return strings.Replace(m, `"_meta":{`, `"_meta":{"progressToken":"t",`, 1)
			}
			return strings.TrimSuffix(m, "}}") + `,"_meta":{"progressToken":"t"}}}`
		}
		if modern {
			c.Receive([]byte(`{"jsonrpc":"2.0","id":"listen","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["test://text"]}` + meta + `}}`))
		} else {
			c.Receive([]byte(`{"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":"info"}}`))
			c.Receive([]byte(`{"jsonrpc":"2.0","id":0,"method":"resources/subscribe","params":{"uri":"test://text"}}`))
		}
		l.Turn()
		with := func(method, params string) string {
			return `{"jsonrpc":"2.0","id":7,"method":"` + method + `","params":{` + params + meta + `}}`
		}
		messages := map[string]string{
			"prompt":          with("prompts/get", `"name":"static","arguments":{"text":"x"}`),
			"unknown-prompt":  with("prompts/get", `"name":"none"`),
			"resource":        with("resources/read", `"uri":"test://text"`),
			"resource-blob":   with("resources/read", `"uri":"test://blob"`),
			"not-found":       with("resources/read", `"uri":"test://none"`),
			"resources":       plain("resources/list"),
			"prompts":         plain("prompts/list"),
			"templates":       plain("resources/templates/list"),
			"log":             strings.Replace(call("log", `{}`), `"_meta":{`, `"_meta":{"io.modelcontextprotocol/logLevel":"info",`, 1),
			"update":          call("update", `{}`),
			"echo":            call("echo", `{"text":"`+text+`"}`),
			"echo-moved":      call("echo", `{"text":"`+text+`","ms":0}`),
			"echo-pooled":     call("pooled", `{"text":"`+text+`"}`),
			"structured":      call("structured", `{}`),
			"contents":        call("contents", `{}`),
			"progress":        token(call("progress", `{}`)),
			"progress-pooled": token(call("progress-pooled", `{}`)),
			"list":            plain("tools/list"),
			"bad-cursor":      strings.Replace(plain("tools/list"), `"params":{`, `"params":{"cursor":"x"`+strings.Repeat(",", min(1, len(meta))), 1),
			"unknown-tool":    call("nothing", `{}`),
			"unknown-method":  plain("no/such"),
			"bad-name":        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7` + meta + `}}`,
			"unsupported":     `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01"}}}`,
		}
		if modern {
			messages["discover"] = plain("server/discover")
			messages["capabilities"] = strings.Replace(plain("server/discover"), `Capabilities":{}`, `Capabilities":{"sampling":{},"elicitation":{"form":{}}},"io.modelcontextprotocol/logLevel":"info"`, 1)
			messages["not-initialized"] = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
		} else {
			messages["ping"] = plain("ping")
			messages["set-level"] = with("logging/setLevel", `"level":"info"`)
			messages["initialize-again"] = `{"jsonrpc":"2.0","id":1,"method":"initialize"}`
		}
		if revision == mcp.Revision20250326 {
			messages["batch"] = `[` + call("echo", `{"text":"a"}`) + `,` + plain("ping") + `]`
		}
		for name, m := range messages {
			t.Run(revision+"/"+name, func(t *testing.T) {
				message := []byte(m)
				op := func() {
					before := w.bytes
					l.Begin()
					c.Receive(message)
					l.End()
					if len(exec.calls) > 0 {
						for _, call := range exec.calls {
							call.Run()
						}
						exec.calls = exec.calls[:0]
						l.Turn()
					}
					if w.bytes == before {
						t.Fatal("nothing was answered")
					}
				}
				for range 200 { // pools and tables reach their size
					op()
				}
				if n := testing.AllocsPerRun(200, op); n != 0 {
					t.Errorf("%v allocations, want 0", n)
				}
			})
		}
	}
}
