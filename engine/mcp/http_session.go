package mcp

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/ringbuf"
)

// httpSession is a session of a revision up to 2025-11-25 on HTTP: its requests
// come on any connection. Its id cannot be guessed; who is to be trusted, it
// does not say.
type httpSession struct {
	session
	id        string
	principal string
	last      atomic.Int64 // wall time of the last request, nanoseconds

	smu        sync.Mutex             // protects what follows
	listening  *eventStream           // what the server says of its own accord, nil before the first GET
	streams    []*eventStream         // of which something is kept, oldest first
	lastStream uint64                 // number of the last stream
	pool       *ringbuf.Pool          // for what is kept
	calls      map[string]awaitedCall // off the loop, or left open, by raw id
	ended      bool
}

// awaitedCall is a request that is not answered yet, and where it will be.
type awaitedCall struct {
	request  any // a *engine.Call off the loop, or an *openRequest; to tell it from others of its id
	conn     *engine.Conn
	exchange uint64
}

// sessionTable holds the sessions of a server by id. One timer looks for those
// that are idle.
type sessionTable struct {
	since time.Time // when now was 0

	mu    sync.RWMutex // protects what follows
	byID  map[string]*httpSession
	sse   map[string]*httpConn // connections of HTTP with SSE, by key
	timer *time.Timer
}

// now is a clock that does not go back, for what is kept of event streams.
func (st *sessionTable) now() int64 { return int64(time.Since(st.since)) }

func (st *sessionTable) init() { st.since = time.Now() }

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
		s.counters.sessionsRefused.Add(1)
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
		st.timer = time.AfterFunc(min(s.opts.HTTP.SessionIdle, s.opts.HTTP.ReplayAge)/4, func() { st.sweep(s) })
	}
}

// sweep ends the sessions that are idle, and drops what is kept of event
// streams for too long.
func (st *sessionTable) sweep(s *Server) {
	limit := time.Now().Add(-s.opts.HTTP.SessionIdle).UnixNano()
	var idle []*httpSession
	st.mu.Lock()
	for _, hs := range st.byID {
		if hs.last.Load() < limit && !hs.busy() {
			idle = append(idle, hs)
		} else {
			hs.expire()
		}
	}
	st.timer = nil
	if len(st.byID) > len(idle) {
		st.watch(s)
	}
	st.mu.Unlock()
	s.counters.sessionsExpired.Add(uint64(len(idle)))
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
	calls := hs.calls
	hs.calls = nil
	hs.forgetAll()
	hs.smu.Unlock()
	for id, a := range calls {
		if _, open := a.request.(*openRequest); !open { // else its task, which ends, answers it
			a.cancel([]byte(id), "the session has ended")
		}
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
	if len(hs.calls) > 0 {
		return true
	}
	for _, es := range hs.streams {
		if es.out != nil {
			return true
		}
	}
	return false
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

// left notes a request that is not answered at once, so that it can be cancelled
// by a request on another connection. Must be called on its connection's loop.
func (hs *httpSession) left(id []byte, request any, conn *engine.Conn) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.ended {
		return
	}
	if hs.calls == nil {
		hs.calls = map[string]awaitedCall{}
	}
	hs.calls[string(id)] = awaitedCall{request, conn, conn.ExchangeNumber()}
}

// home forgets a request that left noted, unless another has its id.
func (hs *httpSession) home(id []byte, request any) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.calls[string(id)].request == request {
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

// cancel cancels the request, unless its exchange has ended.
func (a awaitedCall) cancel(id []byte, reason string) {
	a.conn.Do(func(c *engine.Conn) {
		if c.ExchangeNumber() == a.exchange {
			cancelExchange(c, id, reason)
		}
	})
}

// cancelExchange cancels a request and ends the response that would have had its
// answer.
func cancelExchange(c *engine.Conn, id []byte, reason string) {
	x := c.Exchange()
	cancelled := c.Cancel(id, reason)
	if ss, ok := c.State().(*session); ok && !cancelled {
		if r := ss.openRequest(id); r != nil {
			ss.answered(r)
			cancelled = true
		}
	}
	if cancelled && x != nil && !x.Batch {
		c.EndStream()
	}
}
