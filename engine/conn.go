package engine

import (
	"sync/atomic"
	"unsafe"

	"github.com/gannetmcp/gannet/codec"
)

// Conn is one connection, sans-I/O: its transport feeds whole messages, it
// appends answers to its output, which goes to its Wire once a turn. It
// belongs to one loop; its methods must be called inside a turn of that loop,
// but those marked "safe from any goroutine".
//
// An idle Conn holds no buffer, no arena and no call; of the wheel at most one
// armed timer, which costs nothing until it is due.
type Conn struct {
	loop    *Loop
	wire    Wire
	framing Framing
	handler Handler
	state   any

	// Output. out[sent:] has not been taken by the wire; it is nil when
	// nothing waits. 0 <= sent <= len(out).
	out         []byte
	sent        int
	frameAt     int // a frame begins there; used while blocked
	urgentAt    int // end of the last urgent frame that overtook
	urgentCount int // frames that overtook since output was empty
	outHint     int // size of the last turns' output
	charged     int // of out, to the byte budget
	inputHeld   int // what the transport holds back
	partialHeld int // what the transport has reserved for a message not complete

	timer      timer // timerConn
	flushTimer timer // timerFlush
	backoff    int64 // ticks to the next retry of blocked output

	serial       uint64
	exchange     atomic.Uint64 // the number of the current or last one of HTTP, 0 before; written by the loop
	openedAt     int64
	lastIn       int64 // last complete message
	partialAt    int64 // last byte of a message not complete, 0 if none
	closeAt      int64 // when it ends at the latest, by CloseBy; 0: not said
	fragmentAt   int64 // the transport holds part of what bytes of messages come in since then, 0: it does not
	lastProgress int64 // last byte taken by the wire, or last complete message
	tickAt       int64 // when the framing is to be called, 0: not

	calls     *Call // in flight, newest first
	inFlight  int
	busy      int      // by Busy
	part      PartWire // of a part that has not ended: its wire
	next      *Conn    // of the loop
	prev      *Conn
	dirtyNext *Conn

	served      bool // a message was completed
	isDirty     bool
	blocked     bool // the wire took less than it was given
	held        bool // told Blocked to the transport, owes it Resume
	paused      bool // by Pause
	revisit     bool // by Revisit
	keepIdle    bool
	inputEnded  bool
	draining    bool
	closed      bool
	over        bool        // closed, and everybody told
	cut         bool        // closed with output unsent
	closeReason CloseReason // by CloseBy or CloseFlushed
	closeSent   bool        // it ends as soon as its output has gone, by CloseFlushed
	gone        atomic.Bool // closed, for other goroutines
	batchOK     bool
	lost        CloseReason // why the peer is out of reach while calls go on, CloseNone: it is not
	omitErrorID bool
	ordered     bool // by ExchangeFraming: nothing may overtake
}

// Open adds a connection to the loop. framing may be nil: newline-delimited.
// It returns nil when the service refuses it; the Wire is then closed.
func (l *Loop) Open(w Wire, framing Framing) *Conn {
	return l.open(&Conn{wire: w, framing: framing}, l.e.svc.OpenConn)
}

func (l *Loop) open(c *Conn, handler func(*Conn) Handler) *Conn {
	l.serial++
	c.loop, c.serial = l, l.serial
	c.openedAt, c.lastIn, c.lastProgress = l.now, l.now, l.now
	c.timer.kind, c.flushTimer.kind = timerConn, timerFlush
	c.next = l.conns
	if l.conns != nil {
		l.conns.prev = c
	}
	l.conns = c
	l.e.open.Add(1)
	if c.part == nil {
		l.n.connsOpened.add(1)
		if f := l.e.opts.Observer.ConnOpened; f != nil {
			f(c)
		}
	}
	c.handler = handler(c)
	if c.handler == nil {
		c.Close(CloseRefused)
		return nil
	}
	if c.closed {
		return nil
	}
	if l.drained {
		c.draining = true
		c.markDirty()
	}
	c.armDeadline()
	return c
}

// Loop returns the connection's loop.
func (c *Conn) Loop() *Loop { return c.loop }

// Wire returns the connection's transport half.
func (c *Conn) Wire() Wire { return c.wire }

// State returns what SetState kept.
func (c *Conn) State() any { return c.state }

// SetState keeps a value of the service's with the connection.
func (c *Conn) SetState(v any) { c.state = v }

// KeepIdle says whether the connection stays open however long nothing comes:
// for a peer with a session, whose life its transport watches.
func (c *Conn) KeepIdle(keep bool) {
	c.keepIdle = keep
	if !keep {
		c.armDeadline()
	}
}

// AllowBatch says whether batches are served (MCP 2025-03-26) or refused.
func (c *Conn) AllowBatch(allow bool) { c.batchOK = allow }

