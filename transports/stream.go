package transports

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/line"
	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// carried is what a byte stream carries if not lines: it finds the messages or
// requests in what was read, and is called inside turns of its loop.
type carried interface {
	// Deliver feeds what is in p until all is used up, or the connection is
	// blocked or closed, or waits; it returns how much of p it took. What it
	// leaves is kept and delivered again. It may write to what it takes, and does
	// not keep p.
	Deliver(p []byte) (taken int)
	// Resumed is called when output has drained, before more is delivered.
	Resumed()
	// Refused reports whether nothing more is sent behind the output there is.
	Refused() bool
	// EndReason says why the connection ends when the peer ends its sending half,
	// whatever is in flight for it; CloseNone: that is still answered.
	EndReason() engine.CloseReason
	// Network names what is carried, as engine.Peer has it.
	Network() string
	// Release gives back all buffers. No other method follows.
	Release()
}

// input is what the two kinds of byte stream, sockets and standard input,
// share: it splits what was read into lines and feeds them, or holds them back
// while the peer does not read its answers.
type input struct {
	conn    *engine.Conn
	carried carried // nil: lines, which framer finds
	framer  line.Framer
	pool    *ringbuf.Pool
	held    []byte // read, not fed; nil if none
	heldAt  int
	ended   bool // the peer has sent all it will

	delivering bool // a message is being served, which may lie in held or in the framer
	toRelease  bool // release was called meanwhile
}

func (in *input) init(e *engine.Engine) {
	in.pool = e.Buffers()
	in.framer.Init(in.pool, e, e.Options().MaxMessageBytes)
}

// feed takes in what was read, inside a turn. It reads p until it returns and
// does not keep it.
//
// Hot path: no allocation, no lock.
func (in *input) feed(p []byte) {
	if in.held != nil {
		in.hold(p)
		return
	}
	if n := in.deliver(p); n < len(p) {
		in.hold(p[n:])
	}
}

// deliver feeds lines until p is used up or the connection is blocked or
// closed; it returns how much of p it took.
func (in *input) deliver(p []byte) (taken int) {
	in.delivering = true
	if in.carried != nil {
		taken = in.carried.Deliver(p)
	} else {
		taken = in.deliverLines(p)
	}
	in.delivering = false
	if in.toRelease {
		in.release()
	}
	return taken
}

func (in *input) deliverLines(p []byte) (taken int) {
	c := in.conn
	for {
		if c.Blocked() {
			return taken
		}
		msg, n, ev := in.framer.Next(p[taken:])
		taken += n
		switch ev {
		case line.Line:
			c.Receive(msg)
		case line.TooLong:
			c.Oversized()
		case line.NoRoom:
			c.Overloaded()
		default:
			if in.framer.Pending() {
				c.Partial(in.framer.Charged())
			} else {
				c.PartialSince(0, 0) // not every line that ends is a message
			}
			return taken
		}
	}
}

// hold keeps p until the connection is no longer blocked.
func (in *input) hold(p []byte) {
	if in.conn.Closed() {
		return
	}
	if !in.conn.HoldInput(len(in.held) - in.heldAt + len(p)) {
		return
	}
	if in.held == nil {
		in.held = in.pool.Get(len(p))
	} else if cap(in.held)-len(in.held) < len(p) {
		// What has been fed makes room first: a peer that is read from as fast
		// as it sends, but never faster, would make the buffer grow for ever.
		in.held = in.held[:copy(in.held, in.held[in.heldAt:])]
		in.heldAt = 0
		in.held = in.pool.Grow(in.held, len(p))
	}
	in.held = append(in.held, p...)
}

// resume feeds what was held.
func (in *input) resume() {
	if in.held != nil {
		in.heldAt += in.deliver(in.held[in.heldAt:])
		if in.conn.Closed() {
			return // and everything released
		}
		if in.heldAt < len(in.held) {
			in.conn.HoldInput(len(in.held) - in.heldAt)
			return
		}
		in.pool.Put(in.held)
		in.held, in.heldAt = nil, 0
	}
	if in.ended {
		in.conn.EndOfInput()
	}
}

// end notes that no more will be read.
func (in *input) end() {
	in.ended = true
	if in.held == nil {
		in.conn.EndOfInput()
	}
}

// release returns all buffers, those of a message that is being served when
// the service has done with it.
func (in *input) release() {
	if in.toRelease = in.delivering; in.toRelease {
		return
	}
	in.framer.Release()
	if in.carried != nil {
		in.carried.Release()
	}
	if in.held != nil {
		in.pool.Put(in.held)
		in.held, in.heldAt = nil, 0
	}
}

// stream is a socket on a gnet loop and the Wire of its engine.Conn.
//
// Its life, in terms of who owns the descriptor fd:
//
//	open ──── peer ends, work left ────► lingering ── engine done ──► closed
//	 │ gnet's                             │ ours: a duplicate
//	 └─ engine done, or nothing left ─────┴──────────────────────────► closed
//
// In open, gnet closes the descriptor: after OnClose when the peer ended the
// connection, or because we ask for it.
type stream struct {
	input
	l         *loop
	ln        *listener // that it came from
	gc        gnet.Conn // nil once gnet has let go
	where     addressed // gc, or what gc said if the stream outlives it; nil when closed
	fd        int
	feeding   bool // inside OnTraffic of this very connection
	wantClose bool // the engine closed it while feeding
	closed    bool

	session  *tlsconn.Session // nil without TLS
	greeting *greeting        // while its handshake is not over: conn is nil then
	owed     int              // see writeSealed
}

