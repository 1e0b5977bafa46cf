package peers

import (
	"encoding/json"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	goccy "github.com/goccy/go-json"
	"github.com/valyala/fastjson"

	"github.com/gannetmcp/gannet/bench/message"
	"github.com/gannetmcp/gannet/codec"
)

// envelopeOf is what a JSON-RPC library needs of a message before it can
// dispatch it, the rest kept as raw text R.
type envelopeOf[R any] struct {
	JSONRPC string `json:"jsonrpc"`
	Method  string `json:"method"`
	ID      R      `json:"id"`
	Params  R      `json:"params"`
	Result  R      `json:"result"`
	Error   R      `json:"error"`
}

// parsers read a message's envelope. What each of them judges is in the page of
// figures: gannet and jsonv2 refuse ill-formed UTF-8, the others do not, and
// fastjson lets pass more.
var parsers = []struct {
	name  string
	parse func() func([]byte) error
}{
	{"gannet", func() func([]byte) error {
		p := codec.NewParser(codec.Limits{})
		var m codec.Message
		return func(b []byte) error { return p.Parse(&m, b) }
	}},
	{"encodingjson", func() func([]byte) error {
		return func(b []byte) error {
			var e envelopeOf[json.RawMessage]
			return json.Unmarshal(b, &e)
		}
	}},
	{"jsonv2", func() func([]byte) error {
		return func(b []byte) error {
			var e envelopeOf[jsontext.Value]
			return jsonv2.Unmarshal(b, &e)
		}
	}},
	{"goccy", func() func([]byte) error {
		return func(b []byte) error {
			var e envelopeOf[goccy.RawMessage]
			return goccy.Unmarshal(b, &e)
		}
	}},
	{"fastjson", func() func([]byte) error {
		var p fastjson.Parser
		return func(b []byte) error { _, err := p.ParseBytes(b); return err }
	}},
}

// All of them read all of the messages, so that the benchmark compares what
// works; and those that are said to be strict are.
func TestParsers(t *testing.T) {
	strict := map[string]bool{"gannet": true, "jsonv2": true}
	for _, p := range parsers {
		parse := p.parse()
		for _, f := range message.Fixtures() {
			if err := parse(f.Text); err != nil {
				t.Errorf("%s cannot read %s: %v", p.name, f.Name, err)
			}
		}
		if err := parse([]byte("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"a\":\"\xff\"}}")); strict[p.name] && err == nil {
			t.Errorf("%s takes ill-formed UTF-8", p.name)
		}
	}
}

// BenchmarkParse is the codec beside others on the same messages.
func BenchmarkParse(b *testing.B) {
	for _, f := range message.Fixtures() {
		for _, p := range parsers {
			b.Run("msg="+f.Name+"/impl="+p.name, func(b *testing.B) {
				parse := p.parse()
				b.SetBytes(int64(len(f.Text)))
				b.ReportAllocs()
				for b.Loop() {
					if err := parse(f.Text); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkValid is validation alone, where a library has it.
func BenchmarkValid(b *testing.B) {
	p := codec.NewParser(codec.Limits{})
	var m codec.Message
	for _, f := range message.Fixtures() {
		for _, v := range []struct {
			name  string
			valid func([]byte) bool
		}{
			{"gannet-parse", func(t []byte) bool { return p.Parse(&m, t) == nil }},
			{"encodingjson", json.Valid},
			{"jsontext", func(t []byte) bool { return jsontext.Value(t).IsValid() }},
			{"goccy", goccy.Valid},
			{"fastjson", func(t []byte) bool { return fastjson.ValidateBytes(t) == nil }},
		} {
			b.Run("msg="+f.Name+"/impl="+v.name, func(b *testing.B) {
				b.SetBytes(int64(len(f.Text)))
				for b.Loop() {
					if !v.valid(f.Text) {
						b.Fatal("invalid")
					}
				}
			})
		}
	}
}
