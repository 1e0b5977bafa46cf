package tlsconn

import (
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"time"
)

// DefaultMaxHandshakeBytes is the default of Options.
const DefaultMaxHandshakeBytes = 1 << 20

const (
	chargeFrom = 64 << 10  // bytes of a buffer above which the budget is asked
	outputMax  = 256 << 10 // bytes of output that a peer which reads nothing can have us keep
)

// SealMax is how many bytes Session.Seal makes into no more than 64 KiB of
// ciphertext, whatever the version and the suite, if records are of full size
// (tls.Config.DynamicRecordSizingDisabled): four, with a header, an explicit nonce,
// a tag and an inner type each.
const SealMax = 65_536 - 4*(5+8+16+1)

// Budget is what large buffers are charged to. Safe from any goroutine.
type Budget interface {
	// Reserve reports whether n bytes more may be held.
	Reserve(n int) bool
	// Release gives back n reserved bytes.
	Release(n int)
}

// Options are those of the Sessions of one listener. It is not changed once it
// is in use.
type Options struct {
	// Config says which certificates, versions and protocols there are. See
	// NewConfig.
	Config *tls.Config
	// Gate bounds handshakes, and has their counters.
	Gate *Gate
	// Budget is charged with what comes during a handshake and takes a buffer
	// above 64 KiB; nil: nothing is.
	Budget Budget
	// MaxHandshakeBytes bounds what is kept of a peer until its handshake is over
	// and its owner has taken it. A client that has done its part may go on to
	// send while ours waits for a CPU. Zero: 1 MiB. Beyond it the Session fails.
	MaxHandshakeBytes int
	// NotTLS returns what is said, in the clear, to a peer whose first byte is
	// not that of TLS; nothing, or nil: a TLS alert.
	NotTLS func(first byte) []byte
}

func (o *Options) maxHandshakeBytes() int {
	if o.MaxHandshakeBytes == 0 {
		return DefaultMaxHandshakeBytes
	}
	return o.MaxHandshakeBytes
}

// Event says what Next found.
type Event uint8

// The events.
const (
	More        Event = iota // all that was fed is taken in; there is nothing to be had
	Established              // the handshake is over; call Next again, though nothing more may have come
	Data                     // plaintext
	End                      // the peer has said that it sends no more (close_notify)
	Failed                   // see Err; the output may hold an alert, after which the Session is to be closed
)

type phase uint8

const (
	hello phase = iota
	shaking
	open
	ended
	failed
	closed
)

// Session is TLS on one connection, the server's half, sans-I/O. Make it with
// Loop.NewSession.
type Session struct {
	l    *Loop
	o    *Options
	conn *tls.Conn  // nil before the first record is whole
	hs   *handshake // until the owner has been told that it is over

	kept []byte // ciphertext that came in pieces, of which kept[:at] is used up; nil if none
	at   int

	out  []byte // for the peer, of which out[:sent] has gone; nil if none
	sent int

	took   time.Duration
	err    error
	unread int32 // at most so many of the records that crypto/tls has been given are not read
	after  Event // to be returned by the next call of Next
	phase  phase
	lent   bool // crypto/tls refers to bytes that it was lent, see lend
}

// NewSession returns a Session of a connection that was just accepted. notify is
// called from another goroutine, from the end of the first record to the end of
// the handshake: whenever Next should be called, without bytes if there are none,
// and Output looked at. It must not block, and may be called once more when the
// Session is closed already. local and remote are what the functions of the
// tls.Config see, as the addresses of ClientHelloInfo.Conn: inside such a function
// only, not by a goroutine that outlives it. They may be nil.
func (l *Loop) NewSession(o *Options, local, remote net.Addr, notify func()) *Session {
	s := &Session{l: l, o: o}
	s.hs = &handshake{s: s, gate: o.Gate, notify: notify, local: local, remote: remote}
	return s
}

// Next takes bytes from the front of p and returns the first event in them and
// how many it took. Call it again with the rest, until it returns More: then all
// of p is taken. Whatever it returns, Output may have grown.
//
// p is the caller's, and read and written to until Next returns: whole records are
// decrypted where they lie. plain is valid until the next call of Next on any Session
// of the Loop, and may be written to.
//
// Once the handshake is over: no lock, no goroutine, and no allocation.
func (s *Session) Next(p []byte) (plain []byte, n int, ev Event) {
	switch s.phase {
	case open:
		return s.open(p)
	case hello:
		return nil, len(p), s.hello(p)
	case shaking:
		return nil, len(p), s.shaking(p)
	}
	return nil, len(p), More // nobody wants it any more
}

