package codec

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// loneSurrogate reports whether JSON text has an escape of half a surrogate
// pair, which encoding/json takes and we refuse.
func loneSurrogate(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		if i++; i+4 >= len(b) || b[i] != 'u' {
			continue
		}
		r, err := strconv.ParseUint(string(b[i+1:i+5]), 16, 16)
		if err != nil || r&0xf800 != 0xd800 {
			continue
		}
		if r >= 0xdc00 || i+10 >= len(b) || b[i+5] != '\\' || b[i+6] != 'u' {
			return true
		}
		low, err := strconv.ParseUint(string(b[i+7:i+11]), 16, 16)
		if err != nil || low&0xfc00 != 0xdc00 {
			return true
		}
		i += 10
	}
	return false
}

// strict is the judgement of the standard library with our additions.
func strict(b []byte) bool {
	return json.Valid(b) && utf8.Valid(b) && !loneSurrogate(b)
}

// judge compares Parse with strict and with what encoding/json decodes. Limits
// must be out of reach.
func judge(t *testing.T, p *Parser, m *Message, in []byte) {
	t.Helper()
	b, all := room(in, 0)
	err := p.Parse(m, b)
	if !bytes.Equal(b, in) || bytes.Count(all[len(b):], []byte{canary}) != len(all)-len(b) {
		t.Fatalf("%q: Parse wrote", in)
	}
	good := strict(in)
	if err == nil {
		if !good {
			t.Fatalf("%q was accepted", in)
		}
		if m.Kind() != KindBatch {
			sameParts(t, m, in)
		}
		return
	}
	e := err.(*Error)
	switch e.Code {
	case CodeParse:
		if good {
			t.Fatalf("%q was refused: %v", in, err)
		}
		if e.Offset < 0 || e.Offset > len(in) {
			t.Fatalf("%q: offset %d", in, e.Offset)
		}
	case CodeInvalidRequest, CodeInvalidParams:
		// A name that comes twice ends the walk, so JSON may be bad behind it.
		if !good && e.Reason != faultDuplicateReason {
			t.Fatalf("%q is no JSON, and refused for %v", in, err)
		}
	default:
		t.Fatalf("%q: %v", in, err)
	}
	if m.Kind() != KindInvalid {
		t.Fatalf("%q: refused, kind %v", in, m.Kind())
	}
}

const faultDuplicateReason = "member name twice"

// sameParts compares what Parse found with what encoding/json decodes.
func sameParts(t *testing.T, m *Message, in []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(in, &want); err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	id := string(want["id"])
	if id == "null" {
		id = ""
	}
	if string(m.ID().Raw()) != id || m.ID().IsString() != strings.HasPrefix(id, `"`) {
		t.Fatalf("%q: id %q, want %q", in, m.ID().Raw(), id)
	}
	var method string
	if raw, there := want["method"]; there {
		if err := json.Unmarshal(raw, &method); err != nil {
			t.Fatalf("%q: %v", in, err)
		}
	}
	if string(m.Method()) != method {
		t.Fatalf("%q: method %q, want %q", in, m.Method(), method)
	}
	if m.HasParams() != (want["params"] != nil) || string(m.Params().Raw()) != string(want["params"]) || string(m.Result().Raw()) != string(want["result"]) || string(m.ErrorObject().Raw()) != string(want["error"]) {
		t.Fatalf("%q: params %q, result %q, error %q", in, m.Params().Raw(), m.Result().Raw(), m.ErrorObject().Raw())
	}
	for _, o := range []Object{m.Params(), m.Result()} {
		if o.Raw() == nil {
			continue
		}
		x, isObject := decode(t, o.Raw()).(map[string]any)
		if !isObject {
			t.Fatalf("%q: %q is no object", in, o.Raw())
		}
		n := 0
		for it := o.Members(); ; n++ {
			key, v, more := it.Next()
			if !more {
				break
			}
			name := string(key.AppendTo(nil))
			got, found := o.Get(name)
			if _, there := x[name]; !there || !found || !json.Valid(v.Raw()) || o.base != nil && &got.Raw()[0] != &v.Raw()[0] {
				t.Fatalf("%q: member %q is %q, found %v", in, name, got.Raw(), found)
			}
		}
		if n != o.Len() || o.base != nil && n != len(x) {
			t.Fatalf("%q: %d members, Len %d, want %d", in, n, o.Len(), len(x))
		}
	}
}

