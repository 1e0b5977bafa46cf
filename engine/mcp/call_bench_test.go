package mcp_test

import (
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
)

// nowhere is a wire that throws output away, and a clock that stands still.
type nowhere struct{ calls []*engine.Call }

func (*nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (*nowhere) Resume()                     {}
func (*nowhere) Close(engine.CloseReason)    {}
func (*nowhere) Now() int64                  { return 1e9 }
func (*nowhere) Wake()                       {}
func (*nowhere) WakeAt(int64)                {}

// nowhereExecutor runs calls when the benchmark says so.
type nowhereExecutor struct{ w *nowhere }

func (x nowhereExecutor) Submit(calls []*engine.Call) int {
	x.w.calls = append(x.w.calls, calls...)
	return len(calls)
}
func (nowhereExecutor) Close() {}

// BenchmarkCall is the way of one message through parser, server and reply, in a
// turn of its own, without a socket.
func BenchmarkCall(b *testing.B) {
	const meta = `,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}`
	s := mcp.NewServer(mcp.Options{Name: "bench", Version: "1"})
	fixture.AddDemo(s)
	addStatic(s)
	s.Use(func(next mcp.Handler) mcp.Handler { return func(c *mcp.Call) error { return next(c) } })
	w := &nowhere{}
	e, err := engine.New(s, engine.Options{Clock: w, Executor: nowhereExecutor{w}})
	if err != nil {
		b.Fatal(err)
	}
	l := e.NewLoop(w)
	text := strings.Repeat("x", 1000)
	for _, bc := range []struct{ name, method, params string }{
		{"ping", "ping", ""},
		{"tools-call-inline", "tools/call", `"name":"echo","arguments":{"text":"` + text + `"}`},
		{"tools-call-pooled", "tools/call", `"name":"blob","arguments":{"bytes":1000}`},
		{"tools-list", "tools/list", ""},
		{"prompts-get", "prompts/get", `"name":"static","arguments":{"text":"x"}`},
		{"resources-read", "resources/read", `"uri":"bench://static"`},
	} {
		for _, revision := range []string{mcp.LatestLegacyRevision, mcp.LatestRevision} {
			params := bc.params
			if revision == mcp.LatestRevision {
				if bc.method == "ping" {
					continue
				}
				params = strings.TrimPrefix(params+meta, ",")
			}
			b.Run(bc.name+"/"+revision, func(b *testing.B) {
				l.Begin()
				c := l.Open(w, nil)
				if revision != mcp.LatestRevision {
					c.Receive([]byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + revision + `","capabilities":{}}}`))
				}
				l.End()
				message := []byte(`{"jsonrpc":"2.0","id":7,"method":"` + bc.method + `","params":{` + params + `}}`)
				b.SetBytes(int64(len(message)))
				b.ReportAllocs()
				turn := func() {
					l.Begin()
					c.Receive(message)
					l.End()
					if len(w.calls) > 0 {
						w.calls[0].Run()
						w.calls = w.calls[:0]
						l.Turn()
					}
				}
				for range 100 { // what grows has grown
					turn()
				}
				for b.Loop() {
					turn()
				}
				l.Begin()
				c.Close(engine.CloseForced)
				l.End()
			})
		}
	}
}
