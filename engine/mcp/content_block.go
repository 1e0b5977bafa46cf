package mcp

import (
	"encoding/json"
	"errors"
)

// Content is a content block as a client sees it. Which members are set
// depends on Type: "text", "image", "audio", "resource", "resource_link", and
// in sampling "tool_use" and "tool_result". Types that later revisions add
// arrive with Type and Raw.
type Content struct {
	Type     string            `json:"type"`
	Text     string            `json:"text,omitempty"`
	Data     string            `json:"data,omitempty"` // base64: of an image, of audio
	MIMEType string            `json:"mimeType,omitempty"`
	URI      string            `json:"uri,omitempty"` // of a link
	Name     string            `json:"name,omitempty"`
	ID       string            `json:"id,omitempty"`    // of a tool's use
	Input    json.RawMessage   `json:"input,omitempty"` // of a tool's use
	Resource *ResourceContents `json:"resource,omitempty"`
	// Raw is the whole block as it came. A block with Raw is sent as Raw says,
	// whatever its other members are.
	Raw json.RawMessage `json:"-"`
}

// ResourceContents is what a resource holds: Text, or Blob in base64.
type ResourceContents struct {
	URI      string          `json:"uri"`
	MIMEType string          `json:"mimeType,omitempty"`
	Text     string          `json:"text,omitempty"`
	Blob     string          `json:"blob,omitempty"`
	Meta     json.RawMessage `json:"_meta,omitempty"`
}

// TextContent returns a text block.
func TextContent(text string) Content { return Content{Type: "text", Text: text} }

// contentJSON is Content without its methods.
type contentJSON Content

// MarshalJSON writes the block.
func (c Content) MarshalJSON() ([]byte, error) {
	if len(c.Raw) > 0 {
		return c.Raw, nil
	}
	if c.Type == "text" { // whose text may be empty, not missing
		return json.Marshal(struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}{c.Type, c.Text})
	}
	return json.Marshal(contentJSON(c))
}

// UnmarshalJSON reads the block and keeps it as Raw.
func (c *Content) UnmarshalJSON(b []byte) error {
	var head struct{ Type string }
	if err := json.Unmarshal(b, &head); err != nil {
		return err
	}
	j := contentJSON{Type: head.Type}
	switch head.Type {
	case "":
		return errors.New("mcp: a content block without type")
	case "text", "image", "audio", "resource", "resource_link", "tool_use", "tool_result":
		if err := json.Unmarshal(b, &j); err != nil {
			return err
		}
	}
	*c = Content(j)
	c.Raw = append(json.RawMessage(nil), b...)
	return nil
}

// contentBlocks is one block, or from 2025-11-25 on an array of them.
type contentBlocks []Content

func (c *contentBlocks) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]Content)(c))
	}
	*c = make([]Content, 1)
	return json.Unmarshal(b, &(*c)[0])
}

func (c contentBlocks) MarshalJSON() ([]byte, error) {
	if len(c) == 1 {
		return json.Marshal(c[0])
	}
	return json.Marshal([]Content(c))
}
