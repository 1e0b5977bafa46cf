package websocket

import (
	"encoding/binary"
	"unicode/utf8"
)

// Event says what Next found.
type Event uint8

// The events.
const (
	More    Event = iota // all that was fed is taken in
	Message              // a message of text: Payload
	Ping                 // a ping: Payload is what the pong has to repeat
	Pong                 // a pong: Payload
	Close                // the peer closes: Code, and Payload is its reason. There will be no other event
	NoRoom               // the budget has no room for a message; the rest of it is skipped
	NoTime               // the meter has no time for what a compressed message becomes; it is dropped
	Failed               // the connection fails: Err. There will be no other event
)

// Budget is what large buffers are charged to. Safe from any goroutine.
type Budget interface {
	// Reserve reports whether n bytes more may be held.
	Reserve(n int) bool
	// Release gives back n reserved bytes.
	Release(n int)
}

// FreeRatio is how many times its size a compressed message may become at any time.
// Text as people and programs write it stays below; what is made to cost its receiver
// more than its sender does not.
const FreeRatio = 16

// Meter bounds how fast messages become more than that. Used by the goroutine of its
// Loop.
type Meter interface {
	// Spend notes that a message has become n bytes more, and reports whether there
	// is time for further ones.
	Spend(n int) bool
}

// Agreed is what the handshake has settled for a connection.
type Agreed struct {
	// Deflate allows messages to be compressed, both ways.
	Deflate bool
	// WindowBits is the logarithm of the largest window that we compress with, 8
	// to 15. Zero: 15.
	WindowBits uint8
}

// state is where in a stream a Parser is.
type state uint8

const (
	atHeader  state = iota // before a frame, or in its header
	inPayload              // its header is complete
	atFailure              // Failed was returned
	ended
)

// lent says where the payload of the last event lies.
type lent uint8

const (
	nothing lent = iota // or in what was fed
	gathered
	control
)

// maxHeader is the longest header of a frame, in bytes.
const maxHeader = 14

// Parser splits the bytes of one connection into messages. The zero Parser is not
// ready; call Init. Used by one goroutine at a time, that of its Loop.
type Parser struct {
	loop    *Loop
	budget  Budget
	err     *Error
	payload []byte // of the last event

	buf     []byte // of the pool: the message so far, if it has to be gathered
	ctl     []byte // of the pool: a control frame in pieces
	left    int64  // to come of the frame's payload
	size    int    // bytes of the message that its frames have announced
	frames  int    // fragments of the message so far
	charged int
	key     uint32 // as it is for the next byte of the payload
	text    text

	head    [maxHeader]byte // of a header in pieces
	headLen uint8

	state  state
	lent   lent
	op     opcode // of the frame
	fin    bool   // likewise
	open   bool   // a message has begun and is not complete
	packed bool   // it is compressed
	skip   bool   // it is not kept: the budget had no room
	code   Code
	agreed Agreed
}

// Init readies p for a connection whose handshake has settled a. budget may be
// nil.
func (p *Parser) Init(l *Loop, budget Budget, a Agreed) {
	*p = Parser{loop: l, budget: budget, agreed: a}
}

// Next takes bytes from the front of b, to which it writes, and returns how many
// it took and the first event in them. Call it again with the rest until it returns
// More: then all of b is taken, and nothing of p's refers to b. Until then b must
// not be touched by anybody else.
//
// What was fed may be cut anywhere without changing the events, but for NoRoom and
// NoTime.
// After Close, Failed and Release everything is taken in unread: a peer that still
// sends gets to read our close frame.
//
// Hot path: no allocation; no lock when a message lies in b and is not compressed.
func (p *Parser) Next(b []byte) (n int, ev Event) {
	p.settle()
	for p.state <= inPayload {
		if p.state == atHeader {
			size, complete, err := p.header(b[n:])
			n += size
			if err != nil {
				return len(b), p.fail(err)
			}
			if !complete {
				return n, More
			}
		}
		piece := b[n:]
		piece = piece[:min(int64(len(piece)), p.left)]
		if len(piece) == 0 && p.left > 0 {
			return n, More
		}
		n += len(piece)
		if p.left -= int64(len(piece)); p.left == 0 {
			p.state = atHeader
		}
		ev := p.take(piece)
		switch {
		case ev == Failed, ev == Close:
			return len(b), ev
		case ev != More || p.left > 0:
			return n, ev
		}
	}
	return len(b), More
}

