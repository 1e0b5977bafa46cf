package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/codec"
)

// randomSchema makes a schema of the keywords that nodes know.
func randomSchema(r *rand.Rand, depth int) any {
	if r.IntN(12) == 0 {
		return r.IntN(2) == 0
	}
	s := map[string]any{}
	types := []string{"null", "boolean", "number", "integer", "string", "object", "array"}
	switch r.IntN(4) {
	case 0:
	case 1:
		s["type"] = []any{types[r.IntN(7)], types[r.IntN(7)]}
		if l := s["type"].([]any); l[0] == l[1] {
			s["type"] = l[0]
		}
	default:
		s["type"] = types[r.IntN(7)]
	}
	if r.IntN(8) == 0 {
		s["enum"] = []any{"a", 1, 1.5, nil, true, "b"}[:1+r.IntN(6)]
	}
	if r.IntN(12) == 0 {
		s["const"] = []any{"a", 1, nil, false}[r.IntN(4)]
	}
	for _, k := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
		if r.IntN(8) == 0 {
			s[k] = []any{0, 1, -3, 2.5, 9007199254740993}[r.IntN(5)]
		}
	}
	for _, k := range []string{"minLength", "maxLength", "minItems", "maxItems"} {
		if r.IntN(8) == 0 {
			s[k] = r.IntN(4)
		}
	}
	if depth > 0 {
		if r.IntN(2) == 0 {
			p := map[string]any{}
			for _, name := range []string{"a", "b", "é"}[:1+r.IntN(3)] {
				p[name] = randomSchema(r, depth-1)
			}
			s["properties"] = p
		}
		if r.IntN(3) == 0 {
			s["required"] = []any{"a", "b", "x"}[:1+r.IntN(3)]
		}
		if r.IntN(4) == 0 {
			s["additionalProperties"] = randomSchema(r, depth-1)
		}
		if r.IntN(3) == 0 {
			s["items"] = randomSchema(r, depth-1)
		}
	}
	return s
}

// randomValue makes what may or may not fit.
func randomValue(r *rand.Rand, depth int) any {
	switch n := r.IntN(9); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n == 2:
		return []any{0, 1, -3, 7, 2.5, 1.0, 1e3, math.Copysign(0, -1), 9007199254740992, 1e300}[r.IntN(10)]
	case n < 5:
		return []string{"", "a", "b", "éé", "🙂", "abcd", "\n"}[r.IntN(7)]
	case depth == 0:
		return 1
	case n < 7:
		m := map[string]any{}
		for _, name := range []string{"a", "b", "é", "x"} {
			if r.IntN(2) == 0 {
				m[name] = randomValue(r, depth-1)
			}
		}
		return m
	}
	var l []any
	for range r.IntN(4) {
		l = append(l, randomValue(r, depth-1))
	}
	if l == nil {
		return []any{}
	}
	return l
}

// Ours judges as the general validator does, an implementation that nobody here
// wrote.
func TestValidatorAgainstOracle(t *testing.T) {
	schemas, values, valid, ours := 0, 0, 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		text, err := json.Marshal(randomSchema(r, 3))
		if err != nil {
			t.Fatal(err)
		}
		oracle, err := compileGeneral(text)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, text, err)
		}
		v, err := compileValidator(text)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, text, err)
		}
		schemas++
		if v.root != nil {
			ours++
		}
		for range 20 {
			doc, err := json.Marshal(randomValue(r, 3))
			if err != nil {
				t.Fatal(err)
			}
			values++
			got, want := v.validate(codec.RawValue(doc)), oracle.validateSlow(codec.RawValue(doc))
			if (got == nil) != (want == nil) {
				t.Fatalf("seed %d: schema %s, value %s: ours says %v, the oracle %v", seed, text, doc, got, want)
			}
			if got == nil {
				valid++
				continue
			}
			var ae *ArgError
			if !errors.As(got, &ae) || ae.Want == "" && !ae.Missing {
				t.Fatalf("seed %d: %#v says nothing", seed, got)
			}
		}
	}
	t.Logf("%d schemas, %d of them ours; %d values, %d valid", schemas, ours, values, valid)
	if ours < schemas*9/10 || valid < values/20 || valid > values*19/20 {
		t.Error("the test does not try what it should")
	}
}

