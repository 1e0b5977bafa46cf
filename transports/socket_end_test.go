package transports

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/web"
)

// The close handshake that the peer begins.
func TestWebSocketClose(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		code     int // of the answer, 0: none in it
		reason   engine.CloseReason
	}{
		{"1000", wsFrame(wsClose, closeData(1000, "bye")), 1000, engine.ClosePeer},
		{"1001", wsFrame(wsClose, closeData(1001, "")), 1001, engine.ClosePeer},
		{"4999", wsFrame(wsClose, closeData(4999, "x")), 4999, engine.ClosePeer},
		{"no code", wsFrame(wsClose, ""), 0, engine.ClosePeer},
		{"behind a message", wsFrame(wsText, req(1, "ping", "")) + wsFrame(wsClose, closeData(1000, "")), 1000, engine.ClosePeer},
		{"messages behind it", wsFrame(wsClose, closeData(1000, "")) + wsFrame(wsText, req(1, "ping", "")) + wsFrame(wsPing, ""), 1000, engine.ClosePeer},
		{"with a call in flight", wsFrame(wsText, req(1, "block", "")) + wsFrame(wsClose, closeData(1000, "")), 1000, engine.ClosePeer},
		{"illegal code", wsFrame(wsClose, closeData(1005, "")), 1002, engine.CloseProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := wsStart(t, Options{}, "ws://127.0.0.1:0")
			p := wsDial(t, s.Addrs()[0], "/")
			p.send(tc.in)
			before, _ := p.wantClose(tc.code, true)
			if want := strings.Count(tc.name, "behind a message"); len(before) != want {
				t.Errorf("before it %q", before)
			}
			_ = p.Close()
			eventually(t, "closed", func() bool {
				n := s.Snapshot()
				return n.Engine.Closed[tc.reason] == 1 && n.WebSockets.Open == 0
			})
			if n := s.Snapshot(); n.WebSockets.Unanswered != 0 {
				t.Errorf("%+v", n.WebSockets)
			}
		})
	}
}

// A drain takes leave by 1001, when what is in flight was answered, and waits for the
// peer's answer; not for ever.
func TestWebSocketDrain(t *testing.T) {
	s := wsStart(t, Options{WebSocket: WebSocketOptions{CloseTimeout: 300 * time.Millisecond}}, "ws://127.0.0.1:0")
	idle, busy, silent := wsDial(t, s.Addrs()[0], "/"), wsDial(t, s.Addrs()[0], "/"), wsDial(t, s.Addrs()[0], "/")
	busy.text(req(1, "later", `{"ms":200}`), req(2, "ping", ""))
	busy.want(res(2, "{}"))
	done := make(chan error, 1)
	begin := time.Now()
	go func() { done <- s.Shutdown(grace(10 * time.Second)) }()
	if _, why := idle.wantClose(1001, false); why != "the server shuts down" {
		t.Errorf("reason %q", why)
	}
	idle.text(req(3, "ping", "")) // too late
	idle.send(wsFrame(wsClose, closeData(1001, "")))
	idle.wantEnd()
	silent.wantClose(1001, true) // it does not answer
	if d := time.Since(begin); d < 250*time.Millisecond {
		t.Errorf("a peer that does not answer was waited for %v", d)
	}
	busy.want(res(1, `{"ms":200}`))
	busy.wantClose(1001, false)
	busy.send(wsFrame(wsClose, closeData(1001, "")))
	busy.wantEnd()
	if err := <-done; err != nil {
		t.Error(err)
	}
	n := s.Snapshot()
	if n.WebSockets.Unanswered != 1 || n.Engine.Closed[engine.CloseDrained] != 3 {
		t.Errorf("%+v, closed %v", n.WebSockets, n.Engine.Closed)
	}
}

// What is cut gets to know, too.
func TestWebSocketForced(t *testing.T) {
	s := wsStart(t, Options{}, "ws://127.0.0.1:0")
	p := wsDial(t, s.Addrs()[0], "/")
	p.text(req(1, "block", ""), req(2, "ping", ""))
	p.want(res(2, "{}"))
	if err := s.Shutdown(grace(50 * time.Millisecond)); !errors.Is(err, ErrGraceExpired) {
		t.Error(err)
	}
	p.wantClose(1001, true)
}

