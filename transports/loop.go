package transports

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/tlsconn"
	"github.com/gannetmcp/gannet/transports/web"
)

// loop is one gnet event loop and the driver of an engine.Loop.
type loop struct {
	srv    *Server
	el     gnet.EventLoop
	engine *engine.Loop
	timer  *time.Timer
	web    *web.Loop // shared by the connections with HTTP, nil before the first

	// Of connections with TLS.
	tls        *tlsconn.Loop // shared by them, nil before the first
	notes      ringbuf.Mailbox[*greeting]
	greetings  greetings // whose handshake is not over
	partings   greetings // whose handshake has failed
	greetTimer *time.Timer
	greetAt    int64 // when it was last set to, on the engine's clock

	mu     sync.Mutex // protects wakeFD against being closed while it is written to
	wakeFD int        // our end of the socket pair, -1 when closed
}

// open begins to serve what the listener carries.
func (l *loop) open(s *stream) *engine.Conn {
	if s.ln.carries == payloadLines {
		return l.engine.Open(s, nil)
	}
	return l.openHTTP(s)
}

// openHTTP begins to serve HTTP on a connection, which may be for WebSocket alone.
// What version, its first bytes tell; with TLS the protocol that was agreed on
// (ALPN), HTTP/1.1 where there is none (RFC 9113, section 3.3).
func (l *loop) openHTTP(s *stream) *engine.Conn {
	if l.web == nil {
		o := &l.srv.opts
		l.web = web.NewLoop(l.engine, o.web(), &l.srv.counters.web)
	}
	w := l.web.NewConn()
	if s.ln.carries == payloadWebSocket {
		w = l.web.NewWebSocket(s.ln.at)
	}
	s.carried = w
	conn := w.Serve(s)
	switch {
	case conn == nil || s.session == nil:
	case s.session.Protocol() == alpnHTTP2:
		w.Speak(web.HTTP2)
	case !l.srv.opts.HTTP2.Only: // else its first bytes must tell
		w.Speak(web.HTTP1)
	}
	return conn
}

// wakeByte is what wakes a loop; its value says nothing.
var wakeByte = [1]byte{1}

// Wake makes the loop's gnet end of the socket pair readable. A pair that is
// full will wake the loop anyway. Safe from any goroutine.
func (l *loop) Wake() {
	l.mu.Lock()
	if l.wakeFD >= 0 {
		_, _ = unix.Write(l.wakeFD, wakeByte[:])
	}
	l.mu.Unlock()
}

// WakeAt sets the loop's one runtime timer.
func (l *loop) WakeAt(at int64) {
	l.timer.Reset(time.Duration(at - l.srv.engine.Options().Clock.Now()))
}

// pending is the gnet context of a socket until OnOpen has made it a stream.
type pending struct {
	ln     *listener
	opened bool // OnOpen was called
}

// handler is gnet's view of the server.
type handler struct {
	gnet.BuiltinEventEngine
	srv *Server
}

// OnOpen adopts a connection on the loop that it will live on.
func (h *handler) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	p, ok := c.Context().(*pending)
	if !ok {
		return nil, gnet.None // a wake pair
	}
	p.opened = true
	l := h.srv.loopOf(c.EventLoop())
	s := &stream{l: l, gc: c, where: c, fd: c.Fd(), ln: p.ln}
	s.init(h.srv.engine)
	c.SetContext(s)
	s.feeding = true
	l.engine.Begin()
	if p.ln.tls != nil {
		s.greet()
	} else {
		s.conn = l.open(s)
	}
	l.engine.End()
	s.feeding = false
	if s.conn == nil && s.greeting == nil || s.wantClose {
		s.gc = nil
		return nil, gnet.Close
	}
	return nil, gnet.None
}

// OnTraffic feeds a connection, or runs a turn of a loop that was woken.
func (h *handler) OnTraffic(c gnet.Conn) gnet.Action {
	switch x := c.Context().(type) {
	case *stream:
		return x.onTraffic(c)
	case *loop:
		_, _ = c.Discard(-1)
		x.turn()
	}
	return gnet.None
}

