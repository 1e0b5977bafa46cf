package engine

import (
	"bytes"
	"errors"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// Errors that a spawned call ends with, beside those of cancellation.
var (
	// ErrSpawnRefused says that Options.MaxInFlightTotal, or the worker queue,
	// had no room for it.
	ErrSpawnRefused = errors.New("engine: too many calls are in flight")
)

// Spawned is a call that no peer waits for: its answer goes to whoever spawned
// it. It outlives its connection.
type Spawned struct {
	call  Call
	limit int64 // nanoseconds, 0: none
	begun bool
	over  bool
	done  func(answer []byte, err error)
	next  *Spawned // of the loop
	prev  *Spawned
}

// Spawn has r run on the worker pool with a call of its own, which has the
// given request (copied) and takes limit at most; 0 is no limit. prepare is
// called first, with the call, for its Ext. done is called once, on the loop of
// the connection, inside a turn: with the answer, a whole message, which is
// valid until done returns; or with why there is none. An r that is a
// ReturnRunner is told when its worker is free again. Notifications of the
// call go to the connection while it is open, on HTTP until the exchange has
// ended in which it was spawned. Safe from any goroutine; done is
// never called before Spawn has returned to a caller on the loop, and not at all
// if Spawn returns an error.
//
// Errors: that of a request that cannot be parsed; ErrEngineClosed.
func (c *Conn) Spawn(request []byte, limit time.Duration, r Runner, prepare func(*Call), done func(answer []byte, err error)) (*Spawned, error) {
	l := c.loop
	s := &Spawned{limit: int64(limit), done: done}
	call := &s.call
	call.loop, call.conn, call.runner, call.spawned, call.detached = l, c, r, s, true
	call.exchange = c.exchange.Load()
	call.item.Value = call
	call.timer.kind = timerCall
	call.arena.Init(l.e.buffers, arenaLimit)
	call.raw = bytes.Clone(request)
	if err := l.e.parser.Parse(&call.own, call.raw); err != nil {
		return nil, err
	}
	if call.own.Kind() != codec.KindRequest {
		return nil, errors.New("engine: Spawn wants a request")
	}
	call.msg = &call.own
	call.deadline.Store(noDeadline)
	prepare(call)
	l.e.ending.RLock()
	ended := l.e.closed.Load()
	wake := !ended && l.mail.Push(&call.item)
	l.e.ending.RUnlock()
	if ended { // no turn might come
		return nil, ErrEngineClosed
	}
	if wake {
		l.driver.Wake()
	}
	return s, nil
}

// Cancel ends the call: its context is cancelled at once, with cause, and done
// is given that when the call has come home: when its handler returns, or when
// the handler would have begun. Safe from any goroutine.
func (s *Spawned) Cancel(cause error) { s.call.cancel(cause) }

// runOnLoop begins the call, and takes it home.
func (s *Spawned) runOnLoop(l *Loop) {
	if s.begun {
		s.comeHome(l)
		return
	}
	s.begun = true
	c := &s.call
	if l.e.closed.Load() {
		c.cancel(ErrConnClosed)
	}
	if c.ended.Load() {
		s.finish(nil, c.why())
		s.returned()
		return
	}
	if l.e.inFlight.Add(1) > int64(l.e.opts.MaxInFlightTotal) {
		l.e.inFlight.Add(-1)
		l.n.callsRefused.add(1)
		s.finish(nil, ErrSpawnRefused)
		s.returned()
		return
	}
	s.next = l.spawned
	if s.next != nil {
		s.next.prev = s
	}
	l.spawned = s
	c.began = l.now
	if s.limit > 0 {
		c.deadline.Store(l.now + s.limit)
	}
	l.n.callsPooled.add(1)
	c.queue()
}

// comeHome is the arrival of a call that has run, or that was refused.
func (s *Spawned) comeHome(l *Loop) {
	c := &s.call
	l.wheel.disarm(&c.timer)
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		l.spawned = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
	l.e.inFlight.Add(-1)
	switch {
	case c.ended.Load():
		s.finish(nil, c.why())
	case c.phase != callAnswered:
		s.finish(nil, ErrSpawnRefused)
	default:
		s.finish(c.out, nil)
	}
	s.returned()
	if c.out != nil {
		l.bufs.Put(c.out)
		c.out = nil
	}
	c.arena.Reset()
}

// returned tells the runner that its call has come home.
func (s *Spawned) returned() {
	if r, ok := s.call.runner.(ReturnRunner); ok {
		r.CallReturned(&s.call)
	}
}

func (s *Spawned) finish(answer []byte, err error) {
	if !s.over {
		s.over = true
		s.done(answer, err)
	}
}

// timedOut ends the call at its limit. Its handler may still run.
func (s *Spawned) timedOut() {
	s.call.cancel(ErrCallTimeout)
	s.finish(nil, ErrCallTimeout)
}

// why returns the cause of the call's end.
func (c *Call) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// cancelSpawned ends the spawned calls of a loop whose engine closes.
func (l *Loop) cancelSpawned() {
	for s := l.spawned; s != nil; s = s.next {
		s.call.cancel(ErrConnClosed)
	}
}
