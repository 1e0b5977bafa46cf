package load

// receiveAcks reads once what requests are answered by on w, where the replies
// come elsewhere. It does not matter which request an answer is of.
func (c *conn) receiveAcks(s *stage) error {
	held := copy(s.in, c.ackTail)
	n, err := c.w.receive(s, held)
	if n == 0 {
		return err
	}
	b := s.in[:held+n]
	done := 0
	for {
		_, k, step := c.acks.next(b[done:])
		done += k
		switch step {
		case responseMore:
			c.ackTail = append(c.ackTail[:0], b[done:]...)
			return c.w.end()
		case responseBad:
			return errFraming
		case responseEnd:
			if c.acks.head.status/100 != 2 {
				s.tally.errors.Status++
			}
			if c.acks.head.last {
				return errClosed
			}
		}
	}
}

// receiveAside reads once what the session's event stream says, which answers
// nothing. Its end ends the connection.
func (c *conn) receiveAside(s *stage) error {
	held := copy(s.in, c.rest)
	n, err := c.aside.receive(s, held)
	if n == 0 {
		return err
	}
	b := s.in[:held+n]
	done := 0
	for {
		msg, k, step := c.events.next(b[done:])
		done += k
		switch step {
		case responseMore:
			if done == 0 && len(b) == len(s.in) {
				if err := s.grow(); err != nil {
					return err
				}
			}
			c.rest = append(c.rest[:0], b[done:]...)
			return c.aside.end()
		case responseBad:
			return errFraming
		case responseEnd:
			return errClosed
		case responseMessage:
			switch v, _ := parseReply(msg); v.kind {
			case replyNotification:
				s.tally.notes++
			case replyServerRequest:
				s.tally.errors.Unexpected++
			default:
				s.tally.errors.Malformed++
			}
		}
	}
}