// Write writes what the kernel takes.
func (s *stream) Write(p []byte) (n int, err error) {
	if s.session != nil {
		n, err = s.seal(p)
	} else {
		n, err = writeFD(s.fd, p)
	}
	if s.carried != nil && s.carried.Refused() && n == len(p) {
		s.sayGoodbye()
		_ = unix.Shutdown(s.fd, unix.SHUT_WR) // that was the last
	}
	return n, err
}

// writeFD writes to a non-blocking descriptor; a full one takes 0 bytes.
func writeFD(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Write(fd, p)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}

// Resume feeds what was held back.
func (s *stream) Resume() {
	if s.carried != nil {
		s.carried.Resumed()
	}
	s.resume()
}

// Close lets go of the descriptor.
func (s *stream) Close(engine.CloseReason) {
	if s.closed {
		return
	}
	s.closed = true
	s.release()
	if s.session != nil {
		s.endTLS()
	}
	s.l.srv.counters.open.Add(-1)
	switch {
	case s.gc == nil: // lingering, or gnet is just closing it
		if s.fd >= 0 {
			_ = unix.Close(s.fd)
			s.l.srv.counters.lingering.Add(-1)
		}
	case s.feeding:
		s.wantClose = true // OnTraffic tells gnet when it returns
	default:
		gc := s.gc
		s.gc = nil
		_ = gc.EventLoop().Close(gc)
	}
	s.fd, s.where = -1, nil
}

// Peer describes the other end.
func (s *stream) Peer() engine.Peer {
	p := engine.Peer{Transport: s.ln.network}
	if s.carried != nil {
		p.Transport = s.carried.Network()
		if s.session != nil {
			p.Transport += "s"
		}
	}
	p.TLS = s.TLS()
	if s.ln.unix {
		p.Local = strings.TrimPrefix(s.ln.url, "unix://")
	} else if s.where != nil {
		if a := s.where.RemoteAddr(); a != nil {
			p.Remote = a.String()
		}
		if a := s.where.LocalAddr(); a != nil {
			p.Local = a.String()
		}
	}
	return p
}

// addressed is what knows the two addresses of a connection.
type addressed interface {
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

// addresses are those of a connection that gnet has let go of: it takes back its
// own, and the text of an IPv6 zone in them.
type addresses struct{ local, remote address }

// LocalAddr returns our side's.
func (a *addresses) LocalAddr() net.Addr { return a.local }

// RemoteAddr returns the peer's.
func (a *addresses) RemoteAddr() net.Addr { return a.remote }

type address string

// Network is for net.Addr.
func (address) Network() string { return "tcp" }

func (a address) String() string { return string(a) }

// TLS returns what the handshake has settled, nil without TLS.
func (s *stream) TLS() *tls.ConnectionState {
	if s.session == nil {
		return nil
	}
	return s.session.State()
}

// onTraffic takes in what gnet has read.
func (s *stream) onTraffic(gc gnet.Conn) gnet.Action {
	p, _ := gc.Next(-1) // a view of the loop's read buffer: nothing is ever left in gnet
	if s.closed {
		return gnet.Close
	}
	s.feeding = true
	if s.greeting != nil {
		s.shake(p)
	} else {
		s.take(p)
	}
	s.feeding = false
	if s.wantClose {
		s.gc = nil
		return gnet.Close
	}
	if s.l.srv.adopting.Load() > 0 {
		runtime.Gosched() // who hands sockets over wants a CPU, too
	}
	return gnet.None
}

// take is a turn with what was read.
func (s *stream) take(p []byte) {
	s.l.engine.Begin()
	if s.session != nil {
		s.openRecords(p)
	} else {
		s.feed(p)
	}
	s.l.engine.End()
}

// onClose is called by gnet just before it closes the descriptor.
func (s *stream) onClose(err error) {
	s.gc = nil
	if s.closed {
		return
	}
	s.l.engine.Begin()
	if eof := errors.Is(err, io.EOF); eof && s.session != nil {
		s.session.Truncated()
	}
	switch {
	case s.conn == nil:
		s.lostGreeting(err)
	case !errors.Is(err, io.EOF):
		s.fd = -1
		s.conn.Lose(engine.CloseReset)
	case s.carried != nil && s.carried.EndReason() != engine.CloseNone:
		s.sayGoodbye()
		s.fd = -1
		s.conn.Close(s.carried.EndReason())
	case s.conn.Idle() && s.held == nil:
		s.sayGoodbye()
		s.fd = -1
		s.conn.Close(engine.ClosePeer)
	default:
		// The peer has asked and shut down its sending half. What it asked for
		// is written through a duplicate of the descriptor.
		if s.linger(); s.fd < 0 {
			s.conn.Lose(engine.CloseReset)
			break
		}
		s.end()
	}
	s.l.engine.End()
}

// linger goes on with a duplicate of the descriptor, which gnet is about to close;
// there is none afterwards if that fails.
func (s *stream) linger() {
	fd, err := dupFD(s.fd)
	s.fd = fd
	if !s.ln.unix {
		p := s.Peer()
		s.where = &addresses{address(p.Local), address(p.Remote)}
	}
	if err != nil {
		s.l.srv.counters.lingerFailed.Add(1)
		return
	}
	s.l.srv.counters.lingering.Add(1)
	s.l.srv.counters.lingers.Add(1)
}

// dupFD duplicates fd, close-on-exec, above the standard descriptors; it
// returns -1 with an error.
func dupFD(fd int) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, err
	}
	return n, nil
}
