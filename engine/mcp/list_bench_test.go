package mcp_test

import (
	"fmt"
	"testing"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// BenchmarkList700 is tools/list with 700 tools, and the mere copy of as many
// bytes into a buffer of the same kind: what a list must not cost more than.
func BenchmarkList700(b *testing.B) {
	s := mcp.NewServer(mcp.Options{Name: "bench", Version: "1"})
	for i := range 700 {
		s.HandleTool(mcp.Tool{
			Name: fmt.Sprintf("tool_%03d", i), Description: "Does one of the seven hundred things that a large server does.",
			InputSchema: []byte(`{"type":"object","properties":{"path":{"type":"string","description":"where to look"},"limit":{"type":"integer","minimum":1,"maximum":1000}},"required":["path"]}`),
		}, mcp.Inline, func(*mcp.Call) error { return nil })
	}
	w := &measured{}
	e, err := engine.New(s, engine.Options{Clock: w, Executor: nowhereExecutor{&w.nowhere}})
	if err != nil {
		b.Fatal(err)
	}
	l := e.NewLoop(w)
	l.Begin()
	c := l.Open(w, nil)
	c.Receive([]byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`))
	l.End()
	list := []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/list"}`)
	ask := func() {
		l.Begin()
		c.Receive(list)
		l.End()
	}
	w.bytes = 0
	ask()
	page := make([]byte, w.bytes)
	b.Run("tools-list", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			ask()
		}
	})
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			dst := e.Buffers().Get(len(page))
			dst = append(dst, page...)
			_, _ = w.Write(dst)
			e.Buffers().Put(dst)
		}
	})
}

// measured is nowhere that counts.
type measured struct {
	nowhere
	bytes int
}

func (w *measured) Write(p []byte) (int, error) { w.bytes += len(p); return len(p), nil }
