package http1

import (
	"bytes"

	"github.com/gannetmcp/gannet/transports/httpfield"
)

// Event says what Next found.
type Event uint8

// The events.
const (
	More   Event = iota // all that was fed is taken in
	Head                // a head is complete: Request, SetBody
	Piece               // a piece of the body: Body; only if SetBody asked for pieces
	Done                // the message is complete: Request, Body
	Failed              // the message is refused: Err. There will be no other
)

// Phase is what a Parser waits for. The caller, who has the clock, keeps a
// deadline for each.
type Phase uint8

// The phases.
const (
	PhaseIdle  Phase = iota // nothing of a request has come
	PhaseHead               // a head has begun
	PhaseBody               // a head is complete, its body is not
	PhaseEnded              // nothing is parsed any more
)

// BodyMode says what becomes of a body.
type BodyMode uint8

// The modes.
const (
	Whole  BodyMode = iota // Body has all of it at Done
	Pieces                 // it comes in pieces, as it is read
	Drop                   // it is passed over
)

// Budget is what large buffers are charged to. Safe from any goroutine.
type Budget interface {
	// Reserve reports whether n bytes more may be held.
	Reserve(n int) bool
	// Release gives back n reserved bytes.
	Release(n int)
}

// state is where in a stream a Parser is.
type state uint8

const (
	atStart  state = iota // before a request
	inHead                // its end is looked for
	inBody                // a body of known length
	atSize                // chunked, from here on: chunk.go
	atExt                 // behind a chunk's semicolon
	inExt                 // in what is behind it
	atSizeLF              // behind the CR of a chunk's head
	inData                // chunk data
	atDataCR              // behind chunk data
	atDataLF
	atTrailer      // at the beginning of a line of the trailer section
	inTrailerName  // in the name of a trailer field
	inTrailerValue // behind its colon
	atTrailerLF    // behind the CR at its end
	atEndLF        // behind the CR of the empty line at the very end
	atDone         // Done was returned
	atFailure      // Failed was returned
	ended
)

// Parser splits the bytes of one connection into requests. The zero Parser is
// not ready; call Init. Used by one goroutine at a time, that of its Loop.
type Parser struct {
	loop   *Loop
	budget Budget
	req    *Request // nil while no head is complete
	err    *Error

	head  []byte // of the pool: a head in pieces, or one that outlives the read; else nil
	line  int    // in head, where the line begins whose end is looked for
	body  []byte // the body so far, or a piece
	owned bool   // body is of the pool

	left    int64 // to come of a body of known length, or of a chunk
	got     int   // bytes of body so far
	charged int
	ext     int // bytes of chunk extensions so far
	trailer int // bytes of trailer section so far

	state  state
	mode   BodyMode
	blank  uint8 // bytes of an empty line before the request line
	digits uint8 // of a chunk size
	expect bool  // the peer waits for 100 Continue
}

// Init readies p. budget may be nil.
func (p *Parser) Init(l *Loop, budget Budget) {
	*p = Parser{loop: l, budget: budget}
}

// Next takes bytes from the front of b and returns how many it took and the
// first event in them. Call it again with the rest until it returns More: then
// all of b is taken, and nothing of p's refers to b. Until then b must stay as
// it is.
//
// Events come in the order Head, any number of Piece, Done, for each request;
// what was fed may be cut anywhere without changing them but for where pieces
// end. Done and Head may take no bytes. After Failed, after a request
// that asked for the connection to be closed, and after Stop, everything is
// taken in unread (RFC 9112 §9.6), so that a peer which is still sending gets to
// read the answer.
//
// Hot path: no allocation; no lock when a message lies in b and its body is not
// in several chunks, which have to be put together.
func (p *Parser) Next(b []byte) (n int, ev Event) {
	switch p.state {
	case atDone:
		if p.req.KeepAlive() {
			p.rest(atStart)
		} else {
			p.rest(ended)
		}
	case atFailure:
		p.rest(ended)
	}
	if p.mode == Pieces && !p.owned {
		p.body = nil
	}
	switch p.state {
	case ended:
		return len(b), More
	case atStart, inHead:
		n, ev = p.nextHead(b)
	case inBody:
		n, ev = p.nextBody(b)
	default:
		n, ev = p.nextChunked(b)
	}
	if ev == More && p.req != nil && !p.keep() {
		ev = p.fail(ErrNoRoom)
	}
	if ev == Failed {
		n = len(b) // nothing behind a refused message is ever parsed
	}
	return n, ev
}

// nextHead is Next before a head is complete.
func (p *Parser) nextHead(b []byte) (n int, ev Event) {
	for p.state == atStart {
		if n == len(b) {
			return n, More
		}
		// One empty line is passed over (RFC 9112 §2.2).
		switch c := b[n]; {
		case c == '\r' && p.blank == 0, c == '\n' && p.blank == 1:
			p.blank++
			n++
		case p.blank != 1 && httpfield.Token.Has(c):
			p.state = inHead
		default:
			return n, p.fail(ErrRequestLine)
		}
	}
	rest := b[n:]
	if len(rest) == 0 {
		return n, More
	}
	l := &p.loop.limits
	fresh := len(p.head) == 0
	if fresh {
		// Most heads lie whole in one read. Only a success counts: what is wrong
		// with a head must not depend on how much of it was there.
		req := p.loop.requests.take()
		if end, err := req.parse(rest[:min(len(rest), l.Head)], l); err == nil {
			p.req = req
			return n + end, p.begin()
		}
		p.loop.requests.put(req)
	}
	took, found, err := p.findEnd(rest)
	n += took
	if err == nil && !(fresh && found) {
		p.gather(rest[:took])
	}
	switch {
	case err != nil:
		return n, p.fail(err)
	case !found:
		return n, More
	}
	head := p.head
	if fresh {
		head = rest[:took]
	}
	req := p.loop.requests.take()
	if _, err := req.parse(head, l); err != nil {
		p.loop.requests.put(req)
		if err == errShort { // the head is complete, so it is a line that is cut short: GET / HTTP
			err = ErrRequestLine
		}
		return n, p.fail(err)
	}
	p.req = req
	return n, p.begin()
}

