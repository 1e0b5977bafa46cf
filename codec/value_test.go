package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/valyala/fastjson"
)

// mustValue judges a text that is known to be JSON.
func mustValue(t *testing.T, text string) Value {
	t.Helper()
	v, err := ParseValue([]byte(text))
	if err != nil {
		t.Fatalf("%.100q: %v", text, err)
	}
	return v
}

// params parses a request with the given params.
func mustParams(t *testing.T, m *Message, text string) Object {
	t.Helper()
	if err := NewParser(Limits{}).Parse(m, []byte(`{"jsonrpc":"2.0","id":1,"method":"m","params":`+text+`}`)); err != nil {
		t.Fatalf("%.100q: %v", text, err)
	}
	return m.Params()
}

func TestParseValue(t *testing.T) {
	for _, d := range documents {
		v, err := ParseValue([]byte(" \n" + d.doc + "\t "))
		if (err == nil) != d.good {
			t.Errorf("%q: %v, want good %v", d.doc, err, d.good)
		}
		if err == nil && string(v.Raw()) != strings.TrimSpace(d.doc) {
			t.Errorf("%q: raw %q", d.doc, v.Raw())
		}
		if e, isError := err.(*Error); err != nil && (!isError || e.Code != CodeParse || e.Reason == "") {
			t.Errorf("%q: error %#v", d.doc, err)
		}
	}
	for _, deep := range []struct {
		levels int
		good   bool
	}{{1, true}, {DefaultDepth, true}, {DefaultDepth + 1, false}, {100_000, false}} {
		if _, err := ParseValue([]byte(strings.Repeat("[", deep.levels) + strings.Repeat("]", deep.levels))); (err == nil) != deep.good {
			t.Errorf("%d levels: %v", deep.levels, err)
		}
	}
}

func TestValueKinds(t *testing.T) {
	for _, tc := range []struct {
		text string
		kind ValueKind
		name string
	}{
		{"null", Null, "null"}, {"true", True, "boolean"}, {"false", False, "boolean"}, {"0", Number, "number"}, {"-1e5", Number, "number"},
		{`""`, String, "string"}, {"{}", ObjectKind, "object"}, {"[]", ArrayKind, "array"},
	} {
		v := mustValue(t, tc.text)
		if v.Kind() != tc.kind || v.Kind().String() != tc.name || v.IsNull() != (tc.kind == Null) {
			t.Errorf("%s is a %v", tc.text, v.Kind())
		}
		if b, err := v.Bool(); (err == nil) != (tc.name == "boolean") || b != (tc.kind == True) || err != nil && err != ErrNotBool {
			t.Errorf("%s: Bool %v, %v", tc.text, b, err)
		}
		if _, err := v.StringCopy(); (err == nil) != (tc.kind == String) || err != nil && err != ErrNotString {
			t.Errorf("%s: StringCopy %v", tc.text, err)
		}
		if to, err := v.AppendTo([]byte("x")); (err == nil) != (tc.kind == String) || string(to) != "x" || RawValue(v.Raw()).Kind() != tc.kind {
			t.Errorf("%s: AppendTo %q, %v", tc.text, to, err)
		}
		if _, err := v.Float64(); (err == nil) != (tc.kind == Number) || err != nil && err != ErrNotNumber {
			t.Errorf("%s: Float64 %v", tc.text, err)
		}
		if tc.kind != Number {
			if _, err := v.Int64(); err != ErrNotInteger {
				t.Errorf("%s: Int64 %v", tc.text, err)
			}
			if _, err := v.Uint64(); err != ErrNotInteger {
				t.Errorf("%s: Uint64 %v", tc.text, err)
			}
		}
		if got := len(v.Object().Raw()) > 0; got != (tc.kind == ObjectKind) {
			t.Errorf("%s: taken for an object: %v", tc.text, got)
		}
		if got := len(v.Array().Raw()) > 0; got != (tc.kind == ArrayKind) {
			t.Errorf("%s: taken for an array: %v", tc.text, got)
		}
	}
}

