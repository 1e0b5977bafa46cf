package http2

import "encoding/binary"

// beginHeaders judges HEADERS by its head (RFC 9113 §6.2).
func (c *Conn) beginHeaders() Event {
	if c.id&1 == 0 {
		return c.fail(ErrStreamID)
	}
	if c.id > c.last {
		return onward
	}
	s := c.find(c.id)
	if s != nil && s.state != reset && !(s.ended && s.state == complete) {
		return onward // trailers, or too late: the block has to be decoded
	}
	switch c.ending(s, c.id) {
	case unknown:
		return c.fail(ErrStreamID) // RFC 9113 §5.1.1: numbers only go up
	case byEnd:
		return c.fail(ErrClosedStream)
	}
	return onward
}

// endHeaders takes in HEADERS.
func (c *Conn) endHeaders(p []byte) Event {
	pad := 0
	if c.flags&flagPadded != 0 {
		if len(p) == 0 {
			return c.fail(ErrFrameLength)
		}
		pad = int(p[0])
		p = p[1:]
	}
	c.blockSelf = false
	if c.flags&flagPriority != 0 {
		if len(p) < 5 {
			return c.fail(ErrFrameLength)
		}
		c.blockSelf = binary.BigEndian.Uint32(p)&idMask == c.id
		p = p[5:]
	}
	if pad > len(p) {
		return c.fail(ErrPadding)
	}
	p = p[:len(p)-pad]
	c.blockFlags, c.pieces = c.flags, 0
	if c.flags&flagEndHeaders != 0 {
		return c.endBlock(c.id, p)
	}
	c.blockID = c.id
	return c.addToBlock(p)
}

// endContinuation takes in CONTINUATION (RFC 9113 §6.10).
func (c *Conn) endContinuation(p []byte) Event {
	if c.pieces++; c.pieces > c.loop.limits.Continuations {
		return c.fail(ErrBlockTooCut)
	}
	if ev := c.addToBlock(p); ev != onward || c.flags&flagEndHeaders == 0 {
		return ev
	}
	c.blockID = 0
	ev := c.endBlock(c.id, c.block)
	c.put(&c.block)
	return ev
}

// addToBlock keeps a piece of a header block.
func (c *Conn) addToBlock(p []byte) Event {
	if len(c.block)+len(p) > c.loop.limits.HeaderBlock {
		return c.fail(ErrBlockTooLong)
	}
	c.block = append(c.loop.grow(c.block, len(p)), p...)
	return onward
}

// endBlock takes in a whole header block: a request, or its trailers. Whatever
// becomes of the stream, it is decoded, for the next one depends on that.
func (c *Conn) endBlock(id uint32, block []byte) Event {
	s := c.find(id)
	fresh := id > c.last
	r := c.loop.requests.take()
	r.begin(&c.loop.limits, !fresh)
	ok := c.hpack.decode(block, r)
	switch {
	case !ok:
		c.recycle(r)
		return c.fail(ErrCompression)
	case fresh:
		c.last = id
		return c.endHead(id, r)
	}
	bad := r.err
	c.recycle(r)
	switch {
	case s == nil || s.state == reset:
		if c.ending(s, id) == byPeer {
			return c.resetClosed(id)
		}
		return onward // the peer may not have known
	case s.state == complete:
		return c.reject(s, ErrHalfClosed)
	case c.blockSelf:
		return c.reject(s, ErrSelfDependency)
	case bad == ErrHeadTooLarge || bad == ErrTooManyField:
		return c.answer(s, bad)
	case bad != nil || c.blockFlags&flagEndStream == 0:
		return c.reject(s, ErrTrailers)
	}
	return c.complete(s)
}

// recycle gives a request back.
func (c *Conn) recycle(r *Request) {
	r.release(c.loop)
	c.loop.requests.put(r, idleRequests)
}

// endHead begins the stream of a request whose head is complete, or refuses it.
func (c *Conn) endHead(id uint32, r *Request) Event {
	err := r.judge(c.loop)
	over := c.blockFlags&flagEndStream != 0
	switch {
	case c.goingAway:
		err = ErrGoingAway
	case len(c.streams) >= c.loop.limits.Streams:
		err = ErrTooManyStreams
	case c.blockSelf:
		err = ErrSelfDependency
	case err == nil && over && r.length > 0:
		err = ErrLengthSum
	case err == nil && !c.hold(cap(r.buf)):
		err = ErrNoRoom
	}
	if err != nil {
		return c.refuse(id, r, err, over)
	}
	c.acted = id
	s := c.begin(id, r)
	if over {
		c.due = s
	} else if r.expect {
		c.room(frameHead + 8)
		c.out = appendContinue(c.out, id, c.tableSize())
	}
	c.stream = s
	return Head
}

// refuse answers or resets a request that nobody was told of.
func (c *Conn) refuse(id uint32, r *Request, err *Error, over bool) Event {
	how := byUs
	if err.Status != 0 {
		c.acted = id
		c.sayRefused(id, c.firstSend, err, string(r.Method()) == "HEAD", over)
		if over && err.Code == CodeNo {
			how = byEnd
		}
	} else {
		c.sendReset(id, err.Code)
	}
	c.recycle(r)
	c.record(id, how)
	if err.Code == CodeProtocol {
		if ev := c.note(resets, ErrTooManyResets); ev != onward {
			return ev
		}
	}
	c.err = err
	return Refused
}
