package transports

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/tlsconn"
	"github.com/gannetmcp/gannet/transports/web"
)

var (
	// ErrServerClosed is returned by Wait and ListenAndServe after Shutdown or Close.
	ErrServerClosed = errors.New("transports: server closed")
	// ErrGraceExpired is wrapped by the error of a Shutdown whose context ended
	// before the work in flight did; what was left has been cut.
	ErrGraceExpired = errors.New("transports: grace expired with work in flight")
)

// Server is a set of open listeners and everything behind them. Its methods
// are safe from any goroutine.
type Server struct {
	opts     Options
	engine   *engine.Engine
	gnet     *gnet.Client
	loops    []*loop
	maxConns int64
	adopting atomic.Int32 // sockets being handed to loops, whose goroutines want a CPU

	gate     *tlsconn.Gate     // nil without listeners with TLS
	identity *tlsconn.Identity // of Options.TLS, nil if no listener is by that
	watching sync.WaitGroup

	listeners []*listener
	stdio     *stdio
	urls      []string
	counters  counters

	stopOnce sync.Once
	cutOnce  sync.Once
	stopping chan struct{} // closed when accepting ends
	halt     *os.File      // one end of a pipe, closed with stopping; nil without sockets
	halted   *os.File      // the other, for who waits for descriptors
	cut      chan struct{} // closed when the grace is over
	stopped  chan struct{} // closed when all is gone
	mu       sync.Mutex    // protects err and cutErr
	err      error         // why the server ended, for Wait
	cutErr   error         // wraps ErrGraceExpired if something was cut
}

type counters struct {
	open         atomic.Int64 // sockets accepted and not closed
	accepted     atomic.Uint64
	acceptErrors atomic.Uint64
	overLimit    atomic.Uint64
	enrollFailed atomic.Uint64
	lingering    atomic.Int64
	lingers      atomic.Uint64
	lingerFailed atomic.Uint64
	web          web.Counters
}

// Snapshot is the counters of a server and of the engine behind it.
type Snapshot struct {
	Engine       engine.Snapshot
	Accepted     uint64 // sockets accepted
	AcceptErrors uint64 // failed accepts, descriptors used up among them
	OverLimit    uint64 // sockets closed at once because of MaxConnections
	EnrollFailed uint64 // sockets that no event loop would take
	Lingering    int64  // connections being answered after their peer's end of input
	Lingers      uint64 // ever
	LingerFailed uint64 // of these, cut because no descriptor was free
	// HTTPRefused are HTTP requests that were refused before their message was
	// looked at, by web.Refusal.
	HTTPRefused [web.NumRefusals]uint64
	// HTTP2 is what was done by HTTP/2.
	HTTP2 web.HTTP2Stats
	// WebSockets is what was done by WebSocket.
	WebSockets web.Sockets
	// Handshakes are the handshakes of TLS under way, TLS those that are over.
	Handshakes int
	TLS        tlsconn.Snapshot
}

// Listen opens all listeners and serves svc on them until Shutdown or Close.
// Either all are open when it returns, or none and an error that names the URL
// at fault and what to change.
func Listen(svc engine.Service, o Options) (*Server, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	e, err := engine.New(svc, o.Engine)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, engine: e, stopping: make(chan struct{}), cut: make(chan struct{}), stopped: make(chan struct{})}
	if err := s.open(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// ListenAndServe serves svc on the given URLs, as Listener.URL has them, with
// default options until ctx is cancelled, then drains for at most the default
// grace. It returns nil after a clean drain, or when standard input, served alone,
// has ended. TLS wants a certificate, and so Listen with Options.TLS.
func ListenAndServe(ctx context.Context, svc engine.Service, urls ...string) error {
	var o Options
	for _, u := range urls {
		o.Listeners = append(o.Listeners, Listener{URL: u})
	}
	s, err := Listen(svc, o)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-ctx.Done():
			grace, cancel := context.WithTimeout(context.Background(), s.opts.Grace)
			defer cancel()
			_ = s.Shutdown(grace)
		case <-done:
		}
	}()
	if err := s.Wait(); !errors.Is(err, ErrServerClosed) || errors.Is(err, ErrGraceExpired) {
		return err
	}
	return nil
}

func (s *Server) open() error {
	var socket, stdin []Listener
	for _, l := range s.opts.Listeners {
		if l.URL == "stdio" {
			stdin = append(stdin, l)
		} else {
			socket = append(socket, l)
		}
	}
	if len(stdin) > 1 {
		return errors.New("transports: stdio is listed twice; a process has one standard input")
	}
	for _, l := range socket {
		ln, err := s.listen(l)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, ln)
		s.urls = append(s.urls, ln.url)
	}
	if len(socket) > 0 {
		limit, err := connectionLimit(s.opts.MaxConnections, s.opts.Logger)
		if err != nil {
			return err
		}
		s.maxConns = limit
		if s.halted, s.halt, err = os.Pipe(); err != nil {
			return fmt.Errorf("transports: pipe: %w", err)
		}
		if err := s.startLoops(); err != nil {
			return err
		}
		for _, ln := range s.listeners {
			_ = ln.keepSpare() // tried again before each accept
			ln.running.Add(1)
			go ln.acceptLoop()
		}
		if s.identity != nil && s.opts.TLS.ReloadInterval > 0 {
			s.watching.Go(s.watchIdentity)
		}
	}
	if len(stdin) > 0 {
		d, err := newStdio(s)
		if err != nil {
			return err
		}
		s.stdio = d
		s.urls = append(s.urls, "stdio")
		s.stdio.start()
	}
	return nil
}

