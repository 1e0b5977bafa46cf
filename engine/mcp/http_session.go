package mcp

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// httpSession is a session of a revision up to 2025-11-25 on HTTP: its requests
// come on any connection. Its id cannot be guessed; who is to be trusted, it
// does not say.
type httpSession struct {
	session
	id        string
	principal string
	last      atomic.Int64 // wall time of the last request, nanoseconds

	smu    sync.Mutex // protects what follows
	stream *engine.Conn
	number uint64                 // of the stream's exchange
	calls  map[string]awaitedCall // off the loop, by raw id
	ended  bool
}

// awaitedCall is a call that is off the loop, and where it is answered.
type awaitedCall struct {
	call     *engine.Call // to tell it from others of its id; never looked into
	conn     *engine.Conn
	exchange uint64
}

// sessionTable holds the sessions of a server by id. One timer looks for those
// that are idle.
type sessionTable struct {
	mu    sync.RWMutex // protects what follows
	byID  map[string]*httpSession
	sse   map[string]*httpConn // connections of HTTP with SSE, by key
	timer *time.Timer
}

func newSessionID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// begin opens a session; nil if there is no room.
func (st *sessionTable) begin(s *Server, principal string) *httpSession {
	hs := &httpSession{id: newSessionID(), principal: principal}
	hs.server, hs.http, hs.sender = s, hs, principal
	hs.logLevel.Store(int32(logNone))
	hs.last.Store(time.Now().UnixNano())
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.byID)+len(st.sse) >= s.opts.HTTP.MaxSessions {
		return nil
	}
	if st.byID == nil {
		st.byID = map[string]*httpSession{}
	}
	st.byID[hs.id] = hs
	st.watch(s)
	return hs
}

// watch has the idle sessions looked for. The caller holds st.mu.
func (st *sessionTable) watch(s *Server) {
	if st.timer == nil {
		st.timer = time.AfterFunc(s.opts.HTTP.SessionIdle/4, func() { st.sweep(s) })
	}
}

// sweep ends the sessions that are idle.
func (st *sessionTable) sweep(s *Server) {
	limit := time.Now().Add(-s.opts.HTTP.SessionIdle).UnixNano()
	var idle []*httpSession
	st.mu.Lock()
	for _, hs := range st.byID {
		if hs.last.Load() < limit && !hs.busy() {
			idle = append(idle, hs)
		}
	}
	st.timer = nil
	if len(st.byID) > len(idle) {
		st.watch(s)
	}
	st.mu.Unlock()
	for _, hs := range idle {
		st.end(hs)
	}
}

// find returns the session of an id, or nil.
func (st *sessionTable) find(id []byte) *httpSession {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.byID[string(id)]
}

// end ends a session and all that it has.
func (st *sessionTable) end(hs *httpSession) {
	st.mu.Lock()
	if st.byID[hs.id] != hs {
		st.mu.Unlock()
		return
	}
	delete(st.byID, hs.id)
	if len(st.byID) == 0 && st.timer != nil {
		st.timer.Stop()
		st.timer = nil
	}
	st.mu.Unlock()
	hs.smu.Lock()
	hs.ended = true
	stream, number := hs.stream, hs.number
	hs.stream = nil
	calls := hs.calls
	hs.calls = nil
	hs.smu.Unlock()
	if stream != nil {
		stream.Do(func(c *engine.Conn) {
			if c.ExchangeNumber() == number {
				c.EndStream()
				c.KeepIdle(false) // the connection has no session any more
			}
		})
	}
	for id, a := range calls {
		a.cancel([]byte(id), "the session has ended")
	}
	hs.CloseConn(nil, engine.CloseLocal)
}

// each calls f with each session.
func (st *sessionTable) each(f func(*httpSession)) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	for _, hs := range st.byID {
		f(hs)
	}
}

// used notes that the session is in use.
func (hs *httpSession) used(c *engine.Conn) { hs.last.Store(time.Now().UnixNano()) }

// busy reports whether the session has a stream or a call.
func (hs *httpSession) busy() bool {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	return hs.stream != nil || len(hs.calls) > 0
}

// over reports whether the session has ended, which on HTTP it may at any moment.
func (ss *session) over() bool {
	hs := ss.http
	if hs == nil {
		return false
	}
	hs.smu.Lock()
	defer hs.smu.Unlock()
	return hs.ended
}

// attach makes a connection the stream of the session. It reports false if there
// is one, or the session has ended.
func (hs *httpSession) attach(c *engine.Conn) bool {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.stream != nil || hs.ended {
		return false
	}
	hs.stream, hs.number = c, c.ExchangeNumber()
	return true
}

// detach ends what attach began.
func (hs *httpSession) detach(c *engine.Conn) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.stream == c {
		hs.stream = nil
		hs.used(c)
	}
}

// Deliver sends a message by the session's stream. Without one it is lost, as
// the protocol allows it: the client sees the same by a request. Safe from any
// goroutine.
func (hs *httpSession) Deliver(message []byte) error {
	hs.smu.Lock()
	c, number := hs.stream, hs.number
	hs.smu.Unlock()
	if c == nil {
		return nil
	}
	return c.DeliverIn(number, message)
}

// left notes a call that has left the loop, so that it can be cancelled by a
// request on another connection. Must be called on its loop.
func (hs *httpSession) left(id []byte, call *engine.Call) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.ended {
		return
	}
	if hs.calls == nil {
		hs.calls = map[string]awaitedCall{}
	}
	hs.calls[string(id)] = awaitedCall{call, call.Conn(), call.Conn().ExchangeNumber()}
}

// home forgets a call that left noted, unless another has its id.
func (hs *httpSession) home(id []byte, call *engine.Call) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.calls[string(id)].call == call {
		delete(hs.calls, string(id))
	}
}

// notified takes a notification of the session.
func (hs *httpSession) notified(m *codec.Message) {
	id, reason, ok := cancelled(m)
	if !ok {
		return
	}
	hs.smu.Lock()
	a, ok := hs.calls[string(id)]
	hs.smu.Unlock()
	if ok {
		a.cancel(append([]byte(nil), id...), reason)
	}
}

// cancel cancels the call, unless its exchange has ended.
func (a awaitedCall) cancel(id []byte, reason string) {
	a.conn.Do(func(c *engine.Conn) {
		if c.ExchangeNumber() == a.exchange {
			cancelExchange(c, id, reason)
		}
	})
}

// cancelExchange cancels a call and ends the response that would have had its
// answer.
func cancelExchange(c *engine.Conn, id []byte, reason string) {
	x := c.Exchange()
	if c.Cancel(id, reason) && x != nil && !x.Batch {
		c.EndStream()
	}
}
