package engine

import "github.com/gannetmcp/gannet/codec"

// RequestView is what a service sees of the head of an HTTP request. What its
// methods return is valid until ServeExchange returns.
type RequestView interface {
	Method() []byte
	Path() []byte
	Query() []byte
	Host() []byte
	// Header returns the value of the first field of this name, without white
	// space at its ends, and how many fields have the name.
	Header(name string) (value []byte, times int)
}

// Exchange is one HTTP request and its answer, sans-I/O: a transport fills in
// the request and gives it to Conn.ServeExchange; the service answers by
// Respond, or has the messages in the body served by Conn.Receive, whose answers
// the transport's Framing then puts into an HTTP response by what the service
// has said here. A connection has one exchange at a time.
type Exchange struct {
	Request RequestView
	Body    []byte // valid until ServeExchange returns; see ReadBody
	// Unpack undoes the coding of Body (RFC 9110, section 8.4); nil: it has none.
	// It reports false when it cannot, and has answered so.
	Unpack func() bool
	// Upgrade goes on with the protocol that the request asks for, or that its
	// listener is for (RFC 9110, section 7.8): nil where there is none. A service
	// calls it once it knows that the peer may come. Either the connection is a
	// stream of messages from then on, each served by h, and Upgrade reports true;
	// or the request is answered by what is wrong with it, and the connection
	// goes on as it was.
	Upgrade func(h Handler) bool
	// Prefix is what clients put before Request.Path to reach it: the path under
	// which the service was mounted, such as "/api". Empty, as a rule.
	Prefix string

	// What the service says of the response, before it begins.

	// Status returns the HTTP status of an answer with a JSON-RPC error; nil: 200.
	Status func(code codec.Code) int
	// Header are whole field lines for the response, each ended by CR LF. The
	// service appends to it; the transport keeps the buffer for other exchanges.
	Header []byte
	// Endless streams do not end with an answer.
	Endless bool
	// EndsWithPeer says that a peer which ends its sending half has gone: what
	// it has asked for is cancelled. Otherwise it is still answered.
	EndsWithPeer bool
	// NoEvents says that nothing may be sent but one answer.
	NoEvents bool
	// Events is what the events of a stream go through; nil: they only go to
	// the peer.
	Events EventLog

	Batch bool // the body is a batch

	// How far it is. Written by the transport's Framing and by Conn.

	Begun bool // something of the response is in the output
	Done  bool // all of it is
}

// ReadBody returns the body without its coding, valid until ServeExchange
// returns. It costs work that the peer may not be worth: who it is comes first.
// It reports false when the body cannot be read; the exchange is answered then.
func (x *Exchange) ReadBody() (body []byte, ok bool) {
	if x.Unpack != nil {
		if !x.Unpack() {
			return nil, false
		}
		x.Unpack = nil
	}
	return x.Body, true
}

// EventLog sees the events of an exchange's stream before they leave, so that
// a client whose connection broke can be given them once more. Its methods are
// called on the loop.
type EventLog interface {
	// AppendHead appends what the stream begins with, whole blocks of an event
	// stream, such as one that primes the client with an id.
	AppendHead(dst []byte) []byte
	// AppendID appends the line with the id of the next event, or nothing.
	AppendID(dst []byte) []byte
	// Keep takes an event, whole, which is valid until Keep returns. It reports
	// whether the event has gone another way: then the peer of this exchange is
	// not sent it.
	Keep(event []byte) (elsewhere bool)
	// End says that the stream is complete.
	End()
}

// ExchangeHandler is a Handler that serves HTTP requests.
type ExchangeHandler interface {
	Handler
	// ServeExchange serves one request, on the loop. When it returns, and the
	// exchange is not done, something that was begun will answer it.
	ServeExchange(c *Conn, x *Exchange)
}

// ExchangeService is a Service that HTTP transports can drive.
type ExchangeService interface {
	Service
	// OpenExchanges is OpenConn for a connection that carries HTTP.
	OpenExchanges(c *Conn) ExchangeHandler
}

// ExchangeFraming is the Framing of a connection that carries HTTP.
type ExchangeFraming interface {
	Framing
	// Respond appends a whole response to the current exchange.
	Respond(dst []byte, status int, contentType string, body []byte) []byte
	// BeginStream appends the head of an event stream.
	BeginStream(dst []byte) []byte
	// Comment appends what an event stream may have between two events, so that
	// it is not taken for dead; nothing if none has begun.
	Comment(dst []byte) []byte
	// Event appends whole blocks of an event stream; nothing if none has begun.
	// The exchange's Events does not see them.
	Event(dst, event []byte) []byte
	// CutStream appends the end of the body of an event stream whose exchange
	// is not done: the rest of its events will go another way.
	CutStream(dst []byte) []byte
	// EndStream appends the end of an event stream, or a response without a
	// body where none has begun.
	EndStream(dst []byte) []byte
	// Exchange returns the current exchange, nil between two.
	Exchange() *Exchange
}

