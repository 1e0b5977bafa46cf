package mcp

import (
	"context"
	"encoding/json"
	"errors"
)

// SamplingRequest asks for what a language model would say
// (sampling/createMessage).
type SamplingRequest struct {
	Messages         []SamplingMessage
	MaxTokens        int
	SystemPrompt     string
	IncludeContext   string // "", "none", "thisServer", "allServers"
	Temperature      *float64
	StopSequences    []string
	ModelPreferences json.RawMessage
	Metadata         json.RawMessage
	Tools            json.RawMessage // from 2025-11-25, with ClientOptions.SamplingTools
	ToolChoice       json.RawMessage
	Raw              json.RawMessage `json:"-"` // the whole
}

// SamplingMessage is one message. Role is "user" or "assistant". Before
// 2025-11-25 it has one block.
type SamplingMessage struct {
	Role    string
	Content []Content
}

// SamplingResult is what the model said. Revisions before 2025-11-25 have room
// for one block of Content.
type SamplingResult struct {
	Role       string // empty: "assistant"
	Content    []Content
	Model      string
	StopReason string // "endTurn", "stopSequence", "maxTokens", "toolUse", or empty
}

// UnmarshalJSON reads a message.
func (m *SamplingMessage) UnmarshalJSON(b []byte) error {
	var j struct {
		Role    string
		Content contentBlocks
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	m.Role, m.Content = j.Role, j.Content
	return nil
}

// sample answers sampling/createMessage.
func (s *ClientSession) sample(ctx context.Context, rev *revision, raw json.RawMessage) (any, error) {
	r := &SamplingRequest{Raw: raw}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, invalidParams(err.Error())
	}
	if (r.Tools != nil || r.ToolChoice != nil) && !(rev.samplingTools() && s.client.opts.SamplingTools) {
		return nil, invalidParams("the client did not declare sampling.tools")
	}
	res, err := s.client.opts.Sampling(ctx, r)
	switch {
	case err != nil:
		return nil, err
	case res == nil || len(res.Content) == 0:
		return nil, errors.New("mcp: ClientOptions.Sampling returned no content and no error")
	case len(res.Content) > 1 && !rev.samplingTools():
		return nil, errors.New("mcp: ClientOptions.Sampling returned several blocks, but revision " + rev.name + " has room for one")
	}
	role := res.Role
	if role == "" {
		role = "assistant"
	}
	return struct {
		Role       string        `json:"role"`
		Content    contentBlocks `json:"content"`
		Model      string        `json:"model"`
		StopReason string        `json:"stopReason,omitempty"`
	}{role, res.Content, res.Model, res.StopReason}, nil
}
