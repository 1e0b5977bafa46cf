package transports

import (
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine"
)

// flooding answers "flood" by notifications until its connection is closed for
// it, and then looks whether its own message is still what it was.
type flooding struct {
	service
	seen chan string
}

func (f flooding) OpenConn(*engine.Conn) engine.Handler { return f }

func (f flooding) ServeRequest(c *engine.Call) {
	if string(c.Method()) != "flood" {
		f.service.ServeRequest(c)
		return
	}
	note := []byte(`{"text":"` + strings.Repeat("n", 10_000) + `"}`)
	for !c.Conn().Closed() {
		_ = c.EndNotification(append(c.BeginNotification("notifications/flood"), note...))
	}
	f.seen <- string(c.Message().Raw())
	echo(c)
}

// A message is its handler's until that returns, even when the connection is
// closed under it: the buffer that the message lies in is not given back
// before. (Built with -tags invariants, buffers that were given back are
// overwritten.)
func TestMessageOutlivesConnection(t *testing.T) {
	f := flooding{seen: make(chan string, 1)}
	s, err := Listen(f, Options{
		Loops:     1,
		Engine:    engine.Options{MaxOutputBytes: 1 << 20, Flush: engine.FlushOff},
		Listeners: []Listener{{URL: "tcp://127.0.0.1:0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, cut := range []int{0, 20, 5000} { // whole in the read buffer, or gathered in the framer's
		p := dial(t, s)
		m := req(1, "flood", `{"text":"`+strings.Repeat("m", 10_000)+`"}`)
		p.send(req(0, "ping", ""))
		p.want(res(0, "{}"))
		if turns := s.Snapshot().Engine.Turns; cut > 0 {
			p.send(m[:cut])
			eventually(t, "first part read", func() bool { return s.Snapshot().Engine.Turns > turns })
		}
		p.send(m[cut:])
		if got := <-f.seen; got != strings.TrimSuffix(m, "\n") {
			t.Errorf("cut at %d: the message has become %.80q", cut, got)
		}
		drops(t, s, engine.CloseSlowReader, 1)
		_ = p.Close()
	}
	eventually(t, "connections gone", func() bool { return s.Engine().Connections() == 0 })
	othersServed(t, s)
	eventually(t, "bystander gone", func() bool { return s.Engine().Connections() == 0 })
	settled(t, s)
}
