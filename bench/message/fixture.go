// Package message makes the messages that benchmarks and allocation gates parse:
// what a server and its clients send each other, small and large. They are the
// same at each call and on each machine, so that figures can be compared.
package message

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A Fixture is one JSON-RPC message.
type Fixture struct {
	Name   string
	Result bool   // a response; else a request
	Text   []byte // compact JSON; the caller's to keep, not to change
}

// Fixtures returns the messages, made anew.
//
//	ping      45 B, the shortest request
//	call300   a tool call of 310 B that is nothing but short members
//	call      a tool call of 977 B: short members and some sentences
//	list      19 KB, a tools/list result of 24 tools with their schemas
//	call-1M   a tool call with 1 MiB of source text, an escape each 40 bytes
//	b64-1M    a result with 1 MiB of base64
//	deep      70 KB of structured result, short values down to the ninth level
//	utf       21 KB, one string in several scripts
func Fixtures() []Fixture {
	return []Fixture{
		{"ping", false, []byte(`{"jsonrpc":"2.0","method":"ping","id":123456}`)},
		{"call300", false, []byte(`{"jsonrpc":"2.0","id":4711,"method":"tools/call","params":{"name":"search","arguments":{"q":"nets","lang":"en","page":2,"size":50,"sort":"date","dir":"desc","tags":["a","b","c"],"from":"2026","to":"2027","raw":false,"x":1.5,"y":-3,"unit":"mm","mode":"fast","user":{"id":7,"name":"ann"}},"_meta":{"progressToken":"t-9"}}}`)},
		{"call", false, call(977)},
		{"list", true, toolList()},
		{"call-1M", false, callSource(1 << 20)},
		{"b64-1M", true, image(1 << 20)},
		{"deep", true, deep(70_000)},
		{"utf", false, letters(21_000)},
	}
}

// call is a tool call of n bytes: short members and some sentences of text.
func call(n int) []byte {
	const (
		head = `{"jsonrpc":"2.0","id":4711,"method":"tools/call","params":{"name":"create_ticket","arguments":{"project":"gannet","title":"Reader stops after a short read","priority":3,"labels":["bug","transport","linux"],"assignee":"j.doe","watchers":["a.smith","b.jones"],"estimate":2.5,"public":false,"parent":null,"due":"2026-11-30","body":"`
		end  = `"},"_meta":{"progressToken":"7f3a","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}}`
		text = `After the peer closes its half, the reader sees nothing more although there are bytes left.\nIt happens once in a thousand runs, under load only. `
	)
	body := strings.Repeat(text, 10)[:n-len(head)-len(end)]
	return []byte(head + body + end)
}

// toolList is the answer to tools/list: 24 tools with their schemas.
func toolList() []byte {
	b := []byte(`{"jsonrpc":"2.0","id":2,"result":{"tools":[`)
	for i := range 24 {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"name":"tool_%02d","title":"Tool number %d","description":"Reads the records that match a query and returns them, newest first, with a cursor for the next page. Use it before any tool that changes records. It changes nothing itself and may be called again at any time.",`+
			`"inputSchema":{"type":"object","properties":{"query":{"type":"string","description":"What to look for, in the syntax of the index: words, phrases in quotes, fields with a colon","maxLength":512},`+
			`"limit":{"type":"integer","description":"How many records a page has at most","minimum":1,"maximum":%d},"order":{"type":"string","enum":["newest","oldest"]},`+
			`"cursor":{"type":"string","description":"Where to go on, as the last page said"}},"required":["query"],"additionalProperties":false},"annotations":{"readOnlyHint":true}}`, i, i, 100+i)
	}
	return append(b, `]}}`...)
}

// callSource is a call with n bytes of text that has an escape each 40 bytes,
// as the source of a program has.
func callSource(n int) []byte {
	b := []byte(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"write_file","arguments":{"path":"a.go","text":"`)
	for len(b) < n {
		b = append(b, `for i := range values { sum += i*i }  \nlog.Info(\"a line of text, now and then\", x)  \tif err := write(path, text); err != nil {\n`...)
	}
	return append(b, `"}}}`...)
}

// image is a result with n bytes of base64.
func image(n int) []byte {
	data := make([]byte, n/4*3)
	r := rand.New(rand.NewPCG(17, 18))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	b := []byte(`{"jsonrpc":"2.0","id":4,"result":{"content":[{"type":"image","mimeType":"image/png","data":"`)
	b = base64.StdEncoding.AppendEncode(b, data)
	return append(b, `"}]}}`...)
}

// deep is a structured result of about n bytes: short values, nine levels.
func deep(n int) []byte {
	r := rand.New(rand.NewPCG(19, 20))
	b := []byte(`{"jsonrpc":"2.0","id":5,"result":{"structuredContent":[`)
	var node func(level int)
	node = func(level int) {
		if level == 9 {
			switch r.IntN(6) {
			case 0:
				b = fmt.Appendf(b, "%d", r.IntN(100_000))
			case 1:
				b = fmt.Appendf(b, "%.2f", r.Float64()*100)
			case 2:
				b = append(b, "true"...)
			case 3:
				b = append(b, "null"...)
			case 4:
				b = fmt.Appendf(b, `"v%d"`, r.IntN(1000))
			default:
				b = append(b, "false"...)
			}
			return
		}
		array := level%3 == 0
		open, shut := byte('{'), byte('}')
		if array {
			open, shut = '[', ']'
		}
		b = append(b, open)
		for i := range 1 + r.IntN(3) {
			if i > 0 {
				b = append(b, ',')
			}
			if !array {
				b = fmt.Appendf(b, `"k%d":`, i)
			}
			node(level + 1)
		}
		b = append(b, shut)
	}
	for i := 0; len(b) < n; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		node(4)
	}
	return append(b, `]}}`...)
}

// letters is a call with one string of n bytes in several scripts.
func letters(n int) []byte {
	b := []byte(`{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"translate","arguments":{"text":"`)
	for len(b) < n {
		b = append(b, "Съешь же ещё этих мягких французских булок. 我能吞下玻璃而不伤身体。 Voix ambiguë d’un cœur qui préfère les jattes. 🙂🚀 "...)
	}
	return append(b, `"}}}`...)
}