// turn runs a turn of a loop that was woken.
func (l *loop) turn() {
	l.engine.Begin()
	l.takeNotes()
	l.endGreetings()
	l.engine.End()
}

// OnClose is told of the end of a connection, before its descriptor is closed.
func (h *handler) OnClose(c gnet.Conn, err error) gnet.Action {
	if s, ok := c.Context().(*stream); ok {
		s.onClose(err)
	}
	return gnet.None
}

// startLoops starts gnet and gives each of its loops a driver.
func (s *Server) startLoops() error {
	h := &handler{srv: s}
	cli, err := gnet.NewClient(h,
		gnet.WithNumEventLoop(s.opts.Loops),
		gnet.WithLogger(gnetLogger{s.opts.Logger}),
		gnet.WithTCPNoDelay(gnet.TCPDelay), // hands off: the accept loop sees to it
		gnet.WithLogLevel(logging.WarnLevel),
	)
	if err != nil {
		return fmt.Errorf("transports: starting the event loops: %w", err)
	}
	if err := cli.Start(); err != nil {
		return fmt.Errorf("transports: starting the event loops: %w", err)
	}
	s.gnet = cli
	for range s.opts.Loops {
		if err := s.addLoop(); err != nil {
			return err
		}
	}
	return nil
}

// addLoop enrolls one end of a socket pair, which gnet puts onto the loop that
// has fewest connections: one without a pair.
func (s *Server) addLoop() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return fmt.Errorf("transports: socket pair: %w", err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return fmt.Errorf("transports: socket pair: %w", err)
		}
	}
	l := &loop{srv: s, wakeFD: fds[1]}
	l.timer = time.AfterFunc(time.Hour, l.Wake)
	l.timer.Stop()
	l.greetTimer = time.AfterFunc(time.Hour, l.Wake)
	l.greetTimer.Stop()
	l.notes.Sleep() // the first note must wake it
	f := os.NewFile(uintptr(fds[0]), "wake")
	nc, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		_ = unix.Close(fds[1])
		return fmt.Errorf("transports: socket pair: %w", err)
	}
	// The engine's loop must be there before the first event of the pair.
	l.engine = s.engine.NewLoop(l)
	gc, err := s.gnet.EnrollContext(nc, l)
	if err != nil {
		_ = unix.Close(fds[1])
		return fmt.Errorf("transports: enrolling a socket pair: %w", err)
	}
	l.el = gc.EventLoop()
	if s.loopOf(l.el) != nil {
		return errors.New("transports: two socket pairs fell on one event loop")
	}
	s.loops = append(s.loops, l)
	return nil
}

func (s *Server) loopOf(el gnet.EventLoop) *loop {
	for _, l := range s.loops {
		if l.el == el {
			return l
		}
	}
	return nil
}

// stopLoops ends gnet; all connections are gone by now, or are cut here.
func (s *Server) stopLoops() {
	if s.gnet == nil {
		return
	}
	_ = s.gnet.Stop()
	for _, l := range s.loops {
		l.engine.Turn() // what came too late for one of gnet's; its goroutine has ended
		l.timer.Stop()
		l.greetTimer.Stop()
		l.mu.Lock()
		if l.wakeFD >= 0 {
			_ = unix.Close(l.wakeFD)
			l.wakeFD = -1
		}
		l.mu.Unlock()
	}
}

// gnetLogger passes gnet's complaints on and drops its chatter.
type gnetLogger struct {
	l interface {
		Warn(msg string, args ...any)
		Error(msg string, args ...any)
	}
}

func (g gnetLogger) Debugf(string, ...any)        {}
func (g gnetLogger) Infof(string, ...any)         {}
func (g gnetLogger) Warnf(f string, args ...any)  { g.l.Warn("gnet: " + fmt.Sprintf(f, args...)) }
func (g gnetLogger) Errorf(f string, args ...any) { g.l.Error("gnet: " + fmt.Sprintf(f, args...)) }
func (g gnetLogger) Fatalf(f string, args ...any) { g.l.Error("gnet: " + fmt.Sprintf(f, args...)) }
