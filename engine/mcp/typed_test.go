package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

type inner struct {
	X int `json:"x"`
}

// Base is exported because encoding/json sets no fields behind an embedded
// pointer to a type that is not.
type Base struct {
	ID   string `json:"id"`
	Note string `json:"note,omitempty"`
}

type unit string

func (unit) JSONSchema() string { return `{"type":"string","enum":["C","F"]}` }

type level int // an enumeration that is written by name

func (l *level) JSONSchema() string { return `{"enum":["low","high"]}` }

func (l level) MarshalJSON() ([]byte, error) {
	return json.Marshal([]string{"low", "high"}[l])
}

func (l *level) UnmarshalJSON(b []byte) error {
	*l = level(len(b) - len(`"low"`))
	return nil
}

type oddly struct{ v any } // writes itself, no telling how

func (o oddly) MarshalJSON() ([]byte, error)        { return json.Marshal(o.v) }
func (o *oddly) UnmarshalJSON(b []byte) error       { return json.Unmarshal(b, &o.v) }
func mirror[T any](s *mcp.Server)                   { mcp.AddTool(s, mcp.Tool{Name: "mirror"}, same[T]) }
func same[T any](_ context.Context, v T) (T, error) { return v, nil }

// What a Go type is described by, and what passes through a tool that takes it
// and gives it back. The results are judged by somebody else's validator, by
// the schema that clients are shown.
func TestTypedShapes(t *testing.T) {
	protocol := loadSchemas(t)
	const closed = `,"additionalProperties":false}`
	for _, tc := range []struct {
		name     string
		register func(*mcp.Server)
		schema   string
		good     [][2]string // arguments, structured content
		bad      [][2]string // arguments, text
	}{
		{"kinds", mirror[struct {
			S string  `json:"s" jsonschema:"a text"`
			I int     `json:"i"`
			U uint8   `json:"u"`
			F float32 `json:"f"`
			B bool    `json:"b"`
		}], `{"type":"object","properties":{"s":{"type":"string","description":"a text"},"i":{"type":"integer"},"u":{"type":"integer","minimum":0,"maximum":255},"f":{"type":"number"},"b":{"type":"boolean"}},"required":["s","i","u","f","b"]` + closed,
			[][2]string{
				{`{"s":"x","i":-1,"u":255,"f":1.5,"b":true}`, `{"s":"x","i":-1,"u":255,"f":1.5,"b":true}`},
				{`{"s":"\u00e9","i":1e2,"u":0,"f":1,"b":false}`, ``}, // 1e2 is an integer to JSON Schema, none to Go
			},
			[][2]string{
				{`{}`, "s is missing; it must be a string"},
				{`{"s":"x","i":1,"u":0,"f":1}`, "b is missing; it must be a boolean"},
				{`{"s":1,"i":1,"u":0,"f":1,"b":true}`, "s must be a string"},
				{`{"s":"x","i":1.5,"u":0,"f":1,"b":true}`, "i must be an integer"},
				{`{"s":"x","i":1,"u":256,"f":1,"b":true}`, "u must be at most 255"},
				{`{"s":"x","i":1,"u":-1,"f":1,"b":true}`, "u must be at least 0"},
				{`{"s":"x","i":1,"u":0,"f":null,"b":true}`, "f must be a number"},
				{`{"s":"x","i":1,"u":0,"f":1e300,"b":true}`, "f must be a value that fits the type float32"},
				{`{"s":"x","i":9223372036854775808,"u":0,"f":1,"b":true}`, "i must be a value that fits the type int"},
				{`{"s":"x","i":1,"u":0,"f":1,"b":"true"}`, "b must be a boolean"},
				{`{"S":"x","s":"x","i":1,"u":0,"f":1,"b":true}`, "S must be left out"},
			}},
		{"pointers need not be given", mirror[struct {
			P *int     `json:"p"`
			Q **string `json:"q,omitempty"`
			N *inner   `json:"n"`
		}], `{"type":"object","properties":{"p":{"type":"integer"},"q":{"type":"string"},"n":{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"],"additionalProperties":false}}` + closed,
			[][2]string{{`{}`, `{}`}, {`{"p":0,"q":"","n":{"x":1}}`, `{"p":0,"q":"","n":{"x":1}}`}},
			[][2]string{{`{"p":null}`, "p must be an integer"}, {`{"n":{}}`, "n.x is missing"}, {`{"n":{"x":"1"}}`, "n.x must be an integer"}}},
		{"omitempty and omitzero", mirror[struct {
			A int       `json:"a,omitempty"`
			B time.Time `json:"b,omitzero"`
			C string
		}], `{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string","format":"date-time"},"C":{"type":"string"}},"required":["C"]` + closed,
			[][2]string{{`{"C":""}`, `{"C":""}`}, {`{"a":1,"b":"2026-07-28T00:00:00Z","C":"c"}`, `{"a":1,"b":"2026-07-28T00:00:00Z","C":"c"}`}},
			[][2]string{{`{"c":""}`, "c must be left out"}, {`{"C":"","b":"today"}`, "arguments must be what the tool can read: "}, {`{"C":"","b":7}`, "b must be a string"}}},
		{"slices and arrays", mirror[struct {
			L []string `json:"l"`
			M [][]int  `json:"m,omitempty"`
			P []*inner `json:"p,omitempty"`
			A [2]bool  `json:"a"`
		}], `{"type":"object","properties":{"l":{"type":"array","items":{"type":"string"}},"m":{"type":"array","items":{"type":"array","items":{"type":"integer"}}},"p":{"type":"array","items":{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"],"additionalProperties":false}},"a":{"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":2}},"required":["l","a"]` + closed,
			[][2]string{{`{"l":[],"a":[true,false]}`, `{"l":[],"a":[true,false]}`}, {`{"l":["x"],"m":[[],[1]],"p":[{"x":1}],"a":[true,false]}`, `{"l":["x"],"m":[[],[1]],"p":[{"x":1}],"a":[true,false]}`}},
			[][2]string{
				{`{"l":["x",1],"a":[true,false]}`, "l[1] must be a string"},
				{`{"l":null,"a":[true,false]}`, "l must be an array"},
				{`{"l":[],"a":[true]}`, "a must be an array of at least 2 elements"},
				{`{"l":[],"a":[true,true,true]}`, "a must be an array of at most 2 elements"},
				{`{"l":[],"a":[true,true],"m":[[1],[2,"3"]]}`, "m[1][1] must be an integer"},
				{`{"l":[],"a":[true,true],"p":[null]}`, "p[0] must be an object"},
			}},
		{"maps", mirror[struct {
			M map[string]int    `json:"m"`
			N map[string]*inner `json:"n,omitempty"`
			A map[string]any    `json:"a,omitempty"`
		}], `{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"integer"}},"n":{"type":"object","additionalProperties":{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"],"additionalProperties":false}},"a":{"type":"object","additionalProperties":true}},"required":["m"]` + closed,
			[][2]string{{`{"m":{}}`, `{"m":{}}`}, {`{"m":{"k":1},"n":{"k":{"x":2}},"a":{"k":[null,{"z":null}]}}`, `{"m":{"k":1},"n":{"k":{"x":2}},"a":{"k":[null,{"z":null}]}}`}},
			[][2]string{{`{"m":{"k":"1"}}`, "m.k must be an integer"}, {`{"m":[]}`, "m must be an object"}, {`{"m":{},"n":{"k":null}}`, "n.k must be an object"}}},
		{"a map of its own", mirror[map[string]float64], `{"type":"object","additionalProperties":{"type":"number"}}`,
			[][2]string{{`{}`, `{}`}, {`{"a":1.5}`, `{"a":1.5}`}},
			[][2]string{{`{"a":"b"}`, "a must be a number"}}},
		{"a pointer to a struct", mirror[*inner], `{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]` + closed,
			[][2]string{{`{"x":1}`, `{"x":1}`}},
			[][2]string{{`{}`, "x is missing"}}},
		{"no arguments", mirror[struct{}], `{"type":"object","additionalProperties":false}`,
			[][2]string{{`{}`, ``}},
			[][2]string{{`{"x":1}`, "x must be left out"}}},
		{"enumerations", mirror[struct {
			U unit   `json:"u"`
			P *unit  `json:"p,omitempty"`
			L level  `json:"l"`
			M []unit `json:"m,omitempty"`
		}], `{"type":"object","properties":{"u":{"type":"string","enum":["C","F"]},"p":{"type":"string","enum":["C","F"]},"l":{"enum":["low","high"]},"m":{"type":"array","items":{"type":"string","enum":["C","F"]}}},"required":["u","l"]` + closed,
			[][2]string{{`{"u":"C","l":"high"}`, `{"u":"C","l":"high"}`}, {`{"u":"F","p":"F","l":"low","m":["C"]}`, `{"u":"F","p":"F","l":"low","m":["C"]}`}},
			[][2]string{{`{"u":"K","l":"low"}`, `u must be one of "C", "F"`}, {`{"u":"C","l":"middle"}`, `l must be one of "low", "high"`}, {`{"u":"C","l":1}`, "l must be one of"}, {`{"u":"C","l":"low","m":["C","K"]}`, "m[1] must be one of"}}},
		{"embedded", mirror[struct {
			Base
			X int `json:"x"`
		}], `{"type":"object","properties":{"id":{"type":"string"},"note":{"type":"string"},"x":{"type":"integer"}},"required":["id","x"]` + closed,
			[][2]string{{`{"id":"i","x":1}`, `{"id":"i","x":1}`}},
			[][2]string{{`{"x":1}`, "id is missing"}}},
		{"embedded by a pointer", mirror[struct {
			*Base
			X int `json:"x"`
		}], `{"type":"object","properties":{"id":{"type":"string"},"note":{"type":"string"},"x":{"type":"integer"}},"required":["x"]` + closed,
			[][2]string{{`{"x":1}`, `{"x":1}`}, {`{"id":"i","x":1}`, `{"id":"i","x":1}`}},
			[][2]string{{`{"id":1,"x":1}`, "id must be a string"}}},
		{"fields that are not there", mirror[struct {
			A      int `json:"a"`
			hidden int
			B      int `json:"-"`
			//lint:ignore SA5008 a field that is named "-"
			C int `json:"-,"`
		}], `{"type":"object","properties":{"a":{"type":"integer"},"-":{"type":"integer"}},"required":["a","-"]` + closed,
			[][2]string{{`{"a":1,"-":2}`, `{"a":1,"-":2}`}},
			[][2]string{{`{"a":1,"-":2,"hidden":3}`, "hidden must be left out"}, {`{"a":1,"-":2,"B":3}`, "B must be left out"}}},
		{"types that write themselves", mirror[struct {
			T time.Time       `json:"t"`
			D time.Duration   `json:"d"`
			N json.Number     `json:"n"`
			R json.RawMessage `json:"r,omitempty"`
			I *big.Int        `json:"i"`
			B []byte          `json:"b"`
			A netip.Addr      `json:"a"`
			O oddly           `json:"o"`
			V any             `json:"v"`
		}], `{"type":"object","properties":{"t":{"type":"string","format":"date-time"},"d":{"type":"integer"},"n":{"type":"number"},"r":{"description":"any JSON value"},"i":{"type":"integer"},"b":{"type":"string","contentEncoding":"base64"},"a":{"type":"string"},"o":{"description":"any JSON value"},"v":{"description":"any JSON value"}},"required":["t","d","n","a","o","v"]` + closed,
			[][2]string{
				{`{"t":"2026-01-02T03:04:05Z","d":7,"n":1.50,"r":[1, {"k":null}],"i":123456789012345678901234567890,"b":"aGk=","a":"::1","o":{"k":1},"v":null}`,
					`{"t":"2026-01-02T03:04:05Z","d":7,"n":1.50,"r":[1,{"k":null}],"i":123456789012345678901234567890,"b":"aGk=","a":"::1","o":{"k":1},"v":null}`},
				{`{"t":"2026-01-02T03:04:05Z","d":7,"n":-1,"a":"1.2.3.4","o":"x","v":[]}`, `{"t":"2026-01-02T03:04:05Z","d":7,"n":-1,"a":"1.2.3.4","o":"x","v":[]}`},
			},
			[][2]string{
				{`{"t":1,"d":7,"n":1,"a":"::1","o":1,"v":1}`, "t must be a string"},
				{`{"t":"2026-01-02T03:04:05Z","d":7,"n":"1","a":"::1","o":1,"v":1}`, "n must be a number"},
				{`{"t":"2026-01-02T03:04:05Z","d":7,"n":1,"a":"nowhere","o":1,"v":1}`, "arguments must be what the tool can read: "},
				{`{"t":"2026-01-02T03:04:05Z","d":7,"n":1,"a":"::1","o":1,"v":1,"b":"?"}`, "arguments must be what the tool can read: "},
			}},
		{"quoted numbers", mirror[struct {
			N int   `json:"n,string"`
			B *bool `json:"b,string,omitempty" jsonschema:"a flag"`
			//lint:ignore SA5008 "string" means nothing to a slice
			L []int `json:"l,omitempty,string"`
		}], `{"type":"object","properties":{"n":{"type":"string"},"b":{"type":"string","description":"a flag"},"l":{"type":"array","items":{"type":"integer"}}},"required":["n"]` + closed,
			[][2]string{{`{"n":"7","b":"true","l":[1]}`, `{"n":"7","b":"true","l":[1]}`}},
			[][2]string{{`{"n":7}`, "n must be a string"}, {`{"n":"x"}`, "arguments must be what the tool can read: "}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(mcp.Options{})
			tc.register(s)
			c := mcptest.New(t, s)
			c.SetModern(true)
			raw, err := c.Call(t.Context(), "tools/list", nil)
			if err != nil {
				t.Fatal(err)
			}
			var r struct {
				Tools []struct{ InputSchema, OutputSchema json.RawMessage }
			}
			if err := json.Unmarshal(raw, &r); err != nil || len(r.Tools) != 1 {
				t.Fatal(err, len(r.Tools))
			}
			in, out := r.Tools[0].InputSchema, r.Tools[0].OutputSchema
			if string(in) != tc.schema {
				t.Errorf("schema\n     %s\nwant %s", in, tc.schema)
			}
			if out != nil && string(out) != tc.schema {
				t.Errorf("output schema\n     %s\nwant %s", out, tc.schema)
			}
			for _, revision := range mcp.Revisions() {
				if s := protocol[revision]; s != nil {
					tool := fmt.Sprintf(`{"name":"x","inputSchema":%s,"outputSchema":%[1]s}`, in)
					if err := s.fault([]byte(tool), "Tool"); err != nil {
						t.Errorf("%s: %v", revision, err)
					}
				}
			}
			for _, row := range tc.good {
				if err := validates(in, row[0]); err != nil {
					t.Errorf("%s: the schema says %v", row[0], err)
				}
				if row[1] == "" {
					continue
				}
				r, err := c.CallTool(t.Context(), "mirror", json.RawMessage(row[0]))
				if err != nil || r.IsError || string(r.StructuredContent) != row[1] || r.Text() != row[1] {
					t.Errorf("%s: %v, %+v", row[0], err, r)
					continue
				}
				if err := validates(out, string(r.StructuredContent)); err != nil {
					t.Errorf("%s: the output schema says %v", r.StructuredContent, err)
				}
			}
			for _, row := range tc.bad {
				r, err := c.CallTool(t.Context(), "mirror", json.RawMessage(row[0]))
				if err != nil || !r.IsError || !strings.HasPrefix(r.Text(), "Invalid arguments: "+row[1]) {
					t.Errorf("%s: %v, %+v, want %q", row[0], err, r, row[1])
				}
			}
		})
	}
}

