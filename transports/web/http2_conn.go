package web

import (
	"slices"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/http2"
)

const (
	// carrierOutput is how many bytes of output a connection of HTTP/2 has in its
	// carrier before more is made: what one system call takes.
	carrierOutput = 128 << 10
	// idleAfter is for how long, in nanoseconds, a connection of HTTP/2 keeps a
	// place for an exchange that it has not needed, while others are.
	idleAfter = 5e9
	// lingerNanos is how long a peer may take to close a connection that is over.
	lingerNanos = 1e9
)

// http2Conn is what a connection of HTTP/2 carries: the streams of its machine,
// each of which is served on an engine.Conn of its own, a part of the carrier.
//
//	socket ─► carrier ─► machine ─► stream ─► part ─► service
//	          (engine)   (http2)    (http2Stream, a Wire and a Framing)
//
// What is said to an exchange stays in the output of its part until the machine
// takes it, by turns and windows; what the machine has made goes to the carrier
// at the end of a turn, when all parts have been heard, and again whenever the
// peer has read.
type http2Conn struct {
	l       *Loop
	conn    *engine.Conn // the carrier
	m       *http2.Conn  // nil when released
	streams []*http2Stream
	idle    []*http2Stream  // of these
	kept    []*http2.Stream // requests that wait for output to drain
	backlog int             // bytes of output of parts that wait
	failed  bool            // nothing is taken in any more
	leaving bool            // nothing will be
}

// newHTTP2 makes a connection the carrier of one of HTTP/2.
func (l *Loop) newHTTP2(carrier *engine.Conn) *http2Conn {
	if l.http2 == nil {
		e := l.engine.Engine()
		limits := l.opts.HTTP2
		limits.Body = e.Options().MaxMessageBytes
		l.http2 = http2.NewLoop(e.Buffers(), limits)
	}
	h := &http2Conn{l: l, conn: carrier, m: l.http2.Open(l.engine.Engine())}
	carrier.Carry(h)
	l.counters.http2.connections.Add(1)
	return h
}

// deliver feeds the machine. It takes all of p: output that waits does not keep
// the peer from opening its windows.
func (h *http2Conn) deliver(p []byte) (taken int) {
	h.conn.Revisit()
	h.l.http2.Date = h.l.now()
	for {
		n, ev := h.m.Next(p[taken:], h.l.engine.Now())
		taken += n
		switch ev {
		case http2.More:
			if !h.failed && !h.leaving {
				h.conn.PartialSince(h.m.PendingSince(), h.m.Charged())
			}
			return taken
		case http2.Done:
			h.conn.Busy(1)
			h.accept(h.m.Stream())
		case http2.Reset:
			h.reset(h.m.Stream(), h.m.Err())
		case http2.Refused:
			h.l.refusedHTTP2(h.m.Err())
		case http2.GoAway:
			h.m.Drain()
			h.leaveIfOver()
		case http2.Failed:
			h.fail(h.m.Err())
		}
		if h.conn.Closed() {
			return len(p)
		}
	}
}

// accept serves a request, or keeps it until the peer has read of what it has
// asked for before.
func (h *http2Conn) accept(s *http2.Stream) {
	h.l.counters.http2.requests.Add(1)
	if h.backlog < h.l.engine.Engine().Options().OutputHighWater && len(h.kept) == 0 {
		h.serve(s)
		return
	}
	h.l.counters.http2.kept.Add(1)
	if !h.m.Keep(s) {
		h.l.refusedHTTP2(http2.ErrNoRoom)
		h.m.SendHead(s, &http2.Response{Status: http2.ErrNoRoom.Status, Date: h.l.now(), Extra: []byte("Retry-After: 1\r\n")}, true)
		h.release(s)
		return
	}
	h.kept = append(h.kept, s)
}

// serve serves a request. Where a WebSocket is, HTTP/1.1 is needed.
func (h *http2Conn) serve(s *http2.Stream) {
	if o := &h.l.opts.WebSocket; !o.Off && string(s.Request().Path()) == o.Path {
		h.l.counters.refuse(RefusedHandshake)
		h.m.Reset(s, http2.CodeHTTP11Required)
		h.release(s)
		return
	}
	x := h.take()
	if x == nil {
		h.m.Reset(s, http2.CodeRefusedStream)
		h.release(s)
		return
	}
	x.serve(s)
}

// take returns a place for an exchange, nil if the service refuses it.
func (h *http2Conn) take() *http2Stream {
	if i := len(h.idle) - 1; i >= 0 {
		x := h.idle[i]
		h.idle = h.idle[:i]
		return x
	}
	x := &http2Stream{h: h}
	x.unpackFunc = x.unpack
	h.streams = append(h.streams, x)
	if x.conn = h.conn.OpenPart(http2Wire{x}, x); x.conn == nil {
		return nil
	}
	return x
}

