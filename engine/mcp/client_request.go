package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// RequestOption changes one request.
type RequestOption func(*requestOptions)

type requestOptions struct {
	progress   func(ProgressReport)
	timeout    time.Duration // 0: the client's
	task       bool          // 2025-11-25: ask for a task
	taskTTL    time.Duration
	onTask     func(TaskInfo)
	listenWait *ClientSubscription
}

// WithProgress has f told how far the request is, where the server tells. f is
// called on the goroutine that waits for the request, before that gets its
// answer; of a slow f the oldest of more than 64 reports are dropped.
func WithProgress(f func(ProgressReport)) RequestOption {
	return func(o *requestOptions) { o.progress = f }
}

// WithTimeout replaces ClientOptions.RequestTimeout, and RequestTimeoutMax and
// TaskTimeout where d is longer than these; negative: only these hold.
func WithTimeout(d time.Duration) RequestOption {
	return func(o *requestOptions) { o.timeout = d }
}

func requestOptionsOf(opts []RequestOption) (o requestOptions) {
	for _, f := range opts {
		f(&o)
	}
	return o
}

// params is the params of a request, by member.
type params map[string]json.RawMessage

// paramsOf makes params of what v marshals to, an object; nil stands for none.
func paramsOf(method string, v any) (params, error) {
	p := params{}
	if v == nil {
		return p, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("mcp: params of %s: %w", method, err)
	}
	if string(b) == "null" {
		return p, nil
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("mcp: params of %s must marshal to a JSON object", method)
	}
	return p, nil
}

// with returns a copy of p with one member more.
func (p params) with(name string, value json.RawMessage) params {
	q := make(params, len(p)+1)
	for k, v := range p {
		q[k] = v
	}
	q[name] = value
	return q
}

// encode makes the message of a request: params with the _meta that rev wants,
// and a progress token if progress is wanted, which is the id.
func (l *link) encode(rev *revision, id uint64, method string, p params, progress bool) ([]byte, error) {
	if rev.modern || progress {
		meta := params{}
		if given := p["_meta"]; given != nil {
			if err := json.Unmarshal(given, &meta); err != nil {
				return nil, fmt.Errorf("mcp: params._meta of %s must be an object", method)
			}
		}
		if progress {
			meta["progressToken"] = strconv.AppendUint(nil, id, 10)
		}
		if rev.modern {
			l.session.modernMeta(rev, meta)
		}
		p = p.with("_meta", mustMarshal(meta))
	}
	body, err := json.Marshal(p) // on one line, whatever it was made of
	if err != nil {
		return nil, fmt.Errorf("mcp: params of %s: %w", method, err)
	}
	b := make([]byte, 0, len(body)+len(method)+64)
	b = strconv.AppendUint(append(b, `{"jsonrpc":"2.0","id":`...), id, 10)
	b = codec.AppendString(append(b, `,"method":`...), method)
	return append(append(append(b, `,"params":`...), body...), '}'), nil
}

// modernMeta adds what each request of the modern era says of its client
// (2026-07-28, "Per-request metadata"). What the caller gave stays.
func (s *ClientSession) modernMeta(rev *revision, meta params) {
	set := func(name string, v json.RawMessage) {
		if meta[name] == nil {
			meta[name] = v
		}
	}
	set(metaVersion, mustMarshal(rev.name))
	set(metaCapabilities, s.client.capabilities[rev.index])
	set(metaClientInfo, s.client.info)
	s.mu.Lock()
	level := s.logLevel
	s.mu.Unlock()
	if level != "" {
		set(metaLogLevel, mustMarshal(level))
	}
}

// request sends one request over l and waits for its answer.
func (l *link) request(ctx context.Context, rev *revision, method string, p params, o requestOptions) (json.RawMessage, error) {
	q, err := l.start(ctx, rev, method, p, o)
	if err != nil {
		return nil, err
	}
	return l.await(ctx, q, method, o)
}

// start sends one request, which then waits for its answer.
func (l *link) start(ctx context.Context, rev *revision, method string, p params, o requestOptions) (*pendingRequest, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	id := l.session.ids.Add(1)
	b, err := l.encode(rev, id, method, p, o.progress != nil)
	if err != nil {
		return nil, err
	}
	q := &pendingRequest{id: id, size: len(b), answered: make(chan answer, 1), stirred: make(chan struct{}, 1), wanted: o.progress != nil, listen: o.listenWait}
	if q.listen != nil {
		q.listen.id = id
	}
	if err := l.register(q); err != nil {
		return nil, err
	}
	if err := l.conn.Deliver(b); err != nil {
		l.take(id)
		return nil, fmt.Errorf("mcp: sending %s: %w", method, err)
	}
	return q, nil
}