// The zero cursors are empty and answer everything without a fault.
func TestZeroCursors(t *testing.T) {
	var v Value
	if v.Kind() != None || v.Kind().String() != "nothing" || v.IsNull() || v.Raw() != nil || v.EqualString("") || v.Runes() != 0 {
		t.Error("the zero Value is something")
	}
	if _, err := v.Int64(); err != ErrNotInteger {
		t.Error(err)
	}
	if _, err := v.Float64(); err != ErrNotNumber {
		t.Error(err)
	}
	if _, err := v.Bytes(nil); err != ErrNotString {
		t.Error(err)
	}
	o := v.Object()
	if _, found := o.Get(""); found || o.Len() != 0 || o.Raw() != nil {
		t.Error("the zero Object has a member")
	}
	members, elements := o.Members(), v.Array().Elements()
	if _, _, more := members.Next(); more {
		t.Error("the zero Object has a member")
	}
	if _, more := elements.Next(); more {
		t.Error("the zero Array has an element")
	}
	var m Message
	if m.ID().IsSet() || m.HasParams() || m.Params().Len() != 0 || m.Result().Len() != 0 || m.ErrorObject().Len() != 0 || len(m.Method()) != 0 {
		t.Error("the zero Message has a part")
	}
	batch := m.Batch()
	if _, more := batch.Next(); more {
		t.Error("the zero Message is a batch")
	}
}

// integers are texts around every edge of the integer types.
func integers() []string {
	texts := []string{
		"0", "-0", "1", "-1", "9", "10", "99", "-99", "1.0", "1e0", "1E2", "-1.5", "0.0", "0e5",
		"9223372036854775806", "9223372036854775807", "9223372036854775808", "9223372036854775809",
		"-9223372036854775807", "-9223372036854775808", "-9223372036854775809", "-18446744073709551615",
		"18446744073709551614", "18446744073709551615", "18446744073709551616", "18446744073709551620", "18446744073709551700",
		"9999999999999999999", "10000000000000000000", "19999999999999999999", "99999999999999999999", "100000000000000000000",
		"9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", strings.Repeat("9", 400), "-" + strings.Repeat("9", 400),
	}
	for shift := range 64 {
		for d := int64(-2); d <= 2; d++ {
			texts = append(texts, strconv.FormatUint(uint64(1)<<shift+uint64(d), 10), strconv.FormatInt(-(int64(1)<<shift)+d, 10))
		}
	}
	return texts
}

func TestIntegers(t *testing.T) {
	for _, text := range integers() {
		v := mustValue(t, text)
		want, wantErr := strconv.ParseInt(text, 10, 64)
		if got, err := v.Int64(); (err == nil) != (wantErr == nil) || err == nil && got != want || err != nil && (got != 0 || err != ErrNotInteger) {
			t.Errorf("Int64 of %.50s: %d, %v; strconv: %d, %v", text, got, err, want, wantErr)
		}
		wantU, wantErr := strconv.ParseUint(text, 10, 64)
		if got, err := v.Uint64(); (err == nil) != (wantErr == nil) || err == nil && got != wantU || err != nil && (got != 0 || err != ErrNotInteger) {
			t.Errorf("Uint64 of %.50s: %d, %v; strconv: %d, %v", text, got, err, wantU, wantErr)
		}
	}
}

