package web

import (
	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/http2"
)

// http2Stream is a place for one exchange after another on a connection of HTTP/2:
// the Framing of a part of the carrier. The head of a response goes straight to
// the machine; the output of the part is its body, which http2Wire passes on.
type http2Stream struct {
	h    *http2Conn
	s    *http2.Stream // nil while nothing is served, or nobody listens
	conn *engine.Conn  // the part
	x    engine.Exchange

	coding     coding
	unpackFunc func() bool // unpack, bound once
	isHead     bool        // the request was a HEAD
	active     bool        // until the response is complete
	stream     bool        // it is an event stream
	ends       bool        // it ends with what is in the output
	answer     bool        // the frame that is open is the answer
	drop       bool        // it may not be sent: cut back at its end
	closed     bool        // the part has closed
	event      int         // where the event that is open begins
	left       int         // bytes of output that wait, of the backlog
}

var _ engine.ExchangeFraming = (*http2Stream)(nil)

// serve serves the request of a stream.
func (x *http2Stream) serve(s *http2.Stream) {
	r := s.Request()
	x.s, s.Owner = s, x
	x.x = engine.Exchange{Request: r, Body: s.Body(), Header: x.x.Header[:0]}
	x.active, x.stream, x.ends = true, false, false
	x.isHead = string(r.Method()) == "HEAD"
	x.coding = codingOf(r)
	if len(x.x.Body) > 0 && hasCoding(r) {
		x.x.Unpack = x.unpackFunc
	}
	x.conn.ServeExchange(&x.x)
	x.h.l.unpacked()
	x.x.Request, x.x.Body, x.x.Unpack = nil, nil, nil
	if x.s == s && x.h.m != nil {
		x.h.m.Drop(s)
		x.setLeft(x.conn.Unsent()) // what the turn has not offered yet counts
	}
}

// unpack undoes the coding of the body.
func (x *http2Stream) unpack() bool {
	err := x.h.l.unpackBody(&x.x)
	if err != nil {
		x.h.l.refuse(x.conn, &x.x, err)
	}
	return err == nil
}

// lose ends the exchange, whose peer is gone: what it was for is cancelled, or goes
// on for a client that may come back.
func (x *http2Stream) lose() {
	if x.active && !x.x.EndsWithPeer {
		x.conn.Lose(engine.ClosePeer)
	} else {
		x.conn.Close(engine.ClosePeer)
	}
}

// finish gives the stream back, whose response is complete and sent.
func (x *http2Stream) finish() {
	s := x.s
	x.s = nil
	x.setLeft(0)
	x.h.release(s)
	if !x.closed {
		x.h.rest(x)
	}
}

// setLeft notes how much of the output waits.
func (x *http2Stream) setLeft(n int) {
	x.h.backlog += n - x.left
	x.left = n
}

// Exchange returns the exchange that is being answered.
func (x *http2Stream) Exchange() *engine.Exchange {
	if !x.active {
		return nil
	}
	return &x.x
}

// head sends the head of the response.
func (x *http2Stream) head(status int, contentType string, length int64) {
	x.x.Begun = true
	if x.s == nil {
		return
	}
	r := http2.Response{Status: status, Date: x.h.l.now(), ContentType: contentType, Length: length, Extra: x.x.Header}
	x.h.m.SendHead(x.s, &r, false)
	x.h.conn.Revisit()
}

// done notes that the response is complete; dst is what of it has not been sent.
func (x *http2Stream) done(dst []byte) []byte {
	x.active, x.x.Done = false, true
	x.end(dst)
	x.conn.Unpause()
	return dst
}

// end ends the stream behind dst.
func (x *http2Stream) end(dst []byte) {
	x.ends = true
	if x.s != nil && len(dst) == 0 {
		x.h.m.SendData(x.s, nil, true)
		x.h.conn.Revisit()
		x.finish()
	}
}

