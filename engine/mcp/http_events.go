package mcp

import (
	"errors"
	"strconv"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/sse"
)

// eventStream is an event stream of a session whose events have ids: the
// response to a request, or what the server says of its own accord. What was
// sent is kept for a while, so that a client whose connection broke gets it
// once more, and all that follows, by a GET with Last-Event-ID.
//
// Everything is under the session's smu.
type eventStream struct {
	name  sse.Stream
	kept  sse.Replay
	owner *engine.Conn // whose response it is, nil for the one of the server's own accord
	out   *engine.Conn // where events go, nil: nobody is there
	in    uint64       // the number of the exchange there
	ended bool         // there will be no more events

	// Where events go is told that there are some, by an errand, and takes them
	// out of what is kept, as many as there are by then.
	sent   uint64         // the last that it has taken
	told   bool           // the errand is on its way
	errand *engine.Errand // nil where out is the owner, which writes its events itself
}

// Why a stream cannot be resumed, beside package sse's reasons.
var errNoSuchStream = errors.New("nothing is kept of it any more")

// newStream returns a stream of which something can be kept, nil if there is no
// room for one. The caller holds smu.
func (hs *httpSession) newStream(c *engine.Conn) *eventStream {
	o := &hs.server.opts.HTTP
	if hs.ended {
		return nil
	}
	if len(hs.streams) >= o.ReplayStreams && !hs.dropEnded() {
		return nil
	}
	hs.lastStream++
	name, err := sse.ParseStream(strconv.AppendUint(nil, hs.lastStream, 10))
	if err != nil {
		return nil
	}
	hs.pool = c.Loop().Engine().Buffers()
	es := &eventStream{name: name}
	// Where nothing is to be kept, it still holds what is on its way.
	es.kept.Init(sse.ReplayOptions{MaxEvents: max(0, o.ReplayEvents), MaxBytes: o.ReplayBytes, MaxAge: o.ReplayAge})
	hs.streams = append(hs.streams, es)
	return es
}

// dropEnded forgets the oldest stream that has ended and is not being read.
func (hs *httpSession) dropEnded() bool {
	for _, es := range hs.streams {
		if es.ended && es.out == nil {
			hs.forget(es)
			return true
		}
	}
	return false
}

// forget lets go of what is kept of a stream. The caller holds smu.
func (hs *httpSession) forget(es *eventStream) {
	for i := range hs.streams {
		if hs.streams[i] == es {
			hs.streams = append(hs.streams[:i], hs.streams[i+1:]...)
			break
		}
	}
	if hs.listening == es {
		hs.listening = nil
	}
	hs.account(es, es.kept.Close)
}

// forgetAll ends the streams of a session that has ended.
func (hs *httpSession) forgetAll() {
	for len(hs.streams) > 0 {
		es := hs.streams[0]
		if es.out != nil && es.out != es.owner {
			es.hangUp()
		}
		es.ended, es.out = true, nil
		hs.forget(es)
	}
}

// account has f change what is kept of a stream, and the server know by how
// much.
func (hs *httpSession) account(es *eventStream, f func()) {
	before := es.kept.Bytes()
	f()
	hs.server.replayBytes.Add(int64(es.kept.Bytes() - before))
}

// expire drops what was kept for long enough.
func (hs *httpSession) expire() {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	now := hs.server.sessions.now()
	for i := 0; i < len(hs.streams); {
		es := hs.streams[i]
		hs.account(es, func() { es.kept.Expire(now) })
		if es.ended && es.out == nil && es.kept.Len() == 0 {
			hs.forget(es)
			continue
		}
		i++
	}
}