// OmitErrorID says how an error names a request whose id could not be read:
// without the member (MCP from 2025-11-25), or by null (JSON-RPC 2.0).
func (c *Conn) OmitErrorID(omit bool) { c.omitErrorID = omit }

// Closed reports whether the connection has ended.
func (c *Conn) Closed() bool { return c.closed }

// InFlight returns how many calls of the connection are off the loop.
func (c *Conn) InFlight() int { return c.inFlight }

// Blocked reports whether the transport must hold further messages back
// because the peer does not read what it asked for. Once it has returned true,
// Wire.Resume follows when output has drained, unless the connection ends.
func (c *Conn) Blocked() bool {
	if c.closed {
		return true
	}
	if len(c.out)-c.sent < c.loop.e.opts.OutputHighWater {
		return false
	}
	if !c.held {
		// What is gathered may simply not have been offered yet.
		if !c.blocked {
			c.flush()
			if c.closed {
				return true
			}
			if len(c.out)-c.sent < c.loop.e.opts.OutputHighWater {
				return false
			}
		}
		c.held = true
		c.loop.n.heldInput.add(1)
	}
	return true
}

// HoldInput tells how many bytes the transport holds because of Blocked. Above
// Options.HeldInputBytes the connection is closed and HoldInput returns false.
func (c *Conn) HoldInput(n int) bool {
	if c.closed {
		return false
	}
	if n > c.loop.e.opts.HeldInputBytes {
		c.Close(CloseSlowReader)
		return false
	}
	c.setHeld(n)
	return true
}

// setHeld charges what the transport holds back to the byte budget.
func (c *Conn) setHeld(n int) {
	if d := charged(n) - charged(c.inputHeld); d != 0 {
		b := &c.loop.e.budget
		b.force(d)
		if b.over() {
			c.loop.watchBudget()
		}
	}
	c.inputHeld = n
}

// Receive serves one whole message, without its framing. b is read until
// Receive returns and not kept.
//
// Hot path: no allocation, no lock.
func (c *Conn) Receive(b []byte) {
	if c.closed {
		return
	}
	l := c.loop
	l.n.messagesIn.add(1)
	l.n.bytesIn.add(uint64(len(b)))
	c.lastIn, c.lastProgress, c.partialAt, c.partialHeld = l.now, l.now, 0, 0
	if !c.served {
		c.served = true
		c.armDeadline()
	}
	m := &l.msg
	if err := l.e.parser.Parse(m, b); err != nil {
		c.refuse(m, err)
		return
	}
	if m.Kind() == codec.KindBatch {
		c.receiveBatch(m)
		return
	}
	l.dispatch(c, m, nil)
}

// Partial tells that a message has begun and is not complete, and how many
// bytes the transport has reserved for it (Engine.Reserve). The read timeout
// counts from the last such call.
func (c *Conn) Partial(reserved int) {
	if c.closed {
		return
	}
	c.partialAt, c.partialHeld = c.loop.now, reserved
	if t := c.loop.e.opts.ReadTimeout; t > 0 {
		c.armNoLater(c.loop.now + int64(t))
	}
}

// StillPartial is Partial for a message whose read timeout goes on as it began:
// it bounds the whole of the message.
func (c *Conn) StillPartial(reserved int) {
	if c.partialAt != 0 {
		c.partialHeld = reserved
		return
	}
	c.Partial(reserved)
}

// Send sends a message of the server's own, without framing, with this turn's
// output. b is copied.
//
// Hot path: no allocation.
func (c *Conn) Send(b []byte) {
	if c.closed {
		return
	}
	dst, at := c.begin(len(b), false)
	c.end(append(dst, b...), at, 0, false)
}

// SendAnswer is Send for the answer to a request that was left open (Call.Leave).
func (c *Conn) SendAnswer(b []byte) {
	if c.closed {
		return
	}
	dst, at := c.begin(len(b), true)
	c.end(append(dst, b...), at, 0, false)
}

// SendRaw sends bytes of the transport's own, past the framing, with this
// turn's output. b is copied.
func (c *Conn) SendRaw(b []byte) {
	if c.closed {
		return
	}
	dst := c.out
	if cap(dst)-len(dst) < len(b) {
		dst = c.growOut(len(b))
	}
	c.out = append(dst, b...)
	c.sentOne()
}

// Stalled reports whether output waits because the wire has not taken it.
func (c *Conn) Stalled() bool { return c.blocked && !c.closed }

// AwaitResume has Wire.Resume called when output that waits has gone, or some of
// it has, as if Blocked had returned true.
func (c *Conn) AwaitResume() { c.held = true }

// Upgrade has the connection, which carried HTTP, go on as a stream of messages:
// framed by f, served by h. What is in the output is sent as it is.
func (c *Conn) Upgrade(f Framing, h Handler) {
	c.framing, c.handler = f, h
	c.ordered, c.batchOK, c.omitErrorID = false, false, false
	c.exchange.Store(0)
	c.frameAt = max(c.frameAt, len(c.out)) // no frame of f's lies before
}

