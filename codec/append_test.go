package codec

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// canary is what lies after the room that an appender or a parser was given.
const canary = 0xA5

// room returns a slice with text, spare bytes of capacity after it, and canary
// bytes after those.
func room(text []byte, spare int) (b, all []byte) {
	all = bytes.Repeat([]byte{canary}, len(text)+spare+64)
	copy(all, text)
	return all[: len(text) : len(text)+spare], all
}

// appends runs an appender with every amount of room around what it needs. What
// was there before must stay, what lies after the capacity must not be touched,
// and the result must be the same, whatever the room.
func appends(t *testing.T, name string, do func(dst []byte) []byte) []byte {
	t.Helper()
	want := do(nil)
	const before = "before "
	for spare := range len(want) + 3 {
		if spare > 40 && spare < len(want)-40 {
			continue
		}
		b, all := room([]byte(before), spare)
		got := do(b)
		if string(got) != before+string(want) {
			t.Fatalf("%s with %d bytes of room: %.200q, want %.200q", name, spare, got, before+string(want))
		}
		for i, c := range all[len(before)+spare:] {
			if c != canary {
				t.Fatalf("%s with %d bytes of room: wrote %#x to byte %d after them", name, spare, c, i)
			}
		}
		if string(all[:len(before)]) != before {
			t.Fatalf("%s with %d bytes of room: wrote to what was there", name, spare)
		}
	}
	return want
}

func TestAppendString(t *testing.T) {
	texts := []string{"", "a", "\"", "\\", "/", "\b\f\n\r\t", "\x00\x01\x1f\x7f", "é€😀", "\u2028\u2029", "<>&", "\xff", "a\xffb", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf0\x9f\x98",
		"\xc0\xaf", "\xf4\x90\x80\x80", "abcdefgh\nijklmnop", strings.Repeat("x", 300), strings.Repeat("é\"", 90), strings.Repeat("\xff", 40)}
	for n := range 256 {
		texts = append(texts, string([]byte{byte(n)}), "1234567"+string([]byte{byte(n)})+"89")
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = "\"\\\n\x00aé\xff\xe2\x82\xac\xf0\x9f\x98\x80"[r.IntN(15)]
		}
		texts = append(texts, string(b))
	}
	for _, s := range texts {
		var got []byte
		if len(s) < 30 {
			got = appends(t, strconv.Quote(s), func(dst []byte) []byte { return AppendString(dst, s) })
		} else {
			got = AppendString(nil, s)
		}
		if b := AppendStringBytes(nil, []byte(s)); !bytes.Equal(b, got) {
			t.Errorf("%q: AppendStringBytes %s, AppendString %s", s, b, got)
		}
		// The library agrees on what it stands for: each byte of ill-formed
		// UTF-8 becomes one U+FFFD.
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, back string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(got, &back); err != nil || back != want || !utf8.Valid(got) {
			t.Errorf("%q: %s reads back as %q, want %q (%v)", s, got, back, want, err)
		}
		v, err := ParseValue(got)
		if err != nil {
			t.Errorf("%q: %s: %v", s, got, err)
		} else if back, err := v.StringCopy(); err != nil || back != want {
			t.Errorf("%q: %s is to us %q, want %q (%v)", s, got, back, want, err)
		}
	}
}

func TestAppendNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 64 {
		for _, v := range []int64{1 << i, 1<<i - 1, -1 << i, -1<<i + 1, int64(r.Uint64())} {
			if got := appends(t, "AppendInt", func(dst []byte) []byte { return AppendInt(dst, v) }); string(got) != strconv.FormatInt(v, 10) {
				t.Errorf("%d: %s", v, got)
			}
			if got := appends(t, "AppendUint", func(dst []byte) []byte { return AppendUint(dst, uint64(v)) }); string(got) != strconv.FormatUint(uint64(v), 10) {
				t.Errorf("%d: %s", uint64(v), got)
			}
		}
	}
	floats := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e20, 1e21, -1e21, 9.999999999999999e20, 1e-6, 1e-7, 9.9e-7, 1e-9, 1e-10, 1e100, 1e-100, math.MaxFloat64, math.SmallestNonzeroFloat64,
		math.Pi, 1 << 53, 1<<53 + 2, 123456789.125}
	for range 20_000 {
		if f := math.Float64frombits(r.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			floats = append(floats, f, float64(float32(f)))
		}
		floats = append(floats, r.NormFloat64()*math.Pow(10, float64(r.IntN(60)-30)))
	}
	for _, f := range floats {
		if math.IsInf(f, 0) {
			continue
		}
		want, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := AppendFloat([]byte("e-0"), f); string(got) != "e-0"+string(want) {
			t.Errorf("%v: %s, want %s", f, got[3:], want)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got := AppendFloat(nil, f); string(got) != "null" {
			t.Errorf("%v: %s", f, got)
		}
	}
	if got := appends(t, "AppendFloat", func(dst []byte) []byte { return AppendFloat(dst, -1.5e-9) }); string(got) != "-1.5e-9" {
		t.Errorf("%s", got)
	}
	if got := string(AppendBool(AppendBool(nil, true), false)); got != "truefalse" {
		t.Errorf("AppendBool: %s", got)
	}
}