func TestFloats(t *testing.T) {
	texts := append(integers(),
		"1e400", "-1e400", "1e-400", "4.9e-324", "2.4e-324", "2.5e-324", "1.7976931348623157e308", "1.7976931348623159e308", "0.1", "1e23", "8.5e22",
		"123456789012345678901234567890", "0."+strings.Repeat("0", 300)+"1", "2.2250738585072011e-308", "1E+5", "1e99999999999", "0e99999999999", "9007199254740993.0",
		"1.00000000000000011102230246251565404236316680908203125", "1.00000000000000011102230246251565404236316680908203124")
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		if f := math.Float64frombits(r.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			texts = append(texts, strconv.FormatFloat(f, "eg"[r.IntN(2)], r.IntN(25), 64))
		}
	}
	for _, text := range texts {
		want, wantErr := strconv.ParseFloat(text, 64)
		got, err := mustValue(t, text).Float64()
		if (err == nil) != (wantErr == nil) || err == nil && math.Float64bits(got) != math.Float64bits(want) || err != nil && err != ErrNotNumber {
			t.Errorf("%.60s: %v, %v; strconv: %v, %v", text, got, err, want, wantErr)
		}
	}
}

// stringTexts are string texts with what encoding/json makes of them.
var stringTexts = []string{
	`""`, `"a"`, `"\""`, `"\\"`, `"\/"`, `"\b\f\n\r\t"`, `"\u0000"`, `"\u001f\u007f\u0080"`, `"\u00e9\u20ac"`, `"\ud83d\ude00"`, `"x\uD83D\uDE00y"`,
	`"é€😀"`, `"\\u0041"`, `"\\\\\""`, `"a\u0041\n"`, `"\ufffd"`, `"\uffff\ud800\udc00\udbff\udfff"`, `"abcdefgh\nabcdefgh"`, `"\\n"`,
	`"` + strings.Repeat("x", 100) + `\u0041` + strings.Repeat("é", 50) + `"`, `"` + strings.Repeat(`\\`, 101) + `"`, `"` + strings.Repeat(`\"x`, 60) + `"`,
}

