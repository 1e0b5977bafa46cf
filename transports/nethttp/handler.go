package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// ErrGraceExpired is wrapped by the error of a Shutdown whose context ended
// before the work in flight did; what was left has been cut.
var ErrGraceExpired = errors.New("nethttp: grace expired with work in flight")

// Handler is an http.Handler that serves a service, until Shutdown or Close. Its
// methods are safe from any goroutine.
//
// The service finds its paths in the URL of the request: under a prefix of the
// mux, wrap the handler by http.StripPrefix, or name whole paths in
// mcp.HTTPOptions. What clients are told of paths has the prefix.
type Handler struct {
	opts   Options
	engine *engine.Engine
	loops  []*loop
	next   atomic.Uint32

	requests atomic.Int64
	served   atomic.Uint64
	refused  atomic.Uint64

	cannotFlush sync.Once
	stopOnce    sync.Once
	quit        chan struct{}  // closed when the loops are to end
	running     sync.WaitGroup // loops
}

var _ http.Handler = (*Handler)(nil)

// Snapshot is the counters of a Handler and of the engine behind it.
type Snapshot struct {
	Engine   engine.Snapshot
	Requests int64  // being served
	Served   uint64 // ever, those refused apart
	Refused  uint64 // because of Options.MaxRequests, or after Close
}

// New returns a handler for svc, which must be an engine.ExchangeService, as an
// mcp.Server is; or an error that names the option at fault. It starts a goroutine
// for each loop, which Shutdown and Close end.
func New(svc engine.Service, o Options) (*Handler, error) {
	if svc == nil {
		return nil, errNoService
	}
	if _, ok := svc.(engine.ExchangeService); !ok {
		return nil, fmt.Errorf("nethttp: %T is no engine.ExchangeService, so it cannot be served on HTTP; an mcp.Server can", svc)
	}
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	e, err := engine.New(svc, o.Engine)
	if err != nil {
		return nil, err
	}
	h := &Handler{opts: o, engine: e, quit: make(chan struct{})}
	for range o.Loops {
		h.loops = append(h.loops, startLoop(e, h.quit, &h.running))
	}
	return h, nil
}

// Engine returns the engine behind the handler.
func (h *Handler) Engine() *engine.Engine { return h.engine }

// Snapshot returns the counters.
func (h *Handler) Snapshot() Snapshot {
	return Snapshot{Engine: h.engine.Snapshot(), Requests: h.requests.Load(), Served: h.served.Load(), Refused: h.refused.Load()}
}

// ServeHTTP serves one request, and returns when its response was written, its
// client has gone, or it was cut off. In the last case, where a part of the
// response has been written, it panics with http.ErrAbortHandler, so that no
// client takes that for the whole.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.requests.Add(-1)
	if h.requests.Add(1) > int64(h.opts.MaxRequests) || h.engine.Ended() {
		h.refused.Add(1)
		refuse(w, http.StatusServiceUnavailable)
		return
	}
	h.served.Add(1)
	rc := http.NewResponseController(w)
	b := body{engine: h.engine}
	defer b.release()
	if status := b.read(w, rc, r); status != http.StatusOK {
		refuse(w, status)
		return
	}
	s := &sink{h: h, r: r, rc: rc, ready: make(chan struct{}, 1)}
	f := &framing{sink: s}
	s.framing = f
	l := h.loops[h.next.Add(1)%uint32(len(h.loops))]
	l.turn(func() { f.serve(l.engine, r, b.bytes) })
	b.release() // the service has done with it
	begun, err := s.write(w, l)
	s.drop()
	switch {
	case err == nil: // the connection ends with its calls, if it has not ended
	case errors.Is(err, errCut) && !begun:
		refuse(w, http.StatusServiceUnavailable)
	case errors.Is(err, errCut):
		panic(http.ErrAbortHandler)
	default:
		l.turn(f.leave)
	}
}

// refuse answers with a status and what it says.
func refuse(w http.ResponseWriter, status int) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, http.StatusText(status)+"\n") // to whoever is still there
}

// drainPoll is how often a drain looks whether it is over.
const drainPoll = 2 * time.Millisecond

// cutWait is how long connections that were cut, and handlers whose context
// was cancelled with them, are waited for.
const cutWait = time.Second

// Shutdown refuses new requests (503), ends event streams, lets calls in flight
// be answered and returns when all are. When ctx ends first, what is left is cut,
// and the error wraps ErrGraceExpired. Handlers on the worker pool that ignore
// their context for a second more are abandoned. Call it before Shutdown of the
// http.Server, which waits for event streams, and would wait for ever.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.engine.Drain()
	if !h.drained(ctx.Done()) {
		n := h.engine.Snapshot()
		h.stop()
		return fmt.Errorf("%w: %d requests, %d calls", ErrGraceExpired, n.Connections, n.InFlight)
	}
	h.stop()
	return nil
}

// Close is Shutdown without grace. It always returns nil.
func (h *Handler) Close() error {
	h.stop()
	return nil
}

// stop cuts what is left, and ends the loops.
func (h *Handler) stop() {
	h.stopOnce.Do(func() {
		closed := make(chan struct{})
		go func() { h.engine.Close(); close(closed) }()
		up := time.NewTimer(cutWait)
		defer up.Stop()
		select {
		case <-closed:
		case <-up.C:
			h.opts.Logger.Warn("handlers still run after their calls were cancelled; they are abandoned")
		}
		limit, cancel := context.WithTimeout(context.Background(), cutWait)
		defer cancel()
		h.drained(limit.Done())
		close(h.quit)
		h.running.Wait()
	})
}

// drained waits until no connection is open; it returns false when done is
// closed before.
func (h *Handler) drained(done <-chan struct{}) bool {
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for h.engine.Connections() > 0 {
		select {
		case <-tick.C:
		case <-done:
			return h.engine.Connections() == 0
		}
	}
	return true
}
