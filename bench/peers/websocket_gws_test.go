package peers

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// wsFrame is a frame of a client.
func wsFrame(first byte, payload string) string {
	key := "\x37\xfa\x21\x3d"
	b := []byte{first}
	switch n := len(payload); {
	case n > 0xFFFF:
		b = binary.BigEndian.AppendUint64(append(b, 0xFF), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, 0xFE), uint16(n))
	default:
		b = append(b, 0x80|byte(n))
	}
	b = append(b, key...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return string(b)
}

// wsDeflated is a message of permessage-deflate.
func wsDeflated(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	_, _ = io.WriteString(w, s)
	_ = w.Flush()
	return string(b.Bytes()[:b.Len()-4])
}

// Pieces of streams. What the two do not agree on by decision is left out: binary
// messages, which ours refuses; lengths that are not in their shortest form, which
// ours refuses; what comes behind a last block of deflate (BFINAL).
var (
	wsFirst    = []byte{0x81, 0x01, 0x80, 0x00, 0xC1, 0x41, 0x89, 0x8A, 0x88, 0xC0, 0x91, 0xA1, 0x09, 0x83, 0x8B, 0xC9}
	wsPayloads = []string{
		"hello", "", "é", "語", "😀", "\xc3", "\xa9", "\xe8\xaa", "\x9e", "\xf0\x9f", "\x98\x80", "\xed\xa0\x80", "\xff", "\xf4\x90\x80\x80",
		wsDeflated("hello"), wsDeflated(strings.Repeat("é", 500)), wsDeflated("\xc3"), wsDeflated(strings.Repeat("x", 5000)),
		"\x00", "\xff\xff\xff\xff", wsDeflated("hello, hello, hello")[:8],
		strings.Repeat("x", 125), strings.Repeat("x", 126), strings.Repeat("é", 64), strings.Repeat("x", 4096), strings.Repeat("x", 4097),
	}
)

// wsCloses are those of close frames. It does not know 1014, which was registered later.
var wsCloses = []string{"\x03\xe8bye", "", "\x03\xe8", "\x03", "\x03\xed", "\x0b\xb8\xc3", "\x0b\xb8é", "\xff\xff", "\x03\xf3", "\x03\xe7", "\x13\x88"}

const wsLimit = 4096 // of a message

// ourEvents is a stream as transports/websocket reads it, and the code to close by:
// that of the peer's close frame, or of what is wrong; 0: it goes on.
func ourEvents(t *testing.T, in []byte, deflate bool) (events []string, code int) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	var p websocket.Parser
	p.Init(websocket.NewLoop(pool, websocket.Options{MaxMessageBytes: wsLimit}), nil, websocket.Agreed{Deflate: deflate})
	defer p.Release()
	for b := bytes.Clone(in); ; {
		n, ev := p.Next(b)
		b = b[n:]
		switch ev {
		case websocket.Message:
			events = append(events, fmt.Sprintf("text %q", p.Payload()))
		case websocket.Ping:
			events = append(events, fmt.Sprintf("ping %q", p.Payload()))
		case websocket.Pong:
			events = append(events, fmt.Sprintf("pong %q", p.Payload()))
		case websocket.Close:
			return events, int(p.Code())
		case websocket.Failed:
			return events, int(p.Err().Code)
		case websocket.More:
			return events, 0
		}
	}
}

// canned is a connection with all that its peer will send, and what it was sent.
type canned struct {
	io.Reader
	bytes.Buffer
}

