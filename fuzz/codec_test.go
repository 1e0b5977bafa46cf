package fuzz_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/ringbuf"
)

// codecSeeds are JSON values: one for each form and each border of the scanner.
var codecSeeds = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `1e5`, `-1.5E-10`, `true`, `false`, `null`, `[1,2 , 3]`, `{"a" : {"b":[{}]}}`, `"\u00e9\n\/"`, `"\ud83d\ude00"`, `"\ud800"`, `"é€😀"`, "\"\xff\"", "\"\xed\xa0\x80\"",
	`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"":""}`, `"\u0000"`, "\"\x00\"", `01`, `1.`, `-`, `tru`, `[1,]`, `{"a":1,}`, `{"a"::1}`, `[}`, "\ufeff1", `"\x"`, `"\u12g4"`, `"\`,
	`"` + strings.Repeat("x", 63) + `\\"`, `"` + strings.Repeat("x", 70) + "é\"", `"` + strings.Repeat(`x\"`, 40) + `"`, `"` + strings.Repeat("x", 100) + "\x01\"",
	strings.Repeat("[", 200) + strings.Repeat("]", 200), strings.Repeat(`{"a":`, 70) + `1` + strings.Repeat("}", 70), strings.Repeat("9", 100), `1234567890123456.125e-17`,
	`"` + strings.Repeat("x", 260) + "слово 中国 😀 ह \"", `"` + strings.Repeat("word ", 60) + `\n` + strings.Repeat("é", 150) + "\"", "\"" + strings.Repeat("x", 300) + "\xe2\x82\"", `"` + strings.Repeat("x", 270) + `\`,
	"{\n          \"a\": [\n                    1,\r\n\t2\n          ]\n}",
	`{"name":"echo","arguments":{"text":"hi"},"_meta":{"progressToken":1}}`,
}

// codecMessages are messages of every kind, good and bad.
var codecMessages = []string{
	`{"jsonrpc":"2.0","id":7,"method":"ping"}`, `{"jsonrpc":"2.0","method":"m"}`, `{"jsonrpc":"2.0","id":"a","result":{"a":1}}`, `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}`,
	`[{"jsonrpc":"2.0","method":"a"},1]`, `[]`, `{}`, ` 1 `, `{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}`, `{"jsonrpc":"2.0","id":1,"m\u0065thod":"\u0061","params":{"\u0061":"b"}}`,
	`{"jsonrpc":"2.0","id":1.5,"method":"m"}`, `{"jsonrpc":"2.0","id":1,"method":"m","params":[]}`, "\x16\x03\x01", "{\x00\"\x00",
}

// halfPair reports whether JSON text has an escape of half a surrogate pair:
// the library takes those, we refuse them.
func halfPair(b []byte) bool {
	for i := 0; i+5 < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		if i++; b[i] != 'u' {
			continue
		}
		r, err := strconv.ParseUint(string(b[i+1:i+5]), 16, 16)
		if err != nil || r&0xf800 != 0xd800 {
			continue
		}
		if r >= 0xdc00 || i+10 >= len(b) || b[i+5] != '\\' || b[i+6] != 'u' {
			return true
		}
		if r, err := strconv.ParseUint(string(b[i+7:i+11]), 16, 16); err != nil || r&0xfc00 != 0xdc00 {
			return true
		}
		i += 10
	}
	return false
}

// judged is what the standard library, with our two additions, says of a text.
func judged(b []byte) bool { return json.Valid(b) && utf8.Valid(b) && !halfPair(b) }

// lockstep walks a value by cursors and by the tokens of encoding/json.
func lockstep(t *testing.T, d *json.Decoder, v codec.Value) {
	token, err := d.Token()
	if err != nil {
		t.Fatalf("%q: %v", v.Raw(), err)
	}
	switch want := token.(type) {
	case json.Delim:
		if want == '[' {
			if v.Kind() != codec.ArrayKind {
				t.Fatalf("%q is a %v", v.Raw(), v.Kind())
			}
			for it := v.Array().Elements(); ; {
				e, more := it.Next()
				if more != d.More() {
					t.Fatalf("%q: elements %v, want %v", v.Raw(), more, !more)
				}
				if !more {
					break
				}
				lockstep(t, d, e)
			}
		} else {
			lockstepMembers(t, d, v.Object())
		}
		if _, err := d.Token(); err != nil {
			t.Fatalf("%q: %v", v.Raw(), err)
		}
	case string:
		got, err := v.StringCopy()
		if err != nil || got != want || !v.EqualString(want) || v.Runes() != utf8.RuneCountInString(want) {
			t.Fatalf("%q: string %q, %v, %d runes; want %q", v.Raw(), got, err, v.Runes(), want)
		}
	case json.Number:
		if v.Kind() != codec.Number || string(v.Raw()) != string(want) {
			t.Fatalf("%q: want %q", v.Raw(), want)
		}
	case bool:
		if got, err := v.Bool(); err != nil || got != want {
			t.Fatalf("%q: %v, %v", v.Raw(), got, err)
		}
	case nil:
		if !v.IsNull() {
			t.Fatalf("%q: want null", v.Raw())
		}
	}
}

func lockstepMembers(t *testing.T, d *json.Decoder, o codec.Object) {
	first := map[string]string{}
	n := 0
	for it := o.Members(); ; n++ {
		key, v, more := it.Next()
		if more != d.More() {
			t.Fatalf("%q: members %v, want %v", o.Raw(), more, !more)
		}
		if !more {
			break
		}
		token, err := d.Token()
		want, isString := token.(string)
		if name := string(key.AppendTo(nil)); err != nil || !isString || name != want || !key.Is(want) {
			t.Fatalf("%q: name %q, want %v (%v)", o.Raw(), name, token, err)
		}
		if _, there := first[want]; !there {
			first[want] = string(v.Raw())
		}
		lockstep(t, d, v)
	}
	if o.Len() != n {
		t.Fatalf("%q: Len %d, want %d", o.Raw(), o.Len(), n)
	}
	for name, want := range first {
		if v, found := o.Get(name); !found || string(v.Raw()) != want {
			t.Fatalf("%q: Get(%q) is %q, %v; want %q", o.Raw(), name, v.Raw(), found, want)
		}
	}
}

func decoder(b []byte) *json.Decoder {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d
}

// FuzzParse: a message is taken or refused as encoding/json and utf8.Valid
// judge it as JSON, halves of surrogate pairs refused beside; and everything
// found in it is what encoding/json finds.
func FuzzParse(f *testing.F) {
	for _, s := range codecMessages {
		f.Add([]byte(s))
	}
	for _, s := range codecSeeds {
		f.Add([]byte(s))
		f.Add([]byte(`{"jsonrpc":"2.0","id":"x","method":"m","params":{"v":` + s + `}}`))
	}
	p := codec.NewParser(codec.Limits{Depth: 512})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := append(make([]byte, 0, len(in)+8), in...)
		copy(b[len(b):cap(b)], `"}]0e:,1`) // what lies behind must not matter
		var m, again codec.Message
		err := p.Parse(&m, b)
		if !bytes.Equal(b, in) {
			t.Fatalf("Parse wrote to %q", in)
		}
		if err != nil {
			refusedRightly(t, &m, in, err)
			return
		}
		if !judged(in) {
			t.Fatalf("%q was accepted", in)
		}

		// The parts survive a move of the bytes.
		m.CopyTo(&again)
		again.Rebase(append([]byte(" "), in...)[1:])
		for i := range b {
			b[i] = 0
		}
		if again.Kind() == codec.KindBatch {
			var element codec.Message
			d := decoder(in)
			if _, err := d.Token(); err != nil {
				t.Fatal(err)
			}
			for it := again.Batch(); ; {
				raw, more := it.Next()
				if more != d.More() {
					t.Fatalf("%q: batch ends %v, want %v", in, !more, more)
				}
				if !more {
					return
				}
				lockstep(t, d, codec.RawValue(raw))
				if err := p.Parse(&element, raw); err != nil {
					refusedRightly(t, &element, raw, err)
				}
			}
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(in, &want); err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if string(want["jsonrpc"]) != `"2.0"` {
			t.Fatalf("%q: version %s was accepted", in, want["jsonrpc"])
		}
		id := string(want["id"])
		if id == "null" && again.Kind() == codec.KindError {
			id = ""
		}
		if string(again.ID().Raw()) != id {
			t.Fatalf("%q: id %q, want %q", in, again.ID().Raw(), id)
		}
		if _, isInt := new(big.Int).SetString(id, 10); id != "" && !isInt && id[0] != '"' {
			t.Fatalf("%q: id %q was accepted", in, id)
		}
		_, call := want["method"]
		_, result := want["result"]
		_, failed := want["error"]
		kind := codec.KindInvalid
		switch {
		case call && !result && !failed && id != "":
			kind = codec.KindRequest
		case call && !result && !failed:
			kind = codec.KindNotification
		case result && !call && !failed && id != "":
			kind = codec.KindResult
		case failed && !call && !result:
			kind = codec.KindError
		}
		if again.Kind() != kind {
			t.Fatalf("%q: kind %v, want %v", in, again.Kind(), kind)
		}
		if call {
			var method string
			if err := json.Unmarshal(want["method"], &method); err != nil || string(again.Method()) != method {
				t.Fatalf("%q: method %q, want %q (%v)", in, again.Method(), method, err)
			}
		}
		for name, o := range map[string]codec.Object{"params": again.Params(), "result": again.Result(), "error": again.ErrorObject()} {
			if string(o.Raw()) != string(want[name]) {
				t.Fatalf("%q: %s %q, want %q", in, name, o.Raw(), want[name])
			}
			if o.Raw() == nil {
				continue
			}
			d := decoder(o.Raw())
			if token, err := d.Token(); err != nil || token != json.Delim('{') {
				t.Fatalf("%q: %s is no object (%v)", in, name, err)
			}
			lockstepMembers(t, d, o)
		}
	})
}

