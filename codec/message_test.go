package codec

import (
	"strings"
	"testing"
)

func TestKinds(t *testing.T) {
	long := strings.Repeat("9", 5000)
	for _, tc := range []struct {
		in, id, method string
		kind           Kind
	}{
		{`{"jsonrpc":"2.0","id":1,"method":"m"}`, "1", "m", KindRequest},
		{` { "method" : "m" , "id" : "a" , "jsonrpc" : "2.0" } `, `"a"`, "m", KindRequest},
		{`{"jsonrpc":"2.0","id":9007199254740993,"method":"m","params":{}}`, "9007199254740993", "m", KindRequest},
		{`{"jsonrpc":"2.0","id":-5,"method":"m"}`, "-5", "m", KindRequest},
		{`{"jsonrpc":"2.0","id":"","method":"m"}`, `""`, "m", KindRequest},
		{`{"jsonrpc":"2.0","id":"\ud83d\ude00\u0000\"","method":"m"}`, `"\ud83d\ude00\u0000\""`, "m", KindRequest},
		{`{"jsonrpc":"2.0","id":` + long + `,"method":"m"}`, "", "", KindInvalid}, // above NumberBytes
		{`{"jsonrpc":"2.0","id":"` + long + `","method":"m"}`, `"` + long + `"`, "m", KindRequest},
		{`{"jsonrpc":"2.0","method":"m"}`, "", "m", KindNotification},
		{`{"jsonrpc":"2.0","method":"m","params":{"a":1}}`, "", "m", KindNotification},
		{`{"jsonrpc":"2.0","id":1,"result":{}}`, "1", "", KindResult},
		{`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}`, "1", "", KindError},
		{`{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}`, "", "", KindError},
		{`{"jsonrpc":"2.0","error":{"code":1,"message":""}}`, "", "", KindError},
		{`{"jsonrpc":"2.0","id":1,"m\u0065thod":"tools\/call"}`, "1", "tools/call", KindRequest},
		{`{"jsonrpc":"2.0","id":1,"method":"m","extra":[{"id":2}]}`, "1", "m", KindRequest},
		{`[{}]`, "", "", KindBatch},
	} {
		var m Message
		err := NewParser(Limits{}).Parse(&m, []byte(tc.in))
		if m.Kind() != tc.kind || string(m.ID().Raw()) != tc.id || tc.kind != KindInvalid && string(m.Method()) != tc.method || (err == nil) != (tc.kind != KindInvalid) {
			t.Errorf("%.80s: kind %v, id %.20s, method %s, error %v", tc.in, m.Kind(), m.ID().Raw(), m.Method(), err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		in   string
		code Code
		id   string
	}{
		{``, CodeParse, ""}, {` `, CodeParse, ""}, {`x`, CodeParse, ""}, {`{} {}`, CodeParse, ""}, {`{},`, CodeParse, ""}, {"\xef\xbb\xbf{}", CodeParse, ""},
		{"{\x00\"\x00", CodeParse, ""}, {"\x16\x03\x01\x02\x00", CodeParse, ""}, {`{"jsonrpc":"2.0","id":1,"method":"m"`, CodeParse, ""}, {`[`, CodeParse, ""}, {`[1`, CodeParse, ""}, {`[1,`, CodeParse, ""}, {`[1,]`, CodeParse, ""},
		{`{}`, CodeInvalidRequest, ""}, {`1`, CodeInvalidRequest, ""}, {`"x"`, CodeInvalidRequest, ""}, {`null`, CodeInvalidRequest, ""}, {`[]`, CodeInvalidRequest, ""},
		{`{"jsonrpc":"2.1","id":1,"method":"m"}`, CodeInvalidRequest, "1"}, {`{"id":1,"method":"m"}`, CodeInvalidRequest, "1"}, {`{"jsonrpc":2.0,"id":1,"method":"m"}`, CodeInvalidRequest, "1"},
		{`{"jsonrpc":"2.0","id":1}`, CodeInvalidRequest, "1"}, {`{"jsonrpc":"2.0","id":1,"method":1}`, CodeInvalidRequest, "1"}, {`{"jsonrpc":"2.0","id":1,"method":null}`, CodeInvalidRequest, "1"},
		{`{"jsonrpc":"2.0","id":null,"method":"m"}`, CodeInvalidRequest, ""}, {`{"jsonrpc":"2.0","id":1.5,"method":"m"}`, CodeInvalidRequest, ""}, {`{"jsonrpc":"2.0","id":1e3,"method":"m"}`, CodeInvalidRequest, ""},
		{`{"jsonrpc":"2.0","id":{},"method":"m"}`, CodeInvalidRequest, ""}, {`{"jsonrpc":"2.0","id":[1],"method":"m"}`, CodeInvalidRequest, ""}, {`{"jsonrpc":"2.0","id":true,"method":"m"}`, CodeInvalidRequest, ""},
		{`{"jsonrpc":"2.0","id":1,"id":1,"method":"m"}`, CodeInvalidRequest, ""}, {`{"jsonrpc":"2.0","id":1,"method":"m","method":"m"}`, CodeInvalidRequest, ""},
		{`{"jsonrpc":"2.0","id":1,"method":"m","\u006dethod":"n"}`, CodeInvalidRequest, ""}, {`{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1,"\u0061":2}}`, CodeInvalidRequest, ""},
		{`{"jsonrpc":"2.0","id":1,"method":"m","params":[]}`, CodeInvalidParams, "1"}, {`{"jsonrpc":"2.0","id":1,"method":"m","params":null}`, CodeInvalidParams, "1"}, {`{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}`, CodeInvalidParams, "1"},
		{`{"jsonrpc":"2.0","id":1,"result":1}`, CodeInvalidRequest, "1"}, {`{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`, CodeInvalidRequest, "1"}, {`{"jsonrpc":"2.0","result":{}}`, CodeInvalidRequest, ""},
		{`{"jsonrpc":"2.0","id":1,"error":"x"}`, CodeInvalidRequest, "1"}, {`{"jsonrpc":"2.0","id":1,"method":"m","result":{}}`, CodeInvalidRequest, "1"},
		{`{"JSONRPC":"2.0","ID":1,"Method":"m"}`, CodeInvalidRequest, ""}, {`{"jsonrpc":"2.0","id":1,"method\u0000":"m"}`, CodeInvalidRequest, "1"},
		{strings.Repeat("[", 100_000), CodeInvalidRequest, ""}, {strings.Repeat(`{"a":`, 100_000), CodeInvalidRequest, ""}, {`{"jsonrpc":"2.0","id":1,"method":"m","params":` + strings.Repeat(`{"a":`, 127) + `{}` + strings.Repeat("}", 128), CodeInvalidRequest, ""},
		{`{"jsonrpc":"2.0","method":"m","id":1,"params":{"n":` + strings.Repeat("1", 4097) + `}}`, CodeInvalidRequest, ""},
		{`[` + strings.Repeat("1,", 256) + `1]`, CodeInvalidRequest, ""},
		{`{"jsonrpc":"2.0","method":"m","id":"` + strings.Repeat("x", 9000) + `"}`, CodeInvalidRequest, ""},
	} {
		var m Message
		err := NewParser(Limits{}).Parse(&m, []byte(tc.in))
		e, isError := err.(*Error)
		if !isError || e.Code != tc.code || string(m.ID().Raw()) != tc.id || m.Kind() != KindInvalid {
			t.Errorf("%.80s: kind %v, id %s, error %v; want %d, id %q", tc.in, m.Kind(), m.ID().Raw(), err, tc.code, tc.id)
			continue
		}
		// What we answer is a message that we would take.
		reply := AppendErrorReply(nil, m.ID(), NoIDNull, e)
		var r Message
		if err := NewParser(Limits{}).Parse(&r, reply); err != nil || r.Kind() != KindError {
			t.Errorf("reply %s: %v", reply, err)
		}
	}
}

func TestMembersLimit(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"jsonrpc":"2.0","id":1,"method":"m","params":{`)
	for i := range 40_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"k` + strings.Repeat("x", i%7) + string(AppendInt(nil, int64(i))) + `":1`)
	}
	b.WriteString(`}}`)
	var m Message
	if err := NewParser(Limits{}).Parse(&m, []byte(b.String())); err != nil {
		t.Fatal(err)
	}
	if v, found := m.Params().Get("kx39999"); m.Params().Len() != 40_000 || !found || string(v.Raw()) != "1" {
		t.Errorf("%d members, found %v", m.Params().Len(), found)
	}
	if err := NewParser(Limits{Members: 1000}).Parse(&m, []byte(b.String())); err == nil || !strings.Contains(err.Error(), "too many members") {
		t.Errorf("error %v", err)
	}
}

func TestRebase(t *testing.T) {
	in := []byte(`{"jsonrpc":"2.0","id":"a","method":"m\u0065","params":{"k":"v"}}`)
	var m, c Message
	if err := NewParser(Limits{}).Parse(&m, in); err != nil {
		t.Fatal(err)
	}
	m.CopyTo(&c)
	c.Rebase(append([]byte(nil), in...))
	clear(in)
	m = Message{}
	if v, _ := c.Params().Get("k"); string(c.ID().Raw()) != `"a"` || string(c.Method()) != "me" || string(v.Raw()) != `"v"` {
		t.Errorf("id %s, method %s, k %s", c.ID().Raw(), c.Method(), v.Raw())
	}
}

func TestBatchIterator(t *testing.T) {
	var m Message
	if err := NewParser(Limits{}).Parse(&m, []byte(` [ {"a":[1,2]} , 1,"x,]", null,[] ] `)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for it := m.Batch(); ; {
		raw, more := it.Next()
		if !more {
			break
		}
		got = append(got, string(raw))
	}
	if strings.Join(got, "|") != `{"a":[1,2]}|1|"x,]"|null|[]` {
		t.Errorf("got %q", got)
	}
}

// A name twice is refused wherever the two stand among the first 32 members of
// params or of a result, and however they are written; beyond, the first counts.
func TestDuplicates(t *testing.T) {
	var m Message
	p := NewParser(Limits{})
	members := func(names []string) []byte {
		b := []byte(`{"jsonrpc":"2.0","id":1,"result":{`)
		for i, name := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), name...), `":0`...)
		}
		return append(b, "}}"...)
	}
	// All have one length, first and last letter, as far as the index's hash looks.
	names := make([]string, 40)
	for i := range names {
		names[i] = "n" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "e"
	}
	if err := p.Parse(&m, members(names)); err != nil {
		t.Fatal(err)
	}
	for i := range names {
		for j := range i {
			for _, again := range []string{names[j], `\u006e` + names[j][1:], names[j][:3] + `\u0065`} {
				twice := append([]string(nil), names...)
				twice[i] = again
				err := p.Parse(&m, members(twice))
				if refused := err != nil && err.(*Error).Reason == "member name twice"; refused != (i < 32) {
					t.Fatalf("members %d and %d are %s and %s: %v", j, i, names[j], again, err)
				}
			}
		}
	}
	for _, tc := range []struct {
		names []string
		good  bool
	}{
		{[]string{"", "a"}, true}, {[]string{"", ""}, false}, {[]string{"a", ""}, true}, {[]string{`\u0000`, ""}, true}, {[]string{`\n`, `\u000a`}, false}, {[]string{`\n`, "n"}, true},
		{[]string{"é", `\u00e9`}, false}, {[]string{"e", "é"}, true}, {[]string{"😀", `\ud83d\ude00`}, false}, {[]string{"a", "A"}, true}, {[]string{`\\n`, `\n`}, true},
	} {
		if err := p.Parse(&m, members(tc.names)); (err == nil) != tc.good {
			t.Errorf("%q: %v", tc.names, err)
		}
	}
}

