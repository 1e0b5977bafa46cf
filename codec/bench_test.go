package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
)

// BenchmarkParse measures a whole message: judged, and the parts of its envelope
// found. bench/peers has other implementations beside it.
func BenchmarkParse(b *testing.B) {
	for _, f := range fixtures {
		b.Run("msg="+f.name, func(b *testing.B) {
			p := NewParser(Limits{})
			var m Message
			b.SetBytes(int64(len(f.text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Parse(&m, f.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseIndented is BenchmarkParse for messages written for people.
func BenchmarkParseIndented(b *testing.B) {
	for _, indent := range []string{" ", "  ", "    ", "\t"} {
		b.Run(fmt.Sprintf("indent=%q", indent), func(b *testing.B) {
			var text bytes.Buffer
			if err := json.Indent(&text, fixtureOf("list"), "", indent); err != nil {
				b.Fatal(err)
			}
			p := NewParser(Limits{})
			var m Message
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Parse(&m, text.Bytes()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseHostile measures what is dear to judge, 256 KB of it.
func BenchmarkParseHostile(b *testing.B) {
	for _, f := range hostile() {
		b.Run("msg="+f.name, func(b *testing.B) {
			p := NewParser(Limits{Depth: maxDepth, Members: 1 << 20})
			var m Message
			b.SetBytes(int64(len(f.text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Parse(&m, f.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// hostile returns messages of 256 KB that are made of one expensive thing.
func hostile() []fixture {
	var all []fixture
	for _, x := range []struct{ name, head, piece, end string }{
		{"backslashes", `"`, `\\`, `"`},
		{"unicode", `"`, `\u00e9`, `"`},
		{"digits", `[1`, `,1`, `]`},
		{"decimals", `[1`, `,-1.25e3`, `]`},
		{"empty-strings", `[""`, `,""`, `]`},
		{"empty-arrays", `[[]`, `,[]`, `]`},
		{"objects", `[{}`, `,{"a":{}}`, `]`},
		{"letters", `["é"`, `,"é"`, `]`},
		{"white", `[`, " \n\t ", `]`},
		{"scripts", `"`, "aé€😀", `"`},
		{"quotes", `"`, `\"x`, `"`},
	} {
		text := []byte(`{"jsonrpc":"2.0","method":"m","params":{"v":` + x.head)
		for len(text) < 256<<10 {
			text = append(text, x.piece...)
		}
		all = append(all, fixture{x.name, KindNotification, append(text, x.end+`}}`...)})
	}
	return all
}

func BenchmarkGet(b *testing.B) {
	var m Message
	if err := NewParser(Limits{}).Parse(&m, fixtureOf("call300")); err != nil {
		b.Fatal(err)
	}
	b.Run("from=index", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, found := m.Params().Get("_meta"); !found {
				b.Fatal("not found")
			}
		}
	})
	b.Run("from=scan", func(b *testing.B) {
		v, _ := m.Params().Get("arguments")
		b.ReportAllocs()
		for b.Loop() {
			if _, found := v.Object().Get("user"); !found {
				b.Fatal("not found")
			}
		}
	})
}

func BenchmarkBytes(b *testing.B) {
	for _, tc := range []struct{ name, text string }{
		{"plain", `"https://example.org/path"`},
		{"escaped", `"line one\nline two\t\u00e9"`},
		{"lines", `"` + strings.Repeat(`a line of source text here\n`, 20) + `"`},
		{"unicode", `"` + strings.Repeat(`\u4e2d\u6587`, 40) + `"`},
	} {
		b.Run("string="+tc.name, func(b *testing.B) {
			arena := ringbuf.NewArena(ringbuf.NewPool(ringbuf.PoolOptions{}), 0)
			v := RawValue([]byte(tc.text))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Bytes(arena); err != nil {
					b.Fatal(err)
				}
				arena.Reset()
			}
		})
	}
}

func BenchmarkAppendString(b *testing.B) {
	var dst []byte
	for _, f := range []struct{ name, text string }{
		{"short", "tools/call"},
		{"text", "After the peer closes its half, the reader sees nothing more although there are bytes left.\nIt happens once in a thousand runs."},
		{"lines", strings.Repeat("a line of source text here\n", 20)},
		{"latin", "Bad \xe9 in here and some more text behind it, to be copied as it is, until the end"},
		{"letters", string(fixtureOf("utf")[100:16_000])},
	} {
		b.Run("text="+f.name, func(b *testing.B) {
			b.SetBytes(int64(len(f.text)))
			b.ReportAllocs()
			dst = AppendString(dst[:0], f.text) // makes the room
			for b.Loop() {
				dst = AppendString(dst[:0], f.text)
			}
		})
	}
}

// BenchmarkSkip passes over one container, with other text behind it.
func BenchmarkSkip(b *testing.B) {
	tail := `,"next":"` + strings.Repeat("x", 100) + `"`
	for _, f := range []struct{ name, text string }{
		{"empty", `{}`},
		{"small", `{"a":1,"b":"two"}`},
		{"schema", `{"type":"string","description":"Where to go on"}`},
		{"call300", string(fixtureOf("call300"))},
		{"call", string(fixtureOf("call"))},
		{"list", string(fixtureOf("list"))},
		{"deep", string(fixtureOf("deep"))},
		{"call-1M", string(fixtureOf("call-1M"))},
	} {
		b.Run("text="+f.name, func(b *testing.B) {
			text := []byte(f.text + tail)
			b.SetBytes(int64(len(f.text)))
			b.ReportAllocs()
			for b.Loop() {
				if skip(text, 0) != len(f.text) {
					b.Fatal("not the end")
				}
			}
		})
	}
}
