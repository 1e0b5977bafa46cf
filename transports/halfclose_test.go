package transports

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// closeWrite shuts down the peer's sending half.
func (p *peer) closeWrite() {
	p.t.Helper()
	if err := p.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		p.t.Fatal(err)
	}
}

// A peer that shuts down its sending half gets every answer, then the end.
func TestHalfClose(t *testing.T) {
	urls := map[string]func() string{
		"tcp":  func() string { return "tcp://127.0.0.1:0" },
		"unix": func() string { return "unix://" + socketPath(t) },
	}
	for network, url := range urls {
		for _, tc := range []struct {
			name    string
			send    string
			lines   int
			lingers uint64
			max     uint64
		}{
			{"inline", req(1, "echo", "") + req(2, "echo", ""), 2, 0, 0},
			{"in flight", req(1, "later", `{"ms":50}`) + req(2, "echo", "") + req(3, "later", `{"ms":100}`), 3, 1, 1},
			{"nothing asked", "", 0, 0, 0},
			{"message unfinished", req(1, "echo", "") + `{"jsonrpc":"2.0","id":2,"meth`, 1, 0, 0},
			{"unfinished, in flight", req(1, "later", `{"ms":50}`) + `{"jsonrpc":"2.0","id":2,"meth`, 1, 1, 1},
			// Above the high-water mark nothing is read, the end of input
			// neither; a kernel that takes the rest at one write, once the peer
			// reads, leaves nothing to linger for.
			{"more than the socket takes", req(1, "blob", `{"bytes":8000000}`) + req(2, "blob", `{"bytes":4000000}`), 2, 0, 1},
		} {
			t.Run(network+"/"+tc.name, func(t *testing.T) {
				s := start(t, Options{}, url())
				p := dial(t, s)
				p.send(tc.send)
				p.closeWrite()
				for range tc.lines {
					p.line()
				}
				p.ended()
				eventually(t, "connections gone", func() bool { return s.Engine().Connections() == 0 })
				if n := s.Snapshot(); n.Lingers < tc.lingers || n.Lingers > tc.max || n.LingerFailed != 0 || n.Lingering != 0 {
					t.Errorf("%d lingers, want %d to %d (%d failed, %d left)", n.Lingers, tc.lingers, tc.max, n.LingerFailed, n.Lingering)
				}
				othersServed(t, s)
			})
		}
	}
}

// Answers that come after the end of input reach the peer whole and in one
// piece each, however slowly it reads.
func TestHalfCloseSlowReader(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	const n = 20
	for i := range n {
		p.send(req(i, "blob", `{"bytes":200000}`))
	}
	p.closeWrite()
	total := 0
	buf := make([]byte, 64<<10)
	for {
		k, err := p.Conn.Read(buf)
		total += k
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	want := 0
	for i := range n {
		want += len(res(i, `{"blob":"`+strings.Repeat("x", 200000)+`"}`)) + 1
	}
	if total != want {
		t.Errorf("%d bytes, want %d", total, want)
	}
}

// A peer that is gone altogether, not only its sending half, costs no more
// than its calls in flight.
func TestCloseWithCallsInFlight(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	for _, tc := range []struct {
		name   string
		linger int
	}{{"fin", -1}, {"rst", 0}} {
		t.Run(tc.name, func(t *testing.T) {
			p := dial(t, s)
			p.send(req(1, "later", `{"ms":30}`) + req(2, "pool", "") + req(3, "block", ""))
			eventually(t, "calls in flight", func() bool { return s.Snapshot().Engine.CallsPooled >= 3 })
			_ = socketOf(p.Conn).SetLinger(tc.linger)
			_ = p.Conn.Close()
			eventually(t, "calls gone", func() bool {
				n := s.Snapshot().Engine
				return n.Connections == 0 && n.InFlight == 0
			})
			othersServed(t, s)
		})
	}
}

// The addresses of a connection are known until it is closed, however that comes:
// to who is told of its end, and to calls that outlive the peer's half.
func TestPeerKnownToTheEnd(t *testing.T) {
	for _, url := range []string{"tcp://127.0.0.1:0", "tls://127.0.0.1:0"} {
		for _, tc := range []struct {
			name string
			ask  string
			end  func(p *peer)
		}{
			{"fin", req(1, "echo", ""), func(p *peer) { p.closeWrite() }},
			{"fin, a call in flight", req(1, "later", `{"ms":50}`), func(p *peer) { p.closeWrite() }},
			{"rst", req(1, "echo", ""), func(p *peer) { reset(socketOf(p.Conn)) }},
			{"rst, a call in flight", req(1, "later", `{"ms":50}`), func(p *peer) { reset(socketOf(p.Conn)) }},
		} {
			t.Run(url[:3]+"/"+tc.name, func(t *testing.T) {
				ended := make(chan engine.Peer, 1)
				s := start(t, Options{Engine: engine.Options{Observer: engine.Observer{
					ConnClosed: func(c *engine.Conn, _ engine.CloseReason) { ended <- c.Peer() },
				}}}, url)
				p := dial(t, s)
				p.send(tc.ask)
				if !strings.Contains(tc.ask, "later") {
					p.want(res(1, "{}"))
				} else {
					eventually(t, "it is in flight", func() bool { return s.Snapshot().Engine.InFlight == 1 })
				}
				remote, local := p.LocalAddr().String(), p.RemoteAddr().String()
				tc.end(p)
				if got := <-ended; got.Remote != remote || got.Local != local {
					t.Errorf("its peer is %+v, not from %s to %s", got, remote, local)
				}
			})
		}
	}
}