// mutants are messages to begin with: every kind, every sort of token.
func mutants() [][]byte {
	seeds := [][]byte{
		[]byte(`{"jsonrpc":"2.0","id":7,"method":"ping"}`),
		[]byte(` { "method" : "a\u0062\/c" , "id" : "x\ud83d\ude00" , "params" : { "a" : [ 1 , -2.5e+10 , true , false , null ] , "b" : { "c" : { } , "d" : [ ] } } , "jsonrpc" : "2.0" } `),
		[]byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"é€😀 ` + strings.Repeat("long text ", 20) + `\n"}],"isError":false}}`),
		[]byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error","data":[0.1,1e5]}}`),
		[]byte("{\n  \"jsonrpc\": \"2.0\",\n  \"method\": \"a\",\r\n\t\"params\": {\n            \"b\": [\n                    1,\n                    {}\n            ]\n  }\n}\n"),
		[]byte(`{"jsonrpc":"2.0","method":"a","params":{"text":"` + strings.Repeat("plain ", 50) + strings.Repeat("слово 中国 ह한😀 ", 20) + `\n` + strings.Repeat("plain ", 50) + `"}}`),
		[]byte(`[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":2,"method":"b"},1]`),
	}
	r := rand.New(rand.NewPCG(9, 10))
	for range 60 {
		seeds = append(seeds, append(randomJSON(r, []byte(`{"jsonrpc":"2.0","id":1,"method":"m","params":{"v":`), 4), `}}`...))
	}
	return seeds
}

// Random changes of messages are judged as the library judges them.
func TestMutations(t *testing.T) {
	rounds := 30_000
	if s := os.Getenv("GANNET_MUTATIONS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("GANNET_MUTATIONS: %v", err)
		}
		rounds = n
	}
	if testing.Short() {
		rounds = 5000
	}
	p := NewParser(Limits{Depth: maxDepth})
	var m Message
	seeds := mutants()
	for _, b := range seeds {
		judge(t, p, &m, b)
		if m.Kind() == KindInvalid {
			t.Fatalf("%q: %v", b, m.err.Error())
		}
	}
	const bytesOf = "\"\"\"\\\\{}[]:,,  \n\t\r0123456789-+.eEtrufalsn/bx\x00\x1f\x7f\x80\xbf\xc2\xc3\xe2\xed\xf0\xf4\xff"
	r := rand.New(rand.NewPCG(11, 12))
	accepted := 0
	for range rounds {
		b := append([]byte(nil), seeds[r.IntN(len(seeds))]...)
		for range 1 + r.IntN(3) {
			if len(b) == 0 {
				break
			}
			i := r.IntN(len(b))
			switch r.IntN(6) {
			case 0:
				b[i] ^= 1 << r.IntN(8)
			case 1, 2:
				b[i] = bytesOf[r.IntN(len(bytesOf))]
			case 3:
				b = append(b[:i], b[i+1:]...)
			case 4:
				b = append(b[:i], append([]byte{bytesOf[r.IntN(len(bytesOf))]}, b[i:]...)...)
			case 5: // a piece of it again
				n := min(len(b)-i, r.IntN(20))
				b = append(b[:i+n:i+n], b[i:]...)
			}
		}
		judge(t, p, &m, b)
		if m.Kind() != KindInvalid {
			accepted++
		}
	}
	if accepted < rounds/50 || accepted > rounds*49/50 {
		t.Errorf("%d mutants of %d were accepted: the changes are too hard or too soft", accepted, rounds)
	}
}

// A message cut anywhere is none, and so is one with a byte after it.
func TestCut(t *testing.T) {
	p := NewParser(Limits{})
	var m Message
	for _, whole := range mutants()[:25] {
		whole = bytes.TrimSpace(whole)
		for i := range whole {
			err := p.Parse(&m, whole[:i:i])
			if e, isError := err.(*Error); !isError || e.Code != CodeParse {
				t.Fatalf("%q: %v", whole[:i], err)
			}
		}
		for c := range 256 {
			err := p.Parse(&m, append(whole[:len(whole):len(whole)], byte(c)))
			if white := c == ' ' || c == '\n' || c == '\t' || c == '\r'; (err == nil) != white {
				t.Fatalf("%q and %#x: %v", whole, c, err)
			}
		}
	}
}