// findEnd looks in b, which continues p.head, for the empty line at the end of
// the head, and judges line ends and lengths on the way. Everything of b that
// belongs to the head is taken.
func (p *Parser) findEnd(b []byte) (n int, found bool, err *Error) {
	l := &p.loop.limits
	have := len(p.head)
	b = b[:min(len(b), l.Head-have)]
	for {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			break
		}
		i += n
		n = i + 1
		at := have + i
		if p.line == 0 && at > l.Line+1 {
			return n, false, ErrLineTooLong
		}
		cr := i > 0 && b[i-1] == '\r' || i == 0 && have > 0 && p.head[have-1] == '\r'
		if !cr {
			return n, false, ErrLineEnd
		}
		if at-1 == p.line {
			return n, true, nil
		}
		p.line = at + 1
	}
	have += len(b)
	switch {
	case p.line == 0 && have > l.Line+1:
		return len(b), false, ErrLineTooLong
	case have == l.Head:
		return len(b), false, ErrHeadTooLong
	}
	return len(b), false, nil
}

// gather appends a piece of the head.
func (p *Parser) gather(b []byte) {
	switch need := len(p.head) + len(b); {
	case p.head == nil:
		p.head = p.loop.pool.Get(need)
	case need > cap(p.head):
		p.head = p.loop.pool.Grow(p.head, max(len(b), cap(p.head)))
	}
	p.head = append(p.head, b...)
}

// begin starts the body of the request whose head is complete.
func (p *Parser) begin() Event {
	p.mode, p.got = Whole, 0
	p.expect = p.req.ExpectContinue()
	switch {
	case p.req.chunked:
		p.state, p.left, p.digits, p.ext, p.trailer = atSize, 0, 0, 0, 0
	case p.req.length > int64(p.loop.limits.Body):
		return p.fail(ErrBodyTooLarge)
	default:
		p.state, p.left = inBody, p.req.length
	}
	return Head
}

// fail refuses the message. Its Request, if there is one, stays until Next is
// called again.
func (p *Parser) fail(err *Error) Event {
	p.err, p.state = err, atFailure
	return Failed
}

// done completes the message.
func (p *Parser) done() Event {
	p.state = atDone
	return Done
}

// rest gives back what the message held and goes on to s.
func (p *Parser) rest(s state) {
	p.dropBody()
	if p.head != nil {
		p.loop.pool.Put(p.head)
		p.head = nil
	}
	if p.req != nil {
		p.req.reset()
		p.loop.requests.put(p.req)
		p.req = nil
	}
	p.state, p.line, p.blank, p.expect = s, 0, 0, false
}

// keep makes p independent of what was fed: a head that is complete, and a body
// that is to be whole, go into buffers of the pool. It reports false if the
// budget has no room.
func (p *Parser) keep() bool {
	if p.head == nil {
		p.gather(p.req.head)
		p.req.head = p.head
	}
	return p.body == nil || p.owned || p.own(0)
}

// Stop ends parsing: what is fed from now on is taken in unread. It gives back
// all that p holds; a Parser needs nothing else when its connection ends.
func (p *Parser) Stop() { p.rest(ended) }

// Rest reports whether nothing of a next request has come, and another may come.
// Then p holds nothing, and may go on with another connection.
func (p *Parser) Rest() bool {
	if p.state == atDone && p.req.KeepAlive() {
		p.rest(atStart)
	}
	return p.state == atStart && p.blank == 0
}

// SetBody says what is to become of the body of the request whose head was
// just completed. Between the event Head and the next call of Next only; without
// it the mode is Whole.
func (p *Parser) SetBody(m BodyMode) { p.mode = m }

// Request returns the request whose head is complete, from Head to the first
// call of Next after Done or Failed, and nil at any other time. It is nil at
// Failed if the head is what was refused.
func (p *Parser) Request() *Request { return p.req }

// Body returns at Piece the piece and at Done, in the mode Whole, the body,
// without what frames chunks; nil if there is none. It aliases what was fed or a
// buffer of p's and is valid until the next call of Next.
func (p *Parser) Body() []byte { return p.body }

// Err returns why the message was refused, nil if none was.
func (p *Parser) Err() *Error { return p.err }

// Phase returns what p waits for. At Done and at Head it says what is next.
func (p *Parser) Phase() Phase {
	switch p.state {
	case atStart:
		return PhaseIdle
	case inHead:
		return PhaseHead
	case atDone:
		if p.req.KeepAlive() {
			return PhaseIdle
		}
		return PhaseEnded
	case atFailure, ended:
		return PhaseEnded
	}
	return PhaseBody
}

// ContinueDue reports, once for a request, that the peer waits for 100 Continue
// before it sends the body. Ask when Next has returned More, and send
// AppendContinue, or a final answer and close (RFC 9110 §10.1.1). False when a
// body has begun to come.
func (p *Parser) ContinueDue() bool {
	due := p.expect && p.Phase() == PhaseBody
	p.expect = false
	return due
}

// Charged returns the bytes that p has reserved of the budget.
func (p *Parser) Charged() int { return p.charged }