// hello gathers the first record, which may come in any pieces, and starts the
// handshake when it is whole.
func (s *Session) hello(p []byte) Event {
	if len(p) == 0 {
		return More
	}
	h := s.hs
	if s.kept == nil {
		h.first = p[0]
	}
	s.kept = append(s.l.grow(s.kept, len(p)), p...)
	whole, why := judgeHello(s.kept)
	switch {
	case why != notFailed:
		return s.fail(why, ErrNotTLS)
	case !whole:
		if len(s.kept) > headerLen+maxPlaintext { // cannot be: it would be whole
			return s.fail(FailedInput, ErrInput)
		}
		return More
	case len(s.kept) > s.o.maxHandshakeBytes() || !h.charge(cap(s.kept)):
		return s.fail(FailedInput, ErrInput)
	}
	h.begun, h.wake = time.Now(), make(chan struct{}, 1)
	s.phase = shaking
	s.conn = tls.Server(wire{s}, s.o.Config)
	h.in, s.kept = s.kept, nil
	h.lendHello()
	if !s.o.Gate.start(h) {
		h.over = true // there is no goroutine
		s.out = appendAlert(s.l.grow(s.out, 512), alertInternalError)
		return s.fail(FailedBusy, ErrBusy)
	}
	return More
}

// shaking keeps p for the handshake, and looks whether that is over.
func (s *Session) shaking(p []byte) Event {
	h := s.hs
	h.mu.Lock()
	fits := h.feed(p)
	s.takeOutput(h)
	over, err, why := h.over, h.err, FailedHandshake
	switch {
	case h.eof && errors.Is(err, io.EOF):
		why = FailedGone
	case h.yielded:
		why = FailedBusy
	}
	if over && fits && err == nil {
		s.kept, s.at = h.in, h.at
		h.in = nil
		h.release()
	}
	h.mu.Unlock()
	switch {
	case !fits:
		return s.fail(FailedInput, ErrInput)
	case !over:
		return More
	case err != nil:
		return s.fail(why, err)
	}
	s.hs, s.phase = nil, open
	dropHand(s.conn)
	if s.at == len(s.kept) {
		s.dropKept()
	}
	if takeBack(s.conn) {
		if h.hello != nil {
			s.l.bufs.Put(h.hello)
		}
	} else {
		// What crypto/tls has taken in beyond the handshake is unknown: it is asked
		// until it has nothing.
		s.unread = math.MaxInt32
	}
	cs := s.conn.ConnectionState()
	s.took = h.took
	s.o.Gate.Stats.add(cs.Version, cs.CipherSuite, cs.DidResume, h.took)
	return Established
}

// takeOutput moves what the handshake has written to where the owner finds it.
// h is locked.
func (s *Session) takeOutput(h *handshake) {
	switch {
	case h.out == nil:
	case s.out == nil:
		s.out, h.out = h.out, nil
	default:
		s.out = append(s.l.grow(s.out, len(h.out)), h.out...)
		s.l.bufs.Put(h.out)
		h.out = nil
	}
}

// open opens records.
func (s *Session) open(p []byte) (plain []byte, n int, ev Event) {
	for {
		if s.after != More {
			ev, s.after = s.after, More
			return nil, len(p), s.finish(ev)
		}
		if s.unread > 0 {
			if plain, ev = s.read(); ev != More {
				return plain, n, ev
			}
		}
		rest := s.kept[s.at:]
		if len(rest) == 0 {
			s.dropKept()
			size, count := wholeRecords(p[n:], regionMax)
			if count == 0 {
				if n < len(p) {
					s.kept = append(s.l.grow(nil, len(p)-n), p[n:]...)
				}
				return nil, len(p), More
			}
			s.give(p[n:n+size], count)
			n += size
			continue
		}
		if size, count := wholeRecords(rest, regionMax); count > 0 {
			s.give(rest[:size], count)
			s.at += size
			continue
		}
		if s.at > 0 {
			s.keepRest(rest)
		}
		take := min(missing(rest), len(p)-n)
		if take == 0 {
			return nil, n, More
		}
		s.kept = append(s.l.grow(s.kept, take), p[n:n+take]...)
		n += take
	}
}

// keepRest makes what is left in kept the beginning of it: of a buffer of its own
// size, if that was of all that came during the handshake.
func (s *Session) keepRest(rest []byte) {
	if cap(s.kept) > chargeFrom {
		b := append(s.l.bufs.Get(len(rest)), rest...)
		s.dropKept()
		s.kept = b
		return
	}
	s.kept, s.at = s.kept[:copy(s.kept, rest)], 0
}

// read reads the records in src, all of them: what is in them fits.
func (s *Session) read() (plain []byte, ev Event) {
	b := s.l.plain[:0]
	var err error
	for s.unread > 0 && err == nil && cap(b)-len(b) >= maxPlaintext {
		var n int
		n, err = s.conn.Read(b[len(b):cap(b)]) // one record at a time: all of it has room
		b = b[:len(b)+n]
		s.unread-- // what is no data was passed over, so this may be more than there are
		if s.err != nil {
			err = s.err // of what Read has written
		}
	}
	switch {
	case err == nil:
	case err == errAgain:
		s.unread = 0
	case err == io.EOF:
		s.after, s.unread = End, 0
	default:
		s.after, s.unread, s.err = Failed, 0, err
	}
	if s.unread == 0 {
		s.takeAway()
	}
	switch {
	case len(b) > 0:
		return b, Data
	case s.after != More:
		ev, s.after = s.after, More
		return nil, s.finish(ev)
	}
	return nil, More
}