// What lies behind the message does not matter, whatever completes it.
func TestBytesBehind(t *testing.T) {
	p := NewParser(Limits{})
	var m Message
	whole := []byte(`{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"` + strings.Repeat("x", 90) + `","b":true,"c":123}}`)
	for i := range whole {
		all := append([]byte(nil), whole...)
		if err := p.Parse(&m, all[:i]); err == nil {
			t.Fatalf("%q was completed by what lies behind it", whole[:i])
		}
	}
	for _, cut := range []string{"tru", "fals", "nul", "-", "1.", "1e", `"`, `"\`, `"\u004`, `"\ud83d\ude0`, "\"\xe2\x82"} {
		for _, rest := range []string{"e", "se", "ll", "l", "0", `"`, `"}`, "0\"", "\xac\""} {
			all := append(append([]byte(nil), cut...), rest...)
			if v, err := ParseValue(all[:len(cut)]); err == nil {
				t.Errorf("%q was completed by %q to %q", cut, rest, v.Raw())
			}
		}
	}
}

// Depth is cut exactly at the limit, however the containers mix, in params, in
// results, in unknown members and in batches.
func TestDepth(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	nest := func(levels int) string {
		var open, shut []byte
		for range levels {
			if r.IntN(2) == 0 {
				open, shut = append(open, '['), append(shut, ']')
			} else {
				open, shut = append(open, `{"k":`...), append(shut, '}')
			}
		}
		for i, j := 0, len(shut)-1; i < j; i, j = i+1, j-1 {
			shut[i], shut[j] = shut[j], shut[i]
		}
		return string(open) + "1" + string(shut)
	}
	var m Message
	for _, depth := range []int{3, 4, 63, 64, 65, 127, 128, 129, 511, 512} {
		p := NewParser(Limits{Depth: depth})
		for over := -2; over <= 2; over++ {
			for _, form := range []struct {
				levels    int // that the form has itself
				head, end string
			}{
				{2, `{"jsonrpc":"2.0","method":"m","params":{"a":`, `}}`},
				{1, `{"jsonrpc":"2.0","method":"m","x":`, `}`},
				{2, `{"jsonrpc":"2.0","id":1,"result":{"a":`, `}}`},
				{2, `{"jsonrpc":"2.0","error":{"a":`, `}}`},
				{1, `[1,`, `]`},
			} {
				levels := depth + over - form.levels
				if levels < 0 {
					continue
				}
				err := p.Parse(&m, []byte(form.head+nest(levels)+form.end))
				if over <= 0 != (err == nil) {
					t.Errorf("limit %d, %d levels in %s…: %v", depth, depth+over, form.head, err)
				}
				if e, isError := err.(*Error); err != nil && (!isError || e.Code != CodeInvalidRequest || e.Limit != depth || e.Unit != "levels") {
					t.Errorf("limit %d: error %v", depth, err)
				}
			}
		}
	}
	if got := NewParser(Limits{Depth: 1 << 20}).Limits().Depth; got != maxDepth {
		t.Errorf("depth is %d, want it clipped to %d", got, maxDepth)
	}
}

// Every grammar of numbers, in every place and length, as the library has it.
func TestNumberGrammar(t *testing.T) {
	var m Message
	p := NewParser(Limits{})
	parts := []string{"", "-", "+", "0", "00", "1", "9", "12345678", "1234567890123456", ".", ".0", ".12345678901", "e", "E", "e5", "E-5", "e+12345678", "x", " "}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				for _, d := range []string{"", "1", ".5", "e9"} {
					judge(t, p, &m, []byte(`{"jsonrpc":"2.0","method":"m","params":{"v":`+a+b+c+d+`}}`))
				}
			}
		}
	}
	for n := 1; n < 70; n++ {
		for _, text := range []string{strings.Repeat("7", n), "-" + strings.Repeat("7", n), "0." + strings.Repeat("7", n), "1e" + strings.Repeat("7", n), strings.Repeat("7", n) + ".", strings.Repeat("7", n) + "a", strings.Repeat("7", n) + "/", strings.Repeat("7", n) + ":"} {
			judge(t, p, &m, []byte(`{"jsonrpc":"2.0","method":"m","params":{"v":[`+text+`,`+text+`]}}`))
			judge(t, p, &m, []byte(text))
		}
	}
	for _, n := range []int{4095, 4096, 4097} {
		for _, text := range []string{strings.Repeat("1", n), "-" + strings.Repeat("1", n-1), "0." + strings.Repeat("1", n-2), "1E" + strings.Repeat("1", n-2)} {
			err := p.Parse(&m, []byte(`{"jsonrpc":"2.0","method":"m","params":{"v":`+text+`}}`))
			if e, isError := err.(*Error); (err == nil) != (n <= 4096) || err != nil && (!isError || e.Limit != 4096 || e.Unit != "bytes") {
				t.Errorf("%d bytes of number: %v", n, err)
			}
		}
	}
}

// Every byte, and every ill-formed sequence, at every place of a string of
// every length.
func TestStringBytes(t *testing.T) {
	pieces := []string{"é", "€", "😀", "\xc3", "\xa9", "\xe2\x82", "\xf0\x9f\x98", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xed\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xef\xbf\xbf", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80",
		`\n`, `\u0041`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\ud83d\u0041`, `\x`, `\u00g0`, `\u004`, `\`}
	for c := range 256 {
		pieces = append(pieces, string([]byte{byte(c)}))
	}
	for _, piece := range pieces {
		for _, before := range []int{0, 1, 5, 7, 8, 9, 15, 16, 31, 33, longRun - 1, longRun, longRun + 1, longRun + 7, longRun + 31, longRun + 32} {
			for _, after := range []int{0, 1, 3, 7, 8, 40, 70} {
				text := []byte(`"` + strings.Repeat("x", before) + piece + strings.Repeat("y", after) + `"`)
				if _, err := ParseValue(text); (err == nil) != strict(text) {
					t.Fatalf("%q: %v, want accepted %v", text, err, strict(text))
				}
			}
		}
	}
	// Pieces close to each other, so that one hides the other in no step, among
	// letters of several lengths.
	r := rand.New(rand.NewPCG(15, 16))
	fill := []string{"x", "é", "ы", "я ", "中", "国", "ह", "한", "😀", "word ", "слово ", `\n`}
	rounds := 20_000
	if testing.Short() {
		rounds = 2000
	}
	for round := range rounds {
		text := []byte{'"'}
		if round&1 == 0 {
			text = append(text, strings.Repeat("x", longRun+r.IntN(40))...)
		}
		for range 1 + r.IntN(4) {
			one := r.IntN(len(fill))
			for range r.IntN(40) {
				if r.IntN(4) == 0 {
					one = r.IntN(len(fill))
				}
				text = append(text, fill[one]...)
			}
			if r.IntN(3) > 0 {
				text = append(text, pieces[r.IntN(len(pieces))]...)
			}
		}
		text = append(text, '"')
		if _, err := ParseValue(text); (err == nil) != strict(text) {
			t.Fatalf("%q: %v, want accepted %v", text, err, strict(text))
		}
	}
}

// The library's vector search looks a window ahead: pieces and the end of the
// string lie before, at and over the border of each, and the string ends or does
// not.
func TestStringWindows(t *testing.T) {
	for _, piece := range []string{"x", "é", "€", "😀", "\xe2\x82", "\x80", "\x1f", `\n`, `\\`, `\"`, `\ud83d\ude00`, `\ud83d`, `"`} {
		for _, border := range []int{window, 2 * window} {
			for shift := -6; shift <= 6; shift++ {
				for _, letter := range []string{"x", "é"} {
					text := []byte(`"` + strings.Repeat("x", longRun))
					for len(text) < longRun+1+border+shift {
						text = append(text, letter...)
					}
					text = append(text, piece...)
					for _, end := range []string{`"`, ``, `yyyyyyyyyyyy"`, strings.Repeat("y", 100) + `"`, strings.Repeat("y", 100)} {
						whole := append(text[:len(text):len(text)], end...)
						if _, err := ParseValue(whole); (err == nil) != strict(whole) {
							t.Fatalf("%q and %q at %d%+d: %v, want accepted %v", piece, end, border, shift, err, strict(whole))
						}
					}
				}
			}
		}
	}
}
