package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
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

	dst      []byte // output while callWriting
	at       int    // where the message began in dst
	phase    callPhase
	notified bool       // a notification went out before the answer
	noting   bool       // between BeginNotification and EndNotification
	code     codec.Code // of an error answer, 0 for a result

	batch *batch

	// Off the loop only.
	detached bool
	own      codec.Message
	raw      []byte // the message's bytes
	out      []byte // the answer
	charged  int    // of out, to the byte budget, on its way to the loop
	noRoom   bool   // the budget had none for the answer
	runner   Runner
	spawned  *Spawned // what the call is part of, nil for a peer's call
	exchange uint64   // of the connection, where it is answered
	arena    ringbuf.Arena
	timer    timer
	deadline atomic.Int64 // may move to a later moment while the timer is armed
	began    int64        // when the call left the loop
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
	c.noRoom = false
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
	call.phase, call.code, call.detached, call.notified, call.noting = callOpen, 0, false, false, false
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
			call.abandonNotification()
			if call.phase == callOpen || call.phase == callWriting { // else it is answered, or its twin will answer
				call.fail(codec.ErrInternal)
			}
		}
	}()
	call.conn.handler.ServeRequest(call)
	call.abandonNotification()
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

// ExchangeNumber returns the number of the exchange that the call is answered in
// (Conn.ExchangeNumber).
func (c *Call) ExchangeNumber() uint64 {
	if c.detached {
		return c.exchange
	}
	return c.conn.exchange.Load()
}

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

// Leave leaves the request without an answer for now: its service answers it
// later by a Push of its own, or never. The engine forgets it: such a request
// has no timeout, is in no limit, and Conn.Cancel does not find it. Must be
// called on the loop, instead of an answer, and not in a batch.
func (c *Call) Leave() {
	if c.detached || c.phase != callOpen || c.batch != nil {
		panic("engine: Leave of a call that is answered, off the loop or in a batch")
	}
	c.phase = callAnswered
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

func callOfTimer(t *timer) *Call {
	return (*Call)(unsafe.Add(unsafe.Pointer(t), -int(unsafe.Offsetof(Call{}.timer))))
}
