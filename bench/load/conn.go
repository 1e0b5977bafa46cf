package load

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/transports/websocket"
)

// Sizes of the loop's read buffer, in bytes.
const (
	minReadBuffer = 256 << 10
	maxReadBuffer = 64 << 20 // the longest line accepted
)

// A stage is what all connections of a run share. One goroutine owns it.
//
//	0 <= budget, or budget < 0 for no end of requests
type stage struct {
	shapes  []*shape // of good replies, by kind
	picks   []uint8  // the order of kinds
	picked  int      // how many were picked
	tally   *tally
	start   time.Time // of the run; times are ns since
	depth   int
	budget  int64  // requests that may still be sent in this phase; of a closed loop
	out     []byte // requests on their way
	in      []byte // the read buffer; grows to the longest line
	flying  int    // requests in flight on all connections
	control []byte // a control frame of a WebSocket on its way
	// Of TLS; nil without.
	records []byte // as they were read
	sealed  []byte // on their way
}

// now is the time in ns since the start of the run.
func (s *stage) now() int64 { return int64(time.Since(s.start)) }

// newStage makes the stage of a run in which good replies have the given shapes.
func newStage(shapes []*shape, ta *tally, depth int) *stage {
	s := &stage{shapes: shapes, tally: ta, start: time.Now(), depth: depth, in: make([]byte, minReadBuffer)}
	var all []*template
	for _, sh := range shapes {
		all = append(all, sh.t)
		if n := 2 * sh.size(); n > len(s.in) {
			s.in = make([]byte, n)
		}
	}
	s.picks = picks(all)
	return s
}

// A conn is one connection under load. Its descriptors do not block.
type conn struct {
	r, w     *socket // to read and write; one and the same but for a child and for HTTP with SSE
	window   window
	lead     []byte          // what each request begins with on this connection: request line, session
	http     *responseReader // of r; nil where replies are lines
	ws       *webSocket      // nil where no WebSocket carries the messages
	h2       *http2Client    // nil where HTTP/2 does not
	acks     *responseReader // of w, where requests are answered elsewhere (HTTP with SSE); else nil
	ackTail  []byte          // part of an answer on w
	aside    *socket         // the event stream by GET that the session has beside; else nil
	events   *responseReader // of aside
	rest     []byte          // an event of aside that came in part
	tail     []byte          // a reply that came in part
	progress int64           // when a reply last came or the window was last empty, in ns
	good     int64           // replies that were right, in all phases
	session  string          // of Streamable HTTP, as the server named it; "" is none
	revision string          // that it was opened with
	bound    int             // requests that the connection may send before another is opened; 0 is no bound
	given    int             // of these, sent
	life     *life           // opens and closes it; nil where it is opened once
	number   int32           // by which epoll knows it
	replied  bool            // the HTTP response in hand has brought a reply
	polled   bool            // the loop asks for writability
	queued   bool            // in the loop's queue of connections with room
	busy     bool            // its life is opening or closing it
	dead     bool            // descriptors closed
}

// capacity is how many requests may be sent now.
func (c *conn) capacity(s *stage) int {
	if !c.writable() {
		return 0
	}
	n := min(s.depth-c.window.inFlight, c.window.room())
	if c.h2 != nil {
		n = min(n, c.h2.capacity())
	}
	if c.bound > 0 {
		n = min(n, c.bound-c.given)
	}
	return n
}

// writable says that what is sent now goes to the kernel.
func (c *conn) writable() bool { return !c.dead && !c.busy && len(c.w.unsent) == 0 }

// over says that the connection has had its requests, and each has its answer.
func (c *conn) over() bool {
	return c.bound > 0 && c.given >= c.bound && c.window.inFlight == 0 && !c.dead && len(c.w.unsent) == 0 &&
		(c.http == nil || c.acks != nil || !c.http.inBody) && (c.h2 == nil || c.h2.open == 0)
}

// renew begins with a new socket. What the old one knew is gone; ids go on.
func (c *conn) renew(k *socket) {
	c.r, c.w = k, k
	c.lead, c.http, c.ws, c.h2, c.acks, c.aside, c.events = nil, nil, nil, nil, nil, nil, nil
	c.tail, c.ackTail, c.rest = c.tail[:0], c.ackTail[:0], c.rest[:0]
	c.session, c.revision = "", ""
	c.window.abandoned = 0
	c.replied, c.polled, c.dead = false, false, false
}