// finish notes that nothing more is read.
func (s *Session) finish(ev Event) Event {
	s.phase = ended
	if ev == Failed {
		s.phase = failed
	}
	s.takeAway()
	s.dropKept()
	return ev
}

// fail ends a handshake that comes to nothing.
func (s *Session) fail(why Failure, err error) Event {
	s.o.Gate.Stats.failed[why].Add(1)
	s.err, s.phase = err, failed
	if why == FailedNotTLS {
		s.out = append(s.l.grow(s.out, 512), s.refusal()...)
	}
	s.dropKept()
	if s.hs != nil {
		s.hs.close()
	}
	return Failed
}

// refusal is what a peer is told that does not speak TLS.
func (s *Session) refusal() []byte {
	first := s.hs.first
	if f := s.o.NotTLS; f != nil && first != typeHandshake {
		if answer := f(first); len(answer) > 0 {
			return answer
		}
	}
	return appendAlert(nil, alertFor(first))
}

func (s *Session) dropKept() {
	if s.kept != nil {
		s.l.bufs.Put(s.kept)
		s.kept, s.at = nil, 0
	}
}

// Seal encrypts p into the output, in records of 16 KiB if the configuration is
// one of NewConfig. p is not kept. The output is bounded: have it sent before more
// is sealed. An error says that the connection is dead; with ErrOutput the peer has
// not read for too long. The Session must be open (Established).
//
// Hot path: no lock, and no allocation.
func (s *Session) Seal(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if s.out == nil {
		s.out = s.l.bufs.Get(len(p) + (len(p)/maxPlaintext+1)*64)
	}
	_, err := s.conn.Write(p)
	return err
}

// CloseNotify adds to the output that we send no more (RFC 8446, section 6.1).
// Nothing can be sealed afterwards. It does nothing before the handshake is over,
// behind a failure, and when called again.
func (s *Session) CloseNotify() {
	if s.phase == open || s.phase == ended {
		_ = s.conn.CloseWrite() // fails only if the connection is dead
	}
}

// Output returns the ciphertext that has not been sent, nil if there is none. It
// is valid until another method is called.
func (s *Session) Output() []byte { return s.out[s.sent:] }

// Sent notes that the first n bytes of Output have been sent.
func (s *Session) Sent(n int) {
	s.sent += n
	if s.sent == len(s.out) && s.out != nil {
		s.l.bufs.Put(s.out)
		s.out, s.sent = nil, 0
	}
}

// Open reports whether the handshake is over and nothing has failed since: there
// may be sealed.
func (s *Session) Open() bool { return s.phase == open || s.phase == ended }

// Pending reports whether a record has begun and is not whole.
func (s *Session) Pending() bool { return s.phase == open && len(s.kept) > s.at }

// EndOfInput tells that the peer's stream has ended. It reports whether a
// handshake is under way that may still be completed: if it has all it needs it is,
// else it fails; either is notified. Otherwise close the Session.
func (s *Session) EndOfInput() (underWay bool) {
	if s.phase != shaking {
		return false
	}
	return s.hs.end()
}

// Ended reports whether the peer has said that it sends no more. A stream that
// ends otherwise may have been cut by somebody else: call Truncated then.
func (s *Session) Ended() bool { return s.phase == ended }

// Truncated counts a connection that its peer has ended without close_notify.
func (s *Session) Truncated() {
	if s.phase == open {
		s.o.Gate.Stats.truncated.Add(1)
	}
}

// Err returns why the Session has failed.
func (s *Session) Err() error { return s.err }

// State returns what the handshake has settled: version, suite, curve, protocol,
// the name that was asked for, the peer's certificates, whether an earlier session
// was resumed. It is nil before Established. It is made at each call, and not kept.
func (s *Session) State() *tls.ConnectionState {
	if !s.Open() {
		return nil
	}
	cs := s.conn.ConnectionState()
	return &cs
}

// Protocol returns the protocol that was agreed on (ALPN, RFC 7301), "" for none.
func (s *Session) Protocol() string {
	if !s.Open() {
		return ""
	}
	return s.conn.ConnectionState().NegotiatedProtocol
}

// Took returns how long the handshake took, from the moment its first record was
// whole, the time that the peer took included.
func (s *Session) Took() time.Duration { return s.took }

// Expire ends a handshake whose deadline has passed, if it is not over.
func (s *Session) Expire() { s.giveUp(FailedTimeout) }

func (s *Session) giveUp(why Failure) {
	if s.phase == hello || s.phase == shaking {
		s.fail(why, net.ErrClosed)
	}
}

// Close gives back all buffers and ends the goroutine, if there is one, before
// long. Idempotent.
func (s *Session) Close() {
	s.giveUp(FailedGone)
	s.phase = closed
	if s.lent {
		s.takeAway()
	}
	s.dropKept()
	if s.out != nil {
		s.l.bufs.Put(s.out)
		s.out, s.sent = nil, 0
	}
}
