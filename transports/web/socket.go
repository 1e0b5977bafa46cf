package web

import (
	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// socket is what a connection carries that has become a WebSocket: a message in
// each frame of text. Between two messages it holds nothing but this.
//
//	        Ping, Pong
//	         ┌──┐
//	         ▼  │       peer's Close, answered
//	open ──► open ──────────────────────────────────► closed, behind our output
//	         │ │  we close: drain, idle      peer's Close or CloseTimeout ▲ │
//	         │ └──────────────────────────► left ─────────────────────────┘ │
//	         │    what came is no frame              peer's end of input    ▼
//	         └────────────────────────────► failed ──────────────────► or CloseTimeout
//
// In left and failed nothing is sent behind our close frame, and no message that
// comes is served.
type socket struct {
	l       *Loop
	conn    *engine.Conn
	parser  *websocket.Parser // lent while something has begun, else nil
	pong    []byte            // of the pool: what the last ping asks to repeat, while the peer does not read; nil: nothing
	agreed  websocket.Agreed
	missed  int                // pings since a byte of the peer's came
	reason  engine.CloseReason // why it ends, if the peer ends it or has to answer
	heard   bool               // a byte came since the last ping
	sent    bool               // our close frame is in the output
	failed  bool               // what came was no frame
	closeAt int64              // once it is sent: when the peer's time is up
}

var _ engine.Upkeep = (*socket)(nil)

func newSocket(l *Loop, c *engine.Conn, a websocket.Agreed) *socket {
	l.counters.open.Add(1)
	l.counters.opened.Add(1)
	s := &socket{l: l, conn: c, agreed: a, reason: engine.ClosePeer}
	if d := l.opts.WebSocket.PingInterval; d > 0 {
		c.TickAfter(d)
	}
	return s
}

// parsersMax bounds the parsers that a Loop keeps while nobody uses them.
const parsersMax = 256

// begin borrows a parser.
func (s *socket) begin() {
	l := s.l
	if i := len(l.parsers) - 1; i >= 0 {
		s.parser, l.parsers[i] = l.parsers[i], nil
		l.parsers = l.parsers[:i]
	} else {
		s.parser = &websocket.Parser{}
	}
	s.parser.Init(l.websocket, l.engine.Engine(), s.agreed)
}

// giveBack gives back a parser that holds nothing.
func (s *socket) giveBack() {
	if len(s.l.parsers) < parsersMax {
		s.l.parsers = append(s.l.parsers, s.parser)
	}
	s.parser = nil
}

// deliver feeds messages until p is used up, or the connection is blocked or closed;
// it returns how many bytes of p it took. It writes to p, and does not keep it.
//
// Hot path: no allocation, no lock.
func (s *socket) deliver(p []byte) (taken int) {
	if len(p) == 0 {
		return 0
	}
	s.heard = true
	if s.parser == nil {
		s.begin()
	}
	taken = s.feed(p)
	if !s.conn.Closed() && s.parser.Rest() {
		s.giveBack()
	}
	return taken
}

func (s *socket) feed(p []byte) (taken int) {
	c, controls := s.conn, false
	for !c.Closed() {
		if !s.sent && c.Blocked() {
			return taken
		}
		n, ev := s.parser.Next(p[taken:])
		taken += n
		switch ev {
		case websocket.Message:
			if !s.sent {
				c.Receive(s.parser.Payload())
			}
		case websocket.Ping:
			controls = true
			s.answer(s.parser.Payload())
		case websocket.Pong:
			controls = true
		case websocket.NoRoom:
			if !s.sent {
				c.Overloaded()
			}
		case websocket.NoTime:
			s.l.counters.outpaced.Add(1)
			if !s.sent {
				c.Outpaced()
			}
		case websocket.Close:
			s.closed()
		case websocket.Failed:
			s.fail(s.parser.Err())
		case websocket.More:
			switch {
			case s.sent:
			case !s.parser.Pending():
				c.PartialSince(0, 0) // not everything that ends is a message
			case controls: // they are no progress of a message
				c.StillPartial(s.parser.Charged())
			default:
				c.Partial(s.parser.Charged())
			}
			return taken
		}
	}
	return len(p)
}

// answer answers a ping. While the peer does not read, the last one only will be
// (RFC 6455, section 5.5.3).
func (s *socket) answer(data []byte) {
	switch {
	case s.sent:
	case s.conn.Stalled():
		if s.pong == nil {
			s.pong = s.l.engine.Engine().Buffers().Get(len(data))
			s.conn.AwaitResume()
		} else {
			s.l.counters.pongsLeftOut.Add(1)
		}
		s.pong = append(s.pong[:0], data...)
	default:
		s.say(s.l.websocket.AppendPong(s.l.scratch[:0], data))
	}
}

// say sends a control frame, which is in the loop's scratch.
func (s *socket) say(frame []byte) {
	s.l.scratch = frame
	s.conn.SendRaw(frame)
}

// resumed is called when output has gone.
func (s *socket) resumed() {
	switch {
	case s.pong == nil:
	case s.conn.Stalled():
		s.conn.AwaitResume()
	default:
		if !s.sent {
			s.say(s.l.websocket.AppendPong(s.l.scratch[:0], s.pong))
		}
		s.dropPong()
	}
}

func (s *socket) dropPong() {
	if s.pong != nil {
		s.l.engine.Engine().Buffers().Put(s.pong)
		s.pong = nil
	}
}

// bye sends our close frame, if it was not sent; within CloseTimeout the connection
// ends, for reason.
func (s *socket) bye(code websocket.Code, text string, reason engine.CloseReason) {
	if s.sent {
		return
	}
	s.say(s.l.websocket.AppendClose(s.l.scratch[:0], code, text))
	s.sent, s.reason = true, reason
	s.closeAt = s.l.engine.Now() + int64(s.l.opts.WebSocket.CloseTimeout)
	s.conn.CloseBy(s.closeAt, reason)
}

// closed takes the peer's close frame, and answers it: whose server we are, we end
// the connection (RFC 6455, section 7.1.1).
func (s *socket) closed() {
	s.bye(s.parser.Code(), "", engine.ClosePeer)
	s.conn.CloseFlushed(s.reason)
}

// fail says what is wrong. What still comes is read, so that the peer gets to read
// that.
func (s *socket) fail(e *websocket.Error) {
	if s.sent {
		s.conn.CloseFlushed(s.reason)
		return
	}
	s.l.counters.failed[failureOf(e)].Add(1)
	s.failed = true // first: what is written now may be the last
	s.bye(e.Code, e.Reason, engine.CloseProtocol)
}

// Leave takes leave of a peer that the engine wants to end with, and waits for its
// answer.
func (s *socket) Leave(reason engine.CloseReason) {
	code := websocket.CodeGoingAway
	text := reason.String()
	switch reason {
	case engine.CloseDrained, engine.CloseForced:
		text = "the server shuts down"
	case engine.CloseLocal:
		code, text = websocket.CodeNormal, ""
	}
	s.bye(code, text, reason)
}

// Tick sends a ping, or ends with a peer that has answered none for too long.
func (s *socket) Tick() {
	o := &s.l.opts.WebSocket
	if s.heard {
		s.missed, s.heard = 0, false
	}
	if s.missed >= o.MissedPings {
		s.conn.Close(engine.ClosePing)
		return
	}
	if !s.conn.Stalled() { // else it has something to read, and a time to do so
		s.l.counters.pings.Add(1)
		s.missed++
		s.say(s.l.websocket.AppendPing(s.l.scratch[:0], nil))
	}
	s.conn.TickAfter(o.PingInterval)
}

// release gives back all buffers.
func (s *socket) release() {
	s.l.counters.open.Add(-1)
	if s.sent && !s.failed && s.l.engine.Now() >= s.closeAt {
		s.l.counters.unanswered.Add(1)
	}
	s.dropPong()
	if s.parser != nil {
		s.parser.Release()
		s.giveBack()
	}
}

// Open begins the frame of a message.
func (s *socket) Open(dst []byte, _ bool) []byte { return s.l.websocket.OpenText(dst) }

// Close completes it. Nothing follows a close frame.
func (s *socket) Close(dst []byte, at int, _ codec.Code) []byte {
	if s.sent {
		return dst[:at]
	}
	return s.l.websocket.CloseText(dst, at, s.agreed)
}

// Abort takes it back.
func (s *socket) Abort(dst []byte, at int) []byte { return dst[:at] }

// Boundary returns the length of the frame at the front of b.
func (s *socket) Boundary(b []byte) int { return websocket.FrameLen(b) }