// keep keeps an event of a stream, and reports whether there was room. The
// caller holds smu.
//
// Hot path: no allocation in the steady state.
func (hs *httpSession) keep(es *eventStream, event []byte) bool {
	now, limit := hs.server.sessions.now(), int64(hs.server.opts.HTTP.MaxReplayBytes)
	for hs.server.replayBytes.Load()+int64(len(event)) > limit {
		if !hs.dropEnded() {
			hs.account(es, es.kept.Skip)
			hs.server.counters.eventsNotKept.Add(1)
			return false
		}
	}
	before := es.kept.Bytes()
	es.kept.Append(now, sse.NewShared(hs.pool, append(hs.pool.Get(len(event)), event...)))
	hs.server.replayBytes.Add(int64(es.kept.Bytes() - before))
	return es.kept.Len() > 0
}

// listen makes a connection the one that the server's own messages go to, by a
// new stream. It returns nil if there is one already, or no room.
func (hs *httpSession) listen(c *engine.Conn) *eventStream {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if old := hs.listening; old != nil {
		if old.out != nil {
			return nil
		}
		hs.forget(old)
	}
	hs.listening = hs.newStream(c)
	if hs.listening != nil {
		hs.attach(hs.listening, c, 0)
	}
	return hs.listening
}

// attach makes a connection the one that the events of a stream behind seq go
// to. The caller holds smu.
func (hs *httpSession) attach(es *eventStream, c *engine.Conn, seq uint64) {
	es.out, es.in, es.sent, es.told = c, c.ExchangeNumber(), seq, false
	es.errand = c.NewErrand(func(c *engine.Conn) { hs.flush(es, c) })
}

// flush sends what a connection has not been sent of its stream. It holds smu
// only while it takes events: sending may end the connection, which needs it.
func (hs *httpSession) flush(es *eventStream, c *engine.Conn) {
	for {
		var taken [16]*sse.Shared
		n, end := hs.take(es, c, &taken)
		for _, e := range taken[:n] {
			c.Event(e.Bytes())
			e.Release()
		}
		if end {
			endStream(c)
		}
		if end || n < len(taken) {
			return
		}
	}
}

// take returns the next events for a connection, retained, and whether its
// response ends behind them: there are no more, or one that is no longer kept,
// of which its client is told when it comes back for it.
func (hs *httpSession) take(es *eventStream, c *engine.Conn, taken *[16]*sse.Shared) (n int, end bool) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	if es.out != c || es.in != c.ExchangeNumber() {
		return 0, false // another has taken over, or the response has ended
	}
	cursor, err := es.kept.Since(hs.server.sessions.now(), es.sent)
	if err != nil { // more has come than is kept, before this loop got to it
		hs.server.counters.eventsLost.Add(1)
		es.out = nil
		return 0, true
	}
	for ; n < len(taken); n++ {
		e, seq, ok := cursor.Next()
		if !ok {
			break
		}
		e.Retain(1)
		taken[n], es.sent = e, seq
	}
	if n == len(taken) {
		return n, false
	}
	es.told = false
	if hs.server.opts.HTTP.ReplayEvents < 0 {
		hs.account(es, es.kept.Drop)
	}
	if es.ended {
		es.out = nil
	}
	return n, es.ended
}

// resume makes a connection the one that the events of a stream go to, and
// returns those behind the one of an id, retained, and whether they are all.
// Another connection that has the stream loses it.
func (hs *httpSession) resume(c *engine.Conn, id []byte) (missed []*sse.Shared, ended bool, err error) {
	name, seq, err := sse.ParseID(id)
	if err != nil {
		return nil, false, err
	}
	hs.smu.Lock()
	defer hs.smu.Unlock()
	var es *eventStream
	for _, one := range hs.streams {
		if one.name.String() == string(name) {
			es = one
		}
	}
	if es == nil {
		return nil, false, errNoSuchStream
	}
	cursor, err := es.kept.Since(hs.server.sessions.now(), seq)
	if err != nil {
		return nil, false, err
	}
	for e, _, ok := cursor.Next(); ok; e, _, ok = cursor.Next() {
		e.Retain(1)
		missed = append(missed, e)
	}
	if es.ended {
		return missed, true, nil
	}
	if old := es.out; old != nil && old != c {
		in := es.in
		old.Do(func(c *engine.Conn) {
			if c.ExchangeNumber() == in {
				c.Lose(engine.CloseLocal)
			}
		})
	}
	hs.attach(es, c, es.kept.Last())
	return missed, false, nil
}

