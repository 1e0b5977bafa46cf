package mcp

import (
	"bytes"
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
	end       time.Time    // of a sealed id, zero for others; never changes once the id is known
	gone      atomic.Bool  // it has ended
	last      atomic.Int64 // wall time of the last request, nanoseconds

	smu        sync.Mutex               // protects what follows
	listening  *eventStream             // what the server says of its own accord, nil before the first GET
	streams    []*eventStream           // of which something is kept, oldest first
	lastStream uint64                   // number of the last stream
	pool       *ringbuf.Pool            // for what is kept
	calls      *Call                    // off the loop, newest first
	elsewhere  map[string]openElsewhere // left open, by raw id
	ended      bool
}

// awaited is where a call of a session that is off the loop is answered; the
// calls of a session are a list. Under the session's smu.
type awaited struct {
	conn       *engine.Conn // nil: it is in no list
	exchange   uint64
	next, prev *Call
}

// openElsewhere is a request of a session that is left open (tasks/result), and
// where it will be answered. Under the session's smu.
type openElsewhere struct {
	request  *openRequest // to tell it from others of its id
	conn     *engine.Conn
	exchange uint64
}

// sessionTable holds the sessions of a server by id. One timer looks for those
// that are idle.
type sessionTable struct {
	since  time.Time // when now was 0
	sealed sealedSessions

	mu    sync.RWMutex // protects what follows
	byID  map[string]*httpSession
	sse   map[string]*httpConn // connections of HTTP with SSE, by key
	over  map[string]time.Time // sealed ids that are not taken again, and until when
	timer *time.Timer
}

// now is a clock that does not go back, for what is kept of event streams.
func (st *sessionTable) now() int64 { return int64(time.Since(st.since)) }

func (st *sessionTable) init(o *HTTPOptions) {
	st.since = time.Now()
	st.sealed.init(o)
}

func newSessionID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// begin opens a session; nil if there is no room.
func (st *sessionTable) begin(s *Server, principal string) *httpSession {
	hs := newHTTPSession(s, principal)
	hs.id = newSessionID()
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.room(s) {
		s.counters.sessionsRefused.Add(1)
		return nil
	}
	st.insert(s, hs)
	return hs
}

func newHTTPSession(s *Server, principal string) *httpSession {
	hs := &httpSession{principal: principal}
	hs.server, hs.http, hs.sender = s, hs, principal
	hs.logLevel.Store(int32(logNone))
	hs.last.Store(time.Now().UnixNano())
	return hs
}

// room reports whether there may be one session more. The caller holds st.mu.
func (st *sessionTable) room(s *Server) bool {
	return len(st.byID)+len(st.sse) < s.opts.HTTP.MaxSessions
}

// insert adds a session. The caller holds st.mu.
func (st *sessionTable) insert(s *Server, hs *httpSession) {
	if st.byID == nil {
		st.byID = map[string]*httpSession{}
	}
	st.byID[hs.id] = hs
	st.watch(s)
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
	now := time.Now()
	limit := now.Add(-s.opts.HTTP.SessionIdle).UnixNano()
	var idle []*httpSession
	st.mu.Lock()
	for _, hs := range st.byID {
		if hs.last.Load() < limit && !hs.busy() || !hs.end.IsZero() && now.After(hs.end) {
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
	hs.gone.Store(true)
	if len(st.byID) == 0 && st.timer != nil {
		st.timer.Stop()
		st.timer = nil
	}
	st.mu.Unlock()
	hs.smu.Lock()
	hs.ended = true
	for c := hs.calls; c != nil; c = c.awaited.next {
		c.cancelAwaited("the session has ended")
	}
	hs.forgetAll()
	hs.smu.Unlock()
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
	if hs.calls != nil {
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

// left notes a call that has left the loop, so that it can be cancelled by a
// request on another connection. Must be called on its loop.
//
// Hot path: no allocation.
func (hs *httpSession) left(c *Call) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.ended {
		return
	}
	conn := c.engine.Conn()
	c.awaited = awaited{conn: conn, exchange: conn.ExchangeNumber(), next: hs.calls}
	if hs.calls != nil {
		hs.calls.awaited.prev = c
	}
	hs.calls = c
}

// home forgets a call that left has noted, if it has.
func (hs *httpSession) home(c *Call) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	a := &c.awaited
	if a.conn == nil {
		return
	}
	if a.prev != nil {
		a.prev.awaited.next = a.next
	} else {
		hs.calls = a.next
	}
	if a.next != nil {
		a.next.awaited.prev = a.prev
	}
	*a = awaited{}
}

// leftOpen notes a request that is left open, so that it can be cancelled by a
// request on another connection. Must be called on its connection's loop.
func (hs *httpSession) leftOpen(r *openRequest, conn *engine.Conn) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.ended {
		return
	}
	if hs.elsewhere == nil {
		hs.elsewhere = map[string]openElsewhere{}
	}
	hs.elsewhere[string(r.id)] = openElsewhere{r, conn, conn.ExchangeNumber()}
}

// answeredOpen forgets a request that leftOpen has noted, unless another has its
// id.
func (hs *httpSession) answeredOpen(r *openRequest) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if hs.elsewhere[string(r.id)].request == r {
		delete(hs.elsewhere, string(r.id))
	}
}

// notified takes a notification of the session.
func (hs *httpSession) notified(m *codec.Message) {
	id, reason, ok := cancelled(m)
	if !ok {
		return
	}
	hs.smu.Lock()
	defer hs.smu.Unlock()
	for c := hs.calls; c != nil; c = c.awaited.next {
		if bytes.Equal(c.engine.ID().Raw(), id) {
			c.cancelAwaited(reason)
			return
		}
	}
	if o, ok := hs.elsewhere[string(id)]; ok {
		id := bytes.Clone(id)
		o.conn.Do(func(conn *engine.Conn) {
			if conn.ExchangeNumber() == o.exchange {
				cancelExchange(conn, id, reason)
			}
		})
	}
}

// cancelAwaited cancels the call on its loop, unless its exchange has ended by
// then. The caller holds smu, so that the call is there.
func (c *Call) cancelAwaited(reason string) {
	id, exchange := bytes.Clone(c.engine.ID().Raw()), c.awaited.exchange
	c.awaited.conn.Do(func(conn *engine.Conn) {
		if conn.ExchangeNumber() == exchange {
			cancelExchange(conn, id, reason)
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