// validates judges text by a schema, with the general validator.
func validates(schema []byte, text string) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("x.json", doc); err != nil {
		return err
	}
	s, err := c.Compile("x.json")
	if err != nil {
		return err
	}
	if doc, err = jsonschema.UnmarshalJSON(strings.NewReader(text)); err != nil {
		return err
	}
	return s.Validate(doc)
}

type (
	tree struct {
		Left *tree `json:"left"`
	}
	word    string
	badWord struct{}
	loop    map[string]loop
)

func (badWord) JSONSchema() string { return `{"type":` }

func takes[T any](s *mcp.Server) {
	mcp.AddTool(s, mcp.Tool{Name: "x"}, func(context.Context, T) (string, error) { return "", nil })
}

func gives[T any](s *mcp.Server) {
	mcp.AddTool(s, mcp.Tool{Name: "x"}, func(context.Context, struct{}) (v T, err error) { return v, nil })
}

// Types of which there is no telling what they look like in JSON are refused
// at once, in words that say which and why.
func TestTypedRefusals(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*mcp.Server)
		says []string
	}{
		{"a struct", takes[inner], nil},
		{"text for a result", gives[word], nil},
		{"nothing for a result", gives[struct{}], nil},
		{"a number", takes[int], []string{`mcp: AddTool: tool "x": arguments: int is no struct`, "wrap it in a struct"}},
		{"anything", takes[any], []string{"is no struct", "wrap it in a struct"}},
		{"a slice for a result", gives[[]inner], []string{`tool "x": result: []mcp_test.inner is no struct`, "wrap it in a struct"}},
		{"a map by numbers", takes[map[int]string], []string{"is no struct and no map with string keys"}},
		{"a map by numbers inside", takes[struct{ M map[int]string }], []string{"arguments", "map key"}},
		{"a channel", takes[struct{ C chan int }], []string{"arguments", "chan int"}},
		{"a function inside", gives[struct{ L []func() }], []string{"result", "func"}},
		{"a complex number", takes[struct{ C complex128 }], []string{"complex128"}},
		{"a type inside itself", takes[tree], []string{"cycle", "mcp_test.tree"}},
		{"a map inside itself", takes[struct{ L loop }], []string{"cycle", "mcp_test.loop"}},
		{"embedded with a name", takes[struct {
			Base `json:"base"`
		}], []string{"embeds mcp_test.Base", "make it a field with a name"}},
		{"embedded and left out", takes[struct {
			Base `json:"-"`
			X    int
		}], []string{"embeds mcp_test.Base"}},
		{"an embedded word", takes[struct{ Word }], []string{"embeds mcp_test.Word, which is no struct"}},
		{"two fields with one name", takes[struct {
			Base
			MyID string `json:"id"`
		}], []string{"the fields ID and MyID have one JSON name, id"}},
		{"what writes itself", takes[oddly], []string{"mcp_test.oddly writes its JSON itself", "JSONSchema"}},
		{"text that writes itself", takes[netip.Addr], []string{"netip.Addr writes its JSON itself"}},
		{"a schema that is no JSON", takes[struct{ W badWord }], []string{"W: JSONSchema of mcp_test.badWord", "unexpected end"}},
		{"an empty description", takes[struct {
			A int `jsonschema:""`
		}], []string{"empty jsonschema tag"}},
		{"no handler", func(s *mcp.Server) {
			mcp.AddTool[inner, string](s, mcp.Tool{Name: "x"}, nil)
		}, []string{`tool "x" has no handler`}},
		{"a name that is taken", func(s *mcp.Server) { takes[inner](s); gives[inner](s) }, []string{`tool "x"`, "name is taken"}},
		{"an output schema that is none", func(s *mcp.Server) {
			mcp.AddTool(s, mcp.Tool{Name: "x", OutputSchema: []byte(`{"type":"strnig"}`)}, same[inner])
		}, []string{`tool "x": OutputSchema: no JSON Schema: at "/type": value must be one of`}},
		{"schema of a text", func(s *mcp.Server) {
			mcp.AddTool(s, mcp.Tool{Name: "x", OutputSchema: []byte(`{"type":"object"}`)}, func(context.Context, inner) (string, error) { return "", nil })
		}, []string{`tool "x": OutputSchema: a result of type string has no structured content`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := panicText(func() { tc.do(newServer(mcp.Options{})) })
			if (got == "") != (tc.says == nil) {
				t.Errorf("panic %q, want %q", got, tc.says)
			}
			for _, says := range tc.says {
				if !strings.Contains(got, says) {
					t.Errorf("panic %q, want %q in it", got, says)
				}
			}
		})
	}
}

