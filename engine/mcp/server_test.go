package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

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
	defer func() { text = fmt.Sprint(recover()) }()
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
			if tc.says == "" && got != "<nil>" && got != "" || !strings.Contains(got, tc.says) {
				t.Errorf("panic %q, want %q in it", got, tc.says)
			}
		})
	}
}

type inner struct {
	When time.Time `json:"when,omitzero"`
	On   *bool     `json:"on,omitempty"`
}

type arguments struct {
	Text     string            `json:"text" jsonschema:"what to say"`
	Count    *int              `json:"count,omitempty"`
	Many     []string          `json:"many,omitempty"`
	Table    map[string]int    `json:"table,omitempty"`
	Nested   *inner            `json:"nested,omitempty"`
	List     []*inner          `json:"list,omitempty"`
	Anything any               `json:"anything,omitempty"`
	Small    int8              `json:"small,omitempty"`
	Maps     map[string]*inner `json:"maps,omitempty"`
	hidden   int
}

type outcome struct {
	Said string         `json:"said"`
	Sums map[string]int `json:"sums"`
	List []int          `json:"list"`
}

// The schema of arguments names no union with null, at any depth, and says what
// must be there; that of results says what may be null.
func TestTypedSchema(t *testing.T) {
	s := newServer(mcp.Options{})
	mcp.AddTool(s, mcp.Tool{Name: "x"}, func(_ context.Context, in arguments) (outcome, error) {
		_ = in.hidden
		return outcome{}, nil
	})
	c := mcptest.New(t, s)
	c.SetModern(true)
	raw, err := c.Call(t.Context(), "tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	input, output, _ := strings.Cut(string(raw), `"outputSchema"`)
	if strings.Contains(input, `"null"`) || strings.Contains(input, `"type":[`) {
		t.Errorf("a union of types in %s", input)
	}
	if strings.Count(output, `"null"`) != 2 { // of the map and the slice
		t.Errorf("the output schema does not say what may be null: %s", output)
	}
	var r struct {
		Tools []struct {
			InputSchema, OutputSchema struct {
				Type       string
				Required   []string
				Properties map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	type property struct{ Type, Description string }
	of := func(name string) (p property) {
		if err := json.Unmarshal(r.Tools[0].InputSchema.Properties[name], &p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return p
	}
	in := r.Tools[0].InputSchema
	if in.Type != "object" || fmt.Sprint(in.Required) != "[text]" || of("text").Description != "what to say" {
		t.Errorf("%+v", in)
	}
	for name, kind := range map[string]string{"text": "string", "count": "integer", "many": "array", "table": "object", "nested": "object", "list": "array", "small": "integer"} {
		if of(name).Type != kind {
			t.Errorf("%s is %+v, want %s", name, of(name), kind)
		}
	}
	if _, there := in.Properties["hidden"]; there || fmt.Sprint(r.Tools[0].OutputSchema.Required) != "[said sums list]" {
		t.Errorf("%+v", r.Tools[0])
	}
}

// Arguments are judged before the handler runs, results before they are sent.
func TestTypedCalls(t *testing.T) {
	var log strings.Builder
	s := newServer(mcp.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	mcp.AddTool(s, mcp.Tool{Name: "typed"}, func(ctx context.Context, in arguments) (outcome, error) {
		switch in.Text {
		case "error":
			return outcome{}, errors.New("no luck")
		case "nil":
			return outcome{Said: "nil"}, nil // nil map and slice
		case "panic":
			panic("in a worker")
		}
		if mcp.CallFrom(ctx) == nil || mcp.CallFrom(ctx).Tool() != "typed" {
			return outcome{}, errors.New("the call is not in the context")
		}
		return outcome{Said: in.Text, Sums: in.Table, List: []int{len(in.Many)}}, nil
	})
	mcp.AddTool(s, mcp.Tool{Name: "liar", OutputSchema: []byte(`{"type":"object","required":["x"],"properties":{"x":{"type":"integer"}}}`)},
		func(context.Context, struct{}) (map[string]any, error) { return map[string]any{"x": "one"}, nil })
	mcp.AddTool(s, mcp.Tool{Name: "text"}, func(context.Context, map[string]int) (string, error) { return "just text", nil })
	mcp.AddTool(s, mcp.Tool{Name: "none"}, func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil })
	c := mcptest.New(t, s)
	c.SetModern(true)
	for _, tc := range []struct {
		name, tool, args string
		structured       string
		isError          bool
		says             string // in the text, or in the error
	}{
		{"all is well", "typed", `{"text":"hi","table":{"a":1},"many":["x","y"]}`, `{"said":"hi","sums":{"a":1},"list":[2]}`, false, `"said":"hi"`},
		{"an error", "typed", `{"text":"error"}`, "", true, "no luck"},
		{"missing", "typed", `{}`, "", true, "text is missing"},
		{"wrong type", "typed", `{"text":"x","count":"3"}`, "", true, "count must be an integer"},
		{"deep inside", "typed", `{"text":"x","list":[{},{"on":7}]}`, "", true, "list[1].on"},
		{"beyond the Go type", "typed", `{"text":"x","small":1000}`, "", true, "small"},
		{"unknown", "typed", `{"text":"x","Text":"y"}`, "", true, "Text"},
		{"a result that breaks its schema", "liar", `{}`, "", true, "output schema"},
		{"text alone", "text", `{"a":1}`, "", false, "just text"},
		{"nothing", "none", `{}`, "", false, ""},
		{"a panic", "typed", `{"text":"panic"}`, "", true, "Internal error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := c.CallTool(t.Context(), tc.tool, json.RawMessage(tc.args))
			text, isError, structured := "", err != nil, ""
			if err != nil {
				text = err.Error()
			} else {
				text, isError, structured = r.Text(), r.IsError, string(r.StructuredContent)
			}
			if isError != tc.isError || structured != tc.structured || !strings.Contains(text, tc.says) {
				t.Errorf("error %v, structured %s, text %q", isError, structured, text)
			}
		})
	}
	if !strings.Contains(log.String(), "tool=liar") {
		t.Errorf("nothing of the liar in the log: %s", log.String())
	}
	// Go writes a nil map or slice as null, and that is no broken promise.
	r, err := c.CallTool(t.Context(), "typed", json.RawMessage(`{"text":"nil"}`))
	if err != nil || string(r.StructuredContent) != `{"said":"nil","sums":null,"list":null}` {
		t.Errorf("nil map and slice: %+v, %v", r, err)
	}
}

// Middleware sees every request, the first one given outermost, may answer
// itself, and may panic without harm.
func TestMiddleware(t *testing.T) {
	s := newServer(mcp.Options{})
	var seen []string
	layer := func(name string) func(mcp.Handler) mcp.Handler {
		return func(next mcp.Handler) mcp.Handler {
			return func(c *mcp.Call) error {
				seen = append(seen, name+">"+string(c.Method())+":"+c.Tool())
				err := next(c)
				seen = append(seen, "<"+name)
				return err
			}
		}
	}
	s.HandleTool(mcp.Tool{Name: "early"}, mcp.Inline, nothing)
	s.Use(layer("a"), layer("b"))
	s.HandleTool(mcp.Tool{Name: "late"}, mcp.Inline, nothing)
	s.HandleTool(mcp.Tool{Name: "forbidden"}, mcp.Inline, func(*mcp.Call) error { t.Error("reached"); return nil })
	s.Use(func(next mcp.Handler) mcp.Handler {
		return func(c *mcp.Call) error {
			switch c.Tool() {
			case "forbidden":
				return &mcp.Error{Code: -32050, Message: "not for you"}
			case "early":
				if len(c.Params().Raw()) > 300 {
					panic("in middleware")
				}
			}
			return next(c)
		}
	})
	c := mcptest.New(t, s)
	c.SetModern(true)
	check := func(what, want string, err error, says string) {
		t.Helper()
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", what, err, says)
		}
		seen = nil
	}
	_, err := c.CallTool(t.Context(), "early", nil)
	check("a tool from before", "a>tools/call:early b>tools/call:early <b <a", err, "")
	_, err = c.CallTool(t.Context(), "late", nil)
	check("a tool from after", "a>tools/call:late b>tools/call:late <b <a", err, "")
	_, err = c.CallTool(t.Context(), "forbidden", nil)
	check("answered by middleware", "a>tools/call:forbidden b>tools/call:forbidden <b <a", err, "not for you")
	_, err = c.Call(t.Context(), "tools/list", nil)
	check("another method", "a>tools/list: b>tools/list: <b <a", err, "")
	_, err = c.Call(t.Context(), "no/such", nil)
	check("no method", "a>no/such: b>no/such: <b <a", err, "Method not found")
	_, err = c.CallTool(t.Context(), "early", map[string]any{"long": strings.Repeat("x", 300)})
	check("a panic", "a>tools/call:early b>tools/call:early", err, "Internal error")
	_, err = c.CallTool(t.Context(), "late", nil)
	check("afterwards", "a>tools/call:late b>tools/call:late <b <a", err, "")
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
