package load

import (
	"bytes"
	"slices"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// newWebSockets returns what the WebSockets of a run share. Compression is not
// offered: what is measured is messages as long as they say they are.
func newWebSockets() *websocket.Loop {
	return websocket.NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), websocket.Options{Client: true, CompressMin: -1, MaxMessageBytes: maxReadBuffer})
}

// A webSocket is the framing of a connection (RFC 6455): each message is a frame
// of text, masked on the way to the server.
type webSocket struct {
	loop   *websocket.Loop
	parser websocket.Parser
	agreed websocket.Agreed
}

// frameRoom is more than a frame's header has.
const frameRoom = 16

// appendRequest appends a request with its id. Hot path.
func (ws *webSocket) appendRequest(out []byte, t *template, id uint64) []byte {
	out = slices.Grow(out, len(t.wire)+frameRoom) // so that the frame is completed where it is
	begin := len(out)
	out = ws.loop.OpenText(out)
	at := len(out)
	out = append(out, t.wire...)
	putID(out[at+t.wireID:], id)
	return ws.loop.CloseText(out, begin, ws.agreed)
}

// frame is a message in its frame, for messages outside of the load.
func (ws *webSocket) frame(line []byte) []byte {
	text := bytes.TrimSuffix(line, []byte("\n"))
	out := append(ws.loop.OpenText(make([]byte, 0, len(text)+frameRoom)), text...)
	return ws.loop.CloseText(out, 0, ws.agreed)
}

// consumeFrames is consume for a WebSocket. The parser keeps what has come in
// part. Hot path.
func (c *conn) consumeFrames(s *stage, b []byte, now int64) (done int, err error) {
	for {
		n, ev := c.ws.parser.Next(b[done:])
		done += n
		switch ev {
		case websocket.More:
			return done, nil
		case websocket.Message:
			msg := c.ws.parser.Payload()
			if n, id, ok := c.match(s, msg); ok && n == len(msg) {
				c.accept(s, id, now)
			} else {
				c.differs(s, msg, now)
			}
		case websocket.Ping:
			s.control = c.ws.loop.AppendPong(s.control[:0], c.ws.parser.Payload())
			if err := c.w.send(s, s.control); err != nil {
				return done, err
			}
		case websocket.Close:
			return done, errClosed
		case websocket.Failed:
			return done, errFraming
		}
	}
}