// Addrs returns the URLs that are served, ports filled in, in the order of
// Options.Listeners but stdio last.
func (s *Server) Addrs() []string { return append([]string(nil), s.urls...) }

// Engine returns the engine behind the listeners.
func (s *Server) Engine() *engine.Engine { return s.engine }

// Snapshot returns the counters.
func (s *Server) Snapshot() Snapshot {
	c := &s.counters
	snapshot := Snapshot{
		Engine:       s.engine.Snapshot(),
		Accepted:     c.accepted.Load(),
		AcceptErrors: c.acceptErrors.Load(),
		OverLimit:    c.overLimit.Load(),
		EnrollFailed: c.enrollFailed.Load(),
		Lingering:    c.lingering.Load(),
		Lingers:      c.lingers.Load(),
		LingerFailed: c.lingerFailed.Load(),
		HTTPRefused:  c.web.Refused(),
		WebSockets:   c.web.Sockets(),
		HTTP2:        c.web.HTTP2(),
	}
	if s.gate != nil {
		snapshot.Handshakes, snapshot.TLS = s.gate.InFlight(), s.gate.Stats.Snapshot()
	}
	return snapshot
}

// drainPoll is how often a drain looks whether it is over.
const drainPoll = 2 * time.Millisecond

// cutWait is how long connections that were cut, and handlers whose context
// was cancelled with them, are waited for.
const cutWait = time.Second

// Shutdown stops accepting, lets the calls in flight be answered, closes each
// connection when it has nothing left to do, and returns when all are gone.
// When ctx ends first, what is left is cut, and the error wraps
// ErrGraceExpired. Pooled handlers that ignore their context for a second more
// are abandoned; an inline handler that does not return holds its loop, and
// Shutdown with it. Several calls share one drain: the first of their contexts to end
// cuts it short for all.
func (s *Server) Shutdown(ctx context.Context) error { return s.stop(ctx, nil) }

// Close is Shutdown without grace; it also ends a Shutdown that waits.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.stop(ctx, nil); err != nil && !errors.Is(err, ErrGraceExpired) {
		return err
	}
	return nil
}

// stop ends the server, if nobody else has begun to, and waits until it has
// ended; why is what Wait returns then, nil meaning ErrServerClosed.
func (s *Server) stop(ctx context.Context, why error) error {
	s.stopOnce.Do(func() { go s.end(why) })
	select {
	case <-s.stopped:
	case <-ctx.Done():
		s.cutOnce.Do(func() { close(s.cut) })
		<-s.stopped
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cutErr
}

// end is the end of the server, once.
func (s *Server) end(why error) {
	close(s.stopping)
	if s.halt != nil {
		_ = s.halt.Close()
	}
	for _, ln := range s.listeners {
		ln.close()
	}
	for _, ln := range s.listeners {
		ln.running.Wait()
	}
	if s.halted != nil {
		_ = s.halted.Close()
	}
	if s.stdio != nil {
		s.stdio.interrupt()
	}
	s.engine.Drain()
	var err error
	if !s.drained(s.cut, 0) {
		err = fmt.Errorf("%w: %d connections, %d calls", ErrGraceExpired, s.engine.Connections(), s.engine.Snapshot().InFlight)
	}
	closed := make(chan struct{})
	go func() { s.engine.Close(); close(closed) }()
	s.drained(nil, cutWait)
	select {
	case <-closed:
	case <-time.After(cutWait):
		s.opts.Logger.Warn("handlers still run after their calls were cancelled; they are abandoned")
	}
	s.stopLoops()
	s.watching.Wait()
	s.endHandshakes()
	s.mu.Lock()
	s.cutErr = err
	switch {
	case err != nil:
		s.err = errors.Join(ErrServerClosed, err)
	case why != nil:
		s.err = why
	default:
		s.err = ErrServerClosed
	}
	s.mu.Unlock()
	close(s.stopped)
}

// endHandshakes waits for what is left of the goroutines of handshakes, whose
// connections are gone.
func (s *Server) endHandshakes() {
	if s.gate == nil {
		return
	}
	ended := make(chan struct{})
	go func() { s.gate.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(cutWait):
		s.opts.Logger.Warn("functions of a tls.Config still run; they are abandoned")
	}
}

// drained waits until no connection is open; it returns false when done is
// closed or the time is up before.
func (s *Server) drained(done <-chan struct{}, limit time.Duration) bool {
	var up <-chan time.Time
	if limit > 0 {
		up = time.After(limit)
	}
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for s.engine.Connections() > 0 {
		select {
		case <-tick.C:
		case <-done:
			return s.engine.Connections() == 0
		case <-up:
			return false
		}
	}
	return true
}

// Wait returns when the server has ended: ErrServerClosed after Shutdown or
// Close, joined with ErrGraceExpired if the grace was too short; nil when
// standard input was the only listener and has ended, or its output has.
func (s *Server) Wait() error {
	<-s.stopped
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.err, errInputEnded) {
		return nil
	}
	return s.err
}

var errInputEnded = errors.New("transports: end of standard input")
