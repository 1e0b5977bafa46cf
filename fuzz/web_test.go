package fuzz_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/web"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// webMeta makes a message one of 2026-07-28.
const webMeta = `"_meta":{` + sessionMeta + `}`

// webPost is a POST to the endpoint; fields are whole lines.
func webPost(fields, body string) string {
	return fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", fields, len(body), body)
}

// webModern is a call of a tool by 2026-07-28.
func webModern(tool, fields string) string {
	return webPost("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: "+tool+"\r\n"+fields,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+tool+`","arguments":{},`+webMeta+`}}`)
}

// webSeeds has each kind of answer: whole, none, an event stream, an error of
// each layer, and what may come behind it.
func webSeeds() []string {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`))
	_ = z.Close()
	initialize := webPost("", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`)
	return []string{
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /none HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nAccess-Control-Request-Method: POST\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
		"DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: none\r\n\r\n",
		initialize,
		initialize + webPost("Mcp-Session-Id: none\r\n", `{"jsonrpc":"2.0","id":1,"method":"ping"}`),
		webPost("", `{"jsonrpc":"2.0","method":"notifications/initialized"}`),
		webPost("", `[]`) + webPost("", `no JSON`) + webPost("Content-Encoding: br\r\n", "x"),
		webPost("Content-Encoding: gzip\r\n", packed.String()),
		webPost("Content-Encoding: gzip\r\n", packed.String()[:packed.Len()-1]) + webPost("Content-Encoding: zstd\r\n", "(\xb5/\xfd"),
		webModern("say", "") + webModern("tell", "") + webModern("say", "Accept-Encoding: gzip\r\n"),
		webModern("long", "Accept-Encoding: gzip\r\n") + webModern("long", "Accept-Encoding: zstd\r\n") + webModern("none", ""),
		webModern("tell", "Connection: close\r\n") + webModern("say", ""),
		webModern("break", "") + webModern("breakLate", "") + webModern("say", ""),
		strings.Replace(webModern("say", ""), "Content-Length: ", "Expect: 100-continue\r\nContent-Length: ", 1),
		"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
		webPost("", `{"jsonrpc":"2.0","id":1,"method":"ping"}`)[:90],
		webUpgrade("", "") + webFrames(0x81, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, `{"jsonrpc":"2.0"`, `[]`),
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + webUpgrade("Sec-WebSocket-Protocol: mcp\r\n", "") + webFrames(0x89, "", "x") + webFrames(0x88, "\x03\xe8bye") + webFrames(0x81, "{}"),
		webUpgrade("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n", "") +
			webFrames(0xC1, string(deflated(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"long",`+webMeta+`}}`)), string(deflated("{")), "\xff\xff"),
		webUpgrade("", "") + webFrames(0x01, `{"jsonrpc":"2.0","id":1,`) + webFrames(0x8A, "") + webFrames(0x80, `"method":"ping"}`) + webFrames(0x81, "\xff") + webFrames(0x81, "{}"),
		webUpgrade("Origin: http://evil.example\r\n", "") + webUpgrade("", "Version: 8") + webUpgrade("", "") + webFrames(0x82, "x"),
	}
}

// webServer has tools that answer on the loop: at once, after an event, at
// length, and not at all.
func webServer() *mcp.Server {
	s := mcp.NewServer(mcp.Options{Name: "fuzz", Version: "1"})
	say := func(c *mcp.Call) error { return c.Reply().TextString("said") }
	tell := func(c *mcp.Call) {
		_ = c.Log(mcp.LogError, "l", []byte(`"told"`))
		_ = c.Progress(1, 2, "")
	}
	s.HandleTool(mcp.Tool{Name: "say"}, mcp.Inline, say)
	s.HandleTool(mcp.Tool{Name: "tell"}, mcp.Inline, func(c *mcp.Call) error { tell(c); return say(c) })
	s.HandleTool(mcp.Tool{Name: "long"}, mcp.Inline, func(c *mcp.Call) error {
		return c.Reply().TextString(strings.Repeat("long ", 1000))
	})
	s.HandleTool(mcp.Tool{Name: "break"}, mcp.Inline, func(*mcp.Call) error { panic("broken") })
	s.HandleTool(mcp.Tool{Name: "breakLate"}, mcp.Inline, func(c *mcp.Call) error { tell(c); panic("broken") })
	return s
}

// webClock stands still but for what a test lets pass.
type webClock int64

func (c *webClock) Now() int64 { return int64(*c) }

// webDriver needs no waking: a test takes each turn itself.
type webDriver struct{}

func (webDriver) Wake()        {}
func (webDriver) WakeAt(int64) {}

// webPeer is the wire of a connection whose peer reads everything.
type webPeer struct {
	conn   *web.Conn
	engine *engine.Conn
	got    []byte
	held   []byte
	closed bool
	inside bool // Deliver
}

func (p *webPeer) Write(b []byte) (int, error) { p.got = append(p.got, b...); return len(b), nil }

func (p *webPeer) Resume() {
	p.conn.Resumed()
	held := p.held
	p.held = nil
	p.take(held)
}

func (p *webPeer) Close(engine.CloseReason) {
	p.closed = true
	if !p.inside {
		p.conn.Release()
	}
}

// take feeds what was held before, and b.
func (p *webPeer) take(b []byte) {
	if p.closed {
		return
	}
	if p.held != nil {
		p.held = append(p.held, b...)
		return
	}
	p.inside = true
	n := p.conn.Deliver(b)
	p.inside = false
	if p.closed {
		p.conn.Release()
	} else if n < len(b) {
		p.held = append([]byte(nil), b[n:]...)
	}
}

// webRun serves a stream that comes in pieces of n bytes (0: whole, below: cut
// once, behind -n bytes), and returns the answers, without what differs each
// time.
func webRun(t *testing.T, svc *mcp.Server, stream []byte, n int) []byte {
	t.Helper()
	got := webSent(t, svc, stream, n)
	got = bytes.ReplaceAll(got, []byte("HTTP/1.1 100 Continue\r\n\r\n"), nil) // none is due where the body is there already
	return webRandom.ReplaceAll(got, []byte("$1"))
}

// webSent is webRun with what differs each time.
func webSent(t *testing.T, svc *mcp.Server, stream []byte, n int) []byte {
	t.Helper()
	clock := webClock(1e9)
	e, err := engine.New(svc, engine.Options{Clock: &clock, MaxMessageBytes: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLoop(webDriver{})
	var counters web.Counters
	wl := web.NewLoop(l, web.Options{CompressMin: 2000}, &counters)
	p := &webPeer{conn: wl.NewConn()}
	l.Begin()
	p.engine = p.conn.Serve(p)
	other := &webPeer{conn: wl.NewConn()}
	other.engine = other.conn.Serve(other)
	l.End()
	for rest := stream; len(rest) > 0 && !p.closed; {
		k := len(rest)
		switch {
		case n > 0:
			k = min(n, k)
		case n < 0 && k == len(stream):
			k = min(-n, k)
		}
		piece := append(make([]byte, 0, k), rest[:k]...)
		l.Begin()
		p.take(piece)
		l.End()
		clear(piece) // nothing may refer to it any more
		// What the connections of a loop share has nothing of either of them.
		other.got = other.got[:0]
		l.Begin()
		other.take([]byte("GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		l.End()
		if !bytes.HasPrefix(other.got, []byte("HTTP/1.1 404 Not Found\r\nDate: ")) || other.closed {
			t.Fatalf("behind %q another connection is answered %q", stream[:len(stream)-len(rest)+k], other.got)
		}
		rest = rest[k:]
	}
	if !p.closed {
		l.Begin()
		p.engine.Close(engine.ClosePeer)
		l.End()
	}
	e.Close()
	l.Turn()
	if st := e.Buffers().Stats(); st.Outstanding != st.Cached {
		t.Fatalf("%d buffers are not back", st.Outstanding-st.Cached)
	}
	if held := e.Snapshot().BufferedBytes; held != 0 {
		t.Fatalf("%d bytes are not back in the budget", held)
	}
	return p.got
}

// webRandom is what two runs may differ in.
var webRandom = regexp.MustCompile(`(Date: |Mcp-Session-Id: |sessionId=|\nid: )[^\r\n]*`)

// judgeWeb compares a stream in pieces with the whole of it, and has net/http
// read the answers.
func judgeWeb(t *testing.T, stream []byte) {
	svc := webServer()
	want := webRun(t, svc, stream, 0)
	for _, n := range []int{1, 2, 3, 7, 64} {
		if got := webRun(t, svc, stream, n); !bytes.Equal(got, want) {
			t.Fatalf("in pieces of %d:\n%q\nwhole:\n%q", n, got, want)
		}
	}
	if bytes.Contains(stream, []byte("HEAD")) {
		return // which answers have no body, only the server knows
	}
	r := bufio.NewReader(bytes.NewReader(want))
	for at := 0; ; at++ {
		if _, err := r.Peek(1); err == io.EOF {
			return
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("answer %d is none: %v\n%q", at, err, want)
		}
		if res.StatusCode == 101 {
			judgeFrames(t, r)
			return
		}
		_, err = io.Copy(io.Discard, res.Body)
		if endless := res.Header.Get("Content-Type") == "text/event-stream"; err != nil && !endless {
			t.Fatalf("answer %d, body: %v\n%q", at, err, want)
		}
	}
}

// judgeFrames reads what a WebSocket's server has sent: frames, each in one piece,
// of text or control, none behind a close frame.
func judgeFrames(t *testing.T, r *bufio.Reader) {
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n := websocket.FrameLen(b)
		if n > len(b) || b[0]&0xB0 != 0x80 || b[1]&0x80 != 0 {
			t.Fatalf("no frame: %q", b)
		}
		if b[0] == 0x88 && n < len(b) {
			t.Fatalf("behind a close frame: %q", b)
		}
		b = b[n:]
	}
}

// webUpgrade is the handshake of a WebSocket, with more field lines; version is that
// of its own line, 13 if empty.
func webUpgrade(more, version string) string {
	if version == "" {
		version = "Version: 13"
	}
	return "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-" + version + "\r\n" + more + "\r\n"
}

// webFrames are frames of a client, one for each payload.
func webFrames(first byte, payloads ...string) (frames string) {
	for _, p := range payloads {
		frames += webSocketFrame(first, p, "\x37\xfa\x21\x3d")
	}
	return frames
}

// TestWebCut cuts each seed once, everywhere.
func TestWebCut(t *testing.T) {
	svc := webServer()
	for i, s := range webSeeds() {
		want := webRun(t, svc, []byte(s), 0)
		for at := 1; at < len(s); at++ {
			if got := webRun(t, svc, []byte(s), -at); !bytes.Equal(got, want) {
				t.Fatalf("seed %d cut at %d:\n%q\nwhole:\n%q", i, at, got, want)
			}
		}
	}
}

// What a connection of HTTP is answered does not depend on where its bytes are
// cut; each answer is one for net/http too; and with the connection all buffers
// and reserved bytes come back.
func FuzzWeb(f *testing.F) {
	for _, s := range webSeeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) <= 1<<12 {
			judgeWeb(t, stream)
		}
	})
}