// Errors name the argument and what it must be.
func TestArgErrorTexts(t *testing.T) {
	const schema = `{"type":"object","additionalProperties":false,"required":["n"],"properties":{
		"n":{"type":"integer","minimum":1,"maximum":5},"s":{"type":"string","minLength":2,"maxLength":3},
		"e":{"enum":["x","y",3]},"l":{"type":"array","maxItems":2,"items":{"type":"object","properties":{"b":{"type":"boolean"}}}}}}`
	v, err := compileValidator([]byte(schema))
	if err != nil || v.root == nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		`{"n":1}`:                              "",
		`{"n":5,"s":"ab","l":[{"b":true},{}]}`: "",
		`{}`:                                   "n is missing",
		`{"n":"1"}`:                            "n must be an integer",
		`{"n":1.5}`:                            "n must be an integer",
		`{"n":0}`:                              "n must be",
		`{"n":6}`:                              "5",
		`{"n":1,"s":"a"}`:                      "s must be",
		`{"n":1,"s":"éééé"}`:                   "s must be",
		`{"n":1,"s":"🙂🙂"}`:                     "",
		`{"n":1,"e":"z"}`:                      "e must be",
		`{"n":1,"l":[{},{},{}]}`:               "l must",
		`{"n":1,"l":[{},{"b":1}]}`:             "l[1].b must be a boolean",
		`{"n":1,"more":1}`:                     "more",
		`[]`:                                   "an object",
	} {
		err := v.validate(codec.RawValue([]byte(value)))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", value, err, want)
		}
	}
}

// Schemas beyond the common keywords go to the general validator; what is no
// schema at all is refused.
func TestCompileValidator(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"object"}`: "ours",
		`true`:              "ours",
		`{"type":"object","title":"t","description":"d","default":{},"examples":[1],"$schema":"https://json-schema.org/draft/2020-12/schema"}`: "ours",
		`{"type":"string","pattern":"^a+$"}`:                   "general",
		`{"anyOf":[{"type":"string"},{"type":"null"}]}`:        "general",
		`{"$ref":"#/$defs/x","$defs":{"x":{"type":"string"}}}`: "general",
		`{"$ref":"https://example.org/schema.json"}`:           "error",
		`{"$ref":"file:///etc/passwd"}`:                        "error",
		`{"type":"strnig"}`:                                    "error",
		`{"type":7}`:                                           "error",
		`{"properties":[]}`:                                    "error",
		`{"minimum":"1"}`:                                      "error",
		`[`:                                                    "error",
		`7`:                                                    "error",
		`{"type":"object","required":["a"],"patternProperties":{"^x":true}}`: "general",
	} {
		v, err := compileValidator([]byte(schema))
		got := "error"
		switch {
		case err != nil:
		case v.root != nil:
			got = "ours"
		default:
			got = "general"
		}
		if got != want {
			t.Errorf("%s: %s (%v), want %s", schema, got, err, want)
		}
	}
	v, err := compileValidator([]byte(`{"type":"object","properties":{"s":{"type":"string","pattern":"^a+$"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.validate(codec.RawValue([]byte(`{"s":"aaa"}`))); err != nil {
		t.Error(err)
	}
	if err := v.validate(codec.RawValue([]byte(`{"s":"b"}`))); err == nil || !strings.Contains(err.Error(), "s must be") {
		t.Error(err)
	}
	if err := v.validate(codec.RawValue([]byte(`{"s":1e999}`))); err == nil {
		t.Error("a number beyond float64 is valid")
	}
}

func BenchmarkValidate(b *testing.B) {
	schema := []byte(`{"type":"object","required":["a","b"],"properties":{"a":{"type":"number"},"b":{"type":"string","maxLength":100},"c":{"type":"array","items":{"type":"integer"}}}}`)
	value := codec.RawValue([]byte(`{"a":1.5,"b":"some text","c":[1,2,3,4,5,6,7,8]}`))
	ours, err := compileValidator(schema)
	if err != nil {
		b.Fatal(err)
	}
	oracle, err := compileGeneral(schema)
	if err != nil {
		b.Fatal(err)
	}
	for name, f := range map[string]func(codec.Value) error{"ours": ours.validate, "general": oracle.validateSlow} {
		b.Run(fmt.Sprint("impl=", name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