// OpenHTTP adds a connection that carries HTTP. It returns nil when the service
// refuses it, or is none for HTTP.
func (l *Loop) OpenHTTP(w Wire, f ExchangeFraming) *Conn {
	svc, ok := l.e.svc.(ExchangeService)
	if !ok {
		w.Close(CloseRefused)
		return nil
	}
	return l.open(&Conn{wire: w, framing: f}, exchanges(svc))
}

// exchanges returns what gives a connection with HTTP its handler.
func exchanges(svc ExchangeService) func(*Conn) Handler {
	return func(c *Conn) Handler {
		c.ordered = true
		if h := svc.OpenExchanges(c); h != nil {
			return h
		}
		return nil
	}
}

// ServeExchange serves one HTTP request. The connection is paused while it is
// not done.
func (c *Conn) ServeExchange(x *Exchange) {
	if c.closed {
		return
	}
	h, ok := c.handler.(ExchangeHandler)
	if !ok {
		return
	}
	c.exchange.Add(1)
	c.lastIn, c.lastProgress, c.partialAt, c.partialHeld = c.loop.now, c.loop.now, 0, 0
	if !c.served {
		c.served = true
		c.armDeadline()
	}
	c.serveExchange(h, x)
	if !x.Done && !c.closed {
		c.Pause()
	}
}

func (c *Conn) serveExchange(h ExchangeHandler, x *Exchange) {
	defer func() {
		if r := recover(); r != nil {
			c.loop.n.panics.add(1)
			c.loop.e.logPanic("exchange", x.Request.Path(), r)
			switch {
			case !x.Begun:
				c.Respond(500, "text/plain; charset=utf-8", nil)
			case !x.Done && c.inFlight == 0:
				c.flush() // nothing will complete it: the peer sees that it is cut
				c.Close(CloseLocal)
			}
		}
	}()
	h.ServeExchange(c, x)
}

// SetHandler gives the connection another handler: one whose meaning its first
// request has settled.
func (c *Conn) SetHandler(h Handler) { c.handler = h }

// Respond answers the current exchange with a whole response. body is copied.
func (c *Conn) Respond(status int, contentType string, body []byte) {
	c.exchangeOut(len(body)+512, func(f ExchangeFraming, dst []byte) []byte {
		return f.Respond(dst, status, contentType, body)
	})
}

// BeginStream begins the response to the current exchange as an event stream,
// to which everything is added that is sent from now on.
func (c *Conn) BeginStream() {
	c.exchangeOut(1024, func(f ExchangeFraming, dst []byte) []byte { return f.BeginStream(dst) })
}

// Comment keeps an event stream alive.
func (c *Conn) Comment() {
	c.exchangeOut(64, func(f ExchangeFraming, dst []byte) []byte { return f.Comment(dst) })
}

// Event adds whole blocks, made by package sse, to an event stream that has
// begun, past the exchange's Events. b is copied.
func (c *Conn) Event(b []byte) {
	c.exchangeOut(len(b)+32, func(f ExchangeFraming, dst []byte) []byte { return f.Event(dst, b) })
}

// CutStream ends the event stream that answers the current exchange, and the
// peer's connection with it, while the calls that it is for go on: what they
// still say goes to the exchange's Events. Without a call in flight the
// connection is closed.
func (c *Conn) CutStream() {
	c.exchangeOut(64, func(f ExchangeFraming, dst []byte) []byte { return f.CutStream(dst) })
	if !c.closed {
		c.flush()
		c.Lose(CloseLocal)
	}
}

// EndStream ends the response to the current exchange, which nothing will
// answer any more.
func (c *Conn) EndStream() {
	c.exchangeOut(512, func(f ExchangeFraming, dst []byte) []byte { return f.EndStream(dst) })
}

func (c *Conn) exchangeOut(room int, f func(ExchangeFraming, []byte) []byte) {
	framing, ok := c.framing.(ExchangeFraming)
	if c.closed || !ok {
		return
	}
	dst := c.out
	if cap(dst)-len(dst) < room {
		dst = c.growOut(room)
	}
	c.out = f(framing, dst)
	c.sentOne()
}

// Exchange returns the current exchange, nil between two and on connections
// that do not carry HTTP.
func (c *Conn) Exchange() *Exchange {
	if f, ok := c.framing.(ExchangeFraming); ok {
		return f.Exchange()
	}
	return nil
}

// ExchangeNumber returns the number of the current exchange, or of the last one;
// 0 before the first, and on connections that do not carry HTTP. Safe from any
// goroutine.
func (c *Conn) ExchangeNumber() uint64 { return c.exchange.Load() }
