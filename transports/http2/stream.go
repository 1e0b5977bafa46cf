package http2

import (
	"cmp"
	"slices"
)

// streamState is how far a stream is that a Conn knows.
type streamState uint8

const (
	receiving streamState = iota // its request is not complete
	complete                     // it is: the stream is the caller's until Release
	reset                        // by either side, and not released
)

// closing is how a stream has ended.
type closing uint8

const (
	unknown    closing = iota // long ago, or never begun
	byEnd                     // both sides have said END_STREAM
	byUs                      // we have reset it: the peer may not have known when it sent more
	byPeer                    // the peer has reset it
	closedBits = 2
)

// Stream is one request and its response. A Conn hands it out at Head; from Done
// on it stays valid until Release, before that until the first call of Next after
// a Reset. Used by one goroutine at a time, that of its Conn.
type Stream struct {
	// Owner is the caller's own; nil at Head.
	Owner any

	id    uint32
	state streamState
	how   closing // why it is reset
	ended bool    // we have sent END_STREAM
	gone  bool    // the Conn knows it no more

	req   *Request // until Done is over
	body  []byte   // so far
	owned bool     // it is of the loop's buffers or the pool
	room  int      // of its buffer, as it was asked for
	want  int64    // content-length, -1 without it
	got   int64    // bytes of body so far
	since int64    // when it began, by the time given to Next

	recv int64 // what the peer may send
	back int64 // what it has sent and not been told that it may send again
	send int64 // what it takes; negative when it has made its window smaller

	waits      bool    // for its turn or its window
	queued     bool    // for its turn
	next, prev *Stream // of the queue
}

// ID returns the stream's identifier (RFC 9113 §5.1.1).
func (s *Stream) ID() uint32 { return s.id }

// Request returns the head of the request, from Head until the first call of Next
// after Done; nil later.
func (s *Stream) Request() *Request { return s.req }

// Body returns the body at Done, nil if there is none. It is read-only and valid
// until Next, Reset or Release is called.
func (s *Stream) Body() []byte { return s.body }

// open reports whether the response may go on.
func (s *Stream) open() bool { return s.state != reset && !s.ended }

// find returns the stream that a Conn knows by an id, nil if there is none.
func (c *Conn) find(id uint32) *Stream {
	if i, ok := c.search(id); ok {
		return c.streams[i]
	}
	return nil
}

// search returns where in c.streams a stream is, or would be: most often, that is at
// the end.
func (c *Conn) search(id uint32) (i int, ok bool) {
	switch last := len(c.streams) - 1; {
	case last < 0 || id > c.streams[last].id:
		return last + 1, false
	case id == c.streams[last].id:
		return last, true
	}
	return slices.BinarySearchFunc(c.streams, id, func(s *Stream, id uint32) int { return cmp.Compare(s.id, id) })
}

// idle reports whether a stream has not begun. Those of even numbers never do:
// they would be the server's.
func (c *Conn) idle(id uint32) bool { return id > c.last || id&1 == 0 }

// begin adds a stream for the request r, whose head is held.
func (c *Conn) begin(id uint32, r *Request) *Stream {
	s := c.loop.streams.take()
	*s = Stream{
		id: id, req: r, want: r.ContentLength(), since: c.now,
		recv: int64(c.loop.limits.StreamWindow), send: c.firstSend,
	}
	c.streams = append(c.streams, s)
	c.receiving++
	return s
}

// remove forgets a stream; its object stays as it is until free.
func (c *Conn) remove(s *Stream, how closing) {
	i, ok := c.search(s.id)
	if !ok {
		return
	}
	c.streams = slices.Delete(c.streams, i, i+1)
	c.detach(s, how)
	s.gone = true
	c.record(s.id, how)
}

// record keeps how a stream has ended, for a while.
func (c *Conn) record(id uint32, how closing) {
	c.closed[int(c.closedAt)%len(c.closed)] = id>>1<<closedBits | uint32(how)
	c.closedAt++
}

// detach takes a stream that is reset out of all that goes on.
func (c *Conn) detach(s *Stream, how closing) {
	if s.state == receiving {
		c.receiving--
	}
	s.state, s.how = reset, how
	if c.to == s {
		c.to = nil
	}
	if c.due == s {
		c.due = nil
	}
	c.unwait(s)
}

// free gives back a stream that was removed.
func (c *Conn) free(s *Stream) {
	c.drop(s)
	*s = Stream{}
	c.loop.streams.put(s, idleStreams)
}

// drop gives back the request of a stream, its body too.
func (c *Conn) drop(s *Stream) {
	if s.owned {
		c.loop.bufs.Put(s.body)
	}
	c.hold(-s.room)
	s.body, s.owned, s.room = nil, false, 0
	if s.req != nil {
		c.hold(-cap(s.req.buf))
		s.req.release(c.loop)
		c.loop.requests.put(s.req, idleRequests)
		s.req = nil
	}
}

// ending returns how a stream ended that has begun: unknown if that is too long
// ago, or if it was passed over by one with a higher number.
func (c *Conn) ending(s *Stream, id uint32) closing {
	switch {
	case s != nil && s.state == reset:
		return s.how
	case s != nil:
		return byEnd
	}
	for _, v := range c.closed {
		if v>>closedBits == id>>1 && v != 0 {
			return closing(v & (1<<closedBits - 1))
		}
	}
	return unknown
}