// refusedRightly checks the error of a message against the library, and that
// the answer to it is a message.
func refusedRightly(t *testing.T, m *codec.Message, in []byte, err error) {
	var e *codec.Error
	if !errors.As(err, &e) || m.Kind() != codec.KindInvalid {
		t.Fatalf("%q: kind %v, error %v", in, m.Kind(), err)
	}
	good := judged(in)
	switch {
	case e.Limit > 0 || e.Reason == "member name twice": // the rest was not looked at
	case good == (e.Code == codec.CodeParse):
		t.Fatalf("%q: JSON %v, refused with %v", in, good, err)
	}
	if e.Code == codec.CodeParse && (e.Offset < 0 || e.Offset > len(in)) {
		t.Fatalf("%q: fault at byte %d", in, e.Offset)
	}
	reply := codec.AppendErrorReply(nil, m.ID(), codec.NoIDOmit, e)
	var r codec.Message
	if err := codec.NewParser(codec.Limits{}).Parse(&r, reply); err != nil || r.Kind() != codec.KindError || string(r.ID().Raw()) != string(m.ID().Raw()) {
		t.Fatalf("%q: reply %q: %v", in, reply, err)
	}
}

// FuzzAppendParse: what is appended is read back, ill-formed UTF-8 as U+FFFD.
func FuzzAppendParse(f *testing.F) {
	f.Add("id-1", "key", "a \"b\"\n\x00é\xff", int64(-1), uint64(1<<63), 0.1, true)
	f.Add("", "", "", int64(math.MinInt64), uint64(0), 1e21, false)
	f.Add("\\", "\xed\xa0\x80", strings.Repeat("é\"", 50), int64(9), uint64(math.MaxUint64), 1e-7, true)
	f.Add("\u2028", "_key", "</script>", int64(10), uint64(10), math.Inf(1), true)
	p := codec.NewParser(codec.Limits{IDBytes: 1 << 30})
	f.Fuzz(func(t *testing.T, id, key, s string, i int64, u uint64, x float64, yes bool) {
		valid := func(s string) string { return string([]rune(s)) } // one U+FFFD for each bad byte
		rawID := codec.AppendString(nil, id)
		b := codec.AppendRequestHead(nil, codec.RawID(rawID), "tools/call")
		b = codec.AppendString(append(b, '{'), key)
		b = codec.AppendStringBytes(append(b, ':'), []byte(s))
		b = codec.AppendInt(append(b, `,"_i_":`...), i)
		b = codec.AppendUint(append(b, `,"_u_":`...), u)
		b = codec.AppendFloat(append(b, `,"_x_":[`...), x)
		b = codec.AppendBool(append(b, `,`...), yes)
		b = append(b, "]}}"...)
		switch key {
		case "_i_", "_u_", "_x_":
			return // a name twice
		}
		if !judged(b) {
			t.Fatalf("%q is no JSON", b)
		}
		var m codec.Message
		if err := p.Parse(&m, b); err != nil || m.Kind() != codec.KindRequest || !bytes.Equal(m.ID().Raw(), rawID) {
			t.Fatalf("%q: %v", b, err)
		}
		if !codec.RawValue(m.ID().Raw()).EqualString(valid(id)) {
			t.Fatalf("%q: id %q, want %q", b, m.ID().Raw(), id)
		}
		params := m.Params()
		v, found := params.Get(valid(key))
		if got, err := v.StringCopy(); !found || err != nil || got != valid(s) {
			t.Fatalf("%q: %q is %q, %v; want %q", b, key, got, err, valid(s))
		}
		v, _ = params.Get("_i_")
		if got, err := v.Int64(); err != nil || got != i {
			t.Fatalf("%q: %d, %v; want %d", b, got, err, i)
		}
		v, _ = params.Get("_u_")
		if got, err := v.Uint64(); err != nil || got != u {
			t.Fatalf("%q: %d, %v; want %d", b, got, err, u)
		}
		v, _ = params.Get("_x_")
		it := v.Array().Elements()
		v, _ = it.Next()
		if math.IsNaN(x) || math.IsInf(x, 0) {
			if !v.IsNull() {
				t.Fatalf("%q: %q, want null", b, v.Raw())
			}
		} else {
			want, err := json.Marshal(x)
			if err != nil || string(v.Raw()) != string(want) {
				t.Fatalf("%q: %q, want %q (%v)", b, v.Raw(), want, err)
			}
			if got, err := v.Float64(); err != nil || math.Float64bits(got) != math.Float64bits(x) {
				t.Fatalf("%q: %v, %v; want %v", b, got, err, x)
			}
		}
		v, _ = it.Next()
		if got, err := v.Bool(); err != nil || got != yes {
			t.Fatalf("%q: %v, %v; want %v", b, got, err, yes)
		}

		reply := codec.AppendError(nil, codec.RawID(rawID), codec.NoIDNull, codec.Code(i), s, rawID)
		if err := p.Parse(&m, reply); err != nil || m.Kind() != codec.KindError {
			t.Fatalf("%q: %v", reply, err)
		}
		message, _ := m.ErrorObject().Get("message")
		if data, _ := m.ErrorObject().Get("data"); !message.EqualString(valid(s)) || !bytes.Equal(data.Raw(), rawID) {
			t.Fatalf("%q: message %q, data %q", reply, message.Raw(), data.Raw())
		}
	})
}

