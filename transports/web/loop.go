package web

import (
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/http2"
	"github.com/gannetmcp/gannet/transports/httpfield"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// Options are those of HTTP.
type Options struct {
	// CompressMin is the size in bytes from which on an answer is compressed, by
	// zstd or gzip, if the client takes that. Zero or less: never. Event streams
	// are not compressed.
	CompressMin int
	// MaxUnpackedBytes bounds what a body with a Content-Encoding becomes, in
	// bytes; beyond it 413. Zero, and anything above: the engine's
	// MaxMessageBytes. Negative: no coding is taken, 415.
	MaxUnpackedBytes int
	// UnpackRate bounds how fast bodies with a Content-Encoding, and compressed
	// messages of WebSockets, become more than 16 times what came, in bytes a
	// second on each loop, beside one of the largest size at once; beyond it 503,
	// and for a message -31001. Zero: 128 MiB. Negative: no bound.
	UnpackRate int
	// Speaks is what connections speak, unless Conn.Speak says otherwise.
	Speaks Protocol
	// HTTP2 bounds what a peer of HTTP/2 can make a connection take. Its Body is
	// the engine's MaxMessageBytes.
	HTTP2 http2.Limits
	// WebSocket are those of connections that become WebSockets.
	WebSocket WebSocketOptions
}

// idleMax bounds the exchanges that a Loop keeps while nobody uses them.
const idleMax = 256

// Loop is what the HTTP connections of one event loop share, so that one at rest
// holds little. It and its connections are used inside turns of its
// engine.Loop.
type Loop struct {
	engine   *engine.Loop
	opts     Options
	counters *Counters
	http1    *http1.Loop
	packed   *unpacker // of request bodies, nil before the first that is packed
	meter    *meter    // of what becomes much larger than it came
	idle     []*exchange

	websocket *websocket.Loop     // nil before the first connection that becomes one
	parsers   []*websocket.Parser // not in use
	scratch   []byte              // for what is appended to the output at once

	http2 *http2.Loop // nil before the first connection of HTTP/2

	second int64 // that date is of
	date   []byte
}

// NewLoop returns a Loop. It counts in counters, which several loops may share.
func NewLoop(l *engine.Loop, o Options, counters *Counters) *Loop {
	e := l.Engine()
	o.WebSocket = o.WebSocket.WithDefaults()
	return &Loop{
		engine: l, opts: o, counters: counters, meter: newMeter(l, o.UnpackRate),
		http1: http1.NewLoop(e.Buffers(), http1.Limits{Body: e.Options().MaxMessageBytes}),
	}
}

// NewConn returns a connection, which serves nothing before Serve.
func (l *Loop) NewConn() *Conn { return &Conn{l: l} }

// NewWebSocket returns a connection that is for WebSocket alone. Path is where; empty:
// anywhere.
func (l *Loop) NewWebSocket(path string) *Conn {
	return &Conn{l: l, only: true, path: path, preface: -1}
}

// Serve opens the connection on wire. It returns nil when the service refuses the
// connection, which is closed then.
func (w *Conn) Serve(wire engine.Wire) *engine.Conn {
	if w.conn = w.l.engine.OpenHTTP(wire, w); w.conn != nil && !w.only {
		w.Speak(w.l.opts.Speaks)
	}
	return w.conn
}

// now returns the field Date (RFC 9110, section 6.6.1), renewed each second,
// valid until the next call.
func (l *Loop) now() []byte {
	if s := l.engine.Now() / int64(time.Second); s != l.second || l.date == nil {
		l.second = s
		l.date = httpfield.AppendDate(l.date[:0], time.Now())
	}
	return l.date
}

// unpacker returns the loop's unpacker of request bodies.
func (l *Loop) unpacker() *unpacker {
	if l.packed == nil {
		e := l.engine.Engine()
		limit := e.Options().MaxMessageBytes
		if o := l.opts.MaxUnpackedBytes; o > 0 {
			limit = min(limit, o)
		}
		l.packed = newUnpacker(e, limit, l.meter)
	}
	return l.packed
}

// unpacked gives back what a request body held that was unpacked.
func (l *Loop) unpacked() {
	if l.packed != nil {
		l.packed.free()
	}
}

// unpackBody undoes the coding of an exchange's body; what comes of it is valid
// until unpacked.
func (l *Loop) unpackBody(x *engine.Exchange) *http1.Error {
	c, err := contentCoding(x.Request)
	limit := l.opts.MaxUnpackedBytes
	switch {
	case limit < 0 && (err != nil || c != identity):
		return errUnpackOff
	case err != nil || c == identity:
		return err
	}
	x.Body, err = l.unpacker().unpack(c, x.Body)
	return err
}

// refuse answers a request whose body cannot be unpacked.
func (l *Loop) refuse(c *engine.Conn, x *engine.Exchange, err *http1.Error) {
	l.counters.refuse(refusalOf(err))
	switch err {
	case errUnpackCoding:
		x.Header = append(x.Header, "Accept-Encoding: gzip, zstd\r\n"...) // RFC 9110, section 15.5.16
	case errUnpackOff:
		x.Header = append(x.Header, "Accept-Encoding: identity\r\n"...)
	case http1.ErrNoRoom, errUnpackNoTime:
		x.Header = append(x.Header, "Retry-After: 1\r\n"...)
	}
	c.Respond(err.Status, "text/plain; charset=utf-8", append([]byte(err.Reason), '\n'))
}
