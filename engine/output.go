package engine

import (
	"bytes"

	"github.com/gannetmcp/gannet/codec"
)

const (
	flushBackoffMin = 1  // ticks
	flushBackoffMax = 64 // ticks
	urgentMax       = 100
	urgentRun       = 16 // urgent frames before one normal frame
)

// begin returns the output to append one framed message to. The caller gives
// it back by end or abandon before anything else is sent on c.
func (c *Conn) begin(room int, answer bool) (dst []byte, at int) {
	if c.sent > len(c.out)/2 {
		// Half of it has gone: a peer that reads without ever catching up
		// must not make the buffer grow for ever.
		c.moveOut(c.out[:0])
	}
	dst = c.out
	if cap(dst)-len(dst) < room+outMin {
		dst = c.growOut(room + outMin)
	}
	at = len(dst)
	if c.framing != nil {
		dst = c.framing.Open(dst, answer)
	}
	return dst, at
}

// end completes the frame begun at offset at. An urgent one overtakes output
// that the wire has not taken.
func (c *Conn) end(dst []byte, at int, code codec.Code, urgent bool) {
	if c.closed { // by an earlier message of the same call
		c.out = dst
		c.releaseOut()
		return
	}
	if c.framing != nil {
		dst = c.framing.Close(dst, at, code)
	} else {
		dst = append(dst, '\n')
	}
	c.out = dst
	c.loop.n.messagesOut.add(1)
	if urgent && c.blocked {
		c.promote(at)
	}
	c.sentOne()
}

// abandon takes the frame back that was begun at offset at.
func (c *Conn) abandon(dst []byte, at int) {
	if c.framing != nil {
		dst = c.framing.Abort(dst, at)
	} else {
		dst = dst[:at]
	}
	c.out = dst
	if c.closed { // by an earlier message of the same call
		c.releaseOut()
		return
	}
	c.markDirty()
}

// growOut makes room for n more bytes of output and returns the output.
func (c *Conn) growOut(n int) []byte {
	l := c.loop
	if c.out == nil {
		return l.bufs.Get(max(n, c.outHint+c.outHint/4))
	}
	c.out = l.e.buffers.Grow(c.out, n)
	return c.out
}

// sentOne accounts for one message more in out and applies the flush policy.
func (c *Conn) sentOne() {
	c.markDirty()
	if c.blocked {
		c.chargeOut()
		if len(c.out)-c.sent > c.loop.e.opts.MaxOutputBytes {
			c.Lose(CloseSlowReader)
		}
		return
	}
	switch o := &c.loop.e.opts; o.Flush {
	case FlushBatch:
		if len(c.out)-c.sent >= o.FlushBytes {
			c.loop.n.flushBytes.add(1)
			c.flush()
		}
	case FlushOff:
		c.loop.n.flushEach.add(1)
		c.flush()
	}
}

func (c *Conn) markDirty() {
	if c.isDirty {
		return
	}
	c.isDirty = true
	if c.part != nil {
		c.loop.dirtyPart.push(c)
	} else {
		c.loop.dirty.push(c)
	}
}

// flush offers the output to the wire.
func (c *Conn) flush() {
	if c.blocked {
		return // the retry timer's business
	}
	if len(c.out) > c.sent {
		c.write()
	} else if c.out != nil {
		c.releaseOut()
	}
}

// write offers what is unsent and notes what was taken. It may close c.
func (c *Conn) write() {
	l := c.loop
	p := c.out[c.sent:]
	n, err := c.wire.Write(p)
	if err != nil {
		c.Lose(CloseReset)
		return
	}
	if n > 0 {
		if c.part == nil {
			l.n.writes.add(1)
			l.n.bytesOut.add(uint64(n))
		}
		c.lastProgress = l.now
	}
	if n == len(p) {
		c.outHint = max(len(c.out), c.outHint-c.outHint/16)
		c.releaseOut()
		c.unblock()
		return
	}
	c.sent += n
	l.n.writesShort.add(1)
	c.block(n > 0)
}

// block waits for the peer to read. Output stays in a buffer of about its
// size, charged to the byte budget when large.
func (c *Conn) block(progress bool) {
	l := c.loop
	if !c.blocked {
		c.blocked = true
		c.lastProgress = l.now
		progress = true
		if rest := len(c.out) - c.sent; rest < cap(c.out)/4 {
			old := c.out
			c.moveOut(l.bufs.Get(rest + outMin))
			l.bufs.Put(old)
		}
	}
	c.chargeOut()
	if progress {
		c.backoff = flushBackoffMin
	} else {
		c.backoff = min(2*c.backoff, flushBackoffMax)
	}
	l.wheel.arm(&c.flushTimer, max(l.wheel.now, l.now/tickNanos)+c.backoff)
}

