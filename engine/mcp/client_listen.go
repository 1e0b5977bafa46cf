package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/gannetmcp/gannet/codec"
)

const (
	notificationAcknowledged = "notifications/subscriptions/acknowledged"
	metaSubscriptionID       = metaPrefix + "subscriptionId"
)

// ListenFilter says what a subscription is told of.
type ListenFilter struct {
	ToolsListChanged      bool     `json:"toolsListChanged,omitempty"`
	PromptsListChanged    bool     `json:"promptsListChanged,omitempty"`
	ResourcesListChanged  bool     `json:"resourcesListChanged,omitempty"`
	ResourceSubscriptions []string `json:"resourceSubscriptions,omitempty"` // URIs
	TaskIDs               []string `json:"taskIds,omitempty"`               // with ClientOptions.Tasks
}

// ClientSubscription is an open subscriptions/listen (2026-07-28,
// "Subscriptions"). What it is told of goes to ClientOptions.OnNotification.
// It ends with its connection.
type ClientSubscription struct {
	link     *link
	id       uint64
	acked    chan struct{} // closed when honored is there
	done     chan struct{}
	mu       sync.Mutex
	honored  ListenFilter
	isAcked  bool
	finished bool
	err      error
}

// Listen subscribes to what f says, and returns when the server has
// acknowledged it. ctx and the request timeout bound only that. Up to
// 2025-11-25 servers tell of lists without being asked, and of resources after
// Subscribe (ErrNotInRevision).
func (s *ClientSession) Listen(ctx context.Context, f ListenFilter) (*ClientSubscription, error) {
	l, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	rev := l.rev.Load()
	if !rev.modern {
		return nil, fmt.Errorf("%w: %s; use Subscribe", ErrNotInRevision, askListen)
	}
	u := &ClientSubscription{link: l, acked: make(chan struct{}), done: make(chan struct{})}
	q, err := l.start(ctx, rev, askListen, params{"notifications": mustMarshal(f)}, requestOptions{listenWait: u})
	if err != nil {
		return nil, err
	}
	if d := s.client.opts.RequestTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, fmt.Errorf("%w: %s was not acknowledged for %v", ErrRequestTimeout, askListen, d))
		defer cancel()
	}
	select {
	case <-u.acked:
		return u, nil
	case <-u.done:
		if err := u.Err(); err != nil {
			return nil, err
		}
		select { // the acknowledgement and the end may have come together
		case <-u.acked:
			return u, nil
		default:
			return nil, fmt.Errorf("%w: %s ended without having been acknowledged", ErrBadAnswer, askListen)
		}
	case <-ctx.Done():
		if _, err := l.abandon(q, askListen, context.Cause(ctx)); err != nil {
			return nil, err
		}
		return nil, context.Cause(ctx)
	}
}

// acknowledged is told what of a subscription the server honors.
func (l *link) acknowledged(p codec.Object) {
	meta, _ := p.Get("_meta")
	sub, _ := meta.Object().Get(metaSubscriptionID)
	id, ok := requestID(sub.Raw())
	if !ok {
		return
	}
	l.mu.Lock()
	q := l.pending[id]
	l.mu.Unlock()
	if q == nil || q.listen == nil {
		return
	}
	var f ListenFilter
	if v, ok := p.Get("notifications"); ok && v.Kind() == codec.ObjectKind {
		_ = json.Unmarshal(v.Raw(), &f) // what is ill-typed is not honored
	}
	u := q.listen
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.isAcked {
		u.honored, u.isAcked = f, true
		close(u.acked)
	}
}

// end is called once the request is answered, or given up.
func (u *ClientSubscription) end(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.finished {
		u.finished, u.err = true, err
		close(u.done)
	}
}

// Honored returns what of the filter the server honors.
func (u *ClientSubscription) Honored() ListenFilter {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.honored
}

// Done is closed when the subscription has ended.
func (u *ClientSubscription) Done() <-chan struct{} { return u.done }

// Err returns why the subscription has ended: nil while it has not, after
// Close, and after an orderly end by the server.
func (u *ClientSubscription) Err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// Close ends the subscription. Idempotent.
func (u *ClientSubscription) Close() error {
	if u.link.take(u.id) != nil {
		u.end(nil)
		u.link.cancel(u.id, "closed")
	}
	return nil
}
