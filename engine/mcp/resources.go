package mcp

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/registry"
)

// ErrNotFound is returned by the handler of a resource that turns out not to
// exist, such as by that of a template.
var ErrNotFound = errors.New("mcp: not found")

// Resource describes a resource to clients. What the raw JSON fields hold is
// sent verbatim to clients whose revision knows the field.
type Resource struct {
	// URI is what clients read it by: absolute, at most 4,096 bytes.
	URI string
	// Name is for programs, Title for people, Description for models. An empty
	// Name becomes the URI: the field is required by the protocol.
	Name, Title, Description string
	// MIMEType is sent with the list, and with contents that say no other.
	MIMEType string
	// Size in bytes, for hosts that want to know before they read. Zero: not
	// told.
	Size        int64
	Annotations *Annotations
	Icons       []byte // JSON array, or nil
	Meta        []byte // JSON object for _meta, or nil
}

// Annotations tell clients how to use a resource or a content block. Zero
// fields are not sent.
type Annotations struct {
	// Audience is for whom it is meant: User, Assistant, or both.
	Audience []Role
	// Priority is from 0, optional, to 1, required. nil: not told.
	Priority *float64
	// LastModified is a moment in the form of ISO 8601 (2025-06-18).
	LastModified string
}

// Role is who says a message.
type Role string

// The roles.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// uriMax bounds URIs, those of peers too. It is registry.DefaultMaxNameSize.
const uriMax = registry.DefaultMaxNameSize

// resource is a registered resource. Immutable: a change replaces it.
type resource struct {
	Resource
	registration
}

// HandleResource registers a resource. Its handler appends what the resource
// holds: Reply.Text and Reply.Blob for its one content, Reply.Resource and
// Reply.ResourceBlob for several; or it returns ErrNotFound. It panics, so that
// the mistake is seen at the start, when the URI is malformed or taken, when a
// raw field is no usable JSON, or when h is nil.
func (s *Server) HandleResource(r Resource, m Mode, h Handler) {
	if err := s.addResource(r, m, h); err != nil {
		panic("mcp: HandleResource: " + err.Error())
	}
}

func (s *Server) addResource(r Resource, m Mode, h Handler) error {
	if u, err := url.Parse(r.URI); err != nil || u.Scheme == "" || len(r.URI) > uriMax {
		return fmt.Errorf("resource %.140q: the URI must be absolute, with a scheme, and at most %d bytes", r.URI, uriMax)
	}
	if err := judgeHandler(m, h); err != nil {
		return fmt.Errorf("resource %q: %w", r.URI, err)
	}
	if err := r.complete(r.URI); err != nil {
		return fmt.Errorf("resource %q: %w", r.URI, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &resource{Resource: r, registration: registration{mode: m, base: h}}
	if err := s.resources.add(r.URI, e, s.middleware); err != nil {
		return fmt.Errorf("resource %q: %w", r.URI, err)
	}
	return nil
}

// complete fills in what may be left out and judges the rest.
func (r *Resource) complete(name string) error {
	if r.Name == "" {
		r.Name = name
	}
	if r.Size < 0 {
		return fmt.Errorf("field Size is %d", r.Size)
	}
	if a := r.Annotations; a != nil {
		if a.Priority != nil && !(*a.Priority >= 0 && *a.Priority <= 1) {
			return fmt.Errorf("Annotations.Priority is %v; it must lie between 0 and 1", *a.Priority)
		}
		for _, role := range a.Audience {
			if role != User && role != Assistant {
				return fmt.Errorf("Annotations.Audience has %q; it may have %q and %q", role, User, Assistant)
			}
		}
	}
	return settle(rawField{"Icons", &r.Icons, codec.ArrayKind}, rawField{"Meta", &r.Meta, codec.ObjectKind})
}

// RemoveResource removes a resource and reports whether there was one of that
// URI. Calls that have arrived end as usual, subscriptions stay.
func (s *Server) RemoveResource(uri string) bool { return s.resources.remove(uri) }

// append appends the resource as clients of the revision see it.
func (r *resource) append(b []byte, rev *revision) []byte {
	b = codec.AppendString(append(b, `{"uri":`...), r.URI)
	b = r.appendDescription(b, rev)
	if r.Size > 0 {
		b = codec.AppendInt(append(b, `,"size":`...), r.Size)
	}
	return append(b, '}')
}

// appendDescription appends what resources and templates have in common.
func (r *Resource) appendDescription(b []byte, rev *revision) []byte {
	b = codec.AppendString(append(b, `,"name":`...), r.Name)
	b = appendAbout(b, rev, r.Title, r.Description)
	if r.MIMEType != "" {
		b = codec.AppendString(append(b, `,"mimeType":`...), r.MIMEType)
	}
	if r.Annotations != nil {
		b = r.Annotations.append(append(b, `,"annotations":`...), rev)
	}
	return appendExtras(b, rev, r.Icons, r.Meta)
}

func (a *Annotations) append(b []byte, rev *revision) []byte {
	b = append(b, '{')
	next := func(key string) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), key...), `":`...)
	}
	if len(a.Audience) > 0 {
		next("audience")
		b = append(b, '[')
		for i, role := range a.Audience {
			if i > 0 {
				b = append(b, ',')
			}
			b = codec.AppendString(b, string(role))
		}
		b = append(b, ']')
	}
	if a.Priority != nil {
		next("priority")
		b = codec.AppendFloat(b, *a.Priority)
	}
	if rev.lastModified && a.LastModified != "" {
		next("lastModified")
		b = codec.AppendString(b, a.LastModified)
	}
	return append(b, '}')
}

// readURI reads the uri of params.
func (c *Call) readURI() *Error {
	v, ok := c.engine.Params().Get("uri")
	if !ok || v.Kind() != codec.String {
		return errURI
	}
	uri, err := v.Bytes(c.engine.Arena())
	if err != nil || len(uri) > uriMax {
		return errURI
	}
	c.name = uri
	return nil
}

// readRead reads the params of resources/read.
func (c *Call) readRead() *Error {
	if err := c.readURI(); err != nil {
		return err
	}
	return c.rev.inputMembers.judge(c.engine.Params())
}

// resource finds the resource, or else the template, that c.name is the URI of.
// Nil if there is neither.
func (s *Server) resource(c *Call) *registration {
	if e := s.resources.names.Lookup(c.name); e != nil {
		c.found.resource = &e.Value.Resource
		return &e.Value.registration
	}
	if s.templates.names.Len() > 0 {
		return s.match(c)
	}
	return nil
}

// URI returns the URI that resources/read asks for, empty for other methods.
// It aliases the message, or the call's arena; valid until the handler returns.
func (c *Call) URI() []byte {
	if c.method != methodResourcesRead {
		return nil
	}
	return c.name
}

func unknownResource(c *Call) error {
	c.failNotFound()
	return nil
}

// failNotFound says that there is no resource of that URI.
func (c *Call) failNotFound() {
	code := codec.CodeResourceNotFound
	if c.rev.modern {
		code = codec.CodeInvalidParams
	}
	data, ok := c.engine.Arena().Alloc(2*len(c.name) + len(`{"uri":""}`))
	if !ok {
		c.engine.Error(code, "Resource not found", nil)
		return
	}
	data = codec.AppendStringBytes(append(data[:0], `{"uri":`...), c.name)
	c.engine.Error(code, "Resource not found", append(data, '}'))
}
