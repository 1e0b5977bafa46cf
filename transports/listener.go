package transports

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// payload is what the connections of a listener carry.
type payload uint8

const (
	payloadLines     payload = iota // messages by FRAMING.md
	payloadHTTP                     // HTTP.md
	payloadWebSocket                // WEBSOCKET.md
)

// scheme is what the URL of a listener says by its first part.
type scheme struct {
	carries payload
	unix    bool   // a path follows, not HOST:PORT
	slash   bool   // the path "/" may follow HOST:PORT
	path    bool   // any path may
	secure  bool   // with TLS
	want    string // the form of the URL
}

var schemes = map[string]scheme{
	"tcp":   {carries: payloadLines, want: "tcp://HOST:PORT, for example tcp://127.0.0.1:7600 (port 0 for any free one)"},
	"unix":  {carries: payloadLines, unix: true, want: "unix:///PATH, for example unix:///run/user/1000/gannet.sock"},
	"http":  {carries: payloadHTTP, slash: true, want: "http://HOST:PORT, for example http://127.0.0.1:7601 (port 0 for any free one); the path is the service's"},
	"ws":    {carries: payloadWebSocket, path: true, want: "ws://HOST:PORT or ws://HOST:PORT/PATH, for example ws://127.0.0.1:7601/ws (port 0 for any free one)"},
	"tls":   {carries: payloadLines, secure: true, want: "tls://HOST:PORT, for example tls://127.0.0.1:7644 (port 0 for any free one)"},
	"https": {carries: payloadHTTP, secure: true, slash: true, want: "https://HOST:PORT, for example https://127.0.0.1:7643 (port 0 for any free one); the path is the service's"},
	"wss":   {carries: payloadWebSocket, secure: true, path: true, want: "wss://HOST:PORT or wss://HOST:PORT/PATH, for example wss://127.0.0.1:7643/ws (port 0 for any free one)"},
}

// listener is one listening socket and the goroutine that accepts from it.
type listener struct {
	scheme
	srv     *Server
	ln      net.Listener
	network string           // the scheme's name, which Peer.Transport is
	tls     *tlsconn.Options // nil without
	url     string           // as bound
	at      string           // the path of a WebSocket, "" for any
	cleanup func()           // removes what the listener left in the file system; may be nil
	running sync.WaitGroup
	once    sync.Once
	spare   int // a descriptor kept for gnet's duplicate of the next socket, 0 if none; the accept loop's
}

// listen opens the socket of l.
func (s *Server) listen(l Listener) (*listener, error) {
	u, err := url.Parse(l.URL)
	if err != nil {
		return nil, fmt.Errorf("transports: %q is no URL: %w", l.URL, err)
	}
	sc, known := schemes[u.Scheme]
	if !known {
		return nil, fmt.Errorf("transports: %q: unknown scheme %q; use stdio, tcp://HOST:PORT, http://HOST:PORT, ws://HOST:PORT, with TLS tls://, https:// or wss://HOST:PORT, or unix:///PATH", l.URL, u.Scheme)
	}
	fits := u.RawQuery == "" && u.Fragment == "" && u.User == nil
	if sc.unix {
		fits = fits && u.Host == "" && u.Path != ""
	} else {
		fits = fits && u.Port() != "" && (u.Path == "" || sc.slash && u.Path == "/" || sc.path)
	}
	if !fits {
		return nil, fmt.Errorf("transports: %q: want %s", l.URL, sc.want)
	}
	ln := &listener{scheme: sc, srv: s, network: u.Scheme}
	if err := ln.secureBy(l); err != nil {
		return nil, err
	}
	if sc.unix {
		err = ln.listenUnix(l.URL, u.Path)
	} else {
		err = ln.listenTCP(l.URL, u.Host)
	}
	if err != nil {
		return nil, err
	}
	if sc.path {
		ln.at = u.EscapedPath()
		ln.url += ln.at
	}
	return ln, nil
}

