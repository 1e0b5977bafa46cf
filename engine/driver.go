package engine

import "github.com/gannetmcp/gannet/codec"

// Driver is what a Loop needs from whatever runs it: a gnet event loop, the
// goroutine that reads standard input, a test.
type Driver interface {
	// Wake makes the driver call Loop.Turn soon. It is called from any
	// goroutine: by the one that puts the first message into the mailbox of a
	// loop that sleeps, and when the engine drains or closes. It must not
	// block, and must not call Turn itself unless no other goroutine is inside
	// the loop.
	Wake()

	// WakeAt asks for a call of Loop.Turn no later than at, in the nanoseconds
	// of the engine's Clock. A later call replaces an earlier one. It is
	// called from inside a turn only.
	WakeAt(at int64)
}

// Wire is the transport's half of one connection: where output goes. All its
// methods are called by the loop that owns the connection, inside a turn.
type Wire interface {
	// Write hands over bytes and returns how many were taken. It never
	// blocks for a peer that does not read: n < len(p) with a nil error means
	// that the peer takes no more now, and the engine tries again later. After
	// an error the connection is dead. Write does not keep p.
	Write(p []byte) (n int, err error)

	// Resume tells the transport that output has drained: messages it held
	// back since Conn.Blocked returned true may be fed again. The transport
	// feeds them before it returns, or in a later turn.
	Resume()

	// Close ends the connection. The engine calls it once, when nothing is
	// left to be written or waiting is pointless; it touches the Wire no more
	// afterwards.
	Close(reason CloseReason)
}

// Framing puts the transport's envelope around each outgoing message. A nil
// Framing means newline-delimited messages, the framing of MCP on stdio and
// on any reliable byte stream.
type Framing interface {
	// Open appends what precedes a message, if need be as room to be filled
	// in by Close. answer tells the answer to what was received from what the
	// server says of its own accord.
	Open(dst []byte, answer bool) []byte
	// Close completes the frame that Open began at offset at of dst. code is
	// that of an error that is an answer, else 0.
	Close(dst []byte, at int, code codec.Code) []byte
	// Abort takes the frame back that Open began at offset at of dst, and what
	// was put into it. What Open has begun beside the frame, such as the head of
	// a stream, stays.
	Abort(dst []byte, at int) []byte
	// Boundary returns the length of the frame that begins at b[0]. The
	// whole frame is in b. Where frames must keep their order, it returns
	// len(b).
	Boundary(b []byte) int
}

// Upkeep is the Framing of a protocol that has more to do than to carry
// messages: to find out whether its peer is there, and to take leave of it.
type Upkeep interface {
	Framing
	// Tick is called at the moment that Conn.TickAfter has named.
	Tick()
	// Leave is called when the engine would end the connection for reason, though
	// its peer may well be there. It may put its last words into the output, and
	// give its peer time for them and for an answer (Conn.CloseBy, Conn.CloseFlushed);
	// otherwise the connection ends behind what its wire takes at once. Where there
	// is no time to give it is called all the same, perhaps a second time.
	Leave(reason CloseReason)
}
