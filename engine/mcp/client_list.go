package mcp

import (
	"context"
	"encoding/json"
	"fmt"
)

// ToolInfo is a tool that a server offers.
type ToolInfo struct {
	Name, Title, Description  string
	InputSchema, OutputSchema json.RawMessage // as they came
	Annotations               *ToolAnnotations
	Execution                 struct{ TaskSupport string } // 2025-11-25: "", "forbidden", "optional", "required"
	Meta                      json.RawMessage              `json:"_meta"`
	Raw                       json.RawMessage              `json:"-"` // the whole
}

// ResourceInfo is a resource that a server offers.
type ResourceInfo struct {
	URI, Name, Title, Description, MIMEType string
	Size                                    *int64          // in bytes, before encoding
	Meta                                    json.RawMessage `json:"_meta"`
	Raw                                     json.RawMessage `json:"-"` // the whole
}

// ResourceTemplateInfo is a kind of resource that a server offers, named by a
// URI template (RFC 6570).
type ResourceTemplateInfo struct {
	URITemplate, Name, Title, Description, MIMEType string
	Meta                                            json.RawMessage `json:"_meta"`
	Raw                                             json.RawMessage `json:"-"` // the whole
}

// PromptInfo is a prompt that a server offers.
type PromptInfo struct {
	Name, Title, Description string
	Arguments                []PromptArgumentInfo
	Meta                     json.RawMessage `json:"_meta"`
	Raw                      json.RawMessage `json:"-"` // the whole
}

// PromptArgumentInfo is an argument that a prompt takes.
type PromptArgumentInfo struct {
	Name, Title, Description string
	Required                 bool
}

// ListTools returns the server's tools, of all pages.
//
// Errors of all lists: ErrListTooLong, ErrBadAnswer, and those of requests.
func (s *ClientSession) ListTools(ctx context.Context, opts ...RequestOption) ([]ToolInfo, error) {
	return list(ctx, s, askToolsList, "tools", opts, func(t *ToolInfo, raw json.RawMessage) { t.Raw = raw })
}

// ListResources returns the server's resources, of all pages.
func (s *ClientSession) ListResources(ctx context.Context, opts ...RequestOption) ([]ResourceInfo, error) {
	return list(ctx, s, "resources/list", "resources", opts, func(r *ResourceInfo, raw json.RawMessage) { r.Raw = raw })
}

// ListResourceTemplates returns the server's resource templates, of all pages.
func (s *ClientSession) ListResourceTemplates(ctx context.Context, opts ...RequestOption) ([]ResourceTemplateInfo, error) {
	return list(ctx, s, "resources/templates/list", "resourceTemplates", opts, func(r *ResourceTemplateInfo, raw json.RawMessage) { r.Raw = raw })
}

// ListPrompts returns the server's prompts, of all pages.
func (s *ClientSession) ListPrompts(ctx context.Context, opts ...RequestOption) ([]PromptInfo, error) {
	return list(ctx, s, "prompts/list", "prompts", opts, func(p *PromptInfo, raw json.RawMessage) { p.Raw = raw })
}

// list follows the pages of a list (2025-11-25, "Pagination"): cursors are
// opaque, an empty one is one, a missing one is the end.
func list[T any](ctx context.Context, s *ClientSession, method, member string, opts []RequestOption, keep func(*T, json.RawMessage)) ([]T, error) {
	o := &s.client.opts
	all := []T{}
	p := params{}
	size := 0
	for page := 1; ; page++ {
		var r map[string]json.RawMessage
		raw, err := s.requestInto(ctx, method, p, requestOptionsOf(opts), &r)
		if err != nil {
			return nil, err
		}
		if size += len(raw); size > o.MaxListBytes {
			return nil, fmt.Errorf("%w: %s has more than %d bytes (ClientOptions.MaxListBytes)", ErrListTooLong, method, o.MaxListBytes)
		}
		var items []json.RawMessage
		if err := json.Unmarshal(r[member], &items); err != nil || r[member] == nil {
			return nil, fmt.Errorf("%w: result of %s: %s must be an array", ErrBadAnswer, method, member)
		}
		for i, item := range items {
			var t T
			if err := json.Unmarshal(item, &t); err != nil {
				return nil, fmt.Errorf("%w: result of %s: %s[%d]: %v", ErrBadAnswer, method, member, i, err)
			}
			keep(&t, item)
			all = append(all, t)
		}
		var next *string
		if c := r["nextCursor"]; c != nil {
			if err := json.Unmarshal(c, &next); err != nil {
				return nil, fmt.Errorf("%w: result of %s: nextCursor must be a string", ErrBadAnswer, method)
			}
		}
		if next == nil {
			return all, nil
		}
		if page == o.MaxPages {
			return nil, fmt.Errorf("%w: %s has more than %d pages (ClientOptions.MaxPages)", ErrListTooLong, method, o.MaxPages)
		}
		p = params{"cursor": mustMarshal(*next)}
	}
}
