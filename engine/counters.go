package engine

import "sync/atomic"

// counter has one writer, the goroutine inside its loop, and any number of
// readers: a plain load and store instead of a locked add.
type counter struct{ v atomic.Uint64 }

func (c *counter) add(n uint64) { c.v.Store(c.v.Load() + n) }

// loopCounters are written by one loop and read by Engine.Snapshot.
type loopCounters struct {
	_ [64]byte // keeps neighbours' writes off our cache lines

	connsOpened   counter
	connsClosed   [closeReasonsCount]counter
	connsOutlived counter
	messagesIn    counter
	bytesIn       counter
	messagesOut   counter
	bytesOut      counter
	writes        counter
	writesShort   counter
	flushTurn     counter
	flushBytes    counter
	flushEach     counter
	turns         counter
	wakes         counter
	callsInline   counter
	callsPooled   counter
	callsRefused  counter
	callsCanceled counter
	callsTimedOut counter
	panics        counter
	parseErrors   counter
	invalid       counter
	errorsOut     counter
	notifications counter
	batches       counter
	urgent        counter
	oversized     counter
	overBudget    counter
	heldInput     counter

	_ [64]byte
}

// Snapshot is the engine's counters at one moment, summed over its loops. The
// sums are not taken at one instant: two counters may be apart by what
// happened in between.
type Snapshot struct {
	Connections   int64  // open now
	Opened        uint64 // ever opened
	Closed        [closeReasonsCount]uint64
	Outlived      uint64 // connections that calls of theirs outlived (Conn.Lose)
	MessagesIn    uint64
	BytesIn       uint64 // bytes of whole messages, without framing
	MessagesOut   uint64
	BytesOut      uint64 // bytes taken by the transports
	Writes        uint64 // calls of Wire.Write that took something
	WritesShort   uint64 // of these, or beside these, the ones that left bytes over
	FlushTurn     uint64 // flushes at the end of a turn
	FlushBytes    uint64 // flushes because FlushBytes were gathered
	FlushEach     uint64 // flushes after each message (FlushOff)
	Turns         uint64
	Wakes         uint64 // turns begun with something in the mailbox
	CallsInline   uint64 // requests answered on the loop
	CallsPooled   uint64 // requests answered from the worker pool
	CallsRefused  uint64 // requests refused as overloaded or shutting down
	CallsCanceled uint64
	CallsTimedOut uint64
	Panics        uint64
	ParseErrors   uint64 // messages that were no JSON (-32700)
	Invalid       uint64 // messages that were no JSON-RPC (-32600)
	ErrorsOut     uint64 // error replies of any code
	Notifications uint64 // notifications taken in
	Batches       uint64
	Urgent        uint64 // messages that went out by the urgent lane
	Oversized     uint64 // messages refused for their size
	OverBudget    uint64 // borrows refused by the byte budget
	HeldInput     uint64 // times that a connection's input was held back because of blocked output
	PushRefused   uint64 // server notifications refused because too many were queued

	InFlight      int64 // calls off the loop now
	BufferedBytes int64 // bytes charged to MaxBufferedBytes now
}

// ClosedBy returns how many connections ended for reason.
func (s *Snapshot) ClosedBy(reason CloseReason) uint64 { return s.Closed[reason] }

// Snapshot sums the counters of all loops. Safe from any goroutine.
func (e *Engine) Snapshot() Snapshot {
	var s Snapshot
	e.mu.Lock()
	loops := e.loops
	e.mu.Unlock()
	for _, l := range loops {
		c := &l.n
		s.Opened += c.connsOpened.v.Load()
		for i := range c.connsClosed {
			s.Closed[i] += c.connsClosed[i].v.Load()
		}
		s.Outlived += c.connsOutlived.v.Load()
		s.MessagesIn += c.messagesIn.v.Load()
		s.BytesIn += c.bytesIn.v.Load()
		s.MessagesOut += c.messagesOut.v.Load()
		s.BytesOut += c.bytesOut.v.Load()
		s.Writes += c.writes.v.Load()
		s.WritesShort += c.writesShort.v.Load()
		s.FlushTurn += c.flushTurn.v.Load()
		s.FlushBytes += c.flushBytes.v.Load()
		s.FlushEach += c.flushEach.v.Load()
		s.Turns += c.turns.v.Load()
		s.Wakes += c.wakes.v.Load()
		s.CallsInline += c.callsInline.v.Load()
		s.CallsPooled += c.callsPooled.v.Load()
		s.CallsRefused += c.callsRefused.v.Load()
		s.CallsCanceled += c.callsCanceled.v.Load()
		s.CallsTimedOut += c.callsTimedOut.v.Load()
		s.Panics += c.panics.v.Load()
		s.ParseErrors += c.parseErrors.v.Load()
		s.Invalid += c.invalid.v.Load()
		s.ErrorsOut += c.errorsOut.v.Load()
		s.Notifications += c.notifications.v.Load()
		s.Batches += c.batches.v.Load()
		s.Urgent += c.urgent.v.Load()
		s.Oversized += c.oversized.v.Load()
		s.OverBudget += c.overBudget.v.Load()
		s.HeldInput += c.heldInput.v.Load()
	}
	for _, n := range s.Closed {
		s.Connections -= int64(n)
	}
	s.Connections += int64(s.Opened)
	s.Panics += e.panics.Load()
	s.PushRefused = e.pushesRefused.Load()
	s.InFlight = e.inFlight.Load()
	s.BufferedBytes = e.budget.used.Load()
	return s
}
