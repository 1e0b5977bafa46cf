package load

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/transports/websocket"
)

// upgrade makes a WebSocket of the connection. What arrives behind the answer
// stays in c.tail.
func (p *opening) upgrade(c *conn, deadline time.Time) error {
	request, handshake := p.sockets.Connect(nil, p.where.host, p.where.path, p.headers)
	if err := c.w.writeAll(request, deadline); err != nil {
		return err
	}
	for {
		n, agreed, err := handshake.Read(c.tail)
		switch {
		case err != nil:
			return err
		case n > 0:
			c.tail = append(c.tail[:0], c.tail[n:]...)
			c.ws = &webSocket{loop: p.sockets, agreed: agreed}
			c.ws.parser.Init(p.sockets, nil, agreed)
			return nil
		}
		if err := c.r.readMore(&c.tail, deadline); err != nil {
			return fmt.Errorf("WebSocket handshake: %w", err)
		}
	}
}

// readFrame returns the next message, for the caller to keep.
func (c *conn) readFrame(deadline time.Time) ([]byte, error) {
	for {
		n, ev := c.ws.parser.Next(c.tail)
		payload := bytes.Clone(c.ws.parser.Payload())
		c.tail = append(c.tail[:0], c.tail[n:]...)
		switch ev {
		case websocket.Message:
			return payload, nil
		case websocket.Ping:
			if err := c.w.writeAll(c.ws.loop.AppendPong(nil, payload), deadline); err != nil {
				return nil, err
			}
		case websocket.Close:
			return nil, fmt.Errorf("the server closes the WebSocket: %d %.100q", c.ws.parser.Code(), payload)
		case websocket.Failed:
			return nil, errors.Join(errFraming, c.ws.parser.Err())
		case websocket.More:
			if err := c.r.readMore(&c.tail, deadline); err != nil {
				return nil, err
			}
		}
	}
}
