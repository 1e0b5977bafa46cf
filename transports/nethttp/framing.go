package nethttp

import (
	"net/http"
	"strings"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// framing is the one exchange of a connection of the engine, and what makes the
// body of its response: the output of the connection is that body, and the head
// goes to the sink beside it. It is owned by the loop.
type framing struct {
	sink   *sink
	conn   *engine.Conn
	x      engine.Exchange
	method string
	active bool // until the response is complete
	stream bool // it is an event stream
	event  int  // where the event that is open begins
	answer bool // the frame that is open is the answer
	drop   bool // it may not be sent: cut back at its end
}

var _ engine.ExchangeFraming = (*framing)(nil)

// serve serves a request, inside a turn.
func (f *framing) serve(l *engine.Loop, r *http.Request, body []byte) {
	f.x = engine.Exchange{Request: &view{r}, Body: body, Prefix: prefix(r), NoEvents: !r.ProtoAtLeast(1, 1)}
	if c := r.Header.Values("Content-Encoding"); len(body) > 0 && (len(c) > 1 || len(c) == 1 && !strings.EqualFold(c[0], "identity")) {
		f.x.Unpack = f.refuseCoding
	}
	f.method, f.active = r.Method, true
	if f.conn = l.OpenHTTP(f.sink, f); f.conn == nil {
		return
	}
	f.conn.ServeExchange(&f.x)
	f.x.Request, f.x.Body = nil, nil
	f.endIfDone()
}

// refuseCoding answers a request whose body is packed: middleware may unpack it.
func (f *framing) refuseCoding() bool {
	f.x.Header = append(f.x.Header, "Accept-Encoding: identity\r\n"...) // RFC 9110, section 15.5.16
	f.conn.Respond(http.StatusUnsupportedMediaType, "text/plain; charset=utf-8", []byte("Content-Encoding must be identity.\n"))
	return false
}

// endIfDone ends the connection behind its one response, when no call of it is
// in flight any more.
func (f *framing) endIfDone() {
	if !f.active {
		f.conn.EndOfInput()
	}
}

// leave ends the connection of a client that has gone away, or has it end when
// its call does. It is called inside a turn, once nothing is written any more.
func (f *framing) leave() {
	switch {
	case f.conn == nil || f.conn.Closed():
	case f.active:
		f.conn.Lose(engine.ClosePeer)
	default:
		f.conn.EndOfInput()
		f.conn.Writable()
	}
}

// Exchange returns the exchange that is being answered.
func (f *framing) Exchange() *engine.Exchange {
	if !f.active {
		return nil
	}
	return &f.x
}

// head tells how the response begins.
func (f *framing) head(status int, contentType string, length int) {
	f.x.Begun = true
	f.sink.begin(&head{status, contentType, length, string(f.x.Header)})
}

// done notes that the response is complete; dst is what of it has not been
// taken.
func (f *framing) done(dst []byte) []byte {
	f.active, f.x.Done = false, true
	f.sink.end(len(dst) > 0)
	f.conn.Unpause()
	return dst
}

// Open begins what the next message is put into.
func (f *framing) Open(dst []byte, answer bool) []byte {
	f.answer, f.drop = answer, !f.active || !answer && f.x.NoEvents
	switch {
	case f.drop: // nobody listens
		return dst
	case f.stream:
	case answer:
		return dst
	default:
		dst = f.BeginStream(dst)
	}
	f.event = len(dst)
	if f.x.Events != nil {
		dst = f.x.Events.AppendID(dst)
	}
	return append(dst, "event: message\ndata: "...)
}

// Close ends what Open has begun.
func (f *framing) Close(dst []byte, at int, code codec.Code) []byte {
	switch {
	case f.drop:
		return dst[:at]
	case !f.stream:
		status := http.StatusOK
		if code != 0 && f.x.Status != nil {
			status = f.x.Status(code)
		}
		f.head(status, "application/json", len(dst)-at)
		return f.done(dst)
	}
	dst = append(dst, "\n\n"...)
	if f.x.Events != nil && f.x.Events.Keep(dst[f.event:]) {
		dst = dst[:f.event]
	}
	if f.answer && !f.x.Endless {
		dst = f.EndStream(dst)
	}
	return dst
}

// Abort takes back what Open has begun, but for what a stream begins with.
func (f *framing) Abort(dst []byte, at int) []byte {
	if f.drop || !f.stream {
		return dst[:at]
	}
	return dst[:f.event]
}

// Boundary keeps the order.
func (f *framing) Boundary(b []byte) int { return len(b) }

// Respond appends a whole response.
func (f *framing) Respond(dst []byte, status int, contentType string, body []byte) []byte {
	if !f.active {
		return dst
	}
	f.head(status, contentType, len(body))
	if f.method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified {
		dst = append(dst, body...)
	}
	return f.done(dst)
}

// BeginStream appends what an event stream begins with.
func (f *framing) BeginStream(dst []byte) []byte {
	if !f.active || f.stream {
		return dst
	}
	f.stream = true
	f.x.Header = append(f.x.Header, "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"...)
	f.head(http.StatusOK, "text/event-stream", streamed)
	if f.x.Events != nil {
		dst = f.x.Events.AppendHead(dst)
	}
	return dst
}

// Comment appends a comment to an event stream.
func (f *framing) Comment(dst []byte) []byte {
	if !f.active || !f.stream {
		return dst
	}
	return append(dst, ": \n\n"...)
}

// Event appends whole blocks to an event stream.
func (f *framing) Event(dst, event []byte) []byte {
	if !f.active || !f.stream {
		return dst
	}
	return append(dst, event...)
}

// CutStream ends the body, though there is more to be said.
func (f *framing) CutStream(dst []byte) []byte {
	if f.active && f.stream {
		f.sink.end(len(dst) > 0)
	}
	return dst
}

// EndStream ends an event stream.
func (f *framing) EndStream(dst []byte) []byte {
	switch {
	case !f.active:
		return dst
	case !f.stream:
		return f.Respond(dst, http.StatusAccepted, "", nil)
	}
	if f.x.Events != nil {
		f.x.Events.End()
	}
	return f.done(dst)
}