// Pause has the transport feed nothing until Unpause, as Blocked does: one
// request of a protocol without ids is being answered. Wire.Resume then follows
// after the turn's output.
func (c *Conn) Pause() { c.held, c.paused = true, true }

// Unpause ends what Pause began. It may be called by the Framing.
func (c *Conn) Unpause() {
	c.paused = false
	c.markDirty()
}

// Oversized refuses a message that is longer than Options.MaxMessageBytes,
// which the transport skips to stay in step.
func (c *Conn) Oversized() {
	if c.closed {
		return
	}
	c.served = true
	c.loop.n.oversized.add(1)
	c.partialAt, c.partialHeld = 0, 0
	c.malformed(codec.ID{}, &c.loop.e.tooLarge)
}

// Overloaded refuses a message that the byte budget has no room for, which the
// transport skips to stay in step.
func (c *Conn) Overloaded() {
	if c.closed {
		return
	}
	c.loop.watchBudget()
	c.loop.n.callsRefused.add(1)
	c.partialAt, c.partialHeld = 0, 0
	c.malformed(codec.ID{}, &refusedBudget)
}

// Outpaced refuses a message of which its coding makes more than there is time for.
func (c *Conn) Outpaced() {
	if c.closed {
		return
	}
	c.loop.n.callsRefused.add(1)
	c.partialAt, c.partialHeld = 0, 0
	c.malformed(codec.ID{}, &refusedTime)
}

// EndOfInput tells that the peer will send no more. What it asked for is still
// answered; then the connection is closed.
func (c *Conn) EndOfInput() {
	if c.closed || c.inputEnded {
		return
	}
	c.inputEnded = true
	c.partialAt, c.fragmentAt = 0, 0
	c.endWhatWasLeft()
	c.markDirty()
}

// Drain closes the connection as soon as it has nothing left to do. New
// requests are refused meanwhile.
func (c *Conn) Drain() {
	if c.closed || c.draining {
		return
	}
	c.draining = true
	c.endWhatWasLeft()
	c.finishIfDone()
}

// endWhatWasLeft has the service end what it has left open.
func (c *Conn) endWhatWasLeft() {
	if d, ok := c.handler.(Drainer); ok && !c.closed {
		d.DrainConn(c)
	}
}

// Idle reports whether nothing is left to do: no call in flight, no output
// that waits, no input held back.
func (c *Conn) Idle() bool {
	return c.inFlight == 0 && c.busy == 0 && len(c.out) == c.sent && !c.held && !c.revisit
}

// finishIfDone closes a connection that ends when its work is done.
func (c *Conn) finishIfDone() {
	if c.closeSent {
		if len(c.out) == c.sent {
			c.Close(c.closeReason)
		}
		return
	}
	if !(c.inputEnded || c.draining) || !c.Idle() {
		return
	}
	switch {
	case c.lost != CloseNone:
		c.Close(c.lost)
	case c.inputEnded:
		c.Close(ClosePeer)
	case c.closeAt == 0: // else the peer's time is not up
		c.leave(CloseDrained)
	}
}

// Close ends the connection at once; unsent output is dropped, calls in flight
// are cancelled (ErrConnClosed).
func (c *Conn) Close(reason CloseReason) {
	if c.closed {
		return
	}
	c.closed = true
	c.cut = len(c.out) > c.sent
	c.gone.Store(true)
	l := c.loop
	l.wheel.disarm(&c.timer)
	l.wheel.disarm(&c.flushTimer)
	for call := c.calls; call != nil; {
		next := call.next
		call.cancel(ErrConnClosed)
		call = next
	}
	c.releaseOut()
	c.setHeld(0)
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.conns = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
	if c.part == nil {
		l.n.connsClosed[reason].add(1)
	}
	if c.handler != nil {
		c.handler.CloseConn(c, reason)
	}
	if f := l.e.opts.Observer.ConnClosed; f != nil && c.part == nil {
		f(c, reason)
	}
	c.wire.Close(reason)
	l.e.open.Add(-1)
	c.over = true
	c.endPart()
}

// holds returns the bytes that the connection holds of the budget.
func (c *Conn) holds() int { return c.charged + charged(c.inputHeld) + c.partialHeld }

// The wheel's nodes are embedded, so that arming allocates nothing; these find
// the object around a node. The pointer stays inside one allocation.

func connOfTimer(t *timer) *Conn {
	return (*Conn)(unsafe.Add(unsafe.Pointer(t), -int(unsafe.Offsetof(Conn{}.timer))))
}

func connOfFlushTimer(t *timer) *Conn {
	return (*Conn)(unsafe.Add(unsafe.Pointer(t), -int(unsafe.Offsetof(Conn{}.flushTimer))))
}
