package transports

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// First bytes of frames.
const (
	wsText   = 0x81
	wsPacked = 0xC1
	wsClose  = 0x88
	wsPing   = 0x89
	wsPong   = 0x8A
)

// wsPeer is a client of a WebSocket with no knowledge of ours.
type wsPeer struct {
	t testing.TB
	net.Conn
	r      *bufio.Reader
	answer *http.Response // to the handshake
}

// wsKey is the key, and wsAccept what it becomes, of RFC 6455, section 1.3.
const (
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// wsRequest is a handshake, with more field lines.
func wsRequest(path, host, more string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + wsKey + "\r\n" + more + "\r\n"
}

// wsTry connects, sends what is given and reads the answer.
func wsTry(t testing.TB, url, request string) *wsPeer {
	t.Helper()
	addr := strings.TrimPrefix(strings.TrimPrefix(url, "http://"), "ws://")
	addr, _, _ = strings.Cut(addr, "/")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	p := &wsPeer{t: t, Conn: c, r: bufio.NewReaderSize(c, 64<<10)}
	p.send(request)
	p.read()
	return p
}

// read reads the answer to a handshake.
func (p *wsPeer) read() {
	p.t.Helper()
	var err error
	if p.answer, err = http.ReadResponse(p.r, nil); err != nil {
		p.t.Fatal(err)
	}
}

// wsDial makes a WebSocket at a path.
func wsDial(t testing.TB, url, path string, headers ...string) *wsPeer {
	t.Helper()
	p := wsTry(t, url, wsRequest(path, "localhost", strings.Join(append(headers, ""), "\r\n")))
	if a := p.answer; a.StatusCode != 101 || a.Header.Get("Sec-WebSocket-Accept") != wsAccept || !strings.EqualFold(a.Header.Get("Upgrade"), "websocket") || !strings.EqualFold(a.Header.Get("Connection"), "upgrade") {
		body, _ := io.ReadAll(a.Body)
		t.Fatalf("handshake: %v %s", a, body)
	}
	return p
}

func (p *wsPeer) send(s string) {
	p.t.Helper()
	if _, err := p.Write([]byte(s)); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// wsFrame is a frame of a client.
func wsFrame(first byte, payload string) string {
	key := [4]byte{0x37, 0xFA, 0x21, 0x3D}
	b := []byte{first}
	switch n := len(payload); {
	case n > 0xFFFF:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = append(b, 0x80|byte(n))
	}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return string(b)
}

func (p *wsPeer) text(messages ...string) {
	p.t.Helper()
	var b strings.Builder
	for _, m := range messages {
		b.WriteString(wsFrame(wsText, strings.TrimSuffix(m, "\n")))
	}
	p.send(b.String())
}

// next reads a frame.
func (p *wsPeer) next() (first byte, payload string, err error) {
	var head [10]byte
	if _, err := io.ReadFull(p.r, head[:2]); err != nil {
		return 0, "", err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(p.r, head[2:4])
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(p.r, head[2:10])
		n = binary.BigEndian.Uint64(head[2:])
	default:
		if n > 127 {
			p.t.Fatal("a frame of the server with a mask")
		}
	}
	if err != nil {
		return 0, "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(p.r, b)
	return head[0], string(b), err
}

// wantFrame reads a frame and compares it.
func (p *wsPeer) wantFrame(first byte, payload string) {
	p.t.Helper()
	if f, got, err := p.next(); err != nil || f != first || got != payload {
		p.t.Fatalf("got %x %.300q, %v; want %x %.300q", f, got, err, first, payload)
	}
}

func (p *wsPeer) want(text string) { p.t.Helper(); p.wantFrame(wsText, text) }

// message reads a message, which may be compressed.
func (p *wsPeer) message() string {
	p.t.Helper()
	first, payload, err := p.next()
	switch {
	case err == nil && first == wsText:
		return payload
	case err == nil && first == wsPacked:
		b, err := io.ReadAll(flate.NewReader(strings.NewReader(payload + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
		if err == nil {
			return string(b)
		}
	}
	p.t.Fatalf("got %x %.300q, %v; want a message", first, payload, err)
	return ""
}

// wantClose reads up to a close frame, which must have the code, and the end of the
// connection if end is set. It returns the frames before it, and the reason.
func (p *wsPeer) wantClose(code int, end bool) (before []string, reason string) {
	p.t.Helper()
	for {
		first, payload, err := p.next()
		if err != nil {
			p.t.Fatalf("after %.300q: %v; want a close frame with %d", before, err, code)
		}
		if first != wsClose {
			before = append(before, payload)
			continue
		}
		got := 0
		if len(payload) >= 2 {
			got, reason = int(binary.BigEndian.Uint16([]byte(payload))), payload[2:]
		}
		if got != code {
			p.t.Fatalf("closed by %d %q, want %d", got, reason, code)
		}
		if end {
			p.wantEnd()
		}
		return before, reason
	}
}

// wantEnd expects the end of the connection, without a reset.
func (p *wsPeer) wantEnd() {
	p.t.Helper()
	if b, err := p.r.ReadByte(); err != io.EOF {
		p.t.Fatalf("got %x, %v; want the end", b, err)
	}
}

// closeData is the payload of a close frame.
func closeData(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// bothWays serves the everything fixture on http:// and on ws://, and runs f with
// the URL of each and the path of a WebSocket there.
func bothWays(t *testing.T, o mcp.Options, to Options, f func(t *testing.T, s *Server, svc *mcp.Server, url, path string)) {
	for _, way := range []struct{ listen, path string }{{"http://127.0.0.1:0", "/ws"}, {"ws://127.0.0.1:0", "/any/where?x=y"}, {"ws://127.0.0.1:0/mcp", "/mcp"}} {
		t.Run(way.listen, func(t *testing.T) {
			svc := webService(o)
			to := to
			to.Listeners, to.Loops = []Listener{{URL: way.listen}}, 2
			s, err := Listen(svc, to)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Shutdown(grace(10 * time.Second)); err != nil {
					t.Errorf("shutdown: %v", err)
				}
				settled(t, s)
				if n := s.Snapshot(); n.WebSockets.Open != 0 || n.Engine.Panics != 0 {
					t.Errorf("left: %+v, %d panics", n.WebSockets, n.Engine.Panics)
				}
			})
			f(t, s, svc, s.Addrs()[0], way.path)
		})
	}
}

const wsInitialize = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"ws","version":"1"}}}`

// Both eras on one WebSocket, as on stdio, inline and from the worker pool.
func TestWebSocket(t *testing.T) {
	bothWays(t, mcp.Options{}, Options{}, func(t *testing.T, s *Server, svc *mcp.Server, url, path string) {
		svc.HandleTool(mcp.Tool{Name: "where"}, mcp.Pooled, func(c *mcp.Call) error { return c.Reply().TextString("from " + c.RemoteAddr()) })
		p := wsDial(t, url, path, "Sec-WebSocket-Protocol: chat, mcp", "Origin: http://localhost:8080")
		if got := p.answer.Header.Get("Sec-WebSocket-Protocol"); got != "mcp" {
			t.Errorf("subprotocol %q", got)
		}
		p.text(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
		if m := p.message(); !strings.Contains(m, `"id":1`) || !strings.Contains(m, "error") {
			t.Errorf("before initialize: %s", m)
		}
		p.text(wsInitialize, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
		if m := p.message(); !strings.Contains(m, `"protocolVersion":"2025-11-25"`) {
			t.Errorf("initialize: %s", m)
		}
		for n := range 3 {
			p.text(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"héllo"}}}`, n))
			if m := p.message(); !strings.Contains(m, "héllo") || !strings.Contains(m, fmt.Sprintf(`"id":%d`, n)) {
				t.Errorf("call: %s", m)
			}
			p.text(fmt.Sprintf(`{"jsonrpc":"2.0","id":"m%d","method":"tools/call","params":{"name":"where","arguments":{},%s}}`, n, webMeta))
			if m := p.message(); !strings.Contains(m, "from "+p.LocalAddr().String()) || !strings.Contains(m, `"resultType"`) {
				t.Errorf("modern call: %s", m)
			}
		}
		// A notification and an answer, in their order.
		p.text(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"test_tool_with_progress","arguments":{},"_meta":{"progressToken":"t"}}}`)
		for m := p.message(); !strings.Contains(m, `"id":7`); m = p.message() {
			if !strings.Contains(m, "notifications/progress") {
				t.Errorf("got %s", m)
			}
		}
		p.text("not json", `{"jsonrpc":"2.0","id":8,"method":"ping"}`, `[]`)
		for _, want := range []string{"-32700", `"id":8,"result":{}`, "-32600"} {
			if m := p.message(); !strings.Contains(m, want) {
				t.Errorf("got %s, want %s", m, want)
			}
		}
		p.send(wsFrame(wsPing, "are you there"))
		p.wantFrame(wsPong, "are you there")
		p.send(wsFrame(wsClose, closeData(1000, "done")))
		p.wantClose(1000, true)
		if n := s.Snapshot(); n.WebSockets.Opened != 1 || n.WebSockets.Open != 0 || n.Engine.Closed[engine.ClosePeer] != 1 {
			t.Errorf("counted %+v, closed %v", n.WebSockets, n.Engine.Closed)
		}
	})
}

// Messages of each size, in pieces, in fragments and many in a packet, are answered.
func TestWebSocketFraming(t *testing.T) {
	s := wsStart(t, Options{}, "ws://127.0.0.1:0")
	p := wsDial(t, s.Addrs()[0], "/")
	for i, n := range []int{1, 55, 60, 100, 65_400, 65_500, 70_000, 300_000} {
		text := `{"a":"` + strings.Repeat("x", n) + `"}`
		f := wsFrame(wsText, req(i, "echo", text))
		for rest := f; len(rest) > 0; {
			k := min(len(rest), 1+n/3)
			p.send(rest[:k])
			rest = rest[k:]
		}
		p.want(res(i, text))
	}
	m := req(9, "echo", `{"a":"é"}`)
	for i := range len(m) {
		p.send(wsFrame(0x01, m[:i]) + wsFrame(wsPing, "p") + wsFrame(0x80, m[i:]))
		p.wantFrame(wsPong, "p")
		p.want(res(9, `{"a":"é"}`))
	}
	p.text(strings.Split(strings.Repeat(req(3, "ping", ""), 5000), "\n")[:5000]...)
	for range 5000 {
		p.want(res(3, "{}"))
	}
	if n := s.Snapshot().Engine; n.Writes > 200 {
		t.Errorf("%d writes for %d messages", n.Writes, n.MessagesOut)
	}
}

// wsService is service, on WebSockets.
type wsService struct{ service }

func (wsService) OpenExchanges(*engine.Conn) engine.ExchangeHandler { return wsHandler{} }

type wsHandler struct{ service }

func (wsHandler) ServeExchange(c *engine.Conn, x *engine.Exchange) {
	switch {
	case x.Upgrade != nil:
		x.Upgrade(service{})
	case string(x.Request.Path()) == "/panic":
		panic("as told")
	default:
		c.Respond(200, "text/plain", []byte("hello"))
	}
}

// wsStart is start, with wsService.
func wsStart(t testing.TB, o Options, urls ...string) *Server {
	t.Helper()
	return startWith(t, wsService{}, o, urls...)
}

// A connection that has carried HTTP becomes a WebSocket, whose first frames come
// with the handshake.
func TestWebSocketAfterHTTP(t *testing.T) {
	s := wsStart(t, Options{}, "http://127.0.0.1:0")
	get := "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
	p := wsTry(t, s.Addrs()[0], get+get+wsRequest("/ws", "localhost", "")+wsFrame(wsText, req(1, "echo", `{"n":1}`))+wsFrame(wsText, req(2, "echo", `{"n":2}`))[:20])
	for range 2 {
		if b, err := io.ReadAll(p.answer.Body); string(b) != "hello" || err != nil {
			t.Fatalf("%q, %v", b, err)
		}
		p.read()
	}
	if p.answer.StatusCode != 101 {
		t.Fatal(p.answer)
	}
	p.want(res(1, `{"n":1}`))
	p.send(wsFrame(wsText, req(2, "echo", `{"n":2}`))[20:])
	p.want(res(2, `{"n":2}`))
	_ = p.Close()
	eventually(t, "closed", func() bool { return s.Snapshot().Engine.Connections == 0 })
	if n := s.Snapshot(); n.Engine.Opened != 1 || n.WebSockets.Opened != 1 || n.WebSockets.Open != 0 {
		t.Errorf("%d connections, %+v", n.Engine.Opened, n.WebSockets)
	}
}

// What is compressed, both ways; small messages are not.
func TestWebSocketDeflate(t *testing.T) {
	for _, tc := range []struct {
		name, offer, answer string
		o                   WebSocketOptions
		packed              bool
	}{
		{"default", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", WebSocketOptions{}, true},
		{"a window", "permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9", WebSocketOptions{}, true},
		{"off", "permessage-deflate", "", WebSocketOptions{CompressMin: -1}, false},
		{"from 10,000", "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", WebSocketOptions{CompressMin: 10_000}, false},
		{"not offered", "x", "", WebSocketOptions{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := wsStart(t, Options{WebSocket: tc.o}, "ws://127.0.0.1:0")
			p := wsDial(t, s.Addrs()[0], "/", "Sec-WebSocket-Extensions: "+tc.offer)
			if got := p.answer.Header.Get("Sec-WebSocket-Extensions"); got != tc.answer {
				t.Errorf("got %q", got)
			}
			text := `{"a":"` + strings.Repeat("All work and no play. ", 200) + `"}`
			if tc.answer != "" {
				var b strings.Builder
				w, _ := flate.NewWriter(&b, 6)
				_, _ = io.WriteString(w, req(1, "echo", text))
				_ = w.Flush()
				p.send(wsFrame(wsPacked, strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")))
			} else {
				p.text(req(1, "echo", text))
			}
			first, payload, err := p.next()
			if err != nil || first == wsPacked != tc.packed || len(payload) < 1000 != tc.packed {
				t.Fatalf("%x, %d bytes, %v", first, len(payload), err)
			}
			p.text(req(2, "echo", text), req(3, "ping", ""))
			if m := p.message(); m != res(2, text) {
				t.Errorf("got %.100s", m)
			}
			p.want(res(3, "{}"))
		})
	}
}