// await waits until the request is answered or nobody wants it any more.
func (l *link) await(ctx context.Context, q *pendingRequest, method string, o requestOptions) (json.RawMessage, error) {
	co := &l.session.client.opts
	idle := o.timeout
	if idle == 0 {
		idle = co.RequestTimeout
	}
	var late, latest <-chan time.Time
	var timer *time.Timer
	if idle > 0 {
		timer = time.NewTimer(idle)
		defer timer.Stop()
		late = timer.C
	}
	if co.RequestTimeoutMax > 0 {
		t := time.NewTimer(max(idle, co.RequestTimeoutMax))
		defer t.Stop()
		latest = t.C
	}
	for {
		select {
		case a := <-q.answered:
			l.report(q, o.progress)
			return a.result, a.err
		case <-q.stirred:
			l.report(q, o.progress)
			if timer != nil {
				timer.Reset(idle)
			}
		case <-late:
			return l.abandon(q, method, fmt.Errorf("%w: %s waited %v", ErrRequestTimeout, method, idle))
		case <-latest:
			return l.abandon(q, method, fmt.Errorf("%w: %s waited %v, progress notwithstanding", ErrRequestTimeout, method, max(idle, co.RequestTimeoutMax)))
		case <-ctx.Done():
			return l.abandon(q, method, context.Cause(ctx))
		}
	}
}

// abandon gives a request up, and tells the server (2025-11-25,
// "Cancellation"): but for initialize, which must not be cancelled, and the
// probe, whose silent server may not know even that notification.
func (l *link) abandon(q *pendingRequest, method string, why error) (json.RawMessage, error) {
	if l.take(q.id) == nil {
		a := <-q.answered // it came just now
		return a.result, a.err
	}
	if method != askInitialize && (method != askDiscover || l.rev.Load() != nil) {
		l.cancel(q.id, why.Error())
	}
	return nil, why
}

// cancel tells the server that nobody waits for a request any more.
func (l *link) cancel(id uint64, reason string) {
	b := strconv.AppendUint([]byte(`{"jsonrpc":"2.0","method":"`+notificationCancelled+`","params":{"requestId":`), id, 10)
	b = codec.AppendString(append(b, `,"reason":`...), clipText(reason))
	_ = l.conn.Deliver(append(b, "}}"...)) // a connection that has ended is cancel enough
}

// cancelAll tells the server that nobody waits for anything any more.
func (l *link) cancelAll(reason string) {
	l.mu.Lock()
	ids := slices.Collect(maps.Keys(l.pending))
	l.mu.Unlock()
	for _, id := range ids {
		l.cancel(id, reason)
	}
}

// wait waits for d or the end of ctx.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Request sends a request of any method and returns its result as it came.
// params is marshalled, to an object; nil stands for none. What the session's
// revision wants in params._meta is added. Results that ask for input, or are
// no result in the session's revision, are seen to as CallTool does.
func (s *ClientSession) Request(ctx context.Context, method string, params any, opts ...RequestOption) (json.RawMessage, error) {
	p, err := paramsOf(method, params)
	if err != nil {
		return nil, err
	}
	return s.ask(ctx, method, p, requestOptionsOf(opts))
}

// requestInto is a request whose result is unmarshalled into out.
func (s *ClientSession) requestInto(ctx context.Context, method string, p params, o requestOptions, out any) (json.RawMessage, error) {
	raw, err := s.ask(ctx, method, p, o)
	if err != nil {
		return nil, err
	}
	return raw, decodeResult(method, raw, out)
}

// decodeResult unmarshals a result.
func decodeResult(method string, raw json.RawMessage, out any) error {
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%w: result of %s: %v", ErrBadAnswer, method, err)
	}
	return nil
}

// Ping asks the server whether it is there. Revision 2026-07-28 has no ping:
// there it is a server/discover.
func (s *ClientSession) Ping(ctx context.Context, opts ...RequestOption) error {
	l, err := s.current(ctx)
	if err != nil {
		return err
	}
	method := askPing
	if l.rev.Load().modern {
		method = askDiscover
	}
	_, err = s.ask(ctx, method, params{}, requestOptionsOf(opts))
	return err
}

// Notify sends a notification. params is marshalled, to an object; nil stands
// for none. A connection that ends meanwhile drops it.
//
// Errors: engine.ErrConnClosed, engine.ErrPushQueueFull.
func (s *ClientSession) Notify(ctx context.Context, method string, params any) error {
	p, err := paramsOf(method, params)
	if err != nil {
		return err
	}
	l, err := s.current(ctx)
	if err != nil {
		return err
	}
	return l.notify(method, p)
}

func (l *link) notify(method string, p params) error {
	b := codec.AppendString([]byte(`{"jsonrpc":"2.0","method":`), method)
	if len(p) > 0 {
		b = append(append(b, `,"params":`...), mustMarshal(p)...)
	}
	if err := l.conn.Deliver(append(b, '}')); err != nil {
		return fmt.Errorf("mcp: sending %s: %w", method, err)
	}
	return nil
}

// RootsChanged tells the server that Roots would return others than before
// (notifications/roots/list_changed). Revision 2026-07-28 has no such
// notification: there it does nothing.
func (s *ClientSession) RootsChanged(ctx context.Context) error {
	l, err := s.current(ctx)
	if err != nil || l.rev.Load().modern {
		return err
	}
	return l.notify("notifications/roots/list_changed", nil)
}