// detach ends the connection's part in the streams of the session.
func (hs *httpSession) detach(c *engine.Conn) {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	for _, es := range hs.streams {
		if es.out == c {
			es.out = nil
			hs.used(c)
		}
	}
}

// Deliver sends a message by the stream for what the server says of its own
// accord; a client that is away finds it there when it comes back. One that has
// never listened has missed it, as the protocol allows it: it sees the same by a
// request. Safe from any goroutine.
//
// Errors: engine.ErrPushQueueFull, where there is no room to keep it.
//
// Hot path: no allocation.
func (hs *httpSession) Deliver(message []byte) error {
	hs.smu.Lock()
	defer hs.smu.Unlock()
	es := hs.listening
	if es == nil {
		return nil
	}
	b := hs.pool.Get(len(message) + sse.MaxIDBytes + 64)
	if hs.server.opts.HTTP.ReplayEvents > 0 {
		b = es.name.AppendIDLine(b, es.kept.Last()+1)
	}
	b = append(append(append(b, "event: message\ndata: "...), message...), "\n\n"...)
	err := hs.send(es, b)
	hs.pool.Put(b)
	return err
}

// send keeps an event, and has it go out where somebody is there. The caller
// holds smu.
func (hs *httpSession) send(es *eventStream, event []byte) error {
	inStep := !es.told && es.sent == es.kept.Last()
	kept := hs.keep(es, event)
	switch {
	case es.out == nil:
		return nil
	case kept:
		es.tell()
		return nil
	case inStep: // what is not kept may still be sent
		p := es.out.NewPush()
		p.Grow(len(event))
		p.Buf = append(p.Buf, event...)
		if p.SendEvent(es.in) == nil {
			es.sent = es.kept.Last()
			return nil
		}
	}
	// It has missed an event. Its response ends, so that it comes back and knows.
	hs.server.counters.eventsLost.Add(1)
	es.hangUp()
	es.out = nil
	return engine.ErrPushQueueFull
}

// hangUp has the response end that the stream is.
func (es *eventStream) hangUp() {
	in := es.in
	es.out.Do(func(c *engine.Conn) {
		if c.ExchangeNumber() == in {
			endStream(c)
		}
	})
}

// endStream ends a response to a GET. Its connection has no session any more.
func endStream(c *engine.Conn) {
	c.EndStream()
	c.KeepIdle(false)
}

// tell has the connection of a stream come and look.
func (es *eventStream) tell() {
	if !es.told {
		es.told = true
		es.errand.Send()
	}
}

// listening is the EventLog of the stream for what the server says of its own
// accord, whose events are whole when they get there.
type listening struct {
	hs *httpSession
	es *eventStream
}

// AppendHead primes the client.
func (l listening) AppendHead(dst []byte) []byte { return l.hs.appendPrime(dst, l.es) }

// AppendID appends nothing.
func (listening) AppendID(dst []byte) []byte { return dst }

// Keep keeps nothing.
func (listening) Keep([]byte) bool { return false }

// End has nothing to end.
func (listening) End() {}

// appendPrime appends the priming event of a stream that has had no other, by
// the revision of the session.
func (hs *httpSession) appendPrime(dst []byte, es *eventStream) []byte {
	r := hs.record.Load()
	if r == nil || hs.server.opts.HTTP.ReplayEvents < 0 {
		return dst
	}
	var id [sse.MaxIDBytes]byte
	dst, _ = sse.AppendPrime(dst, r.rev.name, es.name.AppendID(id[:0], 0), hs.server.opts.HTTP.Retry)
	return dst
}

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
	if es.out == es.owner {
		hs.keep(es, event)
		return false
	}
	_ = hs.send(es, event) // who misses it is cut, and knows
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
	c.engine.Conn().Do(func(conn *engine.Conn) {
		if h := conn.State().(*session).carrier; h != nil && h.session == hs {
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
