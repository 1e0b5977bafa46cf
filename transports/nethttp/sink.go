package nethttp

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// pendingMax is how much of a response waits for the goroutine that writes it.
// More stays in the output of the engine's connection, under its bounds.
const pendingMax = 64 << 10

// streamed is the length of a response that has none.
const streamed = -1

// head is what comes before the body.
type head struct {
	status      int
	contentType string
	length      int
	fields      string // whole lines
}

// sink is the Wire of a connection of the engine. What the loop puts into it, the
// goroutine of the request takes out and writes.
type sink struct {
	h       *Handler
	r       *http.Request
	rc      *http.ResponseController
	framing *framing
	ready   chan struct{} // holds a word that something below has changed

	mu      sync.Mutex // protects what follows
	head    *head      // not written yet
	pending []byte     // nil if nothing waits
	short   bool       // not all was taken that was there
	ended   bool       // the response is complete, but for what the engine has of it
	whole   bool       // all of it has come
	over    bool       // nothing more comes
	gone    bool       // nobody reads it
	writing bool       // the goroutine of the request is at it
}

// begin takes the head.
func (s *sink) begin(h *head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = h
	if h.length == streamed {
		s.tell() // an event may be long in coming
	}
}

// end notes that the response is complete, when the rest of it has come, if
// there is any.
func (s *sink) end(rest bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if !rest {
		s.whole = true
		s.tell()
	}
}

// Write takes what there is room for.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(p)
	if !s.gone {
		pool := s.h.engine.Buffers()
		n = min(n, pendingMax-len(s.pending))
		if n > 0 && s.pending == nil {
			s.pending = pool.Get(n)
		}
		if n > 0 {
			s.pending = append(pool.Grow(s.pending, n), p[:n]...)
		}
		s.short = n < len(p)
	}
	s.whole = s.ended && n == len(p)
	s.tell()
	return n, nil
}

// Resume is called when the response is complete.
func (s *sink) Resume() { s.framing.endIfDone() }

// Close notes that nothing more comes. Where that cuts the response short, what
// is being written is not waited for.
func (s *sink) Close(engine.CloseReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if !s.whole && s.writing {
		_ = s.rc.SetWriteDeadline(time.Unix(1, 0))
	}
	s.tell()
}

// Peer describes the other end.
func (s *sink) Peer() engine.Peer {
	p := engine.Peer{Transport: "http", Remote: s.r.RemoteAddr, TLS: s.r.TLS}
	if local, ok := s.r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		p.Local = local.String()
	}
	return p
}

// TLS is what its handshake has settled, nil without TLS.
func (s *sink) TLS() *tls.ConnectionState { return s.r.TLS }

// tell wakes the goroutine of the request. The caller holds s.mu.
func (s *sink) tell() {
	select {
	case s.ready <- struct{}{}:
	default: // it has been told
	}
}

// errCut says that the engine has ended the connection before its response was
// complete.
var errCut = errors.New("nethttp: cut off")

// write writes the response as it comes, until it is complete, its client has
// gone (an error), or it is cut off (errCut). begun says whether any of it was
// written.
func (s *sink) write(w http.ResponseWriter, l *loop) (begun bool, err error) {
	stream := false
	for {
		head, p, last, err := s.take()
		if err != nil {
			return begun, err
		}
		if head != nil {
			begun, stream = true, head.length == streamed
			head.write(w)
		}
		if len(p) > 0 {
			_, err = w.Write(p)
		}
		if err == nil && (last || stream && (head != nil || p != nil)) {
			err = s.flush(stream)
		}
		short := s.wrote(p)
		switch {
		case err != nil || last:
			return begun, err
		case short:
			l.turn(func() { s.framing.conn.Writable() })
		}
		select {
		case <-s.ready:
		case <-s.r.Context().Done():
			return begun, s.r.Context().Err()
		}
	}
}

// take returns what is to be written, and whether it is the last. The deadline
// counts from here.
func (s *sink) take() (h *head, p []byte, last bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over && !s.whole {
		return nil, nil, false, errCut
	}
	if s.head != nil && s.head.length != streamed && s.pending == nil && !s.whole {
		return nil, nil, false, nil // the body is about to come
	}
	h, p, last = s.head, s.pending, s.whole
	s.head, s.pending = nil, nil
	if s.writing = h != nil || p != nil || last; s.writing {
		if t := s.h.engine.Options().WriteStallTimeout; t > 0 {
			_ = s.rc.SetWriteDeadline(time.Now().Add(t))
		}
	}
	return h, p, last, nil
}

// wrote ends what take began. It reports whether more could have been taken.
func (s *sink) wrote(p []byte) (short bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p != nil {
		s.h.engine.Buffers().Put(p)
	}
	if s.writing && !(s.over && !s.whole) {
		_ = s.rc.SetWriteDeadline(time.Time{}) // a stream may be silent for as long as it likes
	}
	s.writing = false
	short = s.short
	s.short = false
	return short
}

// drop forgets the response: nobody reads it.
func (s *sink) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	if s.pending != nil {
		s.h.engine.Buffers().Put(s.pending)
		s.pending = nil
	}
}

// flush has what was written sent.
func (s *sink) flush(stream bool) error {
	err := s.rc.Flush()
	if errors.Is(err, errors.ErrUnsupported) {
		if stream {
			s.h.cannotFlush.Do(func() {
				s.h.opts.Logger.Warn("nethttp: event streams cannot be flushed: give the ResponseWriter of the middleware in front a method Flush, or Unwrap")
			})
		}
		return nil
	}
	return err
}

// write writes the head.
func (h *head) write(w http.ResponseWriter) {
	to := w.Header()
	for line := range strings.SplitSeq(h.fields, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		switch {
		case !ok:
		case strings.EqualFold(name, "Vary"): // others may vary it, too
			to.Add(name, strings.TrimSpace(value))
		default:
			to.Set(name, strings.TrimSpace(value))
		}
	}
	if h.contentType != "" {
		to.Set("Content-Type", h.contentType)
	}
	if h.length > 0 {
		to.Set("Content-Length", strconv.Itoa(h.length))
	}
	w.WriteHeader(h.status)
}
