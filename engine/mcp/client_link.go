package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// link is a ClientSession's hold on one connection: the engine.Handler of its
// messages, and the requests that wait for answers from it.
type link struct {
	session *ClientSession
	conn    *engine.Conn
	rev     atomic.Pointer[revision] // nil until negotiated

	mu      sync.Mutex // protects what follows; nothing is called while it is held
	pending map[uint64]*pendingRequest
	bytes   int   // of pending
	err     error // why the connection has ended, nil while it is there
}

var _ engine.MalformedHandler = (*link)(nil)

// answer is what a request ends with.
type answer struct {
	result json.RawMessage
	err    error
}

// progressKept is how many reports wait for a progress callback that is slow;
// beyond it the oldest is dropped.
const progressKept = 64

// pendingRequest is a request that waits for its answer.
type pendingRequest struct {
	id       uint64
	size     int
	answered chan answer   // capacity 1
	stirred  chan struct{} // capacity 1: progress has come
	wanted   bool          // somebody takes progress
	progress []ProgressReport
	listen   *ClientSubscription // of subscriptions/listen, else nil
}

func newLink(s *ClientSession, conn *engine.Conn) *link {
	return &link{session: s, conn: conn, pending: map[uint64]*pendingRequest{}}
}

func (l *link) live() bool { return l.why() == nil }

// why returns what the connection has ended with, nil while it is there.
func (l *link) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// register makes a request one that waits.
func (l *link) register(p *pendingRequest) error {
	o := &l.session.client.opts
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
		return l.err
	case len(l.pending) >= o.MaxPending:
		return fmt.Errorf("%w: %d requests; raise ClientOptions.MaxPending or ask less at once", ErrTooManyPending, len(l.pending))
	case l.bytes > 0 && l.bytes+p.size > o.MaxPendingBytes:
		return fmt.Errorf("%w: %d bytes and %d more; raise ClientOptions.MaxPendingBytes or ask less at once", ErrTooManyPending, l.bytes, p.size)
	}
	l.pending[p.id] = p
	l.bytes += p.size
	return nil
}

// take removes a request; nil if it does not wait.
func (l *link) take(id uint64) *pendingRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pending[id]
	if p != nil {
		delete(l.pending, id)
		l.bytes -= p.size
	}
	return p
}

// settle gives a request its answer.
func (l *link) settle(id uint64, a answer) bool {
	p := l.take(id)
	if p == nil {
		l.session.stats.lateAnswers.Add(1)
		return false
	}
	p.settle(a)
	return true
}

func (p *pendingRequest) settle(a answer) {
	if p.listen != nil {
		p.listen.end(a.err)
	}
	p.answered <- a // there is room, and nobody else sends: it was taken out
}

// requestID reads an id of ours, a positive integer.
func requestID(raw []byte) (uint64, bool) {
	id, err := strconv.ParseUint(string(raw), 10, 64)
	return id, err == nil
}

// ServeResponse hands an answer to whom it is for.
func (l *link) ServeResponse(conn *engine.Conn, m *codec.Message) {
	id, ok := requestID(m.ID().Raw())
	if !ok {
		if m.Kind() == codec.KindError {
			l.session.client.opts.Logger.Warn("the server could not read a message of ours", "answer", clip(string(m.Raw()), errorTextMax))
		}
		l.session.stats.lateAnswers.Add(1)
		return
	}
	if m.Kind() == codec.KindError {
		l.settle(id, answer{err: readError(m.ErrorObject())})
		return
	}
	r := m.Result()
	if l.rev.Load() == nil { // it may be initialize's: what comes next may be a batch
		if v, ok := r.Get("protocolVersion"); ok {
			rev := revisionNamed(v)
			conn.AllowBatch(rev != nil && rev.batches)
		}
	}
	l.settle(id, answer{result: bytes.Clone(r.Raw())})
}

// readError makes an error of what the server answered with.
func readError(o codec.Object) error {
	code, ok := o.Get("code")
	n, err := code.Int64()
	if !ok || err != nil || int64(codec.Code(n)) != n {
		return fmt.Errorf("%w: an error whose code is no integer: %s", ErrBadAnswer, clip(string(o.Raw()), 200))
	}
	e := &Error{Code: codec.Code(n)}
	if v, ok := o.Get("message"); ok && v.Kind() == codec.String {
		e.Message, _ = v.StringCopy()
	}
	if e.Message == "" {
		e.Message = e.Code.String()
	}
	if v, ok := o.Get("data"); ok {
		e.Data = bytes.Clone(v.Raw())
	}
	return e
}

// ServeMalformed fails the request whose answer is malformed, where that can
// be told. Nothing is answered: a client writes no answers but to requests.
func (l *link) ServeMalformed(_ *engine.Conn, id codec.ID, err *codec.Error) {
	if n := l.session.stats.malformed.Add(1); n&(n-1) == 0 { // ever less often: a server may print all its log there
		l.session.client.opts.Logger.Warn("the server sent what is no message", "error", err, "count", n)
	}
	if n, ok := requestID(id.Raw()); ok {
		if p := l.take(n); p != nil {
			p.settle(answer{err: fmt.Errorf("%w: %s", ErrBadAnswer, err.Reason)})
		}
	}
}

// ServeNotification sorts what the server tells.
func (l *link) ServeNotification(conn *engine.Conn, m *codec.Message) {
	p := m.Params()
	switch string(m.Method()) {
	case notificationProgress:
		l.progressed(p)
		return
	case notificationCancelled:
		l.cancelled(conn, p)
		return
	case notificationAcknowledged:
		l.acknowledged(p)
	}
	l.session.note(m)
}

// cancelled ends a call of a handler's, or a subscription that the server
// gives up.
func (l *link) cancelled(conn *engine.Conn, p codec.Object) {
	id, ok := p.Get("requestId")
	if !ok || id.Kind() != codec.String && id.Kind() != codec.Number {
		return
	}
	reason := ""
	if v, ok := p.Get("reason"); ok && v.Kind() == codec.String && len(v.Raw()) <= errorTextMax {
		reason, _ = v.StringCopy()
	}
	if conn.Cancel(id.Raw(), reason) {
		return
	}
	if n, ok := requestID(id.Raw()); ok {
		l.mu.Lock()
		p := l.pending[n]
		l.mu.Unlock()
		if p != nil && p.listen != nil && l.take(n) != nil {
			p.settle(answer{err: fmt.Errorf("%w: %s", ErrSubscriptionEnded, reason)})
		}
	}
}

// CloseConn fails what waits.
func (l *link) CloseConn(_ *engine.Conn, reason engine.CloseReason) {
	err := fmt.Errorf("%w (%v)", engine.ErrConnClosed, reason)
	l.mu.Lock()
	l.err = err
	pending := l.pending
	l.pending, l.bytes = nil, 0
	l.mu.Unlock()
	for _, p := range pending {
		p.settle(answer{err: err})
	}
	l.session.lost(l, err)
}