// chargeOut charges the output that waits. Of parts there are many to a connection:
// theirs counts however small it is.
func (c *Conn) chargeOut() {
	want := charged(cap(c.out))
	if c.part != nil {
		want = cap(c.out)
	}
	if want == c.charged {
		return
	}
	b := &c.loop.e.budget
	b.force(want - c.charged)
	c.charged = want
	if b.over() {
		c.loop.watchBudget()
	}
}

// unblock goes back to the normal state; a transport that holds input is told
// after the turn's other output, so that it feeds into an empty buffer.
func (c *Conn) unblock() {
	if !c.blocked {
		return
	}
	c.blocked = false
	c.loop.wheel.disarm(&c.flushTimer)
	c.armDeadline()
	c.resume()
}

// resume lets the transport feed what it held, once output is below the mark.
func (c *Conn) resume() {
	if !c.resumable() || c.closed || len(c.out)-c.sent >= c.loop.e.opts.OutputHighWater {
		return
	}
	c.held, c.revisit = c.held && c.paused, false
	c.setHeld(0)
	c.lastIn = c.loop.now
	c.wire.Resume()
	c.markDirty()
}

// resumable reports whether the transport waits to be told that it may go on.
func (c *Conn) resumable() bool { return c.held && !c.paused || c.revisit }

// retryFlush is the flush timer: it offers blocked output again.
func (c *Conn) retryFlush() {
	l := c.loop
	if t := l.e.opts.WriteStallTimeout; t > 0 && l.now-c.lastProgress >= int64(t) {
		c.Lose(CloseSlowReader)
		return
	}
	c.write()
	if !c.closed {
		c.resume()
		c.finishIfDone()
	}
}

// Writable tells that the wire takes output again, which is offered to it at
// once. A transport that does not know need not call it: the output is offered
// every so often, too.
func (c *Conn) Writable() {
	if !c.closed && c.blocked {
		c.retryFlush()
	}
}

// promote moves the frame out[at:], just appended to blocked output, in front
// of what the peer has been sent nothing of yet, behind earlier urgent frames.
// After each run of urgent frames one normal frame keeps its place, and no
// more than urgentMax frames overtake while the connection stays blocked, so
// that neither lane starves. Nothing overtakes in what is said to an exchange:
// it is one response, or part of one.
func (c *Conn) promote(at int) {
	if c.ordered || c.urgentCount >= urgentMax {
		return
	}
	p := max(c.nextFrame(), c.urgentAt)
	if c.urgentCount > 0 && c.urgentCount%urgentRun == 0 && p < at {
		p += c.boundary(c.out[p:])
	}
	size := len(c.out) - at
	if p < at {
		l := c.loop
		frame := append(l.bufs.Get(size), c.out[at:]...)
		copy(c.out[p+size:], c.out[p:at])
		copy(c.out[p:], frame)
		l.bufs.Put(frame)
	}
	c.urgentAt = p + size
	c.urgentCount++
	c.loop.n.urgent.add(1)
}

// nextFrame returns the offset in out of the first frame of which nothing has
// been sent.
func (c *Conn) nextFrame() int {
	for c.frameAt < c.sent {
		c.frameAt += c.boundary(c.out[c.frameAt:])
	}
	return c.frameAt
}

// boundary returns the length of the frame at b[0].
func (c *Conn) boundary(b []byte) int {
	if c.framing != nil {
		return c.framing.Boundary(b)
	}
	return bytes.IndexByte(b, '\n') + 1
}

// moveOut puts the unsent output at the beginning of b, which becomes the
// output.
func (c *Conn) moveOut(b []byte) {
	frame := c.nextFrame()
	b = append(b, c.out[c.sent:]...)
	c.frameAt = frame - c.sent
	c.urgentAt = max(0, c.urgentAt-c.sent)
	c.out, c.sent = b, 0
}

// releaseOut gives the output buffer back and what was charged for it.
func (c *Conn) releaseOut() {
	if c.out != nil {
		c.loop.bufs.Put(c.out)
		c.out, c.sent = nil, 0
	}
	c.frameAt, c.urgentAt, c.urgentCount = 0, 0, 0
	if c.charged > 0 {
		c.loop.e.budget.give(c.charged)
		c.charged = 0
	}
}

// refuse answers a message that is no request we could serve.
func (c *Conn) refuse(m *codec.Message, err error) {
	e, ok := err.(*codec.Error)
	if !ok {
		e = codec.ErrInternal
	}
	if e.Code == codec.CodeParse {
		c.loop.n.parseErrors.add(1)
	} else {
		c.loop.n.invalid.add(1)
	}
	c.malformed(m.ID(), e)
}

// sendError answers with an error outside of any call; it is urgent.
func (c *Conn) sendError(id codec.ID, err *codec.Error) {
	c.loop.n.errorsOut.add(1)
	dst, at := c.begin(256, true)
	dst = codec.AppendErrorReply(dst, id, c.noID(), err)
	c.end(dst, at, err.Code, true)
}

func (c *Conn) noID() codec.NoID {
	if c.omitErrorID {
		return codec.NoIDOmit
	}
	return codec.NoIDNull
}
