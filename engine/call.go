package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/ringbuf"
)

// callPhase says how far the answer of a call is.
type callPhase uint8

const (
	callOpen     callPhase = iota // not answered
	callWriting                   // between BeginResult and EndResult
	callAnswered                  // answered, or answered for
	callDetached                  // its twin off the loop answers
)

// Call is one request. A handler gets it on the loop and answers it there, or
// moves it off the loop by Submit or SubmitAfter, after which a Runner gets
// another Call with the same content on a goroutine of the worker pool.
//
// A Call, the message in it and all bytes that alias these are valid until the
// handler (on the loop) or RunCall (off it) returns. Neither the Call nor its
// methods may be used afterwards; it then serves another request.
type Call struct {
	item ringbuf.Item[task]
	loop *Loop
	conn *Conn
	msg  *codec.Message
	ext  any

	dst   []byte // output while callWriting
	at    int    // where the message began in dst
	phase callPhase
	code  codec.Code // of an error answer, 0 for a result

	batch *batch

	// Off the loop only.
	detached bool
	own      codec.Message
	raw      []byte // the message's bytes
	out      []byte // the answer
	runner   Runner
	arena    ringbuf.Arena
	timer    timer
	deadline int64
	startAt  int64
	parked   bool  // not with the executor yet: waits for startAt, or for the end of the turn
	push     *Push // between BeginNotification and EndNotification
	chain    *Call // of the in-flight table
	hash     uint64
	next     *Call // of the connection; of the free list
	prev     *Call

	ended     atomic.Bool // cancelled, timed out, or its connection closed: nothing more is sent
	mu        sync.Mutex  // protects ctx, cancelCtx, cause
	ctx       context.Context
	cancelCtx context.CancelCauseFunc
	cause     error
}

// newCall returns a call with buffers of its own.
func (l *Loop) newCall() *Call {
	c := &Call{loop: l}
	c.item.Value = c
	c.timer.kind = timerCall
	c.arena.Init(l.e.buffers, arenaLimit)
	return c
}

// takeCall returns an idle call, or a new one.
func (l *Loop) takeCall() *Call {
	c := l.free
	if c == nil {
		return l.newCall()
	}
	l.free, c.next = c.next, nil
	l.idle--
	return c
}

const idleCallsMax = 4096

func (l *Loop) putCall(c *Call) {
	if c.raw != nil {
		if n := charged(cap(c.raw)); n > 0 {
			l.e.budget.give(n)
		}
		l.bufs.Put(c.raw)
		c.raw = nil
	}
	if c.out != nil {
		l.bufs.Put(c.out)
		c.out = nil
	}
	c.arena.Reset()
	c.conn, c.runner, c.dst, c.batch, c.msg, c.parked = nil, nil, nil, nil, nil, false
	c.ctx, c.cancelCtx, c.cause = nil, nil, nil
	if l.idle < idleCallsMax {
		c.next = l.free
		l.free = c
		l.idle++
	}
}

// dispatch serves one message that is no batch. b is the batch it is of, or nil.
func (l *Loop) dispatch(c *Conn, m *codec.Message, b *batch) {
	switch m.Kind() {
	case codec.KindRequest:
		l.serve(c, m, b)
	case codec.KindNotification:
		l.n.notifications.add(1)
		l.notify(c, m)
	default:
		l.respond(c, m)
	}
}

func (l *Loop) serve(c *Conn, m *codec.Message, b *batch) {
	call := l.inline
	call.conn, call.msg, call.batch = c, m, b
	call.phase, call.code, call.detached = callOpen, 0, false
	switch {
	case l.e.draining.Load():
		l.n.callsRefused.add(1)
		call.fail(codec.ErrShuttingDown)
	case c.inFlight > 0 && l.table.find(c, m.ID().Raw()) != nil:
		l.n.invalid.add(1)
		call.fail(&errDuplicateID)
	default:
		l.serveContained(call)
		if call.phase != callDetached {
			l.n.callsInline.add(1)
		}
	}
	l.arena.Reset()
	call.conn, call.msg, call.batch = nil, nil, nil
}

// serveContained calls the handler; a panic in it ends the call, not the
// process.
func (l *Loop) serveContained(call *Call) {
	defer func() {
		if r := recover(); r != nil {
			l.n.panics.add(1)
			l.e.logPanic("handler", call.msg.Method(), r)
			call.fail(codec.ErrInternal)
		}
	}()
	call.conn.handler.ServeRequest(call)
	if call.phase == callOpen || call.phase == callWriting {
		call.fail(codec.ErrInternal)
	}
}

