package transports

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Places for requests that nobody needs any more go while their connection lives.
func TestHTTP2IdlePlaces(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{IdleTimeout: 200 * time.Millisecond})
	p := dialHTTP2(t, s.Addrs()[0])
	stream := p.post(`{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+webMeta+`}}`,
		"mcp-protocol-version", "2026-07-28", "mcp-method", "subscriptions/listen")
	var ids []uint32
	for range 20 {
		ids = append(ids, p.modern("delay", `{"ms":100,"text":"late"}`))
	}
	for _, id := range ids {
		p.want(id, "200", "late")
	}
	if n := s.Engine().Connections(); n < 20 {
		t.Errorf("%d connections of the engine, with the carrier and its streams", n)
	}
	eventually(t, "the idle ones are gone", func() bool { return s.Engine().Connections() == 2 })
	p.want(p.ping(), "200", "serverInfo")
	if a := p.got[stream]; a == nil || a.ended {
		t.Errorf("the event stream: %+v", a)
	}
	if n := s.Snapshot(); n.Engine.Connections != 1 || n.Engine.Closed != [len(n.Engine.Closed)]uint64{} {
		t.Errorf("%d connections, closed %v", n.Engine.Connections, n.Engine.Closed)
	}
}

// skipClock is the system's clock, and what a test has let pass.
type skipClock struct {
	engine.SystemClock
	ahead atomic.Int64
}

func (c *skipClock) Now() int64 { return c.SystemClock.Now() + c.ahead.Load() }

// What a rush has needed is not kept: places go when they were not needed for some
// seconds, the last one too, and one that is needed stays.
func TestHTTP2RestsWithNothing(t *testing.T) {
	clock := &skipClock{}
	s, _ := webServer(t, mcp.Options{}, engine.Options{Clock: clock})
	p := dialHTTP2(t, s.Addrs()[0])
	turn := func() { // of the connection's loop
		t.Helper()
		n := p.pongs
		p.must(p.fr.WritePing(false, [8]byte{}))
		p.must(p.read(func() bool { return p.pongs > n }))
	}
	rush := func(n int) {
		t.Helper()
		var ids []uint32
		for range n {
			ids = append(ids, p.modern("delay", `{"ms":100,"text":"late"}`))
		}
		for _, id := range ids {
			p.want(id, "200", "late")
		}
	}
	for range 2 { // it can begin anew
		rush(20)
		for range 4 { // one at a time
			clock.ahead.Add(int64(3 * time.Second))
			p.want(p.ping(), "200", "serverInfo")
		}
		if n := s.Engine().Connections(); n != 2 {
			t.Errorf("%d connections of the engine, want the carrier and a place that is used", n)
		}
		clock.ahead.Add(int64(4 * time.Second))
		turn()
		if n := s.Engine().Connections(); n != 2 {
			t.Errorf("%d connections of the engine after 4 s", n)
		}
		clock.ahead.Add(int64(2 * time.Second))
		turn()
		if n := s.Engine().Connections(); n != 1 {
			t.Errorf("%d connections of the engine at rest, want the carrier alone", n)
		}
	}
	if n := s.Snapshot(); n.Engine.Connections != 1 || n.Engine.Closed != [len(n.Engine.Closed)]uint64{} {
		t.Errorf("%d connections, closed %v", n.Engine.Connections, n.Engine.Closed)
	}
}
