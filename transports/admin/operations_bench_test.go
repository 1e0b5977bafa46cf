package admin_test

import (
	"testing"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports/admin"
)

// nowhere is a wire that throws output away.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Resume()                     {}
func (nowhere) Close(engine.CloseReason)    {}
func (nowhere) Wake()                       {}
func (nowhere) WakeAt(int64)                {}

// BenchmarkOperations is a message on its way through a server that measures its
// operations, and through one that does not.
func BenchmarkOperations(b *testing.B) {
	for _, bc := range []struct{ name, method, params string }{
		{"ping", "ping", ""},
		{"call", "tools/call", `"name":"echo","arguments":{"text":"x"}`},
		{"error", "tools/call", `"name":"none"`},
	} {
		for _, measured := range []bool{false, true} {
			name := bc.name + "/operations=off"
			if measured {
				name = bc.name + "/operations=on"
			}
			b.Run(name, func(b *testing.B) {
				s := mcp.NewServer(mcp.Options{Name: "bench", Version: "1"})
				fixture.AddDemo(s)
				if measured {
					s.Use(admin.NewOperations().Middleware)
				}
				e, err := engine.New(s, engine.Options{})
				if err != nil {
					b.Fatal(err)
				}
				l := e.NewLoop(nowhere{})
				l.Begin()
				c := l.Open(nowhere{}, nil)
				c.Receive([]byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`))
				l.End()
				message := []byte(`{"jsonrpc":"2.0","id":7,"method":"` + bc.method + `","params":{` + bc.params + `}}`)
				b.ReportAllocs()
				for b.Loop() {
					l.Begin()
					c.Receive(message)
					l.End()
				}
				l.Begin()
				c.Close(engine.CloseForced)
				l.End()
			})
		}
	}
}
