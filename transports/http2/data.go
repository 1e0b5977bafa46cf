package http2

import "encoding/binary"

// chargeFrom is how many bytes of heads and bodies the streams of a connection hold
// before the budget is asked for them.
const chargeFrom = 64 << 10

// hold notes that the streams hold n bytes more, or less. Beyond chargeFrom all are
// charged: many small bodies are as much as a large one. It reports false, and notes
// nothing, if the budget has no room.
func (c *Conn) hold(n int) bool {
	charge := c.held + n
	if charge <= chargeFrom || c.budget == nil {
		charge = 0
	}
	switch more := charge - c.charged; {
	case more > 0 && !c.budget.Reserve(more):
		return false
	case more < 0:
		c.budget.Release(-more)
	}
	c.held += n
	c.charged = charge
	return true
}

// beginData judges DATA by its head (RFC 9113 §6.1). All of the payload counts
// against the windows.
func (c *Conn) beginData() (ev Event) {
	n := int64(c.length)
	switch {
	case c.id == 0:
		return c.fail(ErrStreamID)
	case c.idle(c.id):
		return c.fail(ErrIdleStream)
	case n > c.recv:
		return c.fail(ErrWindow)
	case c.flags&flagPadded != 0 && n == 0:
		return c.fail(ErrFrameLength)
	}
	c.recv -= n
	c.state, c.pad = inData, 0
	if c.flags&flagPadded != 0 {
		c.state = atPadding
	}
	s := c.find(c.id)
	switch {
	case s == nil || !s.open():
		if how := c.ending(s, c.id); how == byEnd || how == byPeer {
			return c.resetClosed(c.id)
		}
		// Reset by us, or too long ago to tell: the peer may not have known.
	case s.state != receiving:
		return c.reject(s, ErrHalfClosed)
	case n > s.recv:
		return c.reject(s, ErrStreamWindow)
	default:
		s.recv -= n
		c.to = s
	}
	if n == 0 && c.flags&flagEndStream == 0 {
		return c.note(emptyData, ErrTooManyEmpty)
	}
	return onward
}

// nextPadding is Next at the length of the padding.
func (c *Conn) nextPadding(b []byte) (n int, ev Event) {
	if len(b) == 0 {
		return 0, More
	}
	c.pad = int(b[0])
	c.left -= 1 + c.pad
	if c.left < 0 {
		return 1, c.fail(ErrPadding)
	}
	c.state = inData
	if c.left == 0 && c.flags&flagEndStream == 0 {
		return 1, c.note(emptyData, ErrTooManyEmpty)
	}
	return 1, onward
}

// nextData is Next in the data of DATA.
func (c *Conn) nextData(b []byte) (n int, ev Event) {
	n = min(len(b), c.left)
	last := n == c.left
	if s := c.to; s != nil && n > 0 {
		// The one piece that is a whole body stays where it is.
		whole := last && c.flags&flagEndStream != 0 && len(b) >= n+c.pad && s.body == nil
		if err := c.add(s, b[:n:n], whole); err != nil {
			c.left += c.pad - n
			c.state = inSkipped
			if err.Status != 0 {
				return n, c.answer(s, err)
			}
			return n, c.reject(s, err)
		}
	}
	if c.left -= n; !last {
		return n, More
	}
	c.left, c.state = c.pad, inSkipped
	return n, onward
}

// endData gives the windows back and, with END_STREAM, completes the request.
func (c *Conn) endData() Event {
	c.state, c.since = atFrame, 0
	n := int64(c.length)
	if c.back += n; c.back >= int64(c.loop.limits.ConnWindow)/2 {
		c.recv += c.back
		c.sendWindow(0, &c.back)
	}
	s := c.to
	c.to = nil
	switch {
	case s == nil:
	case c.flags&flagEndStream != 0:
		return c.complete(s)
	default:
		// What has come is taken in already, as far as limits and budget go.
		if s.back += n; s.back >= int64(c.loop.limits.StreamWindow)/2 {
			s.recv += s.back
			c.sendWindow(s.id, &s.back)
		}
	}
	return onward
}

// sendWindow tells the peer that it may send n bytes more.
func (c *Conn) sendWindow(id uint32, n *int64) {
	c.room(frameHead + 4)
	c.out = appendFrameHead(c.out, 4, frameWindowUpdate, 0, id)
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(*n))
	*n = 0
}

// add takes in a piece of a body; whole says that it is all of it, and not to be
// copied.
func (c *Conn) add(s *Stream, b []byte, whole bool) *Error {
	s.got += int64(len(b))
	switch {
	case s.want >= 0 && s.got > s.want:
		return ErrLengthSum
	case s.got > int64(c.loop.limits.Body):
		return ErrBodyTooLarge
	case whole:
		s.body = b
		return nil
	case len(s.body)+len(b) > cap(s.body) && !c.growBody(s, len(b)):
		return ErrNoRoom
	}
	s.body = append(s.body, b...)
	return nil
}

// growBody makes room for n bytes more of a body, at least doubling it, so that a
// body in small pieces costs time linear in its length; but no more than may
// come. A length that was only promised is not worth more than a small buffer.
// It reports false if the budget has no room.
func (c *Conn) growBody(s *Stream, n int) bool {
	size := len(s.body) + n
	most := c.loop.limits.Body
	if s.want >= 0 {
		most = int(s.want)
	}
	size = max(size, min(2*cap(s.body), most))
	if s.want >= 0 {
		size = max(size, min(most, chargeFrom))
	}
	if !c.hold(size - s.room) {
		return false
	}
	s.room = size
	bigger := append(c.loop.bufs.Get(size), s.body...)
	if s.owned {
		c.loop.bufs.Put(s.body)
	}
	s.body, s.owned = bigger, true
	return true
}

// complete hands out a request of which all has come.
func (c *Conn) complete(s *Stream) Event {
	if s.want >= 0 && s.got != s.want {
		return c.reject(s, ErrLengthSum)
	}
	s.state = complete
	c.receiving--
	c.stream, c.lent = s, s
	return Done
}