// settle takes back what the last event lent.
func (p *Parser) settle() {
	p.payload = nil
	switch p.lent {
	case gathered:
		p.dropMessage()
	case control:
		p.dropControl()
	}
	p.lent = nothing
	if p.state == atFailure {
		p.Release()
	}
}

// take takes in a piece of the payload of the current frame.
func (p *Parser) take(piece []byte) Event {
	ascii := false
	if !p.loop.opts.Client {
		ascii = mask(piece, p.key)
		p.key = turnKey(p.key, len(piece))
	}
	if p.op >= opClose {
		return p.takeControl(piece)
	}
	last := p.fin && p.left == 0
	switch {
	case p.skip:
		if last {
			p.begin()
		}
		return More
	case !p.packed && !p.text.add(piece, ascii):
		return p.fail(ErrUTF8)
	case last && len(p.buf) == 0:
		p.payload = piece[:len(piece):len(piece)]
		return p.complete()
	case !p.gather(piece):
		return p.giveUp(NoRoom, last)
	case !last:
		return More
	}
	p.payload, p.lent = p.buf, gathered
	return p.complete()
}

// complete ends the message whose payload is there.
func (p *Parser) complete() Event {
	if p.packed {
		if ev := p.inflate(); ev != Message {
			return ev
		}
		if !utf8.Valid(p.payload) {
			return p.fail(ErrUTF8)
		}
	} else if !p.text.complete() {
		return p.fail(ErrUTF8)
	}
	p.begin()
	return Message
}

// begin readies p for the next message.
func (p *Parser) begin() {
	p.open, p.skip, p.packed, p.frames, p.size = false, false, false, 0, 0
}

// giveUp drops the message because of ev, which it returns; last says that nothing of
// it is to come.
func (p *Parser) giveUp(ev Event, last bool) Event {
	p.dropMessage()
	p.payload, p.lent, p.text = nil, nothing, text{}
	if p.skip = true; last {
		p.begin()
	}
	return ev
}

// takeControl takes in a piece of a control frame.
func (p *Parser) takeControl(piece []byte) Event {
	if p.left > 0 || len(p.ctl) > 0 {
		if p.ctl == nil {
			p.ctl = p.loop.pool.Get(maxControl)
		}
		p.ctl = append(p.ctl, piece...)
		if p.left > 0 {
			return More
		}
		piece, p.lent = p.ctl, control
	}
	p.payload = piece[:len(piece):len(piece)]
	switch p.op {
	case opPing:
		return Ping
	case opPong:
		return Pong
	}
	return p.close()
}

// close reads a close frame (RFC 6455 §5.5.1).
func (p *Parser) close() Event {
	p.code = CodeNone
	switch len(p.payload) {
	case 0:
	case 1:
		return p.fail(ErrCloseLength)
	default:
		p.code = Code(binary.BigEndian.Uint16(p.payload))
		p.payload = p.payload[2:]
		if !p.code.legal() {
			return p.fail(ErrCloseCode)
		}
		if !utf8.Valid(p.payload) {
			return p.fail(ErrUTF8)
		}
	}
	p.dropMessage()
	p.begin()
	p.state = ended
	return Close
}

// fail ends the connection.
func (p *Parser) fail(err *Error) Event {
	p.err, p.state, p.payload = err, atFailure, nil
	return Failed
}

// Release gives up what has begun, and gives back all that p holds. What is fed
// from now on is taken in unread. A Parser needs nothing else when its connection
// ends.
func (p *Parser) Release() {
	p.dropMessage()
	p.dropControl()
	p.begin()
	p.payload, p.lent, p.headLen, p.left, p.state = nil, nothing, 0, 0, ended
}

// Rest reports whether nothing of a next message or control frame has come, and
// more may come. Then p holds nothing, Payload is valid no more, and p may go on
// with another connection after Init.
func (p *Parser) Rest() bool {
	p.settle()
	return p.state != ended && !p.Pending()
}

// Payload returns what the last event is about; its methods say what that is. It
// aliases what was fed or a buffer of p's and is valid until the next call of
// Next, Rest or Release. Nil if there is nothing.
func (p *Parser) Payload() []byte { return p.payload }

// Code returns, at and after Close, the peer's code, CodeNone if it gave none.
func (p *Parser) Code() Code { return p.code }

// Err returns why the connection failed, nil if it did not.
func (p *Parser) Err() *Error { return p.err }

// Pending reports whether a message or a frame has begun and is not complete.
func (p *Parser) Pending() bool {
	return p.state == inPayload || p.headLen > 0 || p.open
}

// Charged returns the bytes that p has reserved of the budget.
func (p *Parser) Charged() int { return p.charged }