func TestStrings(t *testing.T) {
	arena := ringbuf.NewArena(nil, 0)
	for _, text := range stringTexts {
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		raw := []byte(text)
		v, err := ParseValue(raw)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		arena.Reset()
		b, err := v.Bytes(arena)
		if err != nil || string(b) != want {
			t.Errorf("%s: Bytes %q, %v; want %q", text, b, err, want)
		}
		if escaped := strings.Contains(text, `\`); escaped != (arena.Used() > 0) {
			t.Errorf("%s: %d bytes of the arena used", text, arena.Used())
		} else if !escaped && len(b) > 0 && &b[0] != &raw[1] {
			t.Errorf("%s: Bytes is a copy, though there is no escape", text)
		}
		s, err := v.StringCopy()
		if err != nil || s != want {
			t.Errorf("%s: StringCopy %q, %v; want %q", text, s, err, want)
		}
		if to, err := v.AppendTo([]byte("so: ")); err != nil || string(to) != "so: "+want {
			t.Errorf("%s: AppendTo %q, %v", text, to, err)
		}
		if !v.EqualString(want) || v.EqualString(want+"x") || want != "" && v.EqualString(want[:len(want)-1]) || v.EqualString("\x01"+want) {
			t.Errorf("%s: EqualString", text)
		}
		if inner := text[1 : len(text)-1]; v.EqualString(inner) != (inner == want) {
			t.Errorf("%s: EqualString of the text with its escapes: %v", text, v.EqualString(inner))
		}
		if n := utf8.RuneCountInString(want); v.Runes() != n {
			t.Errorf("%s: Runes %d, want %d", text, v.Runes(), n)
		}
		clear(raw)
		if s != want {
			t.Errorf("%s: StringCopy changed with the message", text)
		}
	}
}

// At the arena's limit there is an error and no piece.
func TestBytesArenaFull(t *testing.T) {
	arena := ringbuf.NewArena(nil, 8)
	long, short := mustValue(t, `"\u0041\u0042"`), mustValue(t, `"\u0041"`)
	if b, err := long.Bytes(arena); err != ErrArenaFull || b != nil {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := short.Bytes(arena); err != nil || string(b) != "A" {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := short.Bytes(arena); err != ErrArenaFull || b != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// compare walks a value by cursors and by what encoding/json decoded from it.
func compare(v Value, want any, depth int) error {
	switch want := want.(type) {
	case nil:
		if !v.IsNull() {
			return fmt.Errorf("%.50s: want null", v.Raw())
		}
	case bool:
		if got, err := v.Bool(); err != nil || got != want {
			return fmt.Errorf("%.50s: Bool %v, %v", v.Raw(), got, err)
		}
	case json.Number:
		if string(v.Raw()) != want.String() || v.Kind() != Number {
			return fmt.Errorf("%.50s: want %.50s", v.Raw(), want)
		}
	case string:
		if got, err := v.StringCopy(); err != nil || got != want || !v.EqualString(want) {
			return fmt.Errorf("%.50s: string %.50q, %v; want %.50q", v.Raw(), got, err, want)
		}
	case []any:
		if v.Kind() != ArrayKind {
			return fmt.Errorf("%.50s: want an array", v.Raw())
		}
		it := v.Array().Elements()
		for i, x := range want {
			e, more := it.Next()
			if !more {
				return fmt.Errorf("%.50s: ends after %d elements of %d", v.Raw(), i, len(want))
			}
			if err := compare(e, x, depth+1); err != nil {
				return err
			}
		}
		if e, more := it.Next(); more {
			return fmt.Errorf("%.50s: one element too many: %.50s", v.Raw(), e.Raw())
		}
	case map[string]any:
		if v.Kind() != ObjectKind {
			return fmt.Errorf("%.50s: want an object", v.Raw())
		}
		return compareObject(v.Object(), want, depth)
	}
	return nil
}

// compareObject is compare for an object whose names are all different.
func compareObject(o Object, want map[string]any, depth int) error {
	seen := map[string]bool{}
	for it := o.Members(); ; {
		key, v, more := it.Next()
		if !more {
			break
		}
		name := string(key.AppendTo(nil))
		x, there := want[name]
		if !there || !key.Is(name) {
			return fmt.Errorf("%.50s: unknown name %.50q", o.Raw(), name)
		}
		if seen[name] {
			continue // encoding/json keeps the last, we serve the first
		}
		seen[name] = true
		got, found := o.Get(name)
		if !found || &got.Raw()[0] != &v.Raw()[0] || len(got.Raw()) != len(v.Raw()) {
			return fmt.Errorf("%.50s: Get(%.50q) is %.50s, %v", o.Raw(), name, got.Raw(), found)
		}
		if err := compare(v, x, depth+1); err != nil {
			return err
		}
	}
	if len(seen) != len(want) {
		return fmt.Errorf("%.50s: %d names, want %d", o.Raw(), len(seen), len(want))
	}
	return nil
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		t.Fatalf("%.100q: %v", text, err)
	}
	return x
}

// randomJSON appends a random value without duplicate names.
func randomJSON(r *rand.Rand, dst []byte, depth int) []byte {
	white := func() {
		for range max(0, r.IntN(8)-5) {
			dst = append(dst, " \n\t\r"[r.IntN(4)])
		}
	}
	kinds := 9
	if depth <= 0 {
		kinds = 7
	}
	switch r.IntN(kinds) {
	case 0:
		return append(dst, "null"...)
	case 1:
		return strconv.AppendBool(dst, r.IntN(2) == 0)
	case 2:
		return strconv.AppendInt(dst, int64(r.Uint64())>>r.IntN(64), 10)
	case 3:
		f := math.Float64frombits(r.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			f = 0
		}
		return strconv.AppendFloat(dst, f, 'e', r.IntN(20), 64)
	case 4, 5, 6:
		return randomString(r, dst, "")
	case 7:
		dst = append(dst, '[')
		for i := range r.IntN(6) {
			if i > 0 {
				dst = append(dst, ',')
			}
			white()
			dst = randomJSON(r, dst, depth-1)
			white()
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range r.IntN(40) {
		if i > 0 {
			dst = append(dst, ',')
		}
		white()
		dst = randomString(r, dst, strconv.Itoa(i))
		white()
		dst = append(dst, ':')
		white()
		dst = randomJSON(r, dst, depth-2)
		white()
	}
	return append(dst, '}')
}

// randomString appends a string that ends with last.
func randomString(r *rand.Rand, dst []byte, last string) []byte {
	pieces := []string{"a", "key", " ", `\n`, `\\`, `\"`, `\u0041`, `\u0000`, `\ud83d\ude00`, "é", "€", "😀", "12345678", `\/`, "~", "{", "}", "[", "]", ",", ":", strings.Repeat("long ", 20)}
	dst = append(dst, '"')
	for range r.IntN(12) {
		dst = append(dst, pieces[r.IntN(len(pieces))]...)
	}
	return append(append(dst, last...), '"')
}

// What cursors find in random values is what encoding/json finds.
func TestCursors(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var m Message
	for range 1500 {
		text := randomJSON(r, nil, 5)
		want := decode(t, text)
		if err := compare(mustValue(t, string(text)), want, 0); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		object, isObject := want.(map[string]any)
		if !isObject {
			continue
		}
		params := mustParams(t, &m, string(text))
		if err := compareObject(params, object, 0); err != nil {
			t.Fatalf("params %s: %v", text, err)
		}
		if params.Len() != len(object) || (params.base != nil) != (len(object) <= membersIndexed) {
			t.Fatalf("params %s: %d members, want %d; indexed %v", text, params.Len(), len(object), params.base != nil)
		}
	}
}

// Params of up to 32 members are indexed, those of more are scanned; what Get
// finds is the same.
func TestManyMembers(t *testing.T) {
	var m Message
	for _, n := range []int{0, 1, 2, 31, 32, 33, 34, 100} {
		text := []byte("{")
		for i := range n {
			if i > 0 {
				text = append(text, ',')
			}
			text = fmt.Appendf(text, `"%sk%d" : [%d]`, []string{"", `\u0061`, `\"`}[i%3], i, i)
		}
		o := mustParams(t, &m, string(append(text, '}')))
		if (o.base != nil) != (n <= 32) || o.Len() != n || string(o.Raw()) != string(text)+"}" || string(o.Value().Raw()) != string(o.Raw()) {
			t.Errorf("%d members: Len %d, indexed %v", n, o.Len(), o.base != nil)
		}
		for i := range n {
			name := []string{"", "a", `"`}[i%3] + "k" + strconv.Itoa(i)
			if v, found := o.Get(name); !found || string(v.Raw()) != fmt.Sprintf("[%d]", i) {
				t.Errorf("%d members: %q is %s, %v", n, name, v.Raw(), found)
			}
			for _, other := range []string{name + "x", name[:len(name)-1] + "x", "x" + name, "K" + name[1:], ""} {
				if v, found := o.Get(other); found {
					t.Errorf("%d members: %q is %s", n, other, v.Raw())
				}
			}
		}
	}
}

// Names are compared unescaped and byte for byte: a name with an escape is not
// the text of the escape.
func TestNames(t *testing.T) {
	many := strings.Repeat(`"f%d":0,`, 40)
	fillers := make([]any, 40)
	for i := range fillers {
		fillers[i] = i
	}
	many = fmt.Sprintf(many, fillers...)
	for _, tc := range []struct{ written, name string }{
		{`a`, "a"}, {`\u0061`, "a"}, {`\n`, "\n"}, {`\\n`, `\n`}, {`\\u0061`, `\u0061`}, {`\u0000`, "\x00"}, {`\ud83d\ude00`, "😀"}, {`😀`, "😀"}, {`\"`, `"`}, {``, ""},
		{`\u00e9`, "é"}, {`e\u0301`, "e\u0301"}, {`\/`, "/"}, {`a\u0000`, "a\x00"},
	} {
		for how, text := range []string{`{"` + tc.written + `":1}`, `{` + many + `"` + tc.written + `":1}`} {
			var m Message
			for from, o := range []Object{mustParams(t, &m, text), mustValue(t, text).Object()} {
				if v, found := o.Get(tc.name); !found || string(v.Raw()) != "1" {
					t.Errorf("%q (%d, %d): not found as %q", tc.written, how, from, tc.name)
				}
				if _, found := o.Get(tc.written); found != (tc.written == tc.name) {
					t.Errorf("%q (%d, %d): found as it is written: %v", tc.written, how, from, found)
				}
				if _, found := o.Get(tc.name + "\x00"); found {
					t.Errorf("%q (%d, %d): found with a NUL", tc.written, how, from)
				}
				it := o.Members()
				for {
					key, v, more := it.Next()
					if !more {
						t.Errorf("%q (%d, %d): not among the members", tc.written, how, from)
						break
					}
					if string(v.Raw()) == "1" && len(key.Raw()) == len(tc.written) {
						if string(key.Raw()) != tc.written || string(key.AppendTo([]byte("> "))) != "> "+tc.name || !key.Is(tc.name) || key.Is(tc.written) != (tc.written == tc.name) {
							t.Errorf("%q (%d, %d): name %q", tc.written, how, from, key.Raw())
						}
						break
					}
				}
			}
		}
	}
}

// Of two members with one name, in nested objects and beyond the index, the
// first counts, for Get and for Tree.
func TestFirstCounts(t *testing.T) {
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, `"f%d":0,`, i)
	}
	var m Message
	o := mustParams(t, &m, `{`+many.String()+`"x":1,"\u0078":2,"x":3,"in":{"a":1,"\u0061":2}}`)
	in, _ := o.Get("in")
	for name, obj := range map[string]Object{"x": o, "a": in.Object()} {
		if v, found := obj.Get(name); !found || string(v.Raw()) != "1" {
			t.Errorf("%s is %s", name, v.Raw())
		}
		var p fastjson.Parser
		tree, err := obj.Tree(&p)
		if err != nil || tree.GetInt(name) != 1 {
			t.Errorf("in the tree %s is %d, %v", name, tree.GetInt(name), err)
		}
	}
}

