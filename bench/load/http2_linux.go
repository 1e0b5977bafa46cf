package load

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"
)

// fields are those of a request of HTTP/2 by a method.
func (p *opening) fields(method, path, revision, session string) []hpack.HeaderField {
	all := []hpack.HeaderField{{Name: ":method", Value: method}, {Name: ":scheme", Value: p.where.web()}, {Name: ":authority", Value: p.where.host}, {Name: ":path", Value: path}}
	add := func(name, value string) {
		if value != "" {
			all = append(all, hpack.HeaderField{Name: strings.ToLower(name), Value: value})
		}
	}
	if method == "POST" {
		add("content-type", "application/json")
		add("accept", "application/json, text/event-stream")
	}
	for _, h := range p.o.Headers {
		name, value, _ := strings.Cut(h, ":")
		add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	add("mcp-protocol-version", revision)
	add("mcp-session-id", session)
	return all
}

// speak makes a client of HTTP/2 of the connection.
func (p *opening) speak(c *conn) {
	c.h2 = newHTTP2Client(p.pool)
	if p.o.http2Window != 0 {
		c.h2.streamWindow, c.h2.connWindow = p.o.http2Window, max(2*p.o.http2Window, firstWindow)
	}
	c.h2.begin()
}

// readHTTP2 takes the next event, and sends what is to be sent behind it. A message is
// the caller's.
func (c *conn) readHTTP2(deadline time.Time) (msg []byte, step http2Step, err error) {
	h := c.h2
	for {
		msg, n, step := h.next(c.tail)
		msg = bytes.Clone(msg)
		c.tail = append(c.tail[:0], c.tail[n:]...)
		if step == http2Failed {
			return nil, step, h.err
		}
		if out := h.appendWaiting(nil); len(out) > 0 {
			if err := c.w.writeAll(out, deadline); err != nil {
				return nil, step, err
			}
		}
		switch step {
		case http2Reset:
			return nil, step, &resetError{h.code}
		case http2GoAway:
			return nil, step, h.parting
		case http2Message, http2End:
			return msg, step, nil
		}
		if err := c.r.readMore(&c.tail, deadline); err != nil {
			return nil, step, err
		}
	}
}

// messageHTTP2 returns the next message, for the caller to keep.
func (c *conn) messageHTTP2(deadline time.Time) ([]byte, error) {
	msg, step, err := c.readHTTP2(deadline)
	if err != nil {
		return nil, err
	}
	status := c.h2.exchanges[c.h2.at].head.status
	switch {
	case step == http2End && status/100 != 2:
		return nil, fmt.Errorf("HTTP status %d", status)
	case step == http2End:
		return nil, errors.New("an HTTP response without a message")
	case status/100 != 2:
		return nil, fmt.Errorf("HTTP status %d: %.300q", status, msg)
	}
	return msg, nil
}

// finishHTTP2 reads to the end of the responses in hand, which must be of success.
func (c *conn) finishHTTP2(deadline time.Time) error {
	for c.h2.open > 0 {
		_, step, err := c.readHTTP2(deadline)
		if err != nil {
			return err
		}
		if status := c.h2.exchanges[c.h2.at].head.status; step == http2End && status/100 != 2 {
			return fmt.Errorf("HTTP status %d", status)
		}
	}
	return nil
}

// greet waits for the server's SETTINGS, where nothing else was waited for.
func (c *conn) greet(deadline time.Time) error {
	for h := c.h2; !h.greeted; {
		if err := c.w.writeAll(h.appendControl(nil), deadline); err != nil {
			return err
		}
		if err := c.r.readMore(&c.tail, deadline); err != nil {
			return fmt.Errorf("HTTP/2: %w", err)
		}
		_, n, step := h.next(c.tail)
		c.tail = append(c.tail[:0], c.tail[n:]...)
		switch step {
		case http2Failed:
			return h.err
		case http2GoAway:
			return h.parting
		}
	}
	return nil
}
