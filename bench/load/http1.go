package load

import (
	"bytes"
	"encoding/json"
)

// consumeHTTP is consume for responses. Hot path.
func (c *conn) consumeHTTP(s *stage, b []byte, now int64) (done int, err error) {
	for {
		msg, n, step := c.http.next(b[done:])
		done += n
		switch step {
		case responseMore:
			return done, nil
		case responseBad:
			return done, errFraming
		case responseMessage:
			if n, id, ok := c.match(s, msg); ok && n == len(msg) {
				c.replied = c.accept(s, id, now) || c.replied
			} else if msg = bytes.TrimSpace(msg); len(msg) > 0 {
				before := c.window.inFlight
				if c.http.head.status/100 == 2 || json.Valid(msg) {
					c.differs(s, msg, now)
				}
				c.replied = c.replied || c.window.inFlight < before
			}
		case responseEnd:
			if err := c.ended(s, now); err != nil {
				return done, err
			}
		}
	}
}

// ended judges the end of an HTTP response. One that has brought no reply is
// the answer to the oldest request: HTTP/1.1 answers in order.
func (c *conn) ended(s *stage, now int64) error {
	if c.acks != nil {
		return errClosed // the stream that brings all replies
	}
	if !c.replied {
		e := &s.tally.errors
		if c.http.head.status/100 != 2 {
			e.Status++
			s.tally.blameStatus(c.http.head.status)
		} else {
			e.Lost++
		}
		switch {
		case c.window.abandoned > 0:
			c.window.abandoned--
		case c.window.inFlight > 0:
			c.window.take(c.window.oldest)
			s.flying--
			c.progress = now
		}
	}
	c.replied = false
	if c.http.head.last {
		return errClosed
	}
	return nil
}