// listenError says what to do about a failed bind.
func listenError(u string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("transports: %s: the address is in use; stop what listens there or choose another (port 0 takes any free one): %w", u, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("transports: %s: not permitted; ports below 1024 and other people's folders need privileges: %w", u, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("transports: %s: this machine has no such address: %w", u, err)
	}
	return fmt.Errorf("transports: %s: %w", u, err)
}

const (
	backoffMin = 5 * time.Millisecond
	backoffMax = time.Second
)

// acceptLoop hands connections to the event loops until the listener closes.
// When descriptors run out it waits, longer each time, and goes on as soon as
// some are free: connections that are open are not touched.
func (ln *listener) acceptLoop() {
	defer ln.running.Done()
	s := ln.srv
	wait := backoffMin
	defer ln.giveSpare()
	fd, halted := ln.fd(), int(s.halted.Fd())
	for {
		err := ln.keepSpare()
		var c net.Conn
		if err == nil {
			ln.awaitPeer(fd, halted)
			c, err = ln.ln.Accept()
		}
		if err == nil {
			// Handing a socket over takes turns with its loop. A loop that is
			// busy would keep its CPU until the scheduler takes it away, after
			// 10 ms, and so let in a hundred connections a second.
			s.adopting.Add(1)
			err = ln.adopt(c)
			s.adopting.Add(-1)
		}
		if err == nil {
			wait = backoffMin
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		s.counters.acceptErrors.Add(1)
		if wait == backoffMin {
			s.opts.Logger.Warn("accept failed; trying again", "listener", ln.url, "error", err, "wait", wait)
		}
		select {
		case <-time.After(wait):
		case <-s.stopping:
			return
		}
		wait = min(2*wait, backoffMax)
	}
}

// fd returns the descriptor of the listening socket, -1 if there is none.
func (ln *listener) fd() int {
	fd := -1
	if c, ok := ln.ln.(syscall.Conn); ok {
		if rc, err := c.SyscallConn(); err == nil {
			_ = rc.Control(func(f uintptr) { fd = int(f) })
		}
	}
	return fd
}

// awaitPeer waits until somebody is there to be accepted, or halted says that
// accepting ends. It keeps a thread of its own, which the kernel wakes at once.
//
// Accept would leave that to the runtime's poller. While an event loop has some
// work, that is looked at once in 10 ms (by the runtime's monitor): the loops wait
// in epoll_wait, with their Ps, for less time than would have these taken from
// them, and where a P is idle the thread that had it sits in such a wait, and not
// in the poller's.
func (ln *listener) awaitPeer(fd, halted int) {
	fds := [...]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(halted), Events: unix.POLLIN}}
	for fd >= 0 {
		if _, err := unix.Poll(fds[:], -1); err != unix.EINTR {
			return
		}
	}
}

// keepSpare sees to it that a descriptor is in reserve. gnet duplicates that of
// a socket that it is given: without a reserve, a peer accepted with the last
// free one would have to be dropped, instead of waiting in the backlog.
func (ln *listener) keepSpare() error {
	if ln.spare == 0 {
		fd, err := dupFD(ln.srv.loops[0].wakeFD) // which one does not matter
		if err != nil {
			return err
		}
		ln.spare = fd
	}
	return nil
}

// giveSpare makes the reserve free for use.
func (ln *listener) giveSpare() {
	if ln.spare > 0 {
		_ = unix.Close(ln.spare)
		ln.spare = 0
	}
}

// adopt hands a socket to an event loop, or turns it away. An error is one of
// the system's, worth a pause before the next.
func (ln *listener) adopt(c net.Conn) error {
	s := ln.srv
	s.counters.accepted.Add(1)
	if s.counters.open.Add(1) > s.maxConns {
		s.counters.open.Add(-1)
		s.counters.overLimit.Add(1)
		ln.turnAway(c)
		return nil
	}
	p := &pending{ln: ln}
	if c, ok := c.(*net.TCPConn); ok && s.opts.TCP.Delay { // package net has switched it off already
		_ = c.SetNoDelay(false)
	}
	ln.giveSpare()
	_, err := s.gnet.EnrollContext(c, p) // closes c, either way
	if p.opened {
		return nil
	}
	// The stream was never opened, so nobody else gives its place back.
	s.counters.open.Add(-1)
	s.counters.enrollFailed.Add(1)
	if err == nil {
		err = errNotEnrolled
	}
	return err
}

var errNotEnrolled = errors.New("transports: the event loop refused a socket")

// turnAway tells a peer above the connection limit why it is closed, if its
// socket takes the line at once.
func (ln *listener) turnAway(c net.Conn) {
	e := codec.Overloaded("the server has as many connections as it may have")
	_ = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if ln.tls != nil {
		_, _ = c.Write(tlsconn.AppendRefusal(nil))
		_ = c.Close()
		return
	}
	if ln.carries != payloadLines {
		res := http1.Response{Status: 503, ContentType: "application/json", Close: true, Extra: []byte("Retry-After: 1\r\n")}
		_, _ = c.Write(res.AppendWhole(nil, codec.AppendErrorReply(nil, codec.ID{}, codec.NoIDNull, &e)))
		_ = c.Close()
		return
	}
	_, _ = c.Write(append(codec.AppendErrorReply(nil, codec.ID{}, codec.NoIDNull, &e), '\n'))
	_ = c.Close()
}

// close stops accepting.
func (ln *listener) close() {
	ln.once.Do(func() {
		_ = ln.ln.Close()
		if ln.cleanup != nil {
			ln.cleanup()
		}
	})
}