// Word is exported so that it is a field where it is embedded.
type Word string

type outcome struct {
	Said string         `json:"said"`
	Sums map[string]int `json:"sums"`
	List []inner        `json:"list"`
	Many [][]int        `json:"many,omitempty"`
	By   *inner         `json:"by"`
	Data []byte         `json:"data"`
	Any  any            `json:"any"`
}

// Results are judged before they are sent; what Go writes as null goes out as
// what it means.
func TestTypedResults(t *testing.T) {
	var log strings.Builder
	s := newServer(mcp.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	var result outcome
	mcp.AddTool(s, mcp.Tool{Name: "outcome"}, func(context.Context, struct{}) (outcome, error) { return result, nil })
	mcp.AddTool(s, mcp.Tool{Name: "pointer"}, func(context.Context, struct{}) (*inner, error) { return nil, nil })
	mcp.AddTool(s, mcp.Tool{Name: "map"}, func(context.Context, struct{}) (map[string]int, error) { return nil, nil })
	mcp.AddTool(s, mcp.Tool{Name: "liar", OutputSchema: []byte(`{"type":"object","required":["x"],"properties":{"x":{"type":"integer"}}}`)},
		func(context.Context, struct{}) (map[string]any, error) { return map[string]any{"x": "one"}, nil })
	mcp.AddTool(s, mcp.Tool{Name: "null", OutputSchema: []byte(`{"type":"object","properties":{"x":{"type":["integer","null"]}}}`)},
		func(context.Context, struct{}) (map[string]any, error) { return map[string]any{"x": nil}, nil })
	mcp.AddTool(s, mcp.Tool{Name: "general", OutputSchema: []byte(`{"type":"object","properties":{"x":{"type":"string","pattern":"^a*$"}}}`)},
		func(context.Context, struct{}) (map[string]any, error) { return map[string]any{"x": "b"}, nil })
	mcp.AddTool(s, mcp.Tool{Name: "infinite"}, func(context.Context, struct{}) (map[string]float64, error) {
		return map[string]float64{"x": math.Inf(1)}, nil
	})
	mcp.AddTool(s, mcp.Tool{Name: "text"}, func(context.Context, map[string]int) (string, error) { return "just text", nil })
	mcp.AddTool(s, mcp.Tool{Name: "none"}, func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil })
	mcp.AddTool(s, mcp.Tool{Name: "fails"}, func(context.Context, struct{}) (outcome, error) { return outcome{}, errors.New("no luck") })
	mcp.AddTool(s, mcp.Tool{Name: "code"}, func(context.Context, struct{}) (outcome, error) {
		return outcome{}, fmt.Errorf("wrapped: %w", &mcp.Error{Code: -32099, Message: "of its own"})
	})
	mcp.AddTool(s, mcp.Tool{Name: "blames"}, func(context.Context, struct{}) (outcome, error) {
		return outcome{}, &mcp.ArgError{Path: "city", Want: "one on land"}
	})
	mcp.AddTool(s, mcp.Tool{Name: "panics"}, func(context.Context, struct{}) (outcome, error) { panic("in a worker") })
	mcp.AddTool(s, mcp.Tool{Name: "context"}, func(ctx context.Context, _ struct{}) (string, error) {
		if mcp.CallFrom(context.Background()) != nil {
			return "a call from nowhere", nil
		}
		return mcp.CallFrom(ctx).Tool(), nil
	})

	for _, revision := range mcp.Revisions() {
		t.Run(revision, func(t *testing.T) {
			c := mcptest.New(t, s)
			if revision == mcp.LatestRevision {
				c.SetModern(true)
			} else if _, err := c.Initialize(t.Context(), revision); err != nil {
				t.Fatal(err)
			}
			for _, tc := range []struct {
				tool   string
				result outcome
				text   string // of the content, and the structured content where that is JSON
				failed bool
				code   codec.Code
				logged string
			}{
				{tool: "outcome", text: `{"said":"","sums":{},"list":[],"any":null}`},
				{tool: "outcome", result: outcome{"null", map[string]int{"null": 0}, []inner{{1}}, [][]int{nil, {1}}, &inner{2}, []byte{}, []any{nil}},
					text: `{"said":"null","sums":{"null":0},"list":[{"x":1}],"many":[[],[1]],"by":{"x":2},"data":"","any":[null]}`},
				{tool: "map", text: `{}`},
				{tool: "null", text: `{"x":null}`},
				{tool: "text", text: "just text"},
				{tool: "none"},
				{tool: "context", text: "context"},
				{tool: "fails", text: "no luck", failed: true},
				{tool: "pointer", code: codec.CodeInternal, logged: "x is missing"},
				{tool: "liar", code: codec.CodeInternal, logged: "x must be an integer"},
				{tool: "general", code: codec.CodeInternal, logged: "pattern"},
				{tool: "infinite", code: codec.CodeInternal, logged: "+Inf"},
				{tool: "panics", code: codec.CodeInternal},
				{tool: "code", code: -32099},
				{tool: "blames", text: "Invalid arguments: city must be one on land", failed: true},
			} {
				log.Reset()
				result = tc.result
				r, err := c.CallTool(t.Context(), tc.tool, nil)
				if tc.tool == "blames" && revision < mcp.Revision20251125 {
					tc.code = codec.CodeInvalidParams
				}
				var rpc *mcp.Error
				switch {
				case tc.code != 0:
					if !errors.As(err, &rpc) || rpc.Code != tc.code || strings.Contains(rpc.Message, "integer") {
						t.Errorf("%s: %v, want code %d and no word of what is inside", tc.tool, err, tc.code)
					}
					if tc.logged != "" && !(strings.Contains(log.String(), tc.logged) && strings.Contains(log.String(), "tool="+tc.tool)) {
						t.Errorf("%s: %q in the log, want %q", tc.tool, log.String(), tc.logged)
					}
				case err != nil:
					t.Errorf("%s: %v", tc.tool, err)
				default:
					structured := ""
					if strings.HasPrefix(tc.text, "{") && revision >= mcp.Revision20250618 {
						structured = tc.text
					}
					if r.Text() != tc.text || string(r.StructuredContent) != structured || r.IsError != tc.failed {
						t.Errorf("%s: %q, structured %s, error %t", tc.tool, r.Text(), r.StructuredContent, r.IsError)
					}
				}
			}
		})
	}
}
