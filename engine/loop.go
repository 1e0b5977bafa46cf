package engine

import (
	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/ringbuf"
)

// task is what travels through a loop's mailbox.
type task interface{ runOnLoop(l *Loop) }

const (
	drainBatch   = 1024      // mailbox items per round of a turn
	turnRounds   = 16        // rounds of a turn before the driver gets its thread back
	budgetPeriod = 1000      // ticks between two looks at a budget that is passed
	outMin       = 512       // smallest output buffer
	arenaLimit   = 64 << 20  // bytes a single message may unescape into
	holderGrace  = 1e9       // nanoseconds without progress before a holder may be cut
	noDeadline   = 1<<63 - 1 // no timer
)

// Loop is the engine's half of one event loop: its connections, the calls
// they have in flight, timers, and the mailbox by which other goroutines reach
// them. Between Begin and End of a turn it is owned by one goroutine, its
// driver's; which one may change from turn to turn. No method is safe from
// another goroutine.
type Loop struct {
	e      *Engine
	driver Driver
	now    int64 // Clock at the beginning of the turn
	wokeAt int64 // what WakeAt was last called with

	msg    codec.Message
	inline *Call // the call of the message being served
	arena  *ringbuf.Arena
	bufs   ringbuf.Cache
	mail   ringbuf.Mailbox[task]
	wheel  wheel
	table  inFlightTable
	submit []*Call // left the loop in this turn, not yet handed to the executor
	free   *Call   // idle calls
	idle   int
	batch  *batch // idle batches

	dirty     dirtyConns // connections with output of this turn
	dirtyPart dirtyConns // parts with such, flushed before what carries them
	conns     *Conn      // all connections of the loop
	spawned   *Spawned
	serial    uint64
	drained   bool // conns were told to drain
	inTurn    bool
	budgetTmr timer

	pushed, pushedLast *Push // served in this turn, not yet given back
	pushedN            int

	n      loopCounters
	pushes pushGauge
}

// NewLoop adds a loop that d drives. All loops should be made before the
// first connection.
func (e *Engine) NewLoop(d Driver) *Loop {
	l := &Loop{e: e, driver: d, wokeAt: noDeadline}
	l.arena = ringbuf.NewArena(e.buffers, arenaLimit)
	l.bufs.Init(e.buffers)
	l.table.init()
	l.wheel.now = e.opts.Clock.Now() / tickNanos
	l.now = e.opts.Clock.Now()
	l.inline = l.newCall()
	l.budgetTmr.kind = timerAux
	// The first push must wake the driver, which has not run yet.
	l.mail.Sleep()
	e.mu.Lock()
	e.loops = append(e.loops[:len(e.loops):len(e.loops)], l)
	e.mu.Unlock()
	return l
}

// Engine returns the loop's engine.
func (l *Loop) Engine() *Engine { return l.e }

// Now returns the clock at the beginning of the turn, in nanoseconds.
func (l *Loop) Now() int64 { return l.now }

// Begin starts a turn: a driver calls it before it feeds what it has read.
func (l *Loop) Begin() {
	l.now = l.e.opts.Clock.Now()
	l.inTurn = true
	l.mail.Awake()
	l.n.turns.add(1)
}

// End completes a turn: calls that left the loop go to the executor, what
// other goroutines put into the mailbox is taken in, timers that are due
// fire, and every connection with output is written to, once.
func (l *Loop) End() {
	for round := 0; ; round++ {
		l.takeMail()
		l.fireTimers()
		if l.e.draining.Load() && !l.drained {
			l.drained = true
			l.drainConns()
		}
		if l.e.closed.Load() {
			l.closeConns(CloseForced)
			l.cancelSpawned()
		}
		l.handOver()
		l.flushDirty()
		if l.dirty.first == nil && l.dirtyPart.first == nil && len(l.submit) == 0 && l.mail.Sleep() {
			break
		}
		if round == turnRounds {
			// The driver's other work gets its chance; we come again.
			l.driver.Wake()
			break
		}
	}
	l.inTurn = false
	if tick, ok := l.wheel.nextTick(); ok {
		if at := tick * tickNanos; at != l.wokeAt {
			l.wokeAt = at
			l.driver.WakeAt(at)
		}
	}
}

