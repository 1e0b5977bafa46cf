package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// mustTemplate returns the template of options that are right.
func mustTemplate(t testing.TB, o Options) *template {
	t.Helper()
	o.Target = "tcp://127.0.0.1:1"
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		t.Fatal(err)
	}
	tm, err := newTemplate(&o)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

func TestTemplate(t *testing.T) {
	ping := mustTemplate(t, Options{})
	if got := string(ping.line); got != `{"jsonrpc":"2.0","id":1000000000,"method":"ping"}`+"\n" {
		t.Errorf("ping is %s", got)
	}
	for _, size := range []int{200, DefaultSize, 70_000} {
		call := mustTemplate(t, Options{Method: MethodCall, Size: size, Tool: `ec"ho`, ArgsExtra: `"ms":0`})
		if len(call.line) != size {
			t.Errorf("a call of %d bytes has %d", size, len(call.line))
		}
		var m struct {
			ID     uint64
			Params struct {
				Name      string
				Arguments struct {
					Text string
					MS   *int
				}
			}
		}
		if err := json.Unmarshal(call.line, &m); err != nil {
			t.Fatal(err)
		}
		if m.ID != firstID || m.Params.Name != `ec"ho` || m.Params.Arguments.Text != call.text || m.Params.Arguments.MS == nil {
			t.Errorf("the call is %.300s", call.line)
		}
	}
	raw := mustTemplate(t, Options{Method: MethodRaw, Size: 11})
	if string(raw.line) != "1000000000\n" {
		t.Errorf("the shortest raw line is %q", raw.line)
	}
}

