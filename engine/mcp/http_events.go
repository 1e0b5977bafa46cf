package mcp

import (
	"errors"
	"strconv"

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
	bytes, n := es.kept.Bytes(), es.kept.Len()
	f()
	hs.accountFor(es, bytes, n)
}

// accountFor has the server know what is kept of a stream now instead of that.
func (hs *httpSession) accountFor(es *eventStream, bytes, events int) {
	if d := es.kept.Bytes() - bytes; d != 0 {
		hs.server.replayBytes.Add(int64(d))
	}
	if d := es.kept.Len() - events; d != 0 {
		hs.server.replayEvents.Add(int64(d))
	}
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

// keep keeps an event of a stream, in a buffer of hs.pool that is the stream's
// from here on, and reports whether there was room. The caller holds smu.
//
// Hot path: no allocation in the steady state.
func (hs *httpSession) keep(es *eventStream, event []byte) bool {
	if hs.full(cap(event)) {
		hs.account(es, es.kept.Skip)
		hs.server.counters.eventsNotKept.Add(1)
		hs.pool.Put(event)
		return false
	}
	bytes, n := es.kept.Bytes(), es.kept.Len()
	es.kept.Append(hs.server.sessions.now(), sse.NewShared(hs.pool, event))
	hs.accountFor(es, bytes, n)
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
	return hs.send(es, b)
}

// send keeps an event, in a buffer of hs.pool that is the stream's from here on,
// and has it go out where somebody is there. The caller holds smu.
func (hs *httpSession) send(es *eventStream, event []byte) error {
	if es.out != nil && !es.told && es.sent == es.kept.Last() && hs.full(cap(event)) {
		// There is no room to keep it; it may still be sent.
		hs.server.counters.eventsNotKept.Add(1)
		hs.account(es, es.kept.Skip)
		p := es.out.NewPush()
		p.Grow(len(event))
		p.Buf = append(p.Buf, event...)
		hs.pool.Put(event)
		if p.SendEvent(es.in) == nil {
			es.sent = es.kept.Last()
			return nil
		}
	} else if hs.keep(es, event) || es.out == nil {
		if es.out != nil {
			es.tell()
		}
		return nil
	}
	// It has missed an event. Its response ends, so that it comes back and knows.
	hs.server.counters.eventsLost.Add(1)
	es.hangUp()
	es.out = nil
	return engine.ErrPushQueueFull
}

// full reports whether n bytes more cannot be kept, although what has ended went.
func (hs *httpSession) full(n int) bool {
	for hs.server.replayBytes.Load()+int64(n) > int64(hs.server.opts.HTTP.MaxReplayBytes) {
		if !hs.dropEnded() {
			return true
		}
	}
	return false
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
