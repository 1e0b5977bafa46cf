package engine

import (
	"context"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// Submit moves the call off the loop: r runs on the worker pool and answers.
// The message is copied. When a limit is reached the call is answered with
// -31001 instead. Must be called on the loop, last.
//
// It returns the Call that r will get, nil when a limit was reached. That one
// must be left alone, but for its Ext, by which the handler may pass on what it
// has found out already; what aliases the message it must not.
func (c *Call) Submit(r Runner) (twin *Call) { return c.detach(r, 0) }

// SubmitAfter is Submit after d; nothing but a timer is held meanwhile. A
// call that waits is cancelled at once when its peer asks for it.
func (c *Call) SubmitAfter(d time.Duration, r Runner) (twin *Call) { return c.detach(r, d) }

func (c *Call) detach(r Runner, d time.Duration) *Call {
	if c.detached || c.phase != callOpen || c.noting {
		panic("engine: Submit of a call that is answered or off the loop already")
	}
	l, conn := c.loop, c.conn
	o := &l.e.opts
	if conn.inFlight >= o.MaxInFlight {
		l.n.callsRefused.add(1)
		c.fail(&refusedInFlight)
		return nil
	}
	if l.e.inFlight.Add(1) > int64(o.MaxInFlightTotal) {
		l.e.inFlight.Add(-1)
		l.n.callsRefused.add(1)
		c.fail(&refusedTotal)
		return nil
	}
	src := c.msg.Raw()
	if n := charged(len(src)); n > 0 && !l.e.budget.take(n) {
		l.e.inFlight.Add(-1)
		l.watchBudget()
		l.n.callsRefused.add(1)
		c.fail(&refusedBudget)
		return nil
	}
	t := l.takeCall()
	t.raw = append(l.bufs.Get(len(src)), src...)
	if n := charged(cap(t.raw)) - charged(len(src)); n != 0 {
		l.e.budget.force(n) // settle what was asked for and what it became
	}
	c.msg.CopyTo(&t.own)
	t.own.Rebase(t.raw)
	t.msg = &t.own
	t.conn, t.batch, t.runner = conn, c.batch, r
	t.exchange = conn.exchange.Load()
	t.phase, t.code, t.detached, t.notified, t.noting = callOpen, 0, true, c.notified, false
	t.ended.Store(false)
	if t.batch != nil {
		t.batch.waiting++
		t.batch.asked = true
	}
	t.next = conn.calls
	t.prev = nil
	if conn.calls != nil {
		conn.calls.prev = t
	}
	conn.calls = t
	conn.inFlight++
	l.table.insert(t)
	t.began = l.now
	t.deadline.Store(noDeadline)
	if o.CallTimeout > 0 {
		t.deadline.Store(l.now + int64(o.CallTimeout))
	}
	l.n.callsPooled.add(1)
	t.parked = d > 0
	if t.parked {
		t.startAt = l.now + int64(d)
		l.armAt(&t.timer, min(t.startAt, t.deadline.Load()))
	} else {
		t.queue()
	}
	c.phase = callDetached
	return t
}

// queue hands the call to the executor at the end of the turn.
func (c *Call) queue() {
	c.parked = false
	if at := c.deadline.Load(); at != noDeadline {
		c.loop.armAt(&c.timer, at)
	}
	c.loop.submit = append(c.loop.submit, c)
}

// timerFired submits a call that waited, or times it out.
func (c *Call) timerFired() {
	l := c.loop
	if c.parked && l.now >= c.startAt {
		c.queue()
		return
	}
	if at := c.deadline.Load(); at > l.now { // extended
		l.armAt(&c.timer, at)
		return
	}
	l.n.callsTimedOut.add(1)
	if c.spawned != nil {
		c.spawned.timedOut()
		return
	}
	c.answerFor(&l.e.timedOut)
	c.cancel(ErrCallTimeout)
}

// Extend gives the call d from now on, if it had less; a d of 0 stands for
// Options.CallTimeout. It is what a handler calls that hears from its work, or
// waits for its client. No extension reaches
// beyond Options.MaxCallTimeout from the call's beginning. It does nothing on
// the loop, and for a call that has ended. Safe from any goroutine while the
// handler runs.
//
// Hot path: no allocation, no lock.
func (c *Call) Extend(d time.Duration) {
	if !c.detached {
		return
	}
	if d == 0 {
		d = c.loop.e.opts.CallTimeout
	}
	for {
		old := c.deadline.Load()
		if old == noDeadline {
			return
		}
		at := min(c.loop.e.opts.Clock.Now()+int64(d), c.began+int64(c.loop.e.opts.MaxCallTimeout))
		if at <= old || c.deadline.CompareAndSwap(old, at) {
			return
		}
	}
}

// answerFor sends an error in place of what the runner may still be at.
func (c *Call) answerFor(err *codec.Error) {
	conn := c.conn
	if conn.closed || c.ended.Load() {
		return
	}
	if c.batch != nil {
		dst, _ := c.batch.begin()
		c.batch.end(codec.AppendErrorReply(dst, c.msg.ID(), conn.noID(), err))
		return
	}
	conn.sendError(c.msg.ID(), err)
}

// refuseQueueFull takes back a call that the executor has no room for.
func (c *Call) refuseQueueFull() {
	c.loop.n.callsRefused.add(1)
	if c.spawned != nil {
		c.spawned.comeHome(c.loop)
		return
	}
	c.answerFor(&refusedQueue)
	c.ended.Store(true)
	c.comeHome()
}

// Run does the work of a call off the loop and sends the answer home. An
// Executor calls it once for each call that it took; nothing else may.
func (c *Call) Run() {
	if !c.ended.Load() {
		c.runContained()
		c.chargeAnswer()
	}
	c.mu.Lock()
	if c.cancelCtx != nil {
		c.cancelCtx(context.Canceled)
	}
	c.mu.Unlock()
	l := c.loop
	var wake bool
	if c.at == 1 {
		wake = l.mail.PushUrgent(&c.item)
	} else {
		wake = l.mail.Push(&c.item)
	}
	if wake {
		l.driver.Wake()
	}
}

// chargeAnswer charges a large answer to the byte budget while it is on its way to
// the loop, and has an error take its place where there is no room: handlers can
// make answers faster than peers read them.
func (c *Call) chargeAnswer() {
	n := charged(cap(c.out))
	if n == 0 || c.spawned != nil {
		return
	}
	e := c.loop.e
	if e.budget.take(n) {
		c.charged = n
		return
	}
	e.buffers.Put(c.out)
	c.out, c.phase, c.noRoom = nil, callOpen, true
	c.fail(&refusedBudget)
}

// arrived notes on the loop what chargeAnswer has done. It reports whether the answer
// was charged, which its output has to be from now on.
func (c *Call) arrived(l *Loop) (large bool) {
	if c.charged > 0 {
		l.e.budget.give(c.charged)
		c.charged, large = 0, true
	}
	if c.noRoom {
		l.watchBudget()
		l.n.callsRefused.add(1)
	}
	return large
}

func (c *Call) runContained() {
	defer func() {
		if r := recover(); r != nil {
			c.loop.e.panics.Add(1)
			c.loop.e.logPanic("runner", c.msg.Method(), r)
			c.abandonNotification()
			if c.phase != callAnswered {
				c.fail(codec.ErrInternal)
			}
		}
	}()
	c.runner.RunCall(c)
	c.abandonNotification()
	if c.phase != callAnswered {
		c.fail(codec.ErrInternal)
	}
}

// runOnLoop is the arrival of a call that was off the loop.
func (c *Call) runOnLoop(l *Loop) {
	if c.spawned != nil {
		c.spawned.runOnLoop(l)
		return
	}
	large := c.arrived(l)
	conn := c.conn
	if !c.ended.Load() && !conn.closed && c.phase == callAnswered && c.exchange == conn.exchange.Load() {
		if c.code != 0 {
			l.n.errorsOut.add(1)
		}
		if c.batch != nil {
			dst, _ := c.batch.begin()
			c.batch.end(append(l.e.buffers.Grow(dst, len(c.out)), c.out...))
		} else {
			conn.deliver(c)
			if large && !conn.closed {
				conn.chargeOut() // it may wait for the end of the turn, behind others
			}
		}
	}
	c.comeHome()
}

// deliver appends the answer of c to the output. A large one becomes the
// output where that is empty, so that its bytes are not copied.
func (c *Conn) deliver(call *Call) {
	urgent := call.at == 1
	if c.framing == nil && c.out == nil && len(call.out) > copyMax {
		c.out, call.out = call.out, nil
		if cap(c.out) == len(c.out) {
			c.out = c.loop.e.buffers.Grow(c.out, 1)
		}
		c.end(c.out, 0, call.code, urgent)
		return
	}
	dst, at := c.begin(len(call.out), true)
	c.end(append(dst, call.out...), at, call.code, urgent)
}

// copyMax is the size up to which an answer is copied into the output.
const copyMax = 16 << 10

// comeHome ends the call's life: it leaves its connection and may serve
// another request.
func (c *Call) comeHome() {
	l, conn := c.loop, c.conn
	if r, ok := c.runner.(ReturnRunner); ok {
		r.CallReturned(c)
	}
	l.wheel.disarm(&c.timer)
	l.table.remove(c)
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		conn.calls = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
	conn.inFlight--
	l.e.inFlight.Add(-1)
	if b := c.batch; b != nil {
		b.waiting--
		b.completeIfDone()
	}
	c.at = 0
	l.putCall(c)
	if conn.over {
		conn.endPart()
	}
	if !conn.closed && conn.inFlight == 0 {
		if conn.lost != CloseNone {
			conn.paused, conn.held = false, false // nothing more is fed
		}
		conn.lastIn = l.now
		conn.armDeadline()
		if conn.inputEnded || conn.draining {
			conn.markDirty()
		}
	}
}
