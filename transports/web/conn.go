package web

import (
	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/http1"
)

// Conn is what a connection with HTTP carries. Of HTTP/1.1 it finds the requests in
// what was read, one at a time, and is the Framing that puts what is said to each
// into its response: JSON, or an event stream as soon as anything comes before the
// answer. Between two requests it holds nothing but this. HTTP/2 and WebSocket,
// where a connection turns out to be of these, are the affair of h2 and socket.
type Conn struct {
	l          *Loop
	conn       *engine.Conn
	h2         *http2Conn // what it carries instead, if the preface of HTTP/2 has come
	preface    int8       // bytes of that so far, -1: it is another
	*exchange             // from the first byte of a request to the end of its response, else nil
	socket     *socket    // that it has become, nil before
	path       string     // where it may become one
	only       bool       // it is for nothing else
	last       bool       // the connection ends with this response
	refused    bool       // what came was no request: nothing more is served
	delivering bool
}

// exchange is one request and its response. Its loop lends it to a Conn.
type exchange struct {
	w      *Conn
	parser http1.Parser
	x      engine.Exchange
	active bool // between a request and the end of its response

	res    http1.Response // what the request says of the response
	coding coding         // that the client takes

	unpackFunc  func() bool               // unpack, bound once
	upgradeFunc func(engine.Handler) bool // upgrade, likewise
	stream      bool                      // the response is an event stream
	answer      bool                      // the frame that is open is the answer
	drop        bool                      // it may not be sent: cut back at its end
	chunk       int                       // where its chunk begins
	event       int                       // where the event in it begins
	length      int                       // where the length is to be filled in, from the frame's beginning
	body        int                       // where the body begins, likewise
}

var (
	_ engine.ExchangeFraming = (*Conn)(nil)
	_ engine.Upkeep          = (*Conn)(nil)
)

// begin borrows an exchange for the next request.
func (w *Conn) begin() {
	if w.exchange != nil {
		return
	}
	l := w.l
	if i := len(l.idle) - 1; i >= 0 {
		w.exchange, l.idle[i] = l.idle[i], nil
		l.idle = l.idle[:i]
		w.w = w
		return
	}
	w.exchange = w.beginSlow()
}

// beginSlow makes an exchange.
func (w *Conn) beginSlow() *exchange {
	x := &exchange{w: w}
	x.unpackFunc = func() bool { return x.w.unpack() }
	x.upgradeFunc = func(h engine.Handler) bool { return x.w.upgrade(h) }
	x.parser.Init(w.l.http1, w.l.engine.Engine())
	return x
}

// serving reports whether a request is being answered.
func (w *Conn) serving() bool { return w.exchange != nil && w.active }

// rest gives the exchange back if it is over and nothing of another has come.
func (w *Conn) rest() {
	if w.exchange == nil || w.active || w.delivering || w.refused || !w.parser.Rest() {
		return
	}
	w.giveBack()
}

// giveBack gives back an exchange whose parser holds nothing.
func (w *Conn) giveBack() {
	x := w.exchange
	w.exchange, x.w = nil, nil
	x.x = engine.Exchange{Header: x.x.Header[:0]} // what the service has set of it is not kept alive
	if len(w.l.idle) < idleMax {
		w.l.idle = append(w.l.idle, x)
	}
}

// Deliver feeds requests until p is used up, one is not answered yet, or the
// connection is blocked or closed; it returns how many bytes of p it took. p is
// read until it returns, and not kept.
//
// Hot path: no allocation, no lock.
func (w *Conn) Deliver(p []byte) (taken int) {
	switch {
	case w.socket != nil:
		return w.socket.deliver(p)
	case w.h2 != nil:
		return w.h2.deliver(p)
	case w.preface >= 0:
		return w.sniff(p)
	}
	w.begin()
	w.delivering = true
	taken = w.deliver(p)
	w.delivering = false
	if w.socket != nil {
		w.releaseExchange()
		if !w.conn.Closed() {
			taken += w.socket.deliver(p[taken:])
		}
		return taken
	}
	w.rest()
	return taken
}

func (w *Conn) deliver(p []byte) (taken int) {
	c := w.conn
	for {
		if w.active || w.socket != nil || c.Blocked() {
			return taken
		}
		n, ev := w.parser.Next(p[taken:])
		taken += n
		switch ev {
		case http1.Done:
			w.serve()
			if c.Closed() {
				return len(p)
			}
		case http1.Failed:
			// The rest is read, so that the peer, which may still send, gets to
			// read this; not for longer than for a request.
			w.refused = true
			w.l.counters.refuse(refusalOf(w.parser.Err()))
			c.SendRaw(http1.AppendError(nil, w.parser.Err(), w.parser.Request(), w.l.now()))
			c.Partial(0)
		case http1.More:
			if w.parser.ContinueDue() {
				c.SendRaw(http1.AppendContinue(nil))
			}
			if w.parser.Phase() == http1.PhaseHead || w.parser.Phase() == http1.PhaseBody {
				c.StillPartial(w.parser.Charged()) // a peer that trickles is as slow as one that stops
			}
			return taken
		}
	}
}

