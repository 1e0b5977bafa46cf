package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gannetmcp/gannet/codec"
)

// randomSchema makes a schema of the keywords that nodes know, and now and
// then of one that they do not.
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
		s["enum"] = []any{"a", 1, 1.5, nil, true, "b", "\n", 9007199254740993}[r.IntN(4):][:1+r.IntN(4)]
	}
	if r.IntN(12) == 0 {
		s["const"] = []any{"a", 1, nil, false, -0.5}[r.IntN(5)]
	}
	if r.IntN(20) == 0 {
		s["not"] = []any{true, map[string]any{}}[r.IntN(2)]
	}
	for _, k := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
		if r.IntN(8) == 0 {
			s[k] = randomNumber(r)
		}
	}
	for _, k := range []string{"minLength", "maxLength", "minItems", "maxItems"} {
		if r.IntN(8) == 0 {
			s[k] = r.IntN(4)
		}
	}
	for k, v := range map[string]any{"title": "t", "description": "d", "default": 7, "x-own": true, "format": "date", "$comment": "c", "contentEncoding": "base64"} {
		if r.IntN(16) == 0 {
			s[k] = v
		}
	}
	for k, v := range map[string]any{"multipleOf": 2, "pattern": "^a", "uniqueItems": true, "minProperties": 1, "anyOf": []any{map[string]any{"type": "string"}, map[string]any{"maximum": 1}}} {
		if r.IntN(150) == 0 {
			s[k] = v
		}
	}
	if depth > 0 {
		if r.IntN(2) == 0 {
			p := map[string]any{}
			for _, name := range []string{"a", "b", "é\"", "$ref"}[:1+r.IntN(4)] {
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

// randomNumber makes a number that is near to others of its kind.
func randomNumber(r *rand.Rand) json.Number {
	all := []json.Number{"0", "1", "-3", "7", "2.5", "-0.5", "1.0", "1e2", "-0", "-0.0", "12e-1", "9007199254740991", "9007199254740992", "9007199254740993",
		"9007199254740992.0", "9223372036854775807", "-9223372036854775808", "1e300", "-1e300"}
	return all[r.IntN(len(all))]
}

// randomValue makes what may or may not fit.
func randomValue(r *rand.Rand, depth int) any {
	switch n := r.IntN(9); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n == 2:
		return randomNumber(r)
	case n < 5:
		return []string{"", "a", "b", "éé", "🙂", "abcd", "\n", "a\\"}[r.IntN(8)]
	case depth == 0:
		return 1
	case n < 7:
		m := map[string]any{}
		for _, name := range []string{"a", "b", "é\"", "x", "$ref"} {
			if r.IntN(2) == 0 {
				m[name] = randomValue(r, depth-1)
			}
		}
		return m
	}
	l := []any{}
	for range r.IntN(4) {
		l = append(l, randomValue(r, depth-1))
	}
	return l
}

// appendRandomly writes a value, its strings and names with escapes here and
// there, and white space.
func appendRandomly(r *rand.Rand, b []byte, v any) []byte {
	blank := func() { b = append(b, []string{"", "", "", " ", "\n\t"}[r.IntN(5)]...) }
	text := func(s string) {
		b = append(b, '"')
		for _, u := range utf16.Encode([]rune(s)) {
			if u < ' ' || u == '"' || u == '\\' || u >= 0x80 || r.IntN(3) == 0 {
				b = fmt.Appendf(b, `\u%04x`, u)
			} else {
				b = append(b, byte(u))
			}
		}
		b = append(b, '"')
	}
	switch v := v.(type) {
	case map[string]any:
		b = append(b, '{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			blank()
			text(k)
			blank()
			b = append(b, ':')
			blank()
			b = appendRandomly(r, b, v[k])
			blank()
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			blank()
			b = appendRandomly(r, b, e)
			blank()
		}
		return append(b, ']')
	case string:
		text(v)
		return b
	}
	plain, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(b, plain...)
}

// oracle is a validator that nobody here wrote, with numbers of any size.
type oracle struct{ schema *jsonschema.Schema }

func newOracle(schema []byte) (oracle, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return oracle{}, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("oracle:///schema.json", doc); err != nil {
		return oracle{}, err
	}
	s, err := c.Compile("oracle:///schema.json")
	return oracle{s}, err
}

func (o oracle) validate(value []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	return o.schema.Validate(doc)
}

// Ours judges as the oracle does.
func TestValidatorAgainstOracle(t *testing.T) {
	schemas, values, valid, ours := 0, 0, 0, 0
	seeds := uint64(3000)
	if testing.Short() {
		seeds = 300
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		text := appendRandomly(r, nil, randomSchema(r, 3))
		o, err := newOracle(text)
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
			doc := appendRandomly(r, nil, randomValue(r, 3))
			value, err := codec.ParseValue(doc)
			if err != nil {
				t.Fatal(err)
			}
			values++
			got, want := v.validate(value), o.validate(doc)
			if (got == nil) != (want == nil) {
				t.Fatalf("seed %d: schema %s, value %s: ours says %v, the oracle %v", seed, text, doc, got, want)
			}
			if got == nil {
				valid++
				continue
			}
			var ae *ArgError
			if !errors.As(got, &ae) || ae.Want == "" {
				t.Fatalf("seed %d: %#v says nothing", seed, got)
			}
		}
	}
	t.Logf("%d schemas, %d of them ours; %d values, %d valid", schemas, ours, values, valid)
	if ours < schemas*6/10 || ours > schemas*9/10 || valid < values/20 || valid > values*19/20 {
		t.Error("the test does not try what it should")
	}
}

// FuzzValidator holds ours to the oracle with schemas and values of any kind.
// What the oracle takes for no schema is none of our business.
func FuzzValidator(f *testing.F) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		f.Add(appendRandomly(r, nil, randomSchema(r, 2)), appendRandomly(r, nil, randomValue(r, 2)))
	}
	f.Fuzz(func(t *testing.T, schema, value []byte) {
		if len(schema) > 4096 || len(value) > 4096 {
			return // the oracle is slow
		}
		schema, ok1 := canonical(schema)
		value, ok2 := canonical(value)
		if !ok1 || !ok2 || bytes.Contains(schema, []byte(`$`)) {
			return // dialects and references are not ours, and take the oracle far
		}
		v, err := compileValidator(schema)
		if err != nil || v.root == nil {
			return
		}
		o, err := newOracle(schema)
		if err != nil {
			return
		}
		parsed, err := codec.ParseValue(value)
		if err != nil {
			return
		}
		if got, want := v.validate(parsed), o.validate(value); (got == nil) != (want == nil) {
			t.Errorf("schema %s, value %s: ours says %v, the oracle %v", schema, value, got, want)
		}
	})
}

// canonical writes JSON anew, without names that come twice, of which our
// parser sees the first and the oracle's the last. Numbers that only one of
// them keeps exactly make it say no.
func canonical(text []byte) ([]byte, bool) {
	if _, err := codec.ParseValue(text); err != nil {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		return nil, false
	}
	exact := true
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, e := range v {
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case json.Number:
			if _, err := v.Int64(); err == nil {
				return
			}
			f, err := v.Float64()
			short := len(v) < 12 && math.Abs(f) < 1e6 && (f == 0 || math.Abs(f) > 1e-6)
			exact = exact && err == nil && short
		}
	}
	walk(doc)
	b, err := json.Marshal(doc)
	return b, err == nil && exact
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
