package mcp

import (
	"context"
	"encoding/json"
)

// PromptResult is a prompt with its arguments filled in.
type PromptResult struct {
	Description string
	Messages    []PromptMessage
	Raw         json.RawMessage `json:"-"` // the whole result
}

// PromptMessage is a message of a prompt.
type PromptMessage struct {
	Role    Role
	Content Content
}

// GetPrompt has the server fill in a prompt; args may be nil.
func (s *ClientSession) GetPrompt(ctx context.Context, name string, args map[string]string, opts ...RequestOption) (*PromptResult, error) {
	p := params{"name": mustMarshal(name)}
	if len(args) > 0 {
		p["arguments"] = mustMarshal(args)
	}
	r := &PromptResult{}
	raw, err := s.requestInto(ctx, "prompts/get", p, requestOptionsOf(opts), r)
	if err != nil {
		return nil, err
	}
	r.Raw = raw
	return r, nil
}

// CompletionRef names what an argument is completed for: a prompt by its name,
// or a resource template by its URI. One of them is set.
type CompletionRef struct{ Prompt, ResourceURI string }

// Complete has the server propose values for an argument that begins with
// value. Arguments already chosen are in chosen, which may be nil (from
// 2025-06-18).
func (s *ClientSession) Complete(ctx context.Context, ref CompletionRef, argument, value string, chosen map[string]string, opts ...RequestOption) (*Completion, error) {
	r := map[string]string{"type": "ref/prompt", "name": ref.Prompt}
	if ref.ResourceURI != "" {
		r = map[string]string{"type": "ref/resource", "uri": ref.ResourceURI}
	}
	p := params{
		"ref":      mustMarshal(r),
		"argument": mustMarshal(map[string]string{"name": argument, "value": value}),
	}
	if len(chosen) > 0 {
		p["context"] = mustMarshal(map[string]any{"arguments": chosen})
	}
	var out struct{ Completion Completion }
	if _, err := s.requestInto(ctx, "completion/complete", p, requestOptionsOf(opts), &out); err != nil {
		return nil, err
	}
	return &out.Completion, nil
}