// Connections that are silent are told why they end.
func TestWebSocketIdle(t *testing.T) {
	for _, tc := range []struct {
		name   string
		o      engine.Options
		send   string
		reason string
		closed engine.CloseReason
	}{
		{"no session", engine.Options{IdleTimeout: 50 * time.Millisecond}, wsFrame(wsText, req(1, "ping", "")), "idle", engine.CloseIdle},
		{"no message", engine.Options{IdleTimeout: 50 * time.Millisecond}, "", "idle", engine.CloseIdle},
		{"half a message", engine.Options{ReadTimeout: 50 * time.Millisecond}, wsFrame(wsText, req(1, "ping", ""))[:10], "read_timeout", engine.CloseReadTimeout},
		{"a fragment", engine.Options{ReadTimeout: 50 * time.Millisecond}, wsFrame(0x01, req(1, "ping", "")), "read_timeout", engine.CloseReadTimeout},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := wsStart(t, Options{Engine: tc.o}, "ws://127.0.0.1:0")
			p := wsDial(t, s.Addrs()[0], "/")
			p.send(tc.send)
			if _, why := p.wantClose(1001, false); why != tc.reason {
				t.Errorf("reason %q", why)
			}
			if tc.name != "half a message" { // whose rest a close frame would be
				p.send(wsFrame(wsClose, closeData(1001, "")))
				p.wantEnd()
				eventually(t, "closed", func() bool { return s.Snapshot().Engine.Closed[tc.closed] == 1 })
			}
		})
	}
	// Pings do not keep a message going that does not go on.
	s := wsStart(t, Options{Engine: engine.Options{ReadTimeout: 200 * time.Millisecond}}, "ws://127.0.0.1:0")
	p := wsDial(t, s.Addrs()[0], "/")
	p.send(wsFrame(0x01, "{"))
	stop := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				_, _ = p.Write([]byte(wsFrame(wsPing, "")))
			}
		}
	}()
	if _, why := p.wantClose(1001, false); why != "read_timeout" {
		t.Errorf("reason %q", why)
	}
	close(stop)
}

// Peers that answer pings stay, with a session; those that do not are closed.
func TestWebSocketPings(t *testing.T) {
	o := Options{WebSocket: WebSocketOptions{PingInterval: 60 * time.Millisecond}, Engine: engine.Options{IdleTimeout: 250 * time.Millisecond}}
	s := startWith(t, webService(mcp.Options{}), o, "ws://127.0.0.1:0")
	dead, alive := wsDial(t, s.Addrs()[0], "/"), wsDial(t, s.Addrs()[0], "/")
	for _, p := range []*wsPeer{dead, alive} {
		p.text(wsInitialize)
		p.message()
	}
	begin := time.Now()
	ended := make(chan time.Duration, 1)
	go func() {
		for range 2 {
			dead.wantFrame(wsPing, "")
		}
		dead.wantEnd()
		ended <- time.Since(begin)
	}()
	for range 8 {
		alive.wantFrame(wsPing, "")
		alive.send(wsFrame(wsPong, ""))
	}
	if d := <-ended; d < 150*time.Millisecond || d > time.Since(begin) {
		t.Errorf("closed after %v", d)
	}
	alive.text(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	if m := alive.message(); !strings.Contains(m, `"id":1`) {
		t.Error(m)
	}
	n := s.Snapshot()
	if n.Engine.Closed[engine.ClosePing] != 1 || n.WebSockets.Pings < 10 || n.WebSockets.Open != 1 {
		t.Errorf("%+v, closed %v", n.WebSockets, n.Engine.Closed)
	}
}

// A peer that broke the protocol is told, and then there is the end of our half,
// however output is flushed.
func TestWebSocketFailsFlushOff(t *testing.T) {
	s := wsStart(t, Options{Engine: engine.Options{Flush: engine.FlushOff}}, "ws://127.0.0.1:0")
	p := wsDial(t, s.Addrs()[0], "/")
	begin := time.Now()
	p.send(wsFrame(wsText, req(1, "ping", "")) + wsFrame(0x83, ""))
	p.want(res(1, "{}"))
	p.wantClose(1002, true)
	if d := time.Since(begin); d > web.DefaultCloseTimeout/2 {
		t.Errorf("after %v", d)
	}
}

// Options that cannot be are refused, by name.
func TestWebSocketOptions(t *testing.T) {
	for want, o := range map[string]WebSocketOptions{
		"WebSocket.Path":         {Path: "ws"},
		"WebSocket.MaxFragments": {MaxFragments: -1},
		"WebSocket.MissedPings":  {MissedPings: -1},
		"WebSocket.PingInterval": {PingInterval: 1},
		"WebSocket.CloseTimeout": {CloseTimeout: -1},
	} {
		_, err := Listen(wsService{}, Options{Listeners: []Listener{{URL: "ws://127.0.0.1:0"}}, WebSocket: o})
		if err == nil || !strings.Contains(err.Error(), "transports: Options."+want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, url := range []string{"ws://127.0.0.1", "ws://127.0.0.1:0?x", "ws://a@127.0.0.1:0", "ws://127.0.0.1:0/#x"} {
		if _, err := Listen(wsService{}, Options{Listeners: []Listener{{URL: url}}}); err == nil || !strings.Contains(err.Error(), "ws://127.0.0.1:7601/ws") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
