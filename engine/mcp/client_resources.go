package mcp

import (
	"context"
	"encoding/json"
	"fmt"
)

// ResourceResult is what reading a resource returns: one part as a rule.
type ResourceResult struct {
	Contents []ResourceContents
	Raw      json.RawMessage `json:"-"` // the whole result
}

// ReadResource reads a resource.
func (s *ClientSession) ReadResource(ctx context.Context, uri string, opts ...RequestOption) (*ResourceResult, error) {
	r := &ResourceResult{}
	raw, err := s.requestInto(ctx, "resources/read", params{"uri": mustMarshal(uri)}, requestOptionsOf(opts), r)
	if err != nil {
		return nil, err
	}
	r.Raw = raw
	return r, nil
}

// Subscribe has the server tell of changes of a resource
// (notifications/resources/updated, to OnNotification). It does not outlive
// the connection. Revision 2026-07-28 has Listen instead (ErrNotInRevision).
func (s *ClientSession) Subscribe(ctx context.Context, uri string) error {
	return s.subscription(ctx, "resources/subscribe", uri)
}

// Unsubscribe ends what Subscribe began.
func (s *ClientSession) Unsubscribe(ctx context.Context, uri string) error {
	return s.subscription(ctx, "resources/unsubscribe", uri)
}

func (s *ClientSession) subscription(ctx context.Context, method, uri string) error {
	l, err := s.current(ctx)
	if err != nil {
		return err
	}
	if l.rev.Load().modern {
		return fmt.Errorf("%w: %s; use Listen", ErrNotInRevision, method)
	}
	_, err = s.ask(ctx, method, params{"uri": mustMarshal(uri)}, requestOptions{})
	return err
}