func (c *canned) Read(p []byte) (int, error)         { return c.Reader.Read(p) }
func (c *canned) Close() error                       { return nil }
func (c *canned) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (c *canned) RemoteAddr() net.Addr               { return &net.TCPAddr{} }
func (c *canned) SetDeadline(t time.Time) error      { return nil }
func (c *canned) SetReadDeadline(t time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(t time.Time) error { return nil }

// gwsEvents collects what gws finds.
type gwsEvents struct{ events []string }

func (*gwsEvents) OnOpen(*gws.Conn) {}
func (g *gwsEvents) OnPing(_ *gws.Conn, b []byte) {
	g.events = append(g.events, fmt.Sprintf("ping %q", b))
}
func (g *gwsEvents) OnPong(_ *gws.Conn, b []byte) {
	g.events = append(g.events, fmt.Sprintf("pong %q", b))
}
func (*gwsEvents) OnClose(*gws.Conn, error) {}
func (g *gwsEvents) OnMessage(_ *gws.Conn, m *gws.Message) {
	g.events = append(g.events, fmt.Sprintf("text %q", m.Bytes()))
	_ = m.Close()
}

// newGWS returns a function that says what gws finds in a stream, and the code of its
// close frame.
func newGWS(t *testing.T, deflate bool) func(in []byte) (events []string, code int) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	g := &gwsEvents{}
	u := gws.NewUpgrader(g, &gws.ServerOption{CheckUtf8Enabled: true, ReadMaxPayloadSize: wsLimit, PermessageDeflate: gws.PermessageDeflate{Enabled: deflate, PoolSize: 1}, Recovery: gws.Recovery})
	return func(in []byte) (events []string, code int) {
		g.events = nil
		c := &canned{Reader: bytes.NewReader(in)}
		socket, err := u.UpgradeFromConn(c, bufio.NewReader(c), r)
		if err != nil {
			t.Fatal(err)
		}
		socket.ReadLoop()
		_, sent, _ := bytes.Cut(c.Bytes(), []byte("\r\n\r\n"))
		for ; len(sent) >= 4 && code == 0; sent = sent[websocket.FrameLen(sent):] {
			if sent[0] == 0x88 {
				code = int(binary.BigEndian.Uint16(sent[2:]))
			}
		}
		return g.events, code
	}
}

// What both find in a stream of frames is the same, and so is what they close by.
func TestWebSocketAgainstGWS(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	pick := func(n int) int { return rng.IntN(1 + rng.IntN(n)) } // the first, most often
	seen := map[int]int{}
	gws := map[bool]func([]byte) ([]string, int){false: newGWS(t, false), true: newGWS(t, true)}
	for range 10_000 {
		deflate := rng.IntN(2) == 0
		var in []byte
		for range 1 + rng.IntN(8) {
			first, payloads := wsFirst[pick(len(wsFirst))], wsPayloads
			if first&0x0F == 8 {
				payloads = wsCloses
			}
			if deflate && (first&0x30 != 0 || first&0x40 != 0 && first&0x0F != 1) {
				continue // it does not look at RSV2 and RSV3 then, nor at RSV1 of what is not text
			}
			payload := payloads[pick(len(payloads))]
			if first&0x40 != 0 && payload == "" {
				continue // nothing at all, compressed: an empty message for us, none for it
			}
			in = append(in, wsFrame(first, payload)...)
		}
		ours, code := ourEvents(t, in, deflate)
		theirs, theirCode := gws[deflate](in)
		seen[code]++
		same := fmt.Sprint(ours) == fmt.Sprint(theirs) && code == theirCode
		switch code {
		default: // the end of input, or the peer's close frame, which it may answer by 1000, or without code
			same = same || fmt.Sprint(ours) == fmt.Sprint(theirs) && (theirCode == 0 || theirCode == 1000)
		case 1002: // it looks at the length first
			same = same || fmt.Sprint(ours) == fmt.Sprint(theirs) && theirCode == 1009
		case 1009: // it calls it an internal error if a message inflates to too much
			same = same || deflate && fmt.Sprint(ours) == fmt.Sprint(theirs) && theirCode == 1011
		case 1007: // it judges text at the end of a message, and may come to something else before
			same = same || len(theirs) >= len(ours) && fmt.Sprint(ours) == fmt.Sprint(theirs[:len(ours)])
		}
		if !same {
			t.Fatalf("%.300q, deflate %v:\nours %.300q %d\n gws %.300q %d", in, deflate, ours, code, theirs, theirCode)
		}
	}
	for _, code := range []int{0, 1000, 1002, 1005, 1007, 1009, 3000} {
		if seen[code] < 10 {
			t.Errorf("%d streams ended by %d: %v", seen[code], code, seen)
		}
	}
}
