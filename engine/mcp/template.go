package mcp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/gannetmcp/gannet/codec"
	"github.com/yosida95/uritemplate/v3"
)

// ResourceTemplate describes resources whose URIs follow a pattern.
type ResourceTemplate struct {
	// URITemplate is the pattern, by RFC 6570, such as
	// "file:///logs/{date}.txt". A URI that belongs to several templates is
	// served by the one that was registered first; a Resource comes before all
	// of them.
	URITemplate string
	// Resource describes what it leads to. URI and Size stay empty.
	Resource
	// Complete proposes values of variables (completion/complete), by their
	// names.
	Complete map[string]Completer
}

// template is a registered template. Immutable: a change replaces it.
type template struct {
	ResourceTemplate
	registration
	pattern *uritemplate.Template
	prefix  []byte // what each URI begins with
}

// HandleResourceTemplate registers a template. Its handler finds the URI by
// c.URI, the variables by c.Var, and answers like that of a resource. Matching
// allocates. It panics, so that the mistake is seen at the start, when the
// template is malformed or there already, when a raw field is no usable JSON, or
// when h is nil.
func (s *Server) HandleResourceTemplate(t ResourceTemplate, m Mode, h Handler) {
	if err := s.addTemplate(t, m, h); err != nil {
		panic("mcp: HandleResourceTemplate: " + err.Error())
	}
}

func (s *Server) addTemplate(t ResourceTemplate, m Mode, h Handler) error {
	pattern, err := uritemplate.New(t.URITemplate)
	switch {
	case err != nil:
		return fmt.Errorf("template %.140q: %w", t.URITemplate, err)
	case !strings.Contains(t.URITemplate, ":"):
		return fmt.Errorf("template %q: the URIs must be absolute, with a scheme", t.URITemplate)
	case t.URI != "" || t.Size != 0:
		return fmt.Errorf("template %q: URI and Size are of resources, not of templates", t.URITemplate)
	}
	if err := judgeHandler(m, h); err != nil {
		return fmt.Errorf("template %q: %w", t.URITemplate, err)
	}
	if err := t.complete(t.URITemplate); err != nil {
		return fmt.Errorf("template %q: %w", t.URITemplate, err)
	}
	names := pattern.Varnames()
	for name, f := range t.Complete {
		if f == nil {
			return fmt.Errorf("template %q: the completion of %q is nil", t.URITemplate, name)
		}
		if !slices.Contains(names, name) {
			return fmt.Errorf("template %q: completion of %q, which is no variable of it", t.URITemplate, name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &template{ResourceTemplate: t, registration: registration{mode: m, base: h}, pattern: pattern}
	e.prefix, _, _ = bytes.Cut([]byte(t.URITemplate), []byte("{"))
	if err := s.templates.add(t.URITemplate, e, s.middleware); err != nil {
		return fmt.Errorf("template %q: %w", t.URITemplate, err)
	}
	if len(t.Complete) > 0 {
		s.completes.Store(true)
		s.offered()
	}
	return nil
}

// RemoveResourceTemplate removes a template and reports whether there was one.
// Calls that have arrived end as usual.
func (s *Server) RemoveResourceTemplate(uriTemplate string) bool {
	return s.templates.remove(uriTemplate)
}

// append appends the template as clients of the revision see it.
func (t *template) append(b []byte, rev *revision) []byte {
	b = codec.AppendString(append(b, `{"uriTemplate":`...), t.URITemplate)
	return append(t.appendDescription(b, rev), '}')
}

// match finds the first template that c.name belongs to. The time is in
// proportion to the length of the URI and of the templates that begin like it.
func (s *Server) match(c *Call) *registration {
	entries, _ := s.templates.names.Names()
	for _, e := range entries {
		if bytes.HasPrefix(c.name, e.Value.prefix) && e.Value.matchSlow(c) {
			return &e.Value.registration
		}
	}
	return nil
}

func (t *template) matchSlow(c *Call) bool {
	vars := t.pattern.Match(string(c.name))
	if vars == nil {
		return false
	}
	c.found.resource, c.vars = &t.Resource, vars
	return true
}

// Var returns the value of a variable of the template that the URI belongs to,
// without its percent-encoding; "" if it has no such variable. A variable that
// is a list has its values joined by commas.
func (c *Call) Var(name string) string { return strings.Join(c.vars.Get(name).V, ",") }
