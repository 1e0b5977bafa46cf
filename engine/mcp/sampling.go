package mcp

import (
	"encoding/json"
	"errors"

	"github.com/gannetmcp/gannet/codec"
)

// SamplingRequest asks for what a language model would say
// (sampling/createMessage).
type SamplingRequest struct {
	Messages         []SamplingMessage `json:"messages"`
	MaxTokens        int               `json:"maxTokens"`
	SystemPrompt     string            `json:"systemPrompt,omitempty"`
	IncludeContext   string            `json:"includeContext,omitempty"` // "", "none", "thisServer", "allServers"
	Temperature      *float64          `json:"temperature,omitempty"`
	StopSequences    []string          `json:"stopSequences,omitempty"`
	ModelPreferences json.RawMessage   `json:"modelPreferences,omitempty"`
	Metadata         json.RawMessage   `json:"metadata,omitempty"`
	Tools            json.RawMessage   `json:"tools,omitempty"` // from 2025-11-25, if the client has declared sampling.tools
	ToolChoice       json.RawMessage   `json:"toolChoice,omitempty"`
	Raw              json.RawMessage   `json:"-"` // the whole, as a client sees it
}

// SamplingMessage is one message. Before 2025-11-25 it has one block.
type SamplingMessage struct {
	Role    Role
	Content []Content
}

// SamplingResult is what the model said. Revisions before 2025-11-25 have room
// for one block of Content.
type SamplingResult struct {
	Role       Role // empty: Assistant
	Content    []Content
	Model      string
	StopReason string // "endTurn", "stopSequence", "maxTokens", "toolUse", or empty
}

// Text returns the text blocks joined.
func (r *SamplingResult) Text() (text string) {
	for _, c := range r.Content {
		if c.Type == "text" {
			text += c.Text
		}
	}
	return text
}

type samplingMessageJSON struct {
	Role    Role          `json:"role"`
	Content contentBlocks `json:"content"`
}

// MarshalJSON writes the message.
func (m SamplingMessage) MarshalJSON() ([]byte, error) {
	return json.Marshal(samplingMessageJSON{m.Role, m.Content})
}

// UnmarshalJSON reads the message.
func (m *SamplingMessage) UnmarshalJSON(b []byte) error {
	var j samplingMessageJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	m.Role, m.Content = j.Role, j.Content
	return nil
}

type samplingResultJSON struct {
	Role       Role          `json:"role"`
	Content    contentBlocks `json:"content"`
	Model      string        `json:"model"`
	StopReason string        `json:"stopReason,omitempty"`
}

// MarshalJSON writes the result.
func (r SamplingResult) MarshalJSON() ([]byte, error) {
	return json.Marshal(samplingResultJSON{r.Role, r.Content, r.Model, r.StopReason})
}

// UnmarshalJSON reads the result.
func (r *SamplingResult) UnmarshalJSON(b []byte) error {
	var j samplingResultJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*r = SamplingResult{j.Role, j.Content, j.Model, j.StopReason}
	return nil
}

// Sample asks for what the client's language model says, like Elicit.
func (c *Call) Sample(key string, r *SamplingRequest) (*SamplingResult, error) {
	q := &question{key: key, method: "sampling/createMessage", needs: canSample, lacks: `{"sampling":{}}`, judge: judgeSampled}
	if r.Tools != nil || r.ToolChoice != nil {
		q.needs, q.lacks = canSample|canSampleTools, `{"sampling":{"tools":{}}}`
	}
	if r.MaxTokens <= 0 || len(r.Messages) == 0 {
		return nil, errors.New("mcp: Sample: Messages and MaxTokens must be given")
	}
	var err error
	if q.params, err = json.Marshal(r); err != nil {
		return nil, err
	}
	b, err := c.ask(q)
	if err != nil {
		return nil, err
	}
	res := &SamplingResult{}
	return res, json.Unmarshal(b, res)
}

func judgeSampled(b []byte) error {
	o := codec.RawValue(b).Object()
	if role, _ := o.Get("role"); !role.EqualString("assistant") && !role.EqualString("user") {
		return errors.New("role must be user or assistant")
	}
	if model, _ := o.Get("model"); model.Kind() != codec.String {
		return errors.New("model must be a string")
	}
	var r SamplingResult
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	if len(r.Content) == 0 {
		return errors.New("content must be there")
	}
	return nil
}