// serve has one request served.
func (w *Conn) serve() {
	r := w.parser.Request()
	w.x = engine.Exchange{Request: r, Body: w.parser.Body(), Header: w.x.Header[:0]}
	w.res = http1.Response{}
	w.res.For(r)
	w.active, w.stream, w.last = true, false, w.res.Close
	w.x.NoEvents = r.Minor() == 0
	w.coding = codingOf(r)
	if len(w.x.Body) > 0 && hasCoding(r) {
		w.x.Unpack = w.unpackFunc
	}
	if w.upgradable(r) {
		w.x.Upgrade = w.upgradeFunc
	}
	w.conn.ServeExchange(&w.x)
	w.l.unpacked()
	w.x.Request, w.x.Body, w.x.Unpack, w.x.Upgrade = nil, nil, nil, nil
	w.finishIfLast()
}

// unpack undoes the coding of the body.
func (w *Conn) unpack() bool {
	err := w.l.unpackBody(&w.x)
	if err != nil {
		w.l.refuse(w.conn, &w.x, err)
	}
	return err == nil
}

// Resumed is to be called when output has drained, before more is delivered.
func (w *Conn) Resumed() {
	switch {
	case w.socket != nil:
		w.socket.resumed()
		return
	case w.h2 != nil:
		w.h2.resumed()
		return
	}
	w.finishIfLast()
	w.rest()
}

// Network names what is carried, as engine.Peer has it.
func (w *Conn) Network() string {
	if w.socket != nil || w.only {
		return "ws"
	}
	return "http"
}

// Refused reports whether what came was no request, or no frame. Behind the answer
// to it nothing more is sent: its last byte is followed by the end of our half.
func (w *Conn) Refused() bool {
	return w.refused || w.socket != nil && w.socket.failed || w.h2 != nil && w.h2.refused()
}

// EndReason says why the connection ends where the peer ends its half, having no
// use for what would still be said; CloseNone: it is still said.
func (w *Conn) EndReason() engine.CloseReason {
	switch {
	case w.socket != nil:
		return w.socket.reason
	case w.h2 != nil, w.serving() && w.x.EndsWithPeer:
		return engine.ClosePeer
	}
	return engine.CloseNone
}

// Release gives back the buffers of a request that has not been served. What is
// being answered may go on without its peer.
func (w *Conn) Release() {
	switch {
	case w.socket != nil:
		w.socket.release()
		return
	case w.h2 != nil:
		w.h2.Release()
	}
	w.releaseExchange()
}

// Leave tells the peer of a request that does not go on why its connection ends.
func (w *Conn) Leave(reason engine.CloseReason) {
	if reason == engine.CloseReadTimeout && w.exchange != nil && !w.active && !w.refused {
		w.l.counters.refuse(RefusedTimeout)
		w.conn.SendRaw(http1.AppendError(nil, http1.ErrTimeout, w.parser.Request(), w.l.now()))
	}
}

// Tick is never asked for.
func (w *Conn) Tick() {}

func (w *Conn) releaseExchange() {
	if w.exchange == nil {
		return
	}
	w.parser.Stop()
	if !w.active {
		w.parser.Init(w.l.http1, w.l.engine.Engine())
		w.giveBack()
	}
}

// finishIfLast ends the connection behind its last response.
func (w *Conn) finishIfLast() {
	if w.last && !w.serving() && !w.conn.Closed() {
		w.conn.Drain()
	}
}

// Exchange returns the exchange that is being answered.
func (w *Conn) Exchange() *engine.Exchange {
	if !w.serving() {
		return nil
	}
	return &w.x
}

// done notes that the response is complete.
func (w *Conn) done() {
	w.active, w.x.Done = false, true
	w.conn.Unpause()
}

// head appends the head of the response.
func (w *Conn) head(dst []byte, status int, contentType string, length int64) []byte {
	w.x.Begun = true
	w.res.Status, w.res.ContentType, w.res.Length = status, contentType, length
	w.res.Date = w.l.now()
	w.res.Extra = w.x.Header
	return w.res.AppendHead(dst)
}

// lengthRoom is the length of a response before it is known: ten digits.
const lengthRoom = "0000000000"

// Open begins what the next message is put into.
func (w *Conn) Open(dst []byte, answer bool) []byte {
	if w.exchange == nil {
		return dst
	}
	w.answer, w.drop = answer, !w.active || !answer && w.x.NoEvents
	switch {
	case w.drop: // nobody listens
		return dst
	case w.stream:
	case answer:
		return w.openJSON(dst)
	default:
		dst = w.BeginStream(dst)
	}
	dst, w.chunk = http1.OpenChunk(dst)
	w.event = len(dst)
	if w.x.Events != nil {
		dst = w.x.Events.AppendID(dst)
	}
	return append(dst, "event: message\ndata: "...)
}

