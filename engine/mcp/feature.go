package mcp

import (
	"errors"
	"fmt"

	"github.com/gannetmcp/gannet/codec"
)

// feature is what operators register and clients list: a tool, a prompt, a
// resource, a resource template. Immutable: a change replaces it.
type feature interface {
	// append appends the feature as clients of the revision see it.
	append(b []byte, rev *revision) []byte
	shared() *registration
}

// registration is what all features have.
type registration struct {
	mode    Mode
	base    Handler // with validation, without middleware
	handler Handler // with middleware
	serial  uint64  // place in the order of registration, never reused
}

func (r *registration) shared() *registration { return r }

// Mode says where a handler runs.
type Mode uint8

// The modes.
const (
	Pooled Mode = iota // on the worker pool; may block
	Inline             // on the event loop, which waits for it
)

func judgeHandler(m Mode, h Handler) error {
	switch {
	case h == nil:
		return errors.New("it has no handler")
	case m > Inline:
		return fmt.Errorf("unknown mode %d", m)
	}
	return nil
}

const nameMax = 128

// judgeName judges the name of a tool or a prompt (2025-11-25, "Tool names").
func judgeName(name string) error {
	if name == "" || len(name) > nameMax {
		return fmt.Errorf("name %.140q: it must have 1 to %d characters", name, nameMax)
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-') {
			return fmt.Errorf("name %q: only A-Z a-z 0-9 _ . - are allowed", name)
		}
	}
	return nil
}

// appendAbout appends what tells people and models about a feature.
func appendAbout(b []byte, rev *revision, title, description string) []byte {
	if rev.titles && title != "" {
		b = codec.AppendString(append(b, `,"title":`...), title)
	}
	if description != "" {
		b = codec.AppendString(append(b, `,"description":`...), description)
	}
	return b
}

// appendExtras appends icons and _meta.
func appendExtras(b []byte, rev *revision, icons, meta []byte) []byte {
	if rev.icons && icons != nil {
		b = append(append(b, `,"icons":`...), icons...)
	}
	if rev.featureMeta && meta != nil {
		b = append(append(b, `,"_meta":`...), meta...)
	}
	return b
}
