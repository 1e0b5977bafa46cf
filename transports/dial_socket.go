package transports

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// socketTarget reads a URL of a WebSocket. A port that it does not name is that of
// HTTP (RFC 6455, section 3).
func socketTarget(u *url.URL) (target, error) {
	t := target{network: "tcp", addr: u.Host, url: u, secure: u.Scheme == "wss"}
	if u.Hostname() == "" || u.Port() == "0" || u.User != nil || u.Fragment != "" {
		return t, fmt.Errorf("transports: %q: want %s://HOST:PORT/PATH, for example ws://127.0.0.1:7601/ws", u.Redacted(), u.Scheme)
	}
	if u.Port() == "" {
		port := "80"
		if t.secure {
			port = "443"
		}
		t.addr = net.JoinHostPort(u.Hostname(), port)
	}
	return t, nil
}

// socketClient is a Carrier over a WebSocket: a line of the streams is a message of
// text. It may read in one goroutine and write in another.
type socketClient struct {
	conn net.Conn
	out  io.Writer            // that never waits
	hang func()               // closes
	tls  *tls.ConnectionState // nil without
	in   []byte               // read, not parsed

	// Of the goroutine that reads.
	parser websocket.Parser
	buf    []byte
	line   []byte // of a message, not read yet
	text   []byte // its buffer
	why    error  // the end

	mu      sync.Mutex // protects what follows
	frames  *websocket.Loop
	agreed  websocket.Agreed
	partial []byte // of a line that Write has begun
	unsent  []byte // frames that the kernel has not taken
	framed  bool   // a line's frame is in unsent or sent; its end was not taken
	closing bool   // our close frame is in unsent or sent
	ended   bool
	retry   *time.Timer // of unsent, where nobody else would
}

var _ Carrier = (*socketClient)(nil)

const (
	socketRead      = 32 << 10
	socketKept      = 64 << 10              // of buffers that a message has made larger
	socketRetry     = 20 * time.Millisecond // between two attempts to send a control frame
	socketCloseWait = time.Second           // for a server to answer our close frame
)

// dialSocket makes a WebSocket.
func (o *DialOptions) dialSocket(ctx context.Context, t target) (ends, error) {
	name := t.url.Redacted()
	d := o.dialer()
	conn, err := d.DialContext(ctx, t.network, t.addr)
	if err != nil {
		return ends{}, dialError(name, err)
	}
	rc, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		_ = conn.Close()
		return ends{}, dialError(name, err)
	}
	s := &socketClient{conn: conn, out: kernel{rc}, hang: func() { _ = conn.Close() }}
	if t.secure {
		c, err := o.secure(ctx, name, conn, rc)
		if err != nil {
			_ = conn.Close()
			return ends{}, err
		}
		cs := c.ConnectionState()
		s.conn, s.out, s.hang, s.tls = c, c, c.hangUp, &cs
	}
	if err := o.shake(ctx, s, t.url); err != nil {
		s.hang()
		return ends{}, socketError(name, err)
	}
	return ends{
		in: s, out: s, hangUp: s.Hangup, reap: s.Close, attach: s.Attach, peer: s.Peer(),
	}, nil
}

// shake does the handshake.
func (o *DialOptions) shake(ctx context.Context, s *socketClient, u *url.URL) error {
	conn := s.conn
	opts := websocket.Options{Client: true, MaxMessageBytes: o.Engine.MaxMessageBytes, CompressMin: o.CompressMin}
	pool := ringbuf.NewPool(ringbuf.PoolOptions{Retain: 1 << 20})
	s.buf, s.frames = make([]byte, socketRead), websocket.NewLoop(pool, opts)
	s.retry = time.AfterFunc(time.Hour, s.flushLate)
	s.retry.Stop()
	var header []byte
	if o.Header != nil {
		fields, err := o.Header(ctx)
		if err != nil {
			return fmt.Errorf("DialOptions.Header: %w", err)
		}
		for name, values := range fields {
			for _, v := range values {
				header = http1.AppendHeader(header, name, v)
			}
		}
	}
	// The handshake is bounded by ctx, whose end is the connection's until it is over.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request, h := s.frames.Connect(nil, u.Host, u.RequestURI(), string(header))
	switch n, err := conn.Write(request); {
	case err != nil:
		return firstError(ctx.Err(), err)
	case n < len(request):
		return io.ErrShortWrite // of a socket that was just made
	}
	var head []byte
	for {
		n, agreed, err := h.Read(head)
		if err != nil {
			return err
		}
		if n > 0 {
			s.in, s.agreed = head[n:], agreed
			break
		}
		k, err := conn.Read(s.buf)
		if head = append(head, s.buf[:k]...); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return firstError(ctx.Err(), err)
		}
	}
	if !stop() {
		return ctx.Err()
	}
	s.parser.Init(websocket.NewLoop(pool, opts), nil, s.agreed)
	return nil
}

// firstError returns a if that is one, or else b.
func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// socketError says what to do about a handshake that failed.
func socketError(u string, err error) error {
	var r *websocket.ResponseError
	hint := ""
	if errors.As(err, &r) {
		switch r.Status {
		case 0:
			hint = "; no HTTP server listens there"
		case 401:
			hint = "; DialOptions.Header must say who this is"
		case 403:
			hint = "; the server does not take this host, origin or user"
		case 404, 405, 200:
			hint = "; check the path, at gannet's it is /ws"
		}
	}
	return fmt.Errorf("transports: %s: %w%s", u, err, hint)
}