// openJSON begins a response whose body is one message: its head is that of the
// usual case, and the length a blank to be filled in.
func (w *Conn) openJSON(dst []byte) []byte {
	at := len(dst)
	w.x.Begun = true
	dst = append(append(dst, "HTTP/1.1 200 OK\r\nDate: "...), w.l.now()...)
	dst = append(dst, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	w.length = len(dst) - at
	dst = append(append(dst, lengthRoom...), "\r\n"...)
	if w.last {
		dst = append(dst, "Connection: close\r\n"...)
	} else if w.res.Old {
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	dst = append(append(dst, w.x.Header...), "\r\n"...)
	w.body = len(dst) - at
	return dst
}

// Close ends what Open has begun.
func (w *Conn) Close(dst []byte, at int, code codec.Code) []byte {
	switch {
	case w.exchange == nil, w.drop:
		return dst[:at]
	case !w.stream:
		return w.closeJSON(dst, at, code)
	}
	dst = append(dst, "\n\n"...)
	if w.x.Events != nil && w.x.Events.Keep(dst[w.event:]) {
		dst = dst[:w.chunk]
	} else {
		dst = http1.CloseChunk(dst, w.chunk)
	}
	if w.answer && !w.x.Endless {
		dst = w.EndStream(dst)
	}
	return dst
}

// Abort takes back what Open has begun, but for the head of a stream.
func (w *Conn) Abort(dst []byte, at int) []byte {
	switch {
	case w.exchange == nil, w.drop:
		return dst[:at]
	case !w.stream:
		w.x.Begun = false
		return dst[:at]
	}
	return dst[:w.chunk]
}

// closeJSON fills the length in. An error that is not 200 has another head.
func (w *Conn) closeJSON(dst []byte, at int, code codec.Code) []byte {
	body := dst[at+w.body:]
	if code != 0 && w.x.Status != nil {
		if status := w.x.Status(code); status != 200 {
			whole := append([]byte(nil), body...) // an error, which is short
			dst = w.Respond(dst[:at], status, "application/json", whole)
			return dst
		}
	}
	if least := w.l.opts.CompressMin; w.coding != identity && least > 0 && len(body) >= least {
		return w.closeCoded(dst, at)
	}
	digits := dst[at+w.length : at+w.length+len(lengthRoom)]
	for i, n := len(digits)-1, len(body); n > 0; i, n = i-1, n/10 {
		digits[i] = byte('0' + n%10)
	}
	w.done()
	return dst
}

// closeCoded compresses the body, which has another head then.
func (w *Conn) closeCoded(dst []byte, at int) []byte {
	pool := w.l.engine.Engine().Buffers()
	body := dst[at+w.body:]
	coded := w.coding.append(pool.Get(len(body)/2), body)
	w.x.Header = append(append(append(w.x.Header, "Content-Encoding: "...), codingNames[w.coding]...), "\r\nVary: Accept-Encoding\r\n"...)
	dst = w.Respond(pool.Grow(dst[:at], len(coded)+len(w.x.Header)+512), 200, "application/json", coded)
	pool.Put(coded)
	return dst
}

// Boundary keeps the order.
func (w *Conn) Boundary(b []byte) int { return len(b) }

// Respond appends a whole response.
func (w *Conn) Respond(dst []byte, status int, contentType string, body []byte) []byte {
	if !w.serving() {
		return dst
	}
	dst = w.head(dst, status, contentType, int64(len(body)))
	if !w.res.Head && status != 204 && status != 304 {
		dst = append(dst, body...)
	}
	w.done()
	return dst
}

// BeginStream appends the head of an event stream.
func (w *Conn) BeginStream(dst []byte) []byte {
	if !w.serving() || w.stream {
		return dst
	}
	w.x.Header = append(w.x.Header, "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"...)
	dst = w.head(dst, 200, "text/event-stream", http1.Stream)
	w.stream = true
	if w.x.Events != nil {
		mark := 0
		dst, mark = http1.OpenChunk(dst)
		dst = http1.CloseChunk(w.x.Events.AppendHead(dst), mark)
	}
	return dst
}

// Comment appends a comment to an event stream.
func (w *Conn) Comment(dst []byte) []byte {
	if !w.serving() || !w.stream {
		return dst
	}
	return http1.AppendChunk(dst, []byte(": \n\n"))
}

// Event appends whole blocks to an event stream.
func (w *Conn) Event(dst, event []byte) []byte {
	if !w.serving() || !w.stream {
		return dst
	}
	return http1.AppendChunk(dst, event)
}

// CutStream appends the end of the body, though there is more to be said.
func (w *Conn) CutStream(dst []byte) []byte {
	if !w.serving() || !w.stream {
		return dst
	}
	return http1.AppendLastChunk(dst)
}

// EndStream appends the end of an event stream.
func (w *Conn) EndStream(dst []byte) []byte {
	switch {
	case !w.serving():
		return dst
	case !w.stream:
		return w.Respond(dst, 202, "", nil)
	}
	if w.x.Events != nil {
		w.x.Events.End()
	}
	dst = http1.AppendLastChunk(dst)
	w.done()
	return dst
}