// Turn is Begin and End: what a driver calls when it was woken.
func (l *Loop) Turn() {
	l.Begin()
	l.End()
}

// takeMail runs what other goroutines put into the mailbox.
func (l *Loop) takeMail() {
	it := l.mail.Pop()
	if it == nil {
		return
	}
	l.n.wakes.add(1)
	for n := 0; it != nil && n <= drainBatch; n++ {
		it.Value.runOnLoop(l)
		if n < drainBatch {
			it = l.mail.Pop()
		}
	}
	l.releasePushes()
}

func (l *Loop) fireTimers() {
	if l.wheel.armed == 0 {
		l.wheel.now = max(l.wheel.now, l.now/tickNanos)
		return
	}
	if tick := l.now / tickNanos; tick > l.wheel.now {
		l.wokeAt = noDeadline
		l.wheel.advance(tick, l.fire)
	}
}

func (l *Loop) fire(t *timer) {
	switch t.kind {
	case timerConn:
		connOfTimer(t).deadlinePassed()
	case timerFlush:
		connOfFlushTimer(t).retryFlush()
	case timerCall:
		callOfTimer(t).timerFired()
	case timerVisit:
		visitOfTimer(t).call(l)
	case timerAux:
		l.relieveBudget()
	}
}

// armAt arms t for the moment nanos.
func (l *Loop) armAt(t *timer, nanos int64) { l.wheel.arm(t, tickOf(nanos)) }

// handOver gives the calls that left the loop in this turn to the executor.
// What it has no room for is refused.
func (l *Loop) handOver() {
	if len(l.submit) == 0 {
		return
	}
	n := l.e.executor.Submit(l.submit)
	for _, c := range l.submit[n:] {
		c.refuseQueueFull()
	}
	clear(l.submit)
	l.submit = l.submit[:0]
}

// dirtyConns are connections in the order in which they came to have output.
type dirtyConns struct{ first, last *Conn }

func (q *dirtyConns) push(c *Conn) {
	if q.first == nil {
		q.first = c
	} else {
		q.last.dirtyNext = c
	}
	q.last = c
}

func (l *Loop) flushDirty() {
	l.flushConns(&l.dirtyPart)
	l.flushConns(&l.dirty)
}

// flushConns flushes those that q has now. A flush may unblock a connection, whose
// held input makes new output.
func (l *Loop) flushConns(q *dirtyConns) {
	list := q.first
	*q = dirtyConns{}
	for list != nil {
		c := list
		list = c.dirtyNext
		c.dirtyNext, c.isDirty = nil, false
		if !c.closed {
			if l.e.opts.Flush != FlushOff {
				l.n.flushTurn.add(1)
			}
			c.flush()
		}
		if c.resumable() && !c.blocked {
			c.resume()
		}
		if !c.closed {
			c.finishIfDone()
		}
	}
}

func (l *Loop) drainConns() {
	for c := l.conns; c != nil; {
		next := c.next
		c.Drain()
		c = next
	}
}

func (l *Loop) closeConns(reason CloseReason) {
	for c := l.conns; c != nil; {
		next := c.next
		c.leaveNow(reason)
		c = next
	}
}

// watchBudget makes the loop look, each second while the budget is passed, for
// a connection to cut.
func (l *Loop) watchBudget() {
	l.n.overBudget.add(1)
	if !l.budgetTmr.armed() {
		l.wheel.arm(&l.budgetTmr, l.wheel.now+budgetPeriod)
	}
}

// relieveBudget cuts connections of this loop that hold much of the budget and have
// made no progress for a second, until there is room: the one that holds most, and
// those that hold half as much. More of them wait for the next look.
func (l *Loop) relieveBudget() {
	b := &l.e.budget
	enough := b.max - b.max/8
	if b.used.Load() < enough {
		return
	}
	most := 0
	for c := l.conns; c != nil; c = c.next {
		if l.now-c.lastProgress >= holderGrace {
			most = max(most, c.holds())
		}
	}
	for c := l.conns; c != nil && most > 0 && b.used.Load() >= enough; {
		next := c.next
		if c.holds() >= most-most/2 && l.now-c.lastProgress >= holderGrace {
			c.Close(CloseBudget)
		}
		c = next
	}
	l.wheel.arm(&l.budgetTmr, l.wheel.now+budgetPeriod)
}
