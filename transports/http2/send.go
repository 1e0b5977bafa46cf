package http2

// streamQueue is the streams that wait for their turn to send, in a ring's order.
type streamQueue struct{ first, last *Stream }

func (q *streamQueue) push(s *Stream) {
	s.queued, s.prev, s.next = true, q.last, nil
	if q.last != nil {
		q.last.next = s
	} else {
		q.first = s
	}
	q.last = s
}

func (q *streamQueue) remove(s *Stream) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		q.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		q.last = s.prev
	}
	s.queued, s.prev, s.next = false, nil, nil
}

// wait has s told by Writable when it may send.
func (c *Conn) wait(s *Stream) {
	s.waits = true
	if s.send > 0 && !s.queued {
		c.queue.push(s)
	}
}

// unwait ends what wait began.
func (c *Conn) unwait(s *Stream) {
	s.waits = false
	if s.queued {
		c.queue.remove(s)
	}
	if c.turn == s {
		c.turn = nil
	}
}

// widened notes that the window of s is another.
func (c *Conn) widened(s *Stream) {
	switch {
	case s.waits && !s.queued && s.send > 0:
		c.queue.push(s)
	case s.queued && s.send <= 0:
		c.queue.remove(s)
	}
}

// Writable returns the stream whose turn it is to send what SendData did not
// take, nil if none can: none waits, the peer's windows are full, or so is the
// output. The caller gives it to SendData next. Ask after Next has returned More,
// and again when AppendOutput has taken the output away.
func (c *Conn) Writable() *Stream {
	c.turn = nil
	if c.queue.first == nil || c.send <= 0 || len(c.out) >= c.loop.limits.Output || c.state >= atFailure {
		return nil
	}
	s := c.queue.first
	c.unwait(s)
	c.turn = s
	return s
}

// SendHead sends the head of a response; end says that there is no body. Only
// once for a stream that is the caller's; of one that was reset, nothing is sent.
//
// Hot path: no allocation once the loop's buffers are warm.
func (c *Conn) SendHead(s *Stream, r *Response, end bool) {
	if c.state >= atFailure || s.state != complete || s.ended {
		return
	}
	c.appendHead(s.id, r, end)
	s.ended = end
}

// appendHead appends HEADERS and, where they are too long for one frame,
// CONTINUATION.
func (c *Conn) appendHead(id uint32, r *Response, end bool) {
	c.room(frameHead + r.size())
	var flags uint8
	if end {
		flags = flagEndStream
	}
	at := len(c.out)
	c.out = appendFrameHead(c.out, 0, frameHeaders, flags|flagEndHeaders, id)
	if c.tableSize() {
		c.out = append(c.out, tableSizeZero)
	}
	c.out = r.AppendBlock(c.out)
	n := len(c.out) - at - frameHead
	if n > maxFrame {
		c.cutHead(at, id, flags)
		return
	}
	h := c.out[at:]
	h[0], h[1], h[2] = byte(n>>16), byte(n>>8), byte(n)
}

// cutHead cuts the header block behind the frame head at offset at of the output
// into frames. Slow: it copies the block.
func (c *Conn) cutHead(at int, id uint32, flags uint8) {
	block := append([]byte(nil), c.out[at+frameHead:]...)
	c.out = c.out[:at]
	for t := frameHeaders; len(block) > 0; t = frameContinuation {
		n := min(len(block), maxFrame)
		if n == len(block) {
			flags |= flagEndHeaders
		}
		c.room(frameHead + n)
		c.out = append(appendFrameHead(c.out, n, t, flags, id), block[:n]...)
		block, flags = block[n:], 0
	}
}

// tableSize reports, once, that a response has to say that it uses no table: the
// peer may make that smaller at any time, which a table of size 0 is not touched
// by (RFC 7541 §4.2).
func (c *Conn) tableSize() bool {
	first := !c.sized
	c.sized = true
	return first
}