// Attach does nothing: messages go as they are.
func (s *socketClient) Attach(*mcp.ClientSession) {}

// Peer describes the server.
func (s *socketClient) Peer() engine.Peer {
	name := "ws"
	if s.tls != nil {
		name = "wss"
	}
	return engine.Peer{Transport: name, TLS: s.tls, Local: s.conn.LocalAddr().String(), Remote: s.conn.RemoteAddr().String()}
}

// Read returns what the server sends, a line for each message.
func (s *socketClient) Read(p []byte) (int, error) {
	for len(s.line) == 0 {
		if s.why != nil {
			return 0, s.end()
		}
		n, ev := s.parser.Next(s.in)
		s.in = s.in[n:]
		switch ev {
		case websocket.Message:
			s.text = append(append(s.text[:0], s.parser.Payload()...), '\n')
			for i, c := range s.text[:len(s.text)-1] {
				if c == '\n' || c == '\r' { // white space of JSON, which a line cannot have
					s.text[i] = ' '
				}
			}
			s.line = s.text
			if cap(s.text) > socketKept {
				s.text = nil // the line has it until it is read
			}
		case websocket.Ping:
			s.say(func(dst []byte) []byte { return s.frames.AppendPong(dst, s.parser.Payload()) })
		case websocket.Close:
			s.bye(s.parser.Code(), "")
			s.why = io.EOF
			if c := s.parser.Code(); c != websocket.CodeNone && c != websocket.CodeNormal && c != websocket.CodeGoingAway {
				s.why = fmt.Errorf("the server closed the WebSocket by %d %q", c, s.parser.Payload())
			}
		case websocket.Failed:
			s.bye(s.parser.Err().Code, s.parser.Err().Reason)
			s.why = fmt.Errorf("what the server sends is no WebSocket: %w", s.parser.Err())
		case websocket.More:
			n, err := s.conn.Read(s.buf)
			s.in = s.buf[:n]
			switch {
			case err == nil || n > 0:
			case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed): // we hang up
				s.why = io.EOF
			case err == io.EOF:
				s.why = io.ErrUnexpectedEOF // without a close frame
			default:
				s.why = err
			}
		}
	}
	n := copy(p, s.line)
	s.line = s.line[n:]
	return n, nil
}

// end is what Read returns at the end: io.EOF, for the rest is for Close to say.
func (s *socketClient) end() error {
	if s.why == io.ErrUnexpectedEOF {
		return s.why
	}
	return io.EOF
}

// Write takes lines as far as the kernel takes their frames: of a line whose frame
// it has not taken, the end is left over, so that it is offered again.
func (s *socketClient) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.flush(); err != nil || len(s.unsent) > 0 {
			return n, err
		}
		if s.framed {
			s.framed = false
			n++
		}
		rest := p[n:]
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			s.partial = append(s.partial, rest...)
			return len(p), nil
		}
		line := rest[:i]
		if len(s.partial) > 0 {
			s.partial = append(s.partial, line...)
			line = s.partial
		}
		if !s.closing {
			s.unsent = s.frames.AppendText(s.unsent, line, s.agreed)
		}
		s.partial, s.framed = s.partial[:0], true
		n += i
	}
}

// flush offers what is unsent to the kernel.
func (s *socketClient) flush() error {
	if len(s.unsent) == 0 || s.ended {
		return nil
	}
	n, err := s.out.Write(s.unsent)
	if s.unsent = s.unsent[:copy(s.unsent, s.unsent[n:])]; len(s.unsent) == 0 && cap(s.unsent) > socketKept {
		s.unsent = nil
	}
	return err
}

// say sends a control frame, soon.
func (s *socketClient) say(frame func(dst []byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.unsent) > 64<<10 { // the peer does not read
		return
	}
	s.unsent = frame(s.unsent)
	if s.flush() == nil && len(s.unsent) > 0 {
		s.retry.Reset(socketRetry)
	}
}

// flushLate offers what is unsent once more.
func (s *socketClient) flushLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flush() == nil && len(s.unsent) > 0 && !s.ended {
		s.retry.Reset(socketRetry)
	}
}

// bye sends our close frame, if it was not sent.
func (s *socketClient) bye(code websocket.Code, reason string) {
	s.say(func(dst []byte) []byte {
		s.closing = true
		return s.frames.AppendClose(dst, code, reason)
	})
}

// Hangup closes, and gives the server a moment to answer.
func (s *socketClient) Hangup() {
	s.bye(websocket.CodeNormal, "")
	_ = s.conn.SetReadDeadline(time.Now().Add(socketCloseWait))
}

// Close gives everything back. Its error is what was wrong with the end.
func (s *socketClient) Close() error {
	s.mu.Lock()
	s.ended = true
	s.unsent = nil
	s.mu.Unlock()
	s.retry.Stop()
	s.parser.Release()
	s.hang()
	if s.why == io.EOF {
		return nil
	}
	return s.why
}