// rest keeps a place for the next exchange. The one that has waited for longest
// goes when it was not needed for a while; how long one waits on a connection at
// rest, the idle timeout says.
func (h *http2Conn) rest(x *http2Stream) {
	now := h.l.engine.Now()
	x.usedAt = now
	h.idle = append(h.idle, x)
	if old := h.idle[0]; now-old.usedAt > idleAfter {
		h.idle = slices.Delete(h.idle, 0, 1)
		old.conn.EndOfInput()
	}
}

// release gives the machine a stream back that is done with.
func (h *http2Conn) release(s *http2.Stream) {
	h.m.Release(s)
	h.conn.Revisit()
	h.conn.Busy(-1)
	h.leaveIfOver()
}

// leaveIfOver ends a connection of which nothing will come any more. The peer is
// given time to read what was said last: what it sends meanwhile, not knowing,
// would have a socket that is closed reset, and lose that.
func (h *http2Conn) leaveIfOver() {
	if h.failed || h.leaving || !h.m.Over() {
		return
	}
	h.leaving = true
	h.conn.CloseBy(h.l.engine.Now()+lingerNanos, engine.CloseDrained)
	h.conn.Revisit()
}

// refused reports whether all was said.
func (h *http2Conn) refused() bool {
	return (h.failed || h.leaving) && (h.m == nil || h.m.Buffered() == 0)
}

// reset ends what a stream was for.
func (h *http2Conn) reset(s *http2.Stream, why *http2.Error) {
	switch {
	case why == nil:
		h.l.counters.http2.peerResets.Add(1)
	case why.Status != 0:
		h.l.refusedHTTP2(why)
	default:
		h.l.counters.http2.errors.Add(1)
	}
	if x, ok := s.Owner.(*http2Stream); ok {
		x.lose()
		return
	}
	if i := slices.Index(h.kept, s); i >= 0 {
		h.kept = slices.Delete(h.kept, i, i+1)
		h.release(s)
	}
}

// fail ends a connection that has broken the protocol, behind the GOAWAY that says
// so, and when the peer has had time to read that.
func (h *http2Conn) fail(why *http2.Error) {
	h.failed = true
	h.l.counters.http2.failed[http2FailureOf(why)].Add(1)
	h.endStreams()
	h.conn.CloseBy(h.l.engine.Now()+lingerNanos, engine.CloseProtocol)
}

// endStreams ends all that is being served: nobody hears of it.
func (h *http2Conn) endStreams() {
	for _, s := range h.kept {
		h.m.Release(s)
		h.conn.Busy(-1)
	}
	h.kept = nil
	for _, x := range slices.Clone(h.streams) {
		x.lose()
	}
}

// resumed sends what there is, as far as the carrier takes it.
func (h *http2Conn) resumed() {
	for {
		if n := h.m.Buffered(); n > 0 {
			if h.conn.Unsent() >= carrierOutput {
				h.conn.Revisit() // when that is sent
				return
			}
			h.conn.SendFrom(h.m, n)
		}
		s := h.m.Writable()
		if s == nil {
			break
		}
		s.Owner.(*http2Stream).conn.Writable()
	}
	for len(h.kept) > 0 && h.backlog < h.l.engine.Engine().Options().OutputHighWater {
		s := h.kept[0]
		h.kept = slices.Delete(h.kept, 0, 1)
		h.serve(s)
		if h.m == nil {
			return
		}
	}
	h.leaveIfOver()
}

// Release ends the connection's streams and gives back all it holds. Where that is
// not what the peer has done, it is told which of its requests were the last.
func (h *http2Conn) Release() {
	if h.m == nil {
		return
	}
	h.m.Drain()
	if n := h.m.Buffered(); n > 0 && !h.conn.Cut() && !h.failed {
		b := h.m.AppendOutput(h.l.engine.Engine().Buffers().Get(n))
		_, _ = h.conn.Wire().Write(b) // whether it gets there or not
		h.l.engine.Engine().Buffers().Put(b)
	}
	h.endStreams()
	for _, x := range h.streams {
		x.s = nil // calls may go on without it
	}
	h.m.Close()
	h.m = nil
}

// The carrier's handler. No message is ever received by it.

var _ engine.Drainer = (*http2Conn)(nil)

// ServeRequest is never called.
func (h *http2Conn) ServeRequest(*engine.Call) {}

// ServeNotification is never called.
func (h *http2Conn) ServeNotification(*engine.Conn, *codec.Message) {}

// ServeResponse is never called.
func (h *http2Conn) ServeResponse(*engine.Conn, *codec.Message) {}

// CloseConn leaves all to Release.
func (h *http2Conn) CloseConn(*engine.Conn, engine.CloseReason) {}

// DrainConn has the peer open no more streams.
func (h *http2Conn) DrainConn(c *engine.Conn) {
	if h.m != nil {
		h.m.Drain()
		h.leaveIfOver()
		c.Revisit()
	}
}
