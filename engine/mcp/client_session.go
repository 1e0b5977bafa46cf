package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gannetmcp/gannet/engine"
)

// ClientSession is a client's side of one conversation with a server. It is
// one connection as a rule; where the transport redials, it goes on with the
// next one. All methods are safe from any goroutine, but not from inside the
// event loop that drives the connection.
//
// Errors of requests: an *Error is what the server answered with; what wraps
// engine.ErrConnClosed tells that the connection has ended; ErrRequestTimeout
// and the cause of ctx that the wait was over, in which case the server was
// told to give up (notifications/cancelled).
type ClientSession struct {
	client    *Client
	transport ClientTransport // nil: the session ends with its connection

	ids   atomic.Uint64 // of requests; never used twice in a session
	stats clientCounters
	notes noteQueue

	ended chan struct{} // closed by End

	mu       sync.Mutex // protects what follows; nothing is called while it is held
	link     *link      // of the last connection
	info     *ServerInfo
	ready    chan struct{} // closed while link is negotiated
	isReady  bool
	closing  bool // by Close: the end is no error
	err      error
	logLevel string
}

// ServerInfo is what a server has told of itself.
type ServerInfo struct {
	// Revision of the protocol that the session uses.
	Revision string
	// Name and Version of the server's software. Servers of revision
	// 2026-07-28 may leave them out.
	Name, Version string
	// Title and Description are for people, WebsiteURL leads to a page about
	// the server; mostly empty.
	Title, Description, WebsiteURL string
	// Instructions tell a model how to use the server.
	Instructions string
	// Capabilities is the object that the server sent.
	Capabilities json.RawMessage
}

// Has reports whether the server declared a capability, such as
// "resources", "subscribe". A capability that is false is not declared.
func (i *ServerInfo) Has(path ...string) bool {
	v := i.Capabilities
	for _, name := range path {
		var o map[string]json.RawMessage
		if json.Unmarshal(v, &o) != nil || o[name] == nil {
			return false
		}
		v = o[name]
	}
	return string(v) != "false" && string(v) != "null"
}

// ClientStats are counters of a session.
type ClientStats struct {
	// LateAnswers came for requests that nobody waits for any more, or that
	// were never sent.
	LateAnswers uint64
	// Malformed messages could not be served; lines that a server prints
	// where only MCP belongs are among them.
	Malformed uint64
	// NotificationsDropped did not fit NotificationQueue or NotificationBytes.
	NotificationsDropped uint64
	// ProgressDropped are reports that a slow progress callback has missed.
	ProgressDropped uint64
}

type clientCounters struct{ lateAnswers, malformed, notificationsDropped, progressDropped atomic.Uint64 }

// errSessionClosed is the error of a session that Close has ended.
var errSessionClosed = fmt.Errorf("mcp: session closed: %w", engine.ErrConnClosed)

func newClientSession(c *Client, t ClientTransport) *ClientSession {
	return &ClientSession{client: c, transport: t, ready: make(chan struct{}), ended: make(chan struct{})}
}

// attach makes conn the session's connection. It returns nil if the session
// has ended, is another client's, or has a connection.
func (s *ClientSession) attach(conn *engine.Conn) *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.link != nil && s.link.live() {
		return nil
	}
	s.link = newLink(s, conn)
	return s.link
}

// lost is told that the connection of l has ended.
func (s *ClientSession) lost(l *link, err error) {
	s.mu.Lock()
	if s.link == l && s.isReady {
		s.isReady = false
		s.ready = make(chan struct{})
	}
	s.mu.Unlock()
	if s.transport == nil {
		s.End(err)
	}
}

// established is told that the connection of l is negotiated.
func (s *ClientSession) established(l *link, info *ServerInfo) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case s.link != l || !l.live():
		return l.why()
	}
	s.info = info
	if !s.isReady {
		s.isReady = true
		close(s.ready)
	}
	return nil
}

// current returns the connection to use, and waits for one while there is none.
func (s *ClientSession) current(ctx context.Context) (*link, error) {
	timed := false
	for {
		s.mu.Lock()
		l, ready, isReady, err := s.link, s.ready, s.isReady, s.err
		s.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case isReady:
			return l, nil
		}
		if d := s.client.opts.RequestTimeout; d > 0 && !timed {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, d, errNoConnection)
			defer cancel()
			timed = true
		}
		select {
		case <-ready:
		case <-s.ended:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

var errNoConnection = fmt.Errorf("%w: the session has no connection; it is not negotiated yet, or being redialled", ErrRequestTimeout)

// Info returns what the server told when the session, or its present
// connection, was negotiated; nil before. It must not be written to.
func (s *ClientSession) Info() *ServerInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

// Client returns the session's client.
func (s *ClientSession) Client() *Client { return s.client }

// Stats returns the counters.
func (s *ClientSession) Stats() ClientStats {
	return ClientStats{
		LateAnswers: s.stats.lateAnswers.Load(), Malformed: s.stats.malformed.Load(),
		NotificationsDropped: s.stats.notificationsDropped.Load(), ProgressDropped: s.stats.progressDropped.Load(),
	}
}

// Close ends the session and returns when its transport has let go of
// everything. Requests that wait fail (engine.ErrConnClosed) and are cancelled:
// a server may take the end of its input for that of the questions only, and go
// on with the answers. It must not be called from a handler, which the
// transport would wait for. Idempotent.
func (s *ClientSession) Close() error {
	s.mu.Lock()
	s.closing = true
	l := s.link
	s.mu.Unlock()
	if l != nil && l.rev.Load() != nil {
		l.cancelAll("session closed")
	}
	switch {
	case s.transport != nil:
		s.transport.Shutdown()
		<-s.transport.Done()
	case l != nil:
		l.conn.Hangup(engine.CloseLocal)
	default:
		s.End(nil)
	}
	return nil
}

// End ends the session because of err, which waiting requests fail with. It is
// for transports: a session of one does not end with its connection, as
// another may follow. Only the first call counts.
func (s *ClientSession) End(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	switch {
	case s.closing:
		err = errSessionClosed
	case err == nil:
		err = engine.ErrConnClosed
	case !errors.Is(err, engine.ErrConnClosed):
		err = fmt.Errorf("%w: %w", engine.ErrConnClosed, err)
	}
	s.err = err
	close(s.ended)
}

// Fail ends the wait for one request, by its id, with an error that is no answer
// of the server's: a transport could not put it to the server, or the answer got
// lost. Ids that nobody waits for are counted (LateAnswers). Safe from any
// goroutine.
func (s *ClientSession) Fail(id uint64, err error) {
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	if l != nil {
		l.settle(id, answer{err: err})
	}
}

// Done returns a channel that is closed when the session has ended. Its transport
// may take a moment more to let go of everything, which Wait waits for.
func (s *ClientSession) Done() <-chan struct{} { return s.ended }

// Wait returns when the session has ended and its transport has let go of
// everything: nil after Close, else why.
func (s *ClientSession) Wait() error {
	<-s.ended
	if s.transport != nil {
		<-s.transport.Done()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing && s.err == errSessionClosed {
		return nil
	}
	return s.err
}