// What an envelope lacks is said, and the first fault is the one that is said.
func TestReasons(t *testing.T) {
	for _, tc := range []struct{ in, reason string }{
		{`{"id":1,"method":"m"}`, "the member jsonrpc must be the string 2.0"}, {`{"jsonrpc":"2\u002e0","id":1,"method":"m"}`, "the member jsonrpc must be the string 2.0"},
		{`{"jsonrpc":"2.0","id":1.0,"method":"m"}`, "the id must be a string or an integer"}, {`{"jsonrpc":"2.0","id":null,"result":{}}`, "the id must be a string or an integer"},
		{`{"jsonrpc":"2.0","id":1,"method":{}}`, "the method must be a string"}, {`{"jsonrpc":"2.0","id":1,"result":[]}`, "result and error must be objects"}, {`{"jsonrpc":"2.0","id":1,"error":null}`, "result and error must be objects"},
		{`{"jsonrpc":"2.0","id":1,"method":"m","error":{}}`, "a method beside a result or an error"}, {`{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`, "a result beside an error"},
		{`{"jsonrpc":"2.0","result":{}}`, "a result without an id"}, {`{"jsonrpc":"2.0","id":1,"result":{},"params":{}}`, "params without a method"}, {`{"jsonrpc":"2.0","id":1,"params":[]}`, "params without a method"},
		{`{"jsonrpc":"2.0","id":1}`, "no method, result or error"}, {`{"jsonrpc":"2.0"}`, "no method, result or error"}, {`{"jsonrpc":"2.0","method":"m","params":1}`, "params must be an object"},
		{`true`, "want an object"}, {` [ ] `, "empty batch"}, {`{"a":1,}`, "want a member name"}, {`{"a" 1}`, "want a colon"}, {`{"a":1 "b"}`, "want a comma or the end"}, {`{"a":"`, "string without end"}, {`{"a":"\q"}`, "bad escape"},
		{`{"a":"\udfff"}`, "lone surrogate"}, {"{\"a\":\"\n\"}", "control character in a string"}, {"{\"a\":\"\x80\"}", "ill-formed UTF-8"}, {`{"a":00}`, "bad number"}, {`{} x`, "data after the message"}, {`{"a":?}`, "unexpected character"}, {`{`, "unexpected end"},
	} {
		var m Message
		err := NewParser(Limits{}).Parse(&m, []byte(tc.in))
		if e, isError := err.(*Error); !isError || e.Reason != tc.reason {
			t.Errorf("%s: %v, want %q", tc.in, err, tc.reason)
		}
	}
}

func TestRebaseLength(t *testing.T) {
	var m Message
	in := []byte(`{"jsonrpc":"2.0","method":"m"}`)
	if err := NewParser(Limits{}).Parse(&m, in); err != nil || &m.Raw()[0] != &in[0] || len(m.Raw()) != len(in) {
		t.Fatalf("raw %q, %v", m.Raw(), err)
	}
	defer func() {
		if r := recover(); r != "codec: Rebase to bytes of another length" {
			t.Errorf("recovered %v", r)
		}
	}()
	m.Rebase(in[1:])
	t.Error("Rebase took bytes of another length")
}