func (l *Loop) notify(c *Conn, m *codec.Message) {
	defer l.contain(m)
	c.handler.ServeNotification(c, m)
	l.arena.Reset()
}

func (l *Loop) respond(c *Conn, m *codec.Message) {
	defer l.contain(m)
	c.handler.ServeResponse(c, m)
	l.arena.Reset()
}

func (l *Loop) contain(m *codec.Message) {
	if r := recover(); r != nil {
		l.n.panics.add(1)
		l.e.logPanic("handler", m.Method(), r)
	}
}

func (e *Engine) logPanic(where string, method []byte, r any) {
	if len(method) > 128 {
		method = method[:128]
	}
	e.opts.Logger.Error("panic contained", "in", where, "method", string(method), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
}

// What a handler reads.

// ID returns the request's id. It aliases the message.
func (c *Call) ID() codec.ID { return c.msg.ID() }

// Method returns the method's name. It aliases the message.
func (c *Call) Method() []byte { return c.msg.Method() }

// Message returns the whole request.
func (c *Call) Message() *codec.Message { return c.msg }

// Params returns the members of params, empty if there are none. It aliases the
// message.
func (c *Call) Params() codec.Object { return c.msg.Params() }

// Conn returns the call's connection. Off the loop only its methods that are
// safe from any goroutine may be called.
func (c *Call) Conn() *Conn { return c.conn }

// Loop returns the call's loop, which is not safe off the loop.
func (c *Call) Loop() *Loop { return c.loop }

// InBatch reports whether the request came in a batch.
func (c *Call) InBatch() bool { return c.batch != nil }

// OffLoop reports whether the call runs on the worker pool.
func (c *Call) OffLoop() bool { return c.detached }

// Arena returns memory that lives as long as the call, for strings that must
// be unescaped.
func (c *Call) Arena() *ringbuf.Arena {
	if c.detached {
		return &c.arena
	}
	return c.loop.arena
}

// Ext returns what SetExt kept with this Call object. Call objects are reused
// for other requests of the same service, and so is what they carry: the
// service's own part of a call, allocated once.
func (c *Call) Ext() any { return c.ext }

// SetExt keeps a value with the Call object.
func (c *Call) SetExt(v any) { c.ext = v }

// Answered reports whether the call has been answered.
func (c *Call) Answered() bool { return c.phase == callAnswered }

// Code returns the code of the error that the call was answered with, 0 for a
// result.
func (c *Call) Code() codec.Code { return c.code }

// Ended reports whether answering has become pointless: the call was
// cancelled, timed out, or its connection closed. Safe from any goroutine
// while the handler runs.
func (c *Call) Ended() bool { return c.detached && c.ended.Load() }

// Context returns a context that is cancelled when the call has ended, with
// the reason as its cause (ErrPeerCancelled, ErrCallTimeout, ErrConnClosed),
// and when RunCall returns. It is made at the first call and allocates. On the
// loop, where nothing can end a call before it is answered, it is the
// background context.
func (c *Call) Context() context.Context {
	if !c.detached {
		return context.Background()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		c.ctx, c.cancelCtx = context.WithCancelCause(context.Background())
		if c.cause != nil {
			c.cancelCtx(c.cause)
		}
	}
	return c.ctx
}

// How it answers.

// Grow returns dst with room for n more bytes, moved to a larger buffer of the
// pool if need be. dst must come from BeginResult or BeginNotification.
func (c *Call) Grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	return c.loop.e.buffers.Grow(dst, n)
}

// BeginResult begins the answer and returns the output, to which the caller
// appends the result, one JSON value, and which it then gives to EndResult.
// The output is the call's until then; growth by append is allowed.
// It panics if the call is answered already.
//
// Hot path: no allocation, no lock.
func (c *Call) BeginResult() []byte {
	dst := c.beginMessage()
	return codec.AppendResultHead(dst, c.msg.ID())
}

// EndResult completes the answer that BeginResult began.
func (c *Call) EndResult(dst []byte) { c.endMessage(append(dst, '}'), false) }

// EndUrgentResult is EndResult for an answer that may overtake others, such as
// that of a ping.
func (c *Call) EndUrgentResult(dst []byte) { c.endMessage(append(dst, '}'), true) }

// AbandonResult undoes BeginResult; the call must then be answered otherwise.
func (c *Call) AbandonResult(dst []byte) {
	c.dst = dst
	c.rewind()
}