// SendData sends the body of a response, or a piece of it, and returns how much
// of p it took: less than all where the windows of the peer or other streams that
// wait do not allow it, or where the output is full; then Writable returns s in
// its turn. end says that the response ends behind p: when all of it is taken,
// the stream is done. Of a stream that was reset everything is taken.
//
// A frame has at most 16 KiB, and while others wait s gets one at a time.
//
// Hot path: no allocation once the loop's buffers are warm.
func (c *Conn) SendData(s *Stream, p []byte, end bool) (n int) {
	if c.state >= atFailure || s.state != complete || s.ended {
		return len(p)
	}
	mine := c.turn == s || c.turn == nil && c.queue.first == s
	if full := c.send <= 0 || len(c.out) >= c.loop.limits.Output; s.queued && (!mine || full && len(p) > 0) {
		return 0 // and s keeps its place
	}
	c.unwait(s)
	if len(p) == 0 {
		if end {
			c.appendData(s, nil, true)
		}
		return 0
	}
	for n < len(p) {
		if !mine && (c.queue.first != nil || c.turn != nil) || len(c.out) >= c.loop.limits.Output {
			break
		}
		k := min(len(p)-n, maxFrame, int(max(0, min(s.send, c.send))))
		if k == 0 {
			break
		}
		c.appendData(s, p[n:n+k], end && n+k == len(p))
		n += k
		mine = false
	}
	if n < len(p) {
		c.wait(s)
	}
	return n
}

// appendData appends one DATA frame.
func (c *Conn) appendData(s *Stream, p []byte, end bool) {
	var flags uint8
	if end {
		flags, s.ended = flagEndStream, true
	}
	c.room(frameHead + len(p))
	c.out = append(appendFrameHead(c.out, len(p), frameData, flags, s.id), p...)
	s.send -= int64(len(p))
	c.send -= int64(len(p))
}

// Reset ends a stream; the peer is told by RST_STREAM with a code. One whose
// request is not complete is gone with it; another stays until Release.
func (c *Conn) Reset(s *Stream, code Code) {
	if c.state < atFailure && s.open() {
		c.room(frameHead + 4)
		asked := c.asked
		c.sendReset(s.id, code)
		c.asked = asked // of our own accord
	}
	switch {
	case s.state == complete:
		c.detach(s, byUs)
	case s.state == receiving:
		c.remove(s, byUs)
		if c.stream == s {
			c.stream = nil
		}
		c.free(s)
	}
}

// Release ends what Done began: nothing runs for the stream any more, and its
// place is free for another. A response that is not complete is cut by RST_STREAM
// with INTERNAL_ERROR.
func (c *Conn) Release(s *Stream) {
	if s.open() {
		c.Reset(s, CodeInternal)
	}
	how := byEnd
	if s.state == reset {
		how = s.how
	}
	c.remove(s, how)
	if c.lent == s {
		c.lent = nil
	}
	if c.stream == s {
		c.stream = nil
	}
	c.free(s)
	if c.draining && len(c.streams) == 0 && c.state < atFailure {
		c.goAway()
	}
}

// sayRefused answers a request with an error of this package. The reason is the
// body, where the windows let it pass at once.
func (c *Conn) sayRefused(id uint32, window int64, err *Error, head, over bool) {
	n := len(err.Reason) + 1
	r := Response{Status: err.Status, Date: c.loop.Date, ContentType: "text/plain; charset=utf-8", Length: int64(n)}
	body := !head && int64(n) <= min(window, c.send)
	if !body && !head {
		r.ContentType, r.Length = "", 0
	}
	c.ask(4*frameHead + r.size() + n)
	c.appendHead(id, &r, !body)
	if body {
		c.out = append(append(appendFrameHead(c.out, n, frameData, flagEndStream, id), err.Reason...), '\n')
		c.send -= int64(n)
	}
	if !over || err.Code != CodeNo {
		c.sendReset(id, err.Code) // NO_ERROR: the rest of the request is not needed (RFC 9113 §8.1)
	}
}

// Buffered returns how many bytes AppendOutput has.
func (c *Conn) Buffered() int { return len(c.out) }

// AppendOutput appends what is to be sent, all of it: whole frames, but that more
// may follow.
//
// Hot path: no allocation if dst has the room.
func (c *Conn) AppendOutput(dst []byte) []byte {
	dst = append(dst, c.out...)
	c.asked = 0
	c.put(&c.out)
	return dst
}

// room makes room for n bytes more of output.
func (c *Conn) room(n int) {
	c.out = c.loop.grow(c.out, n)
}

// ask is room for bytes that the peer has asked for, which are bounded.
func (c *Conn) ask(n int) {
	c.asked += n
	c.room(n)
}

// grow returns b, or a larger buffer with its contents, that has room for n bytes
// more.
func (l *Loop) grow(b []byte, n int) []byte {
	if len(b)+n <= cap(b) && b != nil {
		return b
	}
	bigger := append(l.bufs.Get(max(len(b)+n, 2*cap(b))), b...)
	if b != nil {
		l.bufs.Put(b)
	}
	return bigger
}
