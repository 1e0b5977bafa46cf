package http2

import (
	"encoding/binary"
)

// Event says what Next found.
type Event uint8

// The events. A stream's are Head, then Done unless Reset comes before it, then
// perhaps Reset.
const (
	More        Event = iota // all that was fed is taken in
	Established              // the preface and the first SETTINGS have come, once
	Head                     // Stream: the head of a request is complete
	Done                     // Stream: the request is complete. The stream is the caller's until Release
	Reset                    // Stream: it has ended before its time. Err: why, nil if the peer wanted that
	Refused                  // a request was refused before it was told of: Err
	GoAway                   // the peer opens no more streams, once
	Failed                   // the connection has failed: Err. There will be no other

	onward Event = 0xFF // none of these: go on
)

// Budget is what large buffers are charged to. Safe from any goroutine.
type Budget interface {
	// Reserve reports whether n bytes more may be held.
	Reserve(n int) bool
	// Release gives back n reserved bytes.
	Release(n int)
}

// inputState is where in the input a Conn is.
type inputState uint8

const (
	atPreface inputState = iota // in the preface
	atFrame                     // in the head of a frame
	inPayload                   // in a payload that is looked at when it is complete
	atPadding                   // at the length of the padding of DATA
	inData                      // in the data of DATA
	inSkipped                   // in what is passed over
	atFailure                   // Failed was returned
	ended
)

// Conn is the server's side of one connection. It is got from Loop.Open and
// given back by Close. Used by one goroutine at a time, that of its Loop.
type Conn struct {
	loop    *Loop
	budget  Budget
	held    int // bytes of heads and bodies that streams hold
	charged int // of these, to budget
	now     int64
	err     *Error
	stream  *Stream // of the last event
	lent    *Stream // whose request was lent by it
	due     *Stream // whose Done follows Head

	// What comes in.
	state  inputState
	had    int // bytes of the preface or of a frame's head so far
	head   [frameHead]byte
	kind   frameType
	flags  uint8
	id     uint32
	length int    // of the payload
	left   int    // of what state is in
	pad    int    // of DATA
	frame  []byte // of the loop's buffers: the payload so far, nil if none
	to     *Stream
	since  int64 // when that began which is not complete, 0: nothing
	recv   int64 // what the peer may send
	back   int64 // what it has sent and not been told that it may send again
	rates  rates
	hpack  decoder

	block      []byte // of the loop's buffers: the header block so far, nil if none
	blockID    uint32 // 0: no header block is open
	blockFlags uint8
	blockSelf  bool // its stream depends on itself
	pieces     int  // CONTINUATION frames of it

	// The streams, by their ids.
	ids       []uint32
	streams   []*Stream
	last      uint32 // the highest that has begun
	acted     uint32 // the highest that was told of
	receiving int    // those whose request is not complete
	closed    [32]uint32
	closedAt  int

	// What goes out.
	out       []byte // of the loop's buffers, nil if none
	asked     int    // bytes of it that the peer has asked for
	send      int64  // what the peer takes
	firstSend int64  // of a stream that begins
	queue     streamQueue
	turn      *Stream // whose turn it is
	sized     bool    // the size of the table for responses was said

	told        bool // Established
	draining    bool // the first GOAWAY was sent
	goingAway   bool // the last one was
	peerLeaving bool // GOAWAY has come
}

// Open begins a connection. budget may be nil. What the server says first is
// ready for AppendOutput.
func (l *Loop) Open(budget Budget) *Conn {
	c := l.conns.take()
	*c = Conn{
		loop: l, budget: budget, ids: c.ids[:0], streams: c.streams[:0], hpack: c.hpack,
		recv: int64(l.limits.ConnWindow), send: firstWindow, firstSend: firstWindow,
	}
	c.hpack.init(l)
	c.room(64)
	b := appendFrameHead(c.out, 3*6, frameSettings, 0, 0)
	b = appendSetting(b, settingStreams, uint32(l.limits.Streams))
	b = appendSetting(b, settingWindow, uint32(l.limits.StreamWindow))
	b = appendSetting(b, settingHeaderList, uint32(l.limits.HeaderList))
	if more := l.limits.ConnWindow - firstWindow; more > 0 {
		b = appendFrameHead(b, 4, frameWindowUpdate, 0, 0)
		b = binary.BigEndian.AppendUint32(b, uint32(more))
	}
	c.out = b
	return c
}