// FuzzUnescape: the text of a string is taken or refused, and read, as by the
// library; so are names.
func FuzzUnescape(f *testing.F) {
	for _, s := range codecSeeds {
		f.Add(strings.Trim(s, `"`), "\n")
	}
	f.Add(`a\u0000\ud83d\ude00\"\\\/\b\f\n\r\t`, `\n`)
	f.Add(`\uDBFF\uDFFF\uffff\u0800\u07ff\u007f`, `\uDBFF\uDFFF`)
	arena := ringbuf.NewArena(nil, 0)
	f.Fuzz(func(t *testing.T, inner, other string) {
		text := []byte(`"` + inner + `"`)
		v, err := codec.ParseValue(text)
		if good := judged(text); good != (err == nil) {
			t.Fatalf("%q: %v, want accepted %v", text, err, good)
		}
		if err != nil {
			return
		}
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		arena.Reset()
		if got, err := v.Bytes(arena); err != nil || string(got) != want {
			t.Fatalf("%q: Bytes %q, %v; want %q", text, got, err, want)
		}
		if got, err := v.AppendTo([]byte("x")); err != nil || string(got) != "x"+want {
			t.Fatalf("%q: AppendTo %q, %v; want %q", text, got, err, want)
		}
		if got, err := v.StringCopy(); err != nil || got != want {
			t.Fatalf("%q: StringCopy %q, %v; want %q", text, got, err, want)
		}
		if v.Runes() != utf8.RuneCountInString(want) || !v.EqualString(want) {
			t.Fatalf("%q: %d runes, equal %v", text, v.Runes(), v.EqualString(want))
		}
		for _, s := range []string{other, inner, want + other, want[:len(want)/2]} {
			if v.EqualString(s) != (s == want) {
				t.Fatalf("%q: equal to %q: %v", text, s, s != want)
			}
		}
		object, err := codec.ParseValue([]byte(`{` + string(text) + `:1}`))
		if err != nil {
			t.Fatalf("%q: no name: %v", text, err)
		}
		for _, s := range []string{want, other, inner} {
			if _, found := object.Object().Get(s); found != (s == want) {
				t.Fatalf("%q: found as %q: %v", text, s, found)
			}
		}
	})
}