// compose appends the next request of the mix to s.out, sent at now, meant to
// be sent at meant. The caller has checked the capacity. Hot path.
func (c *conn) compose(s *stage, meant, now int64) {
	if c.window.inFlight == 0 {
		c.progress = now
	}
	kind := s.picks[s.picked]
	if s.picked++; s.picked == len(s.picks) {
		s.picked = 0
	}
	t := s.shapes[kind].t
	s.out = c.appendRequest(s.out, t, c.window.give(meant, now, kind))
	c.given++
	s.flying++
	s.tally.sent++
}

// appendRequest appends a request with its id as the connection carries it. Hot
// path.
func (c *conn) appendRequest(out []byte, t *template, id uint64) []byte {
	switch {
	case c.ws != nil:
		return c.ws.appendRequest(out, t, id)
	case c.h2 != nil:
		return c.h2.appendRequest(out, t, id)
	}
	out = append(out, c.lead...)
	at := len(out)
	out = append(out, t.wire...)
	putID(out[at+t.wireID:], id)
	return out
}

// fill sends as many requests as the depth, the budget and the kernel allow.
// now is their sending time. An error ends the connection.
// Hot path: no allocation once buffers have their sizes.
func (c *conn) fill(s *stage, now int64) error {
	for {
		n := c.capacity(s)
		if s.budget >= 0 {
			n = int(min(int64(n), s.budget))
		}
		s.out = s.out[:0]
		if c.h2 != nil && c.writable() {
			s.out = c.h2.appendWaiting(s.out)
		}
		if n <= 0 && len(s.out) == 0 {
			return nil
		}
		for ; n > 0 && len(s.out) < maxBatch; n-- {
			c.compose(s, now, now)
			if s.budget > 0 {
				s.budget--
			}
		}
		if err := c.w.send(s, s.out); err != nil {
			return err
		}
	}
}

// receive reads once and takes the replies in. The time it returns is that of
// the read. An error ends the connection.
// Hot path: no allocation once tail has its size.
func (c *conn) receive(s *stage) (now int64, err error) {
	held := copy(s.in, c.tail)
	n, err := c.r.receive(s, held)
	now = s.now()
	if n == 0 {
		return now, err
	}
	b := s.in[:held+n]
	done, err := c.consume(s, b, now)
	if err != nil {
		return now, err
	}
	if done == 0 && len(b) == len(s.in) {
		if err := s.grow(); err != nil {
			return now, err
		}
	}
	c.tail = append(c.tail[:0], b[done:]...)
	return now, c.r.end()
}

// grow makes the read buffer twice as long, with what is in it.
func (s *stage) grow() error {
	if len(s.in) >= maxReadBuffer {
		return errOversize
	}
	s.in = append(s.in, make([]byte, len(s.in))...)
	return nil
}

// consume takes in what is whole of b, which arrived at now, and returns its
// length in bytes. It keeps nothing of b. Hot path.
func (c *conn) consume(s *stage, b []byte, now int64) (done int, err error) {
	switch {
	case c.http != nil:
		return c.consumeHTTP(s, b, now)
	case c.ws != nil:
		return c.consumeFrames(s, b, now)
	case c.h2 != nil:
		return c.consumeHTTP2(s, b, now)
	}
	for done < len(b) {
		if n, id, ok := c.match(s, b[done:]); ok && len(b) > done+n && b[done+n] == '\n' {
			c.accept(s, id, now)
			done += n + 1
			continue
		}
		i := bytes.IndexByte(b[done:], '\n')
		if i < 0 {
			break
		}
		line := b[done : done+i+1]
		done += i + 1
		if len(bytes.TrimSpace(line)) > 0 {
			c.differs(s, line, now)
		}
	}
	return done, nil
}

// match finds the shape of the reply that b begins with, which is that of the
// request it answers. Hot path.
func (c *conn) match(s *stage, b []byte) (n int, id uint64, ok bool) {
	for kind, sh := range s.shapes {
		if n, id, ok = sh.match(b); ok && (len(s.shapes) == 1 || c.window.kindOf(id) == kind) {
			return n, id, true
		}
	}
	return 0, 0, false
}

// accept counts a good reply, if it was asked for. Hot path.
func (c *conn) accept(s *stage, id uint64, now int64) (good bool) {
	if c.misdirected(id) {
		s.tally.errors.UnknownID++
		return false
	}
	kind, wait := c.window.kindOf(id), c.window.waited(id)
	meant, how := c.window.take(id)
	switch how {
	case takenUnknown, takenDuplicate:
		c.unasked(s, how)
		return false
	case takenLater:
		if s.shapes[kind].t.check == checkRaw && c.h2 == nil {
			s.tally.errors.Order++
			s.flying--
			return false
		}
		s.tally.reordered++
	}
	s.flying--
	c.progress = now
	c.good++
	s.tally.record(now-meant, wait, kind)
	return true
}