// Close ends c and gives back all that it holds, its streams too. Neither c nor
// they may be used afterwards.
func (c *Conn) Close() {
	c.stop()
	for i, s := range c.streams {
		c.free(s)
		c.streams[i] = nil
	}
	c.streams, c.ids = c.streams[:0], c.ids[:0]
	c.put(&c.out)
	c.loop.conns.put(c, idleConns)
}

// stop gives back what only more input would need.
func (c *Conn) stop() {
	c.forget()
	c.put(&c.frame)
	c.put(&c.block)
	c.hpack.table.release(c.loop.pool)
}

// put gives a buffer back.
func (c *Conn) put(b *[]byte) {
	if *b != nil {
		c.loop.bufs.Put(*b)
		*b = nil
	}
}

// Next takes bytes from the front of b and returns how many it took and the
// first event in them. now is the time in nanoseconds, by a clock that does not
// go back. Call it again with the rest until it returns More: then all of b is
// taken, and nothing of c's refers to b. Until then b must stay as it is.
//
// What was fed may be cut anywhere without changing the events or what is sent.
// After Failed everything is taken in unread: send what AppendOutput has, and
// close.
//
// Hot path: no allocation once the loop's buffers and objects are warm; no lock
// but that of the budget, for requests that together are above 64 KiB.
func (c *Conn) Next(b []byte, now int64) (n int, ev Event) {
	c.now = now
	c.forget()
	if s := c.due; s != nil {
		c.due = nil
		return 0, c.complete(s)
	}
	for {
		took := 0
		switch rest := b[n:]; c.state {
		case atPreface:
			took, ev = c.nextPreface(rest)
		case atFrame:
			took, ev = c.nextFrame(rest)
		case inPayload:
			took, ev = c.nextPayload(rest)
		case atPadding:
			took, ev = c.nextPadding(rest)
		case inData:
			took, ev = c.nextData(rest)
		case inSkipped:
			took, ev = c.skip(rest)
		case atFailure:
			c.stop()
			c.state = ended
			return len(b), More
		case ended:
			return len(b), More
		}
		n += took
		if c.asked > c.loop.limits.Control && c.state < atFailure {
			ev = c.fail(ErrTooMuchControl)
		}
		switch ev {
		case onward:
		case More:
			if c.since == 0 && (c.state != atFrame || c.had > 0 || c.blockID != 0) {
				c.since = now
			}
			return n, ev
		case Failed:
			return len(b), ev
		default:
			return n, ev
		}
	}
}

// forget takes back what the last event has lent.
func (c *Conn) forget() {
	if s := c.lent; s != nil {
		c.lent = nil
		if s.gone {
			c.free(s)
		} else {
			c.drop(s)
		}
	}
	c.stream = nil
}

// Keep has the request that Done has just handed out stay as it is until Drop or
// Release, for a caller that cannot serve it yet. It reports false if the budget
// has no room for its body.
func (c *Conn) Keep(s *Stream) bool {
	if s.body != nil && !s.owned {
		view := s.body
		s.body = nil
		if !c.growBody(s, len(view)) {
			return false
		}
		s.body = append(s.body, view...)
	}
	c.lent = nil
	return true
}

// Drop gives back a request that was kept; the stream stays.
func (c *Conn) Drop(s *Stream) { c.drop(s) }

// Stream returns the stream of the last event; nil for those that are not of
// one.
func (c *Conn) Stream() *Stream { return c.stream }

// Err returns why the last event was Reset, Refused or Failed.
func (c *Conn) Err() *Error { return c.err }

// PendingSince returns when that began which is the longest on its way: the
// preface, a frame, a header block, a request with its body; by the time given to
// Next. 0 if nothing is. The caller keeps a deadline for it.
func (c *Conn) PendingSince() int64 {
	since := c.since
	if c.receiving > 0 {
		for _, s := range c.streams { // in the order in which they began
			if s.state == receiving {
				if since == 0 || s.since < since {
					since = s.since
				}
				break
			}
		}
	}
	return since
}