// FuzzNumbers: the text of a number is taken or refused as by the library, and
// read as by strconv.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"0", "-0", "1", "-1", "18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809", "9223372036854775808", "1e400", "4.9e-324", "0.1", "1E+2",
		"01", "1.", ".1", "1e", "1e+", "+1", "--1", "0x10", "1_0", "Inf", "NaN", "12345678", "123456781234567812345678", "1.7976931348623159e308", "12345678.", "12345678e", "1234567/", "1234567:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > codec.DefaultNumberBytes || strings.Trim(text, "+-.0123456789abcdefinpxyABCDEFINPXY_/:") != "" {
			return // no number, and judged by the other targets
		}
		v, err := codec.ParseValue([]byte(text))
		if good := json.Valid([]byte(text)); good != (err == nil) {
			t.Fatalf("%q: %v, want accepted %v", text, err, good)
		}
		// And in the middle of others, where a number has an end.
		list, err2 := codec.ParseValue([]byte("[" + text + "," + text + "]"))
		if (err == nil) != (err2 == nil) && text != "" {
			t.Fatalf("%q: %v alone, %v in a list", text, err, err2)
		}
		if err != nil || v.Kind() != codec.Number {
			return
		}
		it := list.Array().Elements()
		if e, more := it.Next(); !more || string(e.Raw()) != text {
			t.Fatalf("%q in a list is %q", text, e.Raw())
		}
		i, err := strconv.ParseInt(text, 10, 64)
		if got, gotErr := v.Int64(); (err == nil) != (gotErr == nil) || err == nil && got != i {
			t.Fatalf("%q: Int64 %d, %v; want %d, %v", text, got, gotErr, i, err)
		}
		u, err := strconv.ParseUint(text, 10, 64)
		if got, gotErr := v.Uint64(); (err == nil) != (gotErr == nil) || err == nil && got != u {
			t.Fatalf("%q: Uint64 %d, %v; want %d, %v", text, got, gotErr, u, err)
		}
		x, err := strconv.ParseFloat(text, 64)
		if got, gotErr := v.Float64(); (err == nil) != (gotErr == nil) || err == nil && math.Float64bits(got) != math.Float64bits(x) {
			t.Fatalf("%q: Float64 %v, %v; want %v, %v", text, got, gotErr, x, err)
		}
	})
}