// Result answers with a result that is JSON text already; it is copied.
func (c *Call) Result(json []byte) {
	dst := c.BeginResult()
	dst = append(c.Grow(dst, len(json)+2), json...)
	c.EndResult(dst)
}

// Error answers with an error. data is JSON text or nil; all is copied.
func (c *Call) Error(code codec.Code, message string, data []byte) {
	dst := c.beginError(code, len(message)+len(data)+128)
	dst = codec.AppendError(dst, c.msg.ID(), c.conn.noID(), code, message, data)
	c.endMessage(dst, true)
}

// Fail answers with a prepared error of package codec.
func (c *Call) Fail(err *codec.Error) { c.fail(err) }

func (c *Call) fail(err *codec.Error) {
	dst := c.beginError(err.Code, 256)
	dst = codec.AppendErrorReply(dst, c.msg.ID(), c.conn.noID(), err)
	c.endMessage(dst, true)
}

func (c *Call) beginError(code codec.Code, room int) []byte {
	if c.phase == callWriting {
		c.rewind()
	}
	c.loop.errorOut(c)
	dst := c.Grow(c.beginMessage(), room)
	c.code = code
	return dst
}

// errorOut counts an error answer; off the loop it is counted on arrival.
func (l *Loop) errorOut(c *Call) {
	if !c.detached {
		l.n.errorsOut.add(1)
	}
}

// beginMessage opens the destination of the answer: the connection's output,
// the batch's, or the call's own buffer.
func (c *Call) beginMessage() []byte {
	if c.phase != callOpen {
		panic("engine: call answered twice")
	}
	c.phase, c.code = callWriting, 0
	switch {
	case c.detached:
		if c.out == nil {
			c.out = c.loop.e.buffers.Get(max(outMin, len(c.raw)+256))
		}
		c.dst, c.at = c.out[:0], 0
		c.out = nil
	case c.batch != nil:
		c.dst, c.at = c.batch.begin()
	default:
		c.dst, c.at = c.conn.begin(len(c.msg.ID().Raw()))
	}
	return c.dst
}

func (c *Call) endMessage(dst []byte, urgent bool) {
	if c.phase != callWriting {
		panic("engine: EndResult without BeginResult")
	}
	c.phase = callAnswered
	c.dst = nil
	switch {
	case c.detached:
		c.out, c.at = dst, 0
		if urgent {
			c.at = 1 // remembered for the way home
		}
	case c.batch != nil:
		c.batch.end(dst)
	default:
		c.conn.end(dst, c.at, urgent)
	}
}

// rewind drops what was written of an answer.
func (c *Call) rewind() {
	c.phase = callOpen
	switch {
	case c.detached:
		c.out = c.dst[:0]
	case c.batch != nil:
		c.batch.buf = c.dst[:c.at]
	default:
		c.conn.abandon(c.dst, c.at)
	}
	c.dst = nil
}

// Off the loop.

// Submit moves the call off the loop: r runs on the worker pool and answers.
// The message is copied. When a limit is reached the call is answered with
// -31001 instead. Must be called on the loop, last.
func (c *Call) Submit(r Runner) { c.detach(r, 0) }

// SubmitAfter is Submit after d; nothing but a timer is held meanwhile. A
// call that waits is cancelled at once when its peer asks for it.
func (c *Call) SubmitAfter(d time.Duration, r Runner) { c.detach(r, d) }

