package load

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"time"
)

// upgrade makes a WebSocket of c (RFC 6455, section 4.1). Compression is not
// offered: the load is of messages, not of deflate.
func (p *opening) upgrade(c *conn, deadline time.Time) error {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	request := "GET " + p.where.path + " HTTP/1.1\r\nHost: " + p.where.host + "\r\n" + p.headers +
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Key: " + key + "\r\n\r\n"
	if err := c.w.writeAll([]byte(request), deadline); err != nil {
		return err
	}
	for {
		head, rest, whole := bytes.Cut(c.tail, []byte("\r\n\r\n"))
		if whole {
			if err := judgeUpgrade(string(head), key); err != nil {
				return err
			}
			c.tail = append(c.tail[:0], rest...)
			c.frames = &frameReader{}
			return nil
		}
		if len(c.tail) > maxHead {
			return errFraming
		}
		if err := c.r.readMore(&c.tail, deadline); err != nil {
			return err
		}
	}
}

// judgeUpgrade says what is wrong with the answer to a handshake.
func judgeUpgrade(head, key string) error {
	lines := strings.Split(head, "\r\n")
	var status int
	if _, err := fmt.Sscanf(lines[0], "HTTP/1.1 %d", &status); err != nil {
		return errFraming
	}
	if status != 101 {
		return fmt.Errorf("handshake of a WebSocket: HTTP status %d", status)
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); textproto.CanonicalMIMEHeaderKey(name) {
		case "Sec-Websocket-Accept":
			if value == base64.StdEncoding.EncodeToString(sum[:]) {
				return nil
			}
		case "Sec-Websocket-Extensions":
			return fmt.Errorf("handshake of a WebSocket: extensions %.60q, though none was offered", value)
		}
	}
	return errors.New("handshake of a WebSocket: Sec-WebSocket-Accept is missing or wrong")
}
