package engine

import "github.com/gannetmcp/gannet/codec"

// Grow returns dst with room for n more bytes, moved to a larger buffer of the
// pool if need be. dst must come from BeginResult or BeginNotification.
func (c *Call) Grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	// What rewind and abandonNotification have to know: the old buffer is the
	// pool's now.
	if c.push != nil {
		c.push.Buf = c.push.grow(dst, n)
		return c.push.Buf
	}
	dst = c.loop.e.buffers.Grow(dst, n)
	if c.phase == callWriting || c.noting {
		c.dst = dst
	}
	return dst
}

// BeginResult begins the answer and returns the output, to which the caller
// appends the result, one JSON value, and which it then gives to EndResult.
// The output is the call's until then; growth by append is allowed.
// It panics if the call is answered already.
//
// Hot path: no allocation, no lock.
func (c *Call) BeginResult() []byte {
	dst := c.beginMessage()
	return codec.AppendResultHead(dst, c.msg.ID())
}

// EndResult completes the answer that BeginResult began.
func (c *Call) EndResult(dst []byte) { c.endMessage(append(dst, '}'), false) }

// EndUrgentResult is EndResult for an answer that may overtake others, such as
// that of a ping.
func (c *Call) EndUrgentResult(dst []byte) { c.endMessage(append(dst, '}'), true) }

// AbandonResult undoes BeginResult; the call must then be answered otherwise.
func (c *Call) AbandonResult(dst []byte) {
	c.dst = dst
	c.rewind()
}

// Result answers with a result that is JSON text already; it is copied.
func (c *Call) Result(json []byte) {
	dst := c.BeginResult()
	dst = append(c.Grow(dst, len(json)+2), json...)
	c.EndResult(dst)
}

// Error answers with an error. data is JSON text or nil; all is copied.
func (c *Call) Error(code codec.Code, message string, data []byte) {
	dst := c.beginError(code, len(message)+len(data)+128)
	dst = codec.AppendError(dst, c.msg.ID(), c.conn.noID(), code, message, data)
	c.endMessage(dst, true)
}

// Fail answers with a prepared error of package codec.
func (c *Call) Fail(err *codec.Error) { c.fail(err) }

func (c *Call) fail(err *codec.Error) {
	dst := c.beginError(err.Code, 256)
	dst = codec.AppendErrorReply(dst, c.msg.ID(), c.conn.noID(), err)
	c.endMessage(dst, true)
}

func (c *Call) beginError(code codec.Code, room int) []byte {
	if c.phase == callWriting {
		c.rewind()
	}
	c.loop.errorOut(c)
	dst := c.Grow(c.beginMessage(), room)
	c.code = code
	return dst
}

// errorOut counts an error answer; off the loop it is counted on arrival.
func (l *Loop) errorOut(c *Call) {
	if !c.detached {
		l.n.errorsOut.add(1)
	}
}

// beginMessage opens the destination of the answer: the connection's output,
// the batch's, or the call's own buffer.
func (c *Call) beginMessage() []byte {
	switch {
	case c.phase != callOpen:
		panic("engine: call answered twice")
	case c.noting:
		panic("engine: answer between BeginNotification and EndNotification")
	}
	c.phase, c.code = callWriting, 0
	switch {
	case c.detached:
		if c.out == nil {
			c.out = c.loop.e.buffers.Get(max(outMin, len(c.raw)+256))
		}
		c.dst, c.at = c.out[:0], 0
		c.out = nil
	case c.batch != nil:
		c.dst, c.at = c.batch.begin()
	default:
		c.dst, c.at = c.conn.begin(len(c.msg.ID().Raw()), true)
	}
	return c.dst
}

func (c *Call) endMessage(dst []byte, urgent bool) {
	if c.phase != callWriting {
		panic("engine: EndResult without BeginResult")
	}
	c.phase = callAnswered
	c.dst = nil
	urgent = urgent && !c.notified // what was notified comes before the answer
	switch {
	case c.detached:
		c.out, c.at = dst, 0
		if urgent {
			c.at = 1 // remembered for the way home
		}
	case c.batch != nil:
		c.batch.end(dst)
	default:
		c.conn.end(dst, c.at, c.code, urgent)
	}
}

// rewind drops what was written of an answer.
func (c *Call) rewind() {
	c.phase = callOpen
	switch {
	case c.detached:
		c.out = c.dst[:0]
	case c.batch != nil:
		c.batch.buf = c.dst[:c.at]
	default:
		c.conn.abandon(c.dst, c.at)
	}
	c.dst = nil
}
