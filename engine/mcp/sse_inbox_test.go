package mcp

import (
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/gannetmcp/gannet/engine"
)

// Messages are served in their order; those that nobody will serve any more give
// their buffers back, and what comes behind them is told so.
func TestInbox(t *testing.T) {
	c := newWebClient(t, NewServer(Options{Name: "inbox"}))
	conn, stream := c.do("GET", "/sse", "", map[string]string{"Accept": "text/event-stream"})
	b := conn.State().(*session).carrier.inbox
	pool := c.l.Engine().Buffers()
	held := pool.Stats().Outstanding
	put := func(n int) (ok, full bool) {
		return b.put([]byte(`{"jsonrpc":"2.0","id":`+strconv.Itoa(n)+`,"method":"ping"}`), nil)
	}
	var want []string
	for n := range 3 * keptLetters {
		if ok, full := put(n); !ok || full {
			t.Fatal(n, ok, full)
		}
		want = append(want, strconv.Itoa(n))
		if n%keptLetters == keptLetters-1 {
			c.l.Turn()
		}
	}
	var got []string
	for _, m := range regexp.MustCompile(`"id":(\d+)`).FindAllStringSubmatch(stream.body, -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("answered %v", got)
	}
	if n := pool.Stats().Outstanding; n != held {
		t.Errorf("%d buffers out, %d before", n, held)
	}
	put(1)
	put(2)
	c.l.Begin()
	conn.Close(engine.CloseLocal)
	c.l.End()
	if ok, full := put(3); ok || full {
		t.Errorf("a connection that has ended: %v, %v", ok, full)
	}
	c.l.Turn()
	if s := pool.Stats(); s.Outstanding > held {
		t.Errorf("%d buffers out, %d before", s.Outstanding, held)
	}
}