func (c *Call) detach(r Runner, d time.Duration) {
	if c.detached || c.phase != callOpen {
		panic("engine: Submit of a call that is answered or off the loop already")
	}
	l, conn := c.loop, c.conn
	o := &l.e.opts
	if conn.inFlight >= o.MaxInFlight {
		l.n.callsRefused.add(1)
		c.fail(&refusedInFlight)
		return
	}
	if l.e.inFlight.Add(1) > int64(o.MaxInFlightTotal) {
		l.e.inFlight.Add(-1)
		l.n.callsRefused.add(1)
		c.fail(&refusedTotal)
		return
	}
	src := c.msg.Raw()
	if n := charged(len(src)); n > 0 && !l.e.budget.take(n) {
		l.e.inFlight.Add(-1)
		l.watchBudget()
		l.n.callsRefused.add(1)
		c.fail(&refusedBudget)
		return
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
	t.phase, t.code, t.detached = callOpen, 0, true
	t.ended.Store(false)
	if t.batch != nil {
		t.batch.waiting++
	}
	t.next = conn.calls
	t.prev = nil
	if conn.calls != nil {
		conn.calls.prev = t
	}
	conn.calls = t
	conn.inFlight++
	l.table.insert(t)
	t.deadline = noDeadline
	if o.CallTimeout > 0 {
		t.deadline = l.now + int64(o.CallTimeout)
	}
	l.n.callsPooled.add(1)
	t.parked = d > 0
	if t.parked {
		t.startAt = l.now + int64(d)
		l.armAt(&t.timer, min(t.startAt, t.deadline))
	} else {
		t.queue()
	}
	c.phase = callDetached
}

// queue hands the call to the executor at the end of the turn.
func (c *Call) queue() {
	c.parked = false
	if c.deadline != noDeadline {
		c.loop.armAt(&c.timer, c.deadline)
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
	l.n.callsTimedOut.add(1)
	c.answerFor(&l.e.timedOut)
	c.cancel(ErrCallTimeout)
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

// cancel ends the call: nothing more is sent for it, its context is cancelled
// with cause. A call that only waits for its moment is gone at once; one that
// is queued or runs keeps its slot until it has come home.
func (c *Call) cancel(cause error) {
	if c.ended.Swap(true) {
		return
	}
	c.mu.Lock()
	c.cause = cause
	if c.cancelCtx != nil {
		c.cancelCtx(cause)
	}
	c.mu.Unlock()
	if c.parked {
		c.comeHome()
	}
}

// refuseQueueFull takes back a call that the executor has no room for.
func (c *Call) refuseQueueFull() {
	c.loop.n.callsRefused.add(1)
	c.answerFor(&refusedQueue)
	c.ended.Store(true)
	c.comeHome()
}

// Run does the work of a call off the loop and sends the answer home. An
// Executor calls it once for each call that it took; nothing else may.
func (c *Call) Run() {
	if !c.ended.Load() {
		c.runContained()
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

func (c *Call) runContained() {
	defer func() {
		if r := recover(); r != nil {
			c.loop.e.panics.Add(1)
			c.loop.e.logPanic("runner", c.msg.Method(), r)
			if c.phase != callAnswered {
				c.fail(codec.ErrInternal)
			}
		}
	}()
	c.runner.RunCall(c)
	if c.phase != callAnswered {
		c.fail(codec.ErrInternal)
	}
}

// runOnLoop is the arrival of a call that was off the loop.
func (c *Call) runOnLoop(l *Loop) {
	conn := c.conn
	if !c.ended.Load() && !conn.closed && c.phase == callAnswered {
		if c.code != 0 {
			l.n.errorsOut.add(1)
		}
		if c.batch != nil {
			dst, _ := c.batch.begin()
			c.batch.end(append(l.e.buffers.Grow(dst, len(c.out)), c.out...))
		} else {
			conn.deliver(c)
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
		c.end(c.out, 0, urgent)
		return
	}
	dst, at := c.begin(len(call.out))
	c.end(append(dst, call.out...), at, urgent)
}

// copyMax is the size up to which an answer is copied into the output.
const copyMax = 16 << 10

// comeHome ends the call's life: it leaves its connection and may serve
// another request.
func (c *Call) comeHome() {
	l, conn := c.loop, c.conn
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
	if !conn.closed && conn.inFlight == 0 {
		conn.lastIn = l.now
		conn.armDeadline()
		if conn.inputEnded || conn.draining {
			conn.markDirty()
		}
	}
}

// Cancel ends the call in flight that has the raw id, as its peer asked for by
// notifications/cancelled with reason; an unknown id is ignored, as the
// protocol wants it. It reports whether there was such a call.
func (c *Conn) Cancel(id []byte, reason string) bool {
	if c.inFlight == 0 {
		return false
	}
	call := c.loop.table.find(c, id)
	if call == nil || call.ended.Load() {
		return false
	}
	c.loop.n.callsCanceled.add(1)
	call.cancel(cancelCause(reason))
	return true
}

func cancelCause(reason string) error {
	if reason == "" {
		return ErrPeerCancelled
	}
	return fmt.Errorf("%w: %s", ErrPeerCancelled, reason)
}

// CancelReason returns the peer's reason from a cause of cancellation.
func CancelReason(cause error) (reason string, ok bool) {
	if !errors.Is(cause, ErrPeerCancelled) {
		return "", false
	}
	if text := cause.Error(); len(text) > len(ErrPeerCancelled.Error())+2 {
		return text[len(ErrPeerCancelled.Error())+2:], true
	}
	return "", true
}

func callOfTimer(t *timer) *Call {
	return (*Call)(unsafe.Add(unsafe.Pointer(t), -int(unsafe.Offsetof(Call{}.timer))))
}