// Charged returns the bytes that c has reserved of the budget.
func (c *Conn) Charged() int { return c.charged }

// Held returns how many streams are not done with: open, or complete and not
// released.
func (c *Conn) Held() int { return len(c.streams) }

// Over reports whether nothing will come of the connection any more: it has
// failed, or one side has said GOAWAY and no stream is left.
func (c *Conn) Over() bool {
	return c.state >= atFailure || (c.goingAway || c.peerLeaving) && len(c.streams) == 0
}

// nextPreface is Next in the preface.
func (c *Conn) nextPreface(b []byte) (n int, ev Event) {
	for n < len(b) && c.had < len(Preface) {
		if b[n] != Preface[c.had] {
			return n, c.fail(ErrPreface)
		}
		n++
		c.had++
	}
	if c.had < len(Preface) {
		return n, More
	}
	c.state, c.had, c.since = atFrame, 0, 0
	return n, onward
}

// nextFrame is Next in the head of a frame.
func (c *Conn) nextFrame(b []byte) (n int, ev Event) {
	n = copy(c.head[c.had:], b)
	if c.had += n; c.had < frameHead {
		return n, More
	}
	h := &c.head
	c.length = int(h[0])<<16 | int(h[1])<<8 | int(h[2])
	c.kind, c.flags = frameType(h[3]), h[4]
	c.id = binary.BigEndian.Uint32(h[5:]) & idMask
	c.had, c.left, c.state = 0, c.length, inPayload
	return n, c.beginFrame()
}

// beginFrame judges a frame by its head, before anything is set aside for it.
func (c *Conn) beginFrame() Event {
	switch {
	case c.length > maxFrame:
		return c.fail(ErrFrameTooLarge)
	case !c.told && (c.kind != frameSettings || c.flags&flagAck != 0):
		return c.fail(ErrNoSettings)
	case c.blockID != 0 && (c.kind != frameContinuation || c.id != c.blockID):
		return c.fail(ErrContinuation)
	}
	switch c.kind {
	case frameData:
		return c.beginData()
	case frameHeaders:
		return c.beginHeaders()
	case frameContinuation:
		if c.blockID == 0 {
			return c.fail(ErrContinuation)
		}
		return onward
	case framePushPromise:
		return c.fail(ErrPush)
	case framePriority, frameReset, frameSettings, framePing, frameGoAway, frameWindowUpdate:
		return c.beginControl()
	}
	c.state = inSkipped // RFC 9113 §5.5
	return c.note(idleFrames, ErrTooManyIdle)
}

// nextPayload is Next in a payload. What lies whole in b is not copied.
func (c *Conn) nextPayload(b []byte) (n int, ev Event) {
	if len(c.frame) == 0 && len(b) >= c.left {
		n = c.left
		return n, c.endFrame(b[:n:n])
	}
	n = min(len(b), c.left)
	if n > 0 {
		if c.frame == nil {
			c.frame = c.loop.bufs.Get(n)
		}
		c.frame = c.loop.grow(c.frame, n)
		c.frame = append(c.frame, b[:n]...)
	}
	if c.left -= n; c.left > 0 {
		return n, More
	}
	ev = c.endFrame(c.frame)
	c.put(&c.frame)
	return n, ev
}

// endFrame takes in a whole frame.
func (c *Conn) endFrame(p []byte) (ev Event) {
	c.state = atFrame
	switch c.kind {
	case frameHeaders:
		ev = c.endHeaders(p)
	case frameContinuation:
		ev = c.endContinuation(p)
	default:
		ev = c.endControl(p)
	}
	if c.blockID == 0 {
		c.since = 0
	}
	return ev
}

// skip is Next in what is passed over.
func (c *Conn) skip(b []byte) (n int, ev Event) {
	n = min(len(b), c.left)
	if c.left -= n; c.left > 0 {
		return n, More
	}
	if c.kind == frameData {
		return n, c.endData()
	}
	c.state, c.since = atFrame, 0
	return n, onward
}

// fail ends the connection.
func (c *Conn) fail(err *Error) Event {
	c.err, c.stream, c.state = err, nil, atFailure
	c.room(frameHead + 8 + len(err.Reason))
	c.out = appendGoAway(c.out, c.acted, err.Code, err.Reason)
	return Failed
}