func TestOptionsRefused(t *testing.T) {
	good := Options{Target: "tcp://127.0.0.1:1"}
	for _, c := range []struct {
		name   string
		change func(*Options)
	}{
		{"no target", func(o *Options) { o.Target = "" }},
		{"scheme", func(o *Options) { o.Target = "ftp://x:1" }},
		{"no port", func(o *Options) { o.Target = "tcp://x" }},
		{"no host", func(o *Options) { o.Target = "tcp://:1" }},
		{"relative path", func(o *Options) { o.Target = "unix://x" }},
		{"stdio without command", func(o *Options) { o.Target = "stdio" }},
		{"stdio with two connections", func(o *Options) { o.Target, o.Command, o.Conns = "stdio", []string{"cat"}, 2 }},
		{"command with tcp", func(o *Options) { o.Command = []string{"cat"} }},
		{"negative connections", func(o *Options) { o.Conns = -1 }},
		{"connections", func(o *Options) { o.Conns = MaxConns + 1 }},
		{"negative depth", func(o *Options) { o.Depth = -1 }},
		{"depth", func(o *Options) { o.Depth = MaxDepth + 1 }},
		{"size", func(o *Options) { o.Size = MaxSize + 1 }},
		{"method", func(o *Options) { o.Method = "tools/call" }},
		{"call too small", func(o *Options) { o.Method, o.Size = MethodCall, 50 }},
		{"raw too small", func(o *Options) { o.Method, o.Size = MethodRaw, 10 }},
		{"extra with braces", func(o *Options) { o.ArgsExtra = `{"ms":0}` }},
		{"negative warm-up", func(o *Options) { o.Warmup = -1 }},
		{"negative duration", func(o *Options) { o.Duration = -1 }},
		{"negative timeout", func(o *Options) { o.Timeout = -1 }},
		{"negative count", func(o *Options) { o.Count = -1 }},
		{"negative pid", func(o *Options) { o.ServerPID = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := good
			c.change(&o)
			_, err := Run(o)
			if _, ok := err.(*UsageError); !ok {
				t.Errorf("Run returns %v, want a UsageError", err)
			}
		})
	}
	o := good.withDefaults()
	if err := o.validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

func TestJudge(t *testing.T) {
	call := mustTemplate(t, Options{Method: MethodCall, Size: 130})
	ping := mustTemplate(t, Options{})
	raw := mustTemplate(t, Options{Method: MethodRaw, Size: 20})
	ok := fmt.Sprintf(`{"content":[{"type":"text","text":%q}]}`, call.text)
	for _, c := range []struct {
		t    *template
		in   string
		want verdict
	}{
		{ping, `{"jsonrpc":"2.0","id":7,"result":{}}`, verdict{replyGood, 7, true}},
		{ping, ` { "result" : {"_meta":{}}, "id" : 7, "jsonrpc":"2.0" } `, verdict{replyGood, 7, true}},
		{ping, `{"jsonrpc":"2.0","id":7,"result":[]}`, verdict{replyPayload, 7, true}},
		{ping, `{"jsonrpc":"2.0","id":7,"result":null}`, verdict{replyPayload, 7, true}},
		{ping, `{"jsonrpc":"2.0","id":"7","result":{}}`, verdict{kind: replyMalformed}},
		{ping, `{"jsonrpc":"2.0","id":7.5,"result":{}}`, verdict{kind: replyMalformed}},
		{ping, `{"jsonrpc":"2.0","id":-7,"result":{}}`, verdict{kind: replyMalformed}},
		{ping, `{"jsonrpc":"2.0","result":{}}`, verdict{kind: replyMalformed}},
		{ping, `{"jsonrpc":"2.0","id":7}`, verdict{kind: replyMalformed}},
		{ping, `{"jsonrpc":"2.0","id":7,"result":{},"error":{}}`, verdict{kind: replyMalformed}},
		{ping, `{"jsonrpc":"1.0","id":7,"result":{}}`, verdict{kind: replyMalformed}},
		{ping, `{"jsonrpc":"2.0","id":7,"result":{}`, verdict{kind: replyMalformed}},
		{ping, `[]`, verdict{kind: replyMalformed}},
		{ping, `hello`, verdict{kind: replyMalformed}},
		{ping, `{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"x"}}`, verdict{replyRPCError, 7, true}},
		{ping, `{"jsonrpc":"2.0","id":7,"method":"ping"}`, verdict{kind: replyServerRequest}},
		{ping, `{"jsonrpc":"2.0","method":"notifications/message"}`, verdict{kind: replyNotification}},
		{call, `{"jsonrpc":"2.0","id":7,"result":` + ok + `}`, verdict{replyGood, 7, true}},
		{call, `{"jsonrpc":"2.0","id":7,"result":{}}`, verdict{replyPayload, 7, true}},
		{call, `{"jsonrpc":"2.0","id":7,"result":{"isError":true,"content":[]}}`, verdict{replyToolError, 7, true}},
		{call, `{"jsonrpc":"2.0","id":7,"result":` + strings.Replace(ok, "the", "thy", 1) + `}`, verdict{replyPayload, 7, true}},
		{call, `{"jsonrpc":"2.0","id":7,"result":` + strings.Replace(ok, "text\"", "audio\"", 1) + `}`, verdict{replyPayload, 7, true}},
		{raw, string(raw.line[:19]), verdict{replyGood, firstID, true}},
		{raw, string(raw.line[:18]), verdict{replyPayload, firstID, true}},
		{raw, string(raw.line[:19]) + "x", verdict{replyPayload, firstID, true}},
		{raw, "x", verdict{kind: replyMalformed}},
	} {
		if got := (&shape{t: c.t}).judge([]byte(c.in + "\n")); got != c.want {
			t.Errorf("%s %.100q: got %+v, want %+v", c.t.method, c.in, got, c.want)
		}
	}
}

func TestLearnShape(t *testing.T) {
	ping := mustTemplate(t, Options{})
	reply := func(id uint64) []byte {
		return fmt.Appendf(nil, `{"result":{}, "jsonrpc":"2.0","id":%d}`+"\r\n", id)
	}
	s, err := learnShape(ping, reply(firstID), firstID)
	if err != nil {
		t.Fatal(err)
	}
	good := reply(firstID + 99)
	if n, id, ok := s.match(append(bytes.Clone(good), "rest"...)); !ok || n != len(good)-1 || id != firstID+99 {
		t.Errorf("match = %d, %d, %v", n, id, ok)
	}
	for i := range good[:len(good)-1] { // the newline is the framing's
		if _, _, ok := s.match(good[:i]); ok {
			t.Errorf("its first %d bytes match", i)
		}
		bad := bytes.Clone(good)
		bad[i] ^= 0x40 // a digit becomes a letter
		if _, _, ok := s.match(bad); ok {
			t.Errorf("byte %d does not matter", i)
		}
	}
	for _, bad := range []string{`{"jsonrpc":"2.0","id":1000000001,"result":{}}`, `{"jsonrpc":"2.0","id":1000000000,"error":{}}`, ``} {
		if _, err := learnShape(ping, []byte(bad+"\n"), firstID); err == nil {
			t.Errorf("a shape is learnt from %q", bad)
		}
	}
}

func TestCheckInitialize(t *testing.T) {
	for _, c := range []struct {
		in   string
		done bool
		ok   bool
	}{
		{`{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}`, true, true},
		{`{"jsonrpc":"2.0","method":"notifications/message"}`, false, true},
		{`{"jsonrpc":"2.0","id":0,"result":{}}`, false, false},
		{`{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}}`, false, false},
		{`{"jsonrpc":"2.0","id":0,"error":{"code":-32600}}`, false, false},
		{`{"jsonrpc":"2.0","id":"0","result":{"protocolVersion":"2025-11-25"}}`, false, false},
		{`no JSON`, false, false},
	} {
		revision, err := checkInitialize([]byte(c.in + "\n"))
		if done := revision != ""; done != c.done || (err == nil) != c.ok {
			t.Errorf("%s: got %v, %v", c.in, done, err)
		}
	}
}