func TestTree(t *testing.T) {
	var m Message
	var p fastjson.Parser
	raw := []byte(`{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":[1,{"b":"\u0041"}],"c":null}}`)
	if err := NewParser(Limits{}).Parse(&m, raw); err != nil {
		t.Fatal(err)
	}
	tree, err := m.Params().Tree(&p)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw) // the tree is a copy
	if string(tree.GetStringBytes("a", "1", "b")) != "A" || tree.Get("c").Type() != fastjson.TypeNull {
		t.Errorf("tree %s", tree)
	}
	if tree, err = (Object{}).Tree(&p); err != nil || tree.String() != "{}" {
		t.Errorf("tree of nothing: %v, %v", tree, err)
	}
	// fastjson has a limit of depth of its own; beyond it there is an error.
	deep := NewParser(Limits{Depth: 500})
	if err := deep.Parse(&m, []byte(`{"jsonrpc":"2.0","method":"m","params":{"a":`+strings.Repeat("[", 400)+strings.Repeat("]", 400)+`}}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Params().Tree(&p); err == nil {
		t.Error("400 levels made a tree")
	}
}

func TestErrorTexts(t *testing.T) {
	var e *Error
	if err := NewParser(Limits{}).Parse(new(Message), []byte(`{"a":}`)); !errors.As(err, &e) || err.Error() != "codec: Parse error: unexpected character at byte 5" {
		t.Errorf("%v", err)
	}
	if err := NewParser(Limits{Members: 1}).Parse(new(Message), []byte(`{"a":1,"b":2}`)); !errors.As(err, &e) || err.Error() != "codec: Invalid Request: too many members" || e.Limit != 1 || e.Unit != "members" {
		t.Errorf("%v", err)
	}
}
