package transports

import (
	"errors"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// greeting is what a stream with TLS has until its handshake is over, and a while
// longer if that fails: there is no engine.Conn then.
//
//	OnOpen ──► greeting ──── Established ────► engine.Conn
//	              │ Failed: alert, then FIN
//	              ▼
//	           parting ──── the peer has gone, or partingTime ────► closed
type greeting struct {
	item  ringbuf.Item[*greeting] // of loop.notes
	noted atomic.Bool             // it is in there, or the loop looks without being told
	s     *stream
	since int64 // on the loop's clock
	in    *greetings
	next  *greeting
	prev  *greeting
}

// partingTime is how long a peer may take to read why its handshake has failed: a
// socket that is closed with input unread is reset, and the alert lost.
const partingTime = int64(1e9)

// greetings are those of a loop that end after the same time, the oldest first.
type greetings struct{ first, last *greeting }

func (l *greetings) add(g *greeting) {
	g.in, g.prev, g.next = l, l.last, nil
	if l.last != nil {
		l.last.next = g
	} else {
		l.first = g
	}
	l.last = g
}

func (g *greeting) leave() {
	l := g.in
	if l == nil {
		return
	}
	if g.prev != nil {
		g.prev.next = g.next
	} else {
		l.first = g.next
	}
	if g.next != nil {
		g.next.prev = g.prev
	} else {
		l.last = g.prev
	}
	g.in, g.next, g.prev = nil, nil, nil
}

// greet begins TLS on a new connection.
func (s *stream) greet() {
	l := s.l
	g := &greeting{s: s, since: l.engine.Now()}
	g.item.Value = g
	s.greeting = g
	s.session = l.tlsLoop().NewSession(s.ln.tls, s.gc.LocalAddr(), s.gc.RemoteAddr(), func() { l.note(g) })
	l.greetings.add(g)
	l.armGreetings()
}

// shake takes in what has come for a handshake, and what comes of it.
//
// The goroutine of the handshake wants a CPU, and most often there is none but
// that of this loop, which gives it up for a moment. What was done meanwhile it
// looks at by itself: nobody has to wake it for that, so no note of it is taken.
func (s *stream) shake(p []byte) {
	g := s.greeting
	noted := g.noted.Swap(true) // already: there is a turn to come
	s.take(p)
	runtime.Gosched()
	if noted {
		return
	}
	g.noted.Store(false) // from now on it is noted again
	if !s.closed {
		s.take(nil)
	}
}

// openRecords takes in ciphertext, inside a turn. It reads and writes to p until it
// returns and does not keep it.
//
// Hot path: no lock, and no allocation once the handshake is over.
func (s *stream) openRecords(p []byte) {
	for {
		plain, n, ev := s.session.Next(p)
		p = p[n:]
		switch ev {
		case tlsconn.Data:
			s.feed(plain)
		case tlsconn.Established:
			s.establish()
		case tlsconn.End:
			s.peerEnded()
		case tlsconn.Failed:
			s.fail()
			return
		case tlsconn.More:
			s.rest()
			return
		}
		if s.closed {
			return
		}
	}
}

// establish begins to serve what the listener carries, and the two sides have
// agreed on. This is the one place where ALPN is looked at.
func (s *stream) establish() {
	s.greeting.leave()
	s.greeting = nil
	s.conn = s.l.open(s)
	if s.conn == nil && !s.closed {
		s.Close(engine.CloseRefused)
	}
}

// rest is the end of what has come.
func (s *stream) rest() {
	// Output of a connection that has more goes with that, in one write.
	if s.conn == nil || s.conn.Unsent() == 0 {
		if err := s.flushRecords(); err != nil {
			s.lose()
			return
		}
	}
	if s.conn == nil {
		return
	}
	pending := s.session.Pending()
	if pending && s.carried == nil {
		// As with lines in the clear: a peer that goes on is not too slow.
		s.conn.Fragment(false)
		if s.framer.Pending() {
			s.conn.Partial(s.framer.Charged())
		}
	}
	s.conn.Fragment(pending)
	if s.gc == nil && !s.ended { // its peer had ended the socket before this
		s.session.Truncated()
		s.peerEnded()
	}
}

// peerEnded notes that nothing more will come.
func (s *stream) peerEnded() {
	if s.carried != nil {
		if why := s.carried.EndReason(); why != engine.CloseNone {
			s.conn.Close(why)
			return
		}
	}
	s.end()
}

// fail ends a connection that TLS has given up, behind the alert that says why.
func (s *stream) fail() {
	err := s.session.Err()
	if s.conn != nil {
		reason := engine.CloseProtocol
		if errors.Is(err, tlsconn.ErrOutput) {
			reason = engine.CloseSlowReader
		}
		s.conn.Close(reason)
		return
	}
	log := s.l.srv.opts.Logger
	if errors.Is(err, tlsconn.ErrPanic) {
		log.Error("TLS handshake", "listener", s.ln.url, "error", err)
	} else {
		log.Debug("TLS handshake failed", "listener", s.ln.url, "remote", s.Peer().Remote, "error", err)
	}
	if s.flushRecords() != nil || s.gc == nil || len(s.session.Output()) > 0 {
		s.Close(engine.CloseProtocol)
		return
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_WR)
	g := s.greeting
	g.leave()
	g.since = s.l.engine.Now()
	s.l.partings.add(g)
	s.l.armGreetings()
}

// lose ends a connection whose socket has failed.
func (s *stream) lose() {
	if s.conn != nil {
		s.conn.Lose(engine.CloseReset)
		return
	}
	s.Close(engine.CloseReset)
}

// flushRecords writes what TLS itself has to say, as far as the kernel takes it;
// the rest goes with what comes next.
func (s *stream) flushRecords() error {
	out := s.session.Output()
	if len(out) == 0 {
		return nil
	}
	n, err := writeFD(s.fd, out)
	s.session.Sent(n)
	return err
}

// seal is Write with TLS.
func (s *stream) seal(p []byte) (n int, err error) {
	n, progress, err := writeSealed(s.session, s.fd, &s.owed, p)
	if progress && s.conn != nil {
		s.conn.Progressed()
	}
	return n, err
}

// sayGoodbye tells the peer that no more will come, if its socket takes that.
func (s *stream) sayGoodbye() {
	if s.session == nil || s.fd < 0 {
		return
	}
	s.session.CloseNotify()
	_ = s.flushRecords()
}

// endTLS gives back what TLS holds.
func (s *stream) endTLS() {
	if s.greeting != nil {
		s.greeting.leave()
	}
	s.sayGoodbye()
	s.session.Close()
}

// lostGreeting is told that a socket has ended whose handshake is not over. A
// client can have done its part, asked, and shut down its sending half, before a
// CPU was free for ours: it is still served.
func (s *stream) lostGreeting(err error) {
	if !errors.Is(err, io.EOF) || !s.session.EndOfInput() {
		s.fd = -1
		s.Close(engine.CloseReset)
		return
	}
	if s.linger(); s.fd < 0 {
		s.Close(engine.CloseReset)
	}
}

// Of loops.

// tlsLoop returns what the loop's sessions share.
func (l *loop) tlsLoop() *tlsconn.Loop {
	if l.tls == nil {
		l.tls = tlsconn.NewLoop(l.srv.engine.Buffers())
	}
	return l.tls
}

// note has the loop look at a session. Safe from any goroutine.
func (l *loop) note(g *greeting) {
	if g.noted.Swap(true) {
		return
	}
	if l.notes.Push(&g.item) {
		l.Wake()
	}
}

// takeNotes looks at the sessions whose handshakes have got on.
func (l *loop) takeNotes() {
	for {
		for it := l.notes.Pop(); it != nil; it = l.notes.Pop() {
			g := it.Value
			g.noted.Store(false)
			if s := g.s; !s.closed {
				s.openRecords(nil)
			}
		}
		if l.notes.Sleep() {
			return
		}
	}
}

// endGreetings ends the handshakes whose time is up; all, if the engine drains.
func (l *loop) endGreetings() {
	if l.greetings.first == nil && l.partings.first == nil {
		return
	}
	now := l.engine.Now()
	limit := int64(l.srv.opts.TLS.HandshakeTimeout)
	all := l.srv.engine.Draining()
	for g := l.greetings.first; g != nil && (all || limit > 0 && now-g.since >= limit); g = l.greetings.first {
		if !all {
			g.s.session.Expire()
		}
		g.s.Close(engine.CloseHandshake)
	}
	for g := l.partings.first; g != nil && (all || now-g.since >= partingTime); g = l.partings.first {
		g.s.Close(engine.CloseProtocol)
	}
	l.armGreetings()
}

// armGreetings sees to it that the loop wakes when the oldest handshake's time is
// up. It does not move a timer that is armed: that comes early, at worst.
func (l *loop) armGreetings() {
	now, at := l.engine.Now(), int64(0)
	if g, limit := l.greetings.first, int64(l.srv.opts.TLS.HandshakeTimeout); g != nil && limit > 0 {
		at = g.since + limit
	}
	if g := l.partings.first; g != nil && (at == 0 || g.since+partingTime < at) {
		at = g.since + partingTime
	}
	if at == 0 || l.greetAt > now && l.greetAt <= at {
		return
	}
	l.greetAt = at
	l.greetTimer.Reset(time.Duration(at - now))
}

// Listeners with TLS.

// notTLS returns what to answer a peer of this listener that does not speak TLS, by
// its first byte: what it will understand, if that is plain.
func (ln *listener) notTLS(first byte) []byte {
	switch {
	case ln.carries != payloadLines && first >= 'A' && first <= 'Z':
		res := http1.Response{Status: 400, ContentType: "text/plain; charset=utf-8", Close: true}
		return res.AppendWhole(nil, []byte("This port speaks TLS: write "+ln.network+":// in front of its address.\n"))
	case ln.carries == payloadLines && (first == '{' || first == '['):
		e := codec.Error{Code: codec.CodeInvalidRequest, Reason: "this port speaks TLS; connect to tls://"}
		return append(codec.AppendErrorReply(nil, codec.ID{}, codec.NoIDNull, &e), '\n')
	}
	return nil
}