// Heads with what the caller appends are messages with the parts we gave.
func TestAppendHeads(t *testing.T) {
	var m Message
	p := NewParser(Limits{})
	for _, id := range []string{`1`, `-9223372036854775809`, `"a\"\u0000"`, `""`, `123456789012345678901234567890`} {
		id := RawID([]byte(id))
		result := appends(t, "AppendResultHead", func(dst []byte) []byte { return append(AppendResultHead(dst, id), `{"a":1}}`...) })
		if err := p.Parse(&m, result); err != nil || m.Kind() != KindResult || string(m.ID().Raw()) != string(id.Raw()) || string(m.Result().Raw()) != `{"a":1}` {
			t.Errorf("%s: kind %v, %v", result, m.Kind(), err)
		}
		request := appends(t, "AppendRequestHead", func(dst []byte) []byte { return append(AppendRequestHead(dst, id, "tools/call"), `{}}`...) })
		if err := p.Parse(&m, request); err != nil || m.Kind() != KindRequest || string(m.ID().Raw()) != string(id.Raw()) || string(m.Method()) != "tools/call" || !m.HasParams() {
			t.Errorf("%s: kind %v, %v", request, m.Kind(), err)
		}
	}
	note := appends(t, "AppendNotificationHead", func(dst []byte) []byte { return append(AppendNotificationHead(dst, "a/b"), `{}}`...) })
	if err := p.Parse(&m, note); err != nil || m.Kind() != KindNotification || string(m.Method()) != "a/b" || m.ID().IsSet() {
		t.Errorf("%s: kind %v, %v", note, m.Kind(), err)
	}
}

func TestAppendErrors(t *testing.T) {
	overloaded, large, late := Overloaded(`full "queue"`), MessageTooLarge(1<<20), TimedOut(1500)
	invalid := InvalidRequest("no body")
	for _, tc := range []struct {
		id   string
		no   NoID
		e    *Error
		want string
	}{
		{"", NoIDNull, &Error{Code: CodeParse, Offset: 7, Reason: "bad number"}, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error: bad number at byte 7"}}`},
		{"", NoIDOmit, &Error{Code: CodeParse}, `{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error at byte 0"}}`},
		{"5", NoIDOmit, ErrInternal, `{"jsonrpc":"2.0","id":5,"error":{"code":-32603,"message":"Internal error"}}`},
		{`"x"`, NoIDNull, ErrShuttingDown, `{"jsonrpc":"2.0","id":"x","error":{"code":-31004,"message":"Shutting down"}}`},
		{"1", NoIDNull, &large, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request: message too large","data":{"limit":1048576,"unit":"bytes"}}}`},
		{"1", NoIDNull, &late, `{"jsonrpc":"2.0","id":1,"error":{"code":-31003,"message":"Timed out","data":{"limitMs":1500}}}`},
		{"1", NoIDNull, &invalid, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request: no body"}}`},
		{"1", NoIDNull, &Error{Code: 77}, `{"jsonrpc":"2.0","id":1,"error":{"code":77,"message":"error 77"}}`},
	} {
		got := appends(t, "AppendErrorReply", func(dst []byte) []byte { return AppendErrorReply(dst, RawID([]byte(tc.id)), tc.no, tc.e) })
		if string(got) != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
	// Reasons with characters that need escapes keep the reply a message.
	for _, e := range []*Error{&overloaded} {
		reply := AppendErrorReply(nil, RawID([]byte("1")), NoIDNull, e)
		var m Message
		if err := NewParser(Limits{}).Parse(&m, reply); err != nil {
			t.Fatalf("%s: %v", reply, err)
		}
		data, _ := m.ErrorObject().Get("data")
		if reason, found := data.Object().Get("reason"); !found || !reason.EqualString(`full "queue"`) {
			t.Errorf("%s: reason %s", reply, reason.Raw())
		}
	}
	for _, tc := range []struct {
		id, message, data string
		no                NoID
		want              string
	}{
		{"1", "a\nb\xff", "", NoIDNull, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"a\nb` + "\ufffd" + `"}}`},
		{"", "", `[1]`, NoIDNull, `{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"","data":[1]}}`},
		{"", "x", `{}`, NoIDOmit, `{"jsonrpc":"2.0","error":{"code":-32602,"message":"x","data":{}}}`},
	} {
		var data []byte
		if tc.data != "" {
			data = []byte(tc.data)
		}
		got := appends(t, "AppendError", func(dst []byte) []byte {
			return AppendError(dst, RawID([]byte(tc.id)), tc.no, CodeInvalidParams, tc.message, data)
		})
		if string(got) != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

// Every code we name has a text of its own.
func TestCodeTexts(t *testing.T) {
	seen := map[string]Code{}
	for _, c := range []Code{CodeParse, CodeInvalidRequest, CodeMethodNotFound, CodeInvalidParams, CodeInternal, CodeResourceNotFound, CodeURLElicitation, CodeHeaderMismatch,
		CodeMissingCapability, CodeUnsupportedVersion, CodeOverloaded, CodeRateLimited, CodeTimedOut, CodeShuttingDown, CodeNoSession} {
		s := c.String()
		if other, twice := seen[s]; twice || strings.HasPrefix(s, "error ") || string(AppendString(nil, s)) != `"`+s+`"` {
			t.Errorf("%d: text %q, also of %d", c, s, other)
		}
		seen[s] = c
	}
}