// Open begins what the next message is put into.
func (x *http2Stream) Open(dst []byte, answer bool) []byte {
	x.answer, x.drop = answer, !x.active
	switch {
	case x.drop: // nobody listens
		return dst
	case x.stream:
	case answer:
		return dst
	default:
		dst = x.BeginStream(dst)
	}
	x.event = len(dst)
	if x.x.Events != nil {
		dst = x.x.Events.AppendID(dst)
	}
	return append(dst, "event: message\ndata: "...)
}

// Close ends what Open has begun.
func (x *http2Stream) Close(dst []byte, at int, code codec.Code) []byte {
	switch {
	case x.drop:
		return dst[:at]
	case !x.stream:
		return x.closeJSON(dst, at, code)
	}
	dst = append(dst, "\n\n"...)
	if x.x.Events != nil && x.x.Events.Keep(dst[x.event:]) {
		dst = dst[:x.event]
	}
	if x.answer && !x.x.Endless {
		dst = x.EndStream(dst)
	}
	return dst
}

// closeJSON ends a response whose body is one message.
func (x *http2Stream) closeJSON(dst []byte, at int, code codec.Code) []byte {
	status := 200
	if code != 0 && x.x.Status != nil {
		status = x.x.Status(code)
	}
	if least := x.h.l.opts.CompressMin; status == 200 && x.coding != identity && least > 0 && len(dst)-at >= least {
		dst = x.pack(dst, at)
	}
	x.head(status, "application/json", int64(len(dst)-at))
	return x.done(dst)
}

// pack compresses the body, if that makes it shorter.
func (x *http2Stream) pack(dst []byte, at int) []byte {
	pool := x.h.l.engine.Engine().Buffers()
	body := dst[at:]
	coded := x.coding.append(pool.Get(len(body)/2), body)
	if len(coded) < len(body) {
		x.x.Header = append(append(append(x.x.Header, "Content-Encoding: "...), codingNames[x.coding]...), "\r\nVary: Accept-Encoding\r\n"...)
		dst = append(dst[:at], coded...)
	}
	pool.Put(coded)
	return dst
}

// Abort takes back what Open has begun, but for the head of a stream.
func (x *http2Stream) Abort(dst []byte, at int) []byte {
	if x.drop || !x.stream {
		return dst[:at]
	}
	return dst[:x.event]
}

// Boundary keeps the order.
func (x *http2Stream) Boundary(b []byte) int { return len(b) }

// Respond appends a whole response.
func (x *http2Stream) Respond(dst []byte, status int, contentType string, body []byte) []byte {
	if !x.active {
		return dst
	}
	x.head(status, contentType, int64(len(body)))
	if !x.isHead && status != 204 && status != 304 {
		dst = append(dst, body...)
	}
	return x.done(dst)
}

// BeginStream sends the head of an event stream.
func (x *http2Stream) BeginStream(dst []byte) []byte {
	if !x.active || x.stream {
		return dst
	}
	x.stream = true
	x.x.Header = append(x.x.Header, "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"...)
	x.head(200, "text/event-stream", http2.StreamLength)
	if x.x.Events != nil {
		dst = x.x.Events.AppendHead(dst)
	}
	return dst
}

// Comment appends a comment to an event stream.
func (x *http2Stream) Comment(dst []byte) []byte {
	if !x.active || !x.stream {
		return dst
	}
	return append(dst, ": \n\n"...)
}

// Event appends whole blocks to an event stream.
func (x *http2Stream) Event(dst, event []byte) []byte {
	if !x.active || !x.stream {
		return dst
	}
	return append(dst, event...)
}

// CutStream ends the body, though there is more to be said.
func (x *http2Stream) CutStream(dst []byte) []byte {
	if x.active && x.stream {
		x.end(dst)
	}
	return dst
}

// EndStream ends an event stream.
func (x *http2Stream) EndStream(dst []byte) []byte {
	switch {
	case !x.active:
		return dst
	case !x.stream:
		return x.Respond(dst, 202, "", nil)
	}
	if x.x.Events != nil {
		x.x.Events.End()
	}
	return x.done(dst)
}
