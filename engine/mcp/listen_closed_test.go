package mcp

import (
	"errors"
	"testing"

	"github.com/gannetmcp/gannet/engine"
)

// brokenWire is a wire whose peer has gone.
type brokenWire struct{ lost }

func (*brokenWire) Write([]byte) (int, error) { return 0, errors.New("reset") }

// A listener whose connection ends by what it is told first leaves nothing.
func TestListenOnBrokenConnection(t *testing.T) {
	s := NewServer(Options{Name: "broken"})
	s.HandleResourceTemplate(ResourceTemplate{URITemplate: "test://{id}"}, Inline, func(*Call) error { return ErrNotFound })
	w := &brokenWire{lost{now: 1e9}}
	e, err := engine.New(s, engine.Options{Clock: w, Executor: lostExecutor{&w.lost}, Flush: engine.FlushOff})
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLoop(w)
	l.Begin()
	c := l.Open(w, nil)
	c.Receive([]byte(`{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["test://a"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`))
	l.End()
	if !c.Closed() || s.updates.Subscriptions() != 0 {
		t.Errorf("closed: %v; %d subscriptions are left", c.Closed(), s.updates.Subscriptions())
	}
}
