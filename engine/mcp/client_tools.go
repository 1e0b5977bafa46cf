package mcp

import (
	"context"
	"encoding/json"
	"fmt"
)

// ToolResult is the result of a tool call.
type ToolResult struct {
	Content           []Content
	StructuredContent json.RawMessage
	// IsError tells that the tool has failed; Content then says why.
	IsError bool
	Meta    json.RawMessage `json:"_meta"`
	Raw     json.RawMessage `json:"-"` // the whole result
}

// Text returns the text of all text blocks together.
func (r *ToolResult) Text() string { return textOf(r.Content) }

// CallTool calls a tool and waits for its result. args is marshalled, to an
// object; nil stands for none. A tool that fails is no error here, but a result
// with IsError.
//
// If the server asks for input first (2026-07-28), or answers by a task (with
// ClientOptions.Tasks or WithTask), CallTool sees to that and returns the
// result in the end.
func (s *ClientSession) CallTool(ctx context.Context, name string, args any, opts ...RequestOption) (*ToolResult, error) {
	p := params{"name": mustMarshal(name)}
	if args != nil {
		b, err := json.Marshal(args)
		if err != nil {
			return nil, fmt.Errorf("mcp: arguments of tool %s: %w", name, err)
		}
		switch {
		case string(b) == "null": // as a nil map is
		case b[0] != '{':
			return nil, fmt.Errorf("mcp: arguments of tool %s must marshal to a JSON object", name)
		default:
			p["arguments"] = b
		}
	}
	r := &ToolResult{}
	raw, err := s.requestInto(ctx, askToolsCall, p, requestOptionsOf(opts), r)
	if err != nil {
		return nil, err
	}
	r.Raw = raw
	return r, nil
}

// textOf returns the text of all text blocks together.
func textOf(blocks []Content) (s string) {
	for _, b := range blocks {
		if b.Type == "text" {
			s += b.Text
		}
	}
	return s
}
