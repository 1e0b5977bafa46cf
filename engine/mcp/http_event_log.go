package mcp

import (
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/sse"
)

// What follows makes an httpConn the EventLog of a response to a request of a
// session.

// AppendHead begins a stream.
func (h *httpConn) AppendHead(dst []byte) []byte {
	hs := h.session
	hs.smu.Lock()
	h.events = hs.newStream(h.conn)
	if h.events != nil {
		h.events.owner, h.events.out, h.events.in = h.conn, h.conn, h.conn.ExchangeNumber()
	}
	hs.smu.Unlock()
	if h.events == nil {
		return dst
	}
	return hs.appendPrime(dst, h.events)
}

// AppendID appends the id of the next event.
func (h *httpConn) AppendID(dst []byte) []byte {
	if h.events == nil {
		return dst
	}
	h.session.smu.Lock()
	defer h.session.smu.Unlock()
	return h.events.name.AppendIDLine(dst, h.events.kept.Last()+1)
}

// Keep keeps an event, and sends it to who has resumed the stream.
//
// Hot path: no allocation in the steady state.
func (h *httpConn) Keep(event []byte) (elsewhere bool) {
	hs, es := h.session, h.events
	if es == nil {
		return false
	}
	hs.smu.Lock()
	defer hs.smu.Unlock()
	own := append(hs.pool.Get(len(event)), event...)
	if es.out == es.owner {
		hs.keep(es, own)
		return false
	}
	_ = hs.send(es, own) // who misses it is cut, and knows
	return true
}

// End completes the stream.
func (h *httpConn) End() {
	hs, es := h.session, h.events
	if es == nil {
		return
	}
	h.events = nil
	hs.smu.Lock()
	defer hs.smu.Unlock()
	es.ended = true
	if es.out == es.owner {
		es.out = nil
	}
	es.owner = nil
	if es.out != nil {
		es.tell()
	}
}

// CloseStream ends the connection by which the client waits for the answer; the
// call goes on. The client comes back after retry for what was sent meanwhile
// and for the answer, which is kept as HTTPOptions.ReplayAge says: so a call of
// minutes holds no connection ("polling", SEP-1699). It reports whether that can
// be: on HTTP, to clients of 2025-11-25, in a pooled handler. Otherwise it does
// nothing, and the answer comes as usual. retry below a millisecond is
// HTTPOptions.Retry. Allocates.
func (c *Call) CloseStream(retry time.Duration) bool {
	hs := c.session.http
	if hs == nil || hs.server.opts.HTTP.ReplayEvents < 0 || !sse.Primes(c.rev.name) || !c.engine.OffLoop() || c.engine.InBatch() || c.task != nil {
		return false
	}
	if retry < time.Millisecond {
		retry = hs.server.opts.HTTP.Retry
	}
	exchange := c.engine.ExchangeNumber()
	c.engine.Conn().Do(func(conn *engine.Conn) {
		// The call may have ended meanwhile, and another request of the session be
		// served by the connection.
		if h := conn.State().(*session).carrier; h != nil && h.session == hs && conn.ExchangeNumber() == exchange {
			h.cut(retry)
		}
	})
	return true
}

// cut ends the response before its answer.
func (h *httpConn) cut(retry time.Duration) {
	if x := h.conn.Exchange(); x == nil || x.Done || x.Events != engine.EventLog(h) {
		return
	}
	h.conn.BeginStream()
	if h.events == nil {
		return // nothing to resume by
	}
	h.conn.Event(sse.AppendRetry(nil, retry))
	hs := h.session
	hs.smu.Lock()
	if h.events.out == h.events.owner {
		h.events.out = nil
	}
	hs.smu.Unlock()
	h.conn.CutStream()
}