// unasked counts a reply that nothing in flight asked for.
func (c *conn) unasked(s *stage, how taken) {
	switch {
	case how == takenUnknown:
		s.tally.errors.UnknownID++
	case c.window.abandoned > 0:
		// It may be a second reply to another; that is told from this only as
		// long as nothing has timed out on the connection.
		c.window.abandoned--
		s.tally.late++
	default:
		s.tally.errors.DuplicateID++
	}
}

// differs judges a reply that has not the usual shape.
func (c *conn) differs(s *stage, line []byte, now int64) {
	var v verdict
	if sh := s.shapes[0]; sh.t.check == checkRaw {
		v = sh.judge(line)
	} else {
		var result []byte
		if v, result = parseReply(line); v.kind == replyGood {
			v.kind = s.shapes[c.window.kindOf(v.id)].judgeResult(result)
		}
	}
	if v.kind == replyGood {
		if c.accept(s, v.id, now) {
			s.tally.slow++
		}
		return
	}
	s.tally.blame(v.kind, line)
	if v.hasID && c.misdirected(v.id) {
		s.tally.errors.UnknownID++
		return
	}
	if v.hasID {
		_, how := c.window.take(v.id)
		if how == takenUnknown || how == takenDuplicate {
			c.unasked(s, how)
			return
		}
		s.flying--
		c.progress = now
	}
	e := &s.tally.errors
	switch v.kind {
	case replyMalformed:
		e.Malformed++
	case replyRPCError:
		e.RPC++
	case replyToolError:
		e.Tool++
	case replyPayload:
		e.Payload++
	case replyServerRequest:
		e.Unexpected++
	case replyNotification:
		s.tally.notes++
	}
}

// expire takes requests out of flight that were sent more than timeout ns ago,
// as long as they are the oldest.
func (c *conn) expire(s *stage, now, timeout int64) {
	w := &c.window
	for w.inFlight > 0 {
		id := w.oldest
		meant := w.sent[id&uint64(len(w.sent)-1)] - 1
		if now-meant-w.waited(id) < timeout {
			return
		}
		w.take(id)
		if c.h2 != nil {
			c.h2.cancel(id) // and what still comes on its stream is of nobody
		} else {
			w.abandoned++
		}
		s.flying--
		s.tally.errors.TimedOut++
		s.tally.latencyOf(now - meant)
	}
}

// fail ends the connection for the given reason and counts it. What it had in
// flight counts as waited for until now.
func (c *conn) fail(s *stage, reason error) {
	if c.dead {
		return
	}
	e := &s.tally.errors
	lost := &e.Lost
	var secure *tlsError
	if c.h2 != nil {
		if c.h2.leaving && ended(reason) {
			reason = c.h2.parting // as the server has said before
		}
		if errors.Is(reason, errGoAway) || errors.Is(reason, errFraming) {
			s.tally.explain(reason)
		}
	}
	if errors.Is(reason, errBarred) {
		s.tally.explain(reason)
	}
	switch {
	case errors.Is(reason, errGoAway):
		e.GoAway++
	case ended(reason):
		e.Closed++
	case errors.Is(reason, errOversize):
		e.Oversize++
	case errors.Is(reason, errFraming):
		e.Framing++
	case errors.As(reason, &secure):
		e.TLS++
	case errors.Is(reason, errStalled): // what it lost says it
		lost = &e.TimedOut
	default:
		e.IO++
	}
	*lost += int64(c.window.inFlight)
	now := s.now()
	for w := &c.window; w.inFlight > 0; {
		meant, _ := w.take(w.oldest)
		s.tally.latencyOf(now - meant)
		s.flying--
	}
	c.close()
}

// ended says that the server has closed the connection.
func ended(reason error) bool {
	return errors.Is(reason, errClosed) || errors.Is(reason, unix.EPIPE) || errors.Is(reason, unix.ECONNRESET)
}

// sockets are those of the connection, each once; some are nil.
func (c *conn) sockets() [3]*socket {
	if c.r == c.w {
		return [3]*socket{c.w, nil, c.aside}
	}
	return [3]*socket{c.w, c.r, c.aside}
}

// close gives the descriptors back.
func (c *conn) close() {
	if c.dead {
		return
	}
	c.dead = true
	if c.ws != nil {
		if len(c.w.unsent) == 0 {
			c.w.parting(c.ws.loop.AppendClose(nil, websocket.CodeNormal, ""))
		}
		c.ws.parser.Release()
	}
	if c.h2 != nil {
		if len(c.w.unsent) == 0 {
			c.w.parting(c.h2.farewell())
		}
		c.h2.release()
	}
	for _, k := range c.sockets() {
		if k != nil {
			k.close()
		}
	}
	c.window.inFlight = 0
}
