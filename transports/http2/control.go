package http2

import "encoding/binary"

// beginControl judges the small frames by their heads.
func (c *Conn) beginControl() Event {
	length, onStream := 0, true
	switch c.kind {
	case framePriority:
		if c.id == 0 {
			return c.fail(ErrStreamID)
		}
		return onward // its length is the stream's error only
	case frameReset, frameWindowUpdate:
		length = 4
		onStream = c.id != 0 || c.kind == frameWindowUpdate
	case framePing:
		length, onStream = pingLen, c.id == 0
	case frameGoAway:
		length, onStream = max(8, c.length), c.id == 0
	case frameSettings:
		length, onStream = c.length/6*6, c.id == 0
		if c.flags&flagAck != 0 {
			length = 0
		}
	}
	switch {
	case !onStream:
		return c.fail(ErrStreamID)
	case c.length != length:
		return c.fail(ErrFrameLength)
	case c.id != 0 && c.idle(c.id):
		return c.fail(ErrIdleStream)
	}
	return onward
}

// endControl takes in one of the small frames.
func (c *Conn) endControl(p []byte) Event {
	switch c.kind {
	case framePriority:
		return c.endPriority(p)
	case frameReset:
		return c.endReset()
	case frameSettings:
		return c.endSettings(p)
	case framePing:
		return c.endPing(p)
	case frameWindowUpdate:
		return c.endWindowUpdate(int64(binary.BigEndian.Uint32(p) & maxWindow))
	}
	if c.peerLeaving { // GOAWAY again
		return c.note(idleFrames, ErrTooManyIdle)
	}
	c.peerLeaving = true
	return GoAway
}

// endPriority takes in PRIORITY, which changes nothing (RFC 9113 §5.3.2).
func (c *Conn) endPriority(p []byte) Event {
	if ev := c.note(idleFrames, ErrTooManyIdle); ev != onward {
		return ev
	}
	var err *Error
	switch {
	case len(p) != 5:
		err = ErrStreamPriority
	case binary.BigEndian.Uint32(p)&idMask == c.id:
		err = ErrSelfDependency
	default:
		return onward
	}
	s := c.find(c.id)
	switch open := s != nil && s.open(); {
	case open:
		return c.reject(s, err)
	case err == ErrStreamPriority: // no stream is left to take the blame
		return c.fail(ErrFrameLength)
	case c.idle(c.id):
		return c.fail(ErrDependency)
	}
	return onward
}

// endReset takes in RST_STREAM (RFC 9113 §6.4). A response that is complete is
// not undone by it.
func (c *Conn) endReset() Event {
	s := c.find(c.id)
	if s == nil || !s.open() {
		return onward // it may not have known
	}
	if ev := c.note(resets, ErrTooManyResets); ev != onward {
		return ev
	}
	return c.end(s, byPeer, nil)
}

// end takes a stream out, and tells of it. The object of one that the caller
// holds stays until Release.
func (c *Conn) end(s *Stream, how closing, err *Error) Event {
	if s.state == complete {
		c.detach(s, how)
	} else {
		c.remove(s, how)
		c.lent = s
	}
	c.stream, c.err = s, err
	return Reset
}

// reject resets a stream for an error of the peer's, which counts like a reset
// by the peer itself: it has the same effect.
func (c *Conn) reject(s *Stream, err *Error) Event {
	if ev := c.note(resets, ErrTooManyResets); ev != onward {
		return ev
	}
	c.sendReset(s.id, err.Code)
	return c.end(s, byUs, err)
}

// answer answers a request that is not complete, and ends its stream.
func (c *Conn) answer(s *Stream, err *Error) Event {
	c.sayRefused(s.id, s.send, err, string(s.req.Method()) == "HEAD", false)
	return c.end(s, byUs, err)
}

// resetClosed says once more that a stream has ended.
func (c *Conn) resetClosed(id uint32) Event {
	c.sendReset(id, CodeStreamClosed)
	return c.note(resets, ErrTooManyResets)
}

// sendReset sends RST_STREAM.
func (c *Conn) sendReset(id uint32, code Code) {
	c.ask(frameHead + 4)
	c.out = appendFrameHead(c.out, 4, frameReset, 0, id)
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(code))
}

// endSettings takes in SETTINGS (RFC 9113 §6.5). Of the window that streams begin
// with the last value counts: what passes in between would be seen by nobody.
func (c *Conn) endSettings(p []byte) Event {
	if ev := c.note(settings, ErrTooManySettings); ev != onward || c.flags&flagAck != 0 {
		return ev
	}
	window := c.firstSend
	for ; len(p) > 0; p = p[6:] {
		v := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingPush:
			if v > 1 {
				return c.fail(ErrSettingValue)
			}
		case settingWindow:
			if v > maxWindow {
				return c.fail(ErrSettingWindow)
			}
			window = int64(v)
		case settingFrame:
			if v < maxFrame || v > 1<<24-1 {
				return c.fail(ErrSettingValue)
			}
		}
	}
	// Before the DATA that a larger window releases (RFC 9113 §6.5.3).
	c.ask(frameHead)
	c.out = appendFrameHead(c.out, 0, frameSettings, flagAck, 0)
	if d := window - c.firstSend; d != 0 {
		c.firstSend = window
		for _, s := range c.streams {
			if !s.open() {
				continue // nothing will be sent, and the peer may count no more
			}
			if s.send += d; s.send > maxWindow {
				return c.fail(ErrWindow)
			}
			c.widened(s)
		}
	}
	if c.told {
		return onward
	}
	c.told = true
	return Established
}

// endPing takes in PING (RFC 9113 §6.7).
func (c *Conn) endPing(p []byte) Event {
	if ev := c.note(pings, ErrTooManyPings); ev != onward {
		return ev
	}
	if c.flags&flagAck == 0 {
		c.ask(frameHead + pingLen)
		c.out = append(appendFrameHead(c.out, pingLen, framePing, flagAck, 0), p...)
	} else if c.draining && string(p) == drainPing {
		c.goAway()
	}
	return onward
}

// endWindowUpdate takes in WINDOW_UPDATE (RFC 9113 §6.9).
func (c *Conn) endWindowUpdate(n int64) Event {
	if c.id == 0 {
		switch {
		case n == 0:
			return c.fail(ErrZeroIncrement)
		case c.send+n > maxWindow:
			return c.fail(ErrWindow)
		}
		c.send += n
		return onward
	}
	s := c.find(c.id)
	switch {
	case s == nil || !s.open():
		return onward // it may not have known
	case n == 0:
		return c.reject(s, ErrStreamZero)
	case s.send+n > maxWindow:
		return c.reject(s, ErrStreamWindow)
	}
	s.send += n
	c.widened(s)
	return onward
}
