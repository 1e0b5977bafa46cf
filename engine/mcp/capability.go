package mcp

import (
	"github.com/gannetmcp/gannet/codec"
)

// capabilities is a set of what a client says that it can do.
type capabilities uint16

const (
	canSample capabilities = 1 << iota
	canSampleTools
	canSampleContext
	canElicitForm
	canElicitURL
	canRoots
	canTasks // the extension
)

// readCapabilities reads a client's capabilities, whose types were judged.
func readCapabilities(o codec.Object, rev *revision) (set capabilities) {
	for it := o.Members(); ; {
		key, v, more := it.Next()
		if !more {
			return set
		}
		sub := v.Object()
		switch {
		case key.Is("roots"):
			set |= canRoots
		case key.Is("sampling"):
			set |= canSample
			if _, ok := sub.Get("tools"); ok {
				set |= canSampleTools
			}
			if _, ok := sub.Get("context"); ok {
				set |= canSampleContext
			}
		case key.Is("extensions"):
			if _, ok := sub.Get(tasksExtension); ok {
				set |= canTasks
			}
		case key.Is("elicitation") && rev.elicitation:
			_, form := sub.Get("form")
			_, url := sub.Get("url")
			if form || !url { // one that says no mode means forms
				set |= canElicitForm
			}
			if url && rev.elicitURL {
				set |= canElicitURL
			}
		}
	}
}

// capabilities returns what the client of this request says that it can do.
func (c *Call) capabilities() capabilities {
	if c.rev.modern {
		return readCapabilities(c.meta.capabilities.Object(), c.rev)
	}
	if r := c.session.record.Load(); r != nil {
		return r.caps
	}
	return 0
}

// CanSample reports whether the client can be asked by Sample, CanElicit by
// Elicit with a form, CanElicitURL with a URL, CanRoots by Roots.
func (c *Call) CanSample() bool { return c.capabilities()&canSample != 0 }

// CanElicit reports whether the client takes forms.
func (c *Call) CanElicit() bool { return c.capabilities()&canElicitForm != 0 }

// CanElicitURL reports whether the client takes URLs.
func (c *Call) CanElicitURL() bool { return c.capabilities()&canElicitURL != 0 }

// CanRoots reports whether the client tells its roots.
func (c *Call) CanRoots() bool { return c.capabilities()&canRoots != 0 }

// offer is a set of what the server has for clients. What was offered once
// stays so.
type offer uint8

const (
	offerPrompts offer = 1 << iota
	offerResources
	offerCompletions
	offerTasks
)

func (s *Server) offer() (set offer) {
	if s.prompts.used.Load() {
		set |= offerPrompts
	}
	if s.resources.used.Load() || s.templates.used.Load() {
		set |= offerResources
	}
	if s.completes.Load() {
		set |= offerCompletions
	}
	if s.tasked.Load() {
		set |= offerTasks
	}
	return set
}

// served returns the methods that the server has something for.
func (set offer) served() methods {
	all := ^methods(0)
	if set&offerPrompts == 0 {
		all &^= methodSet(methodPromptsList, methodPromptsGet)
	}
	if set&offerResources == 0 {
		all &^= methodSet(methodResourcesList, methodTemplatesList, methodResourcesRead, methodSubscribe, methodUnsubscribe)
	}
	if set&offerCompletions == 0 {
		all &^= methodSet(methodComplete)
	}
	if set&offerTasks == 0 {
		all &^= methodSet(methodTasksGet, methodTasksResult, methodTasksList, methodTasksCancel, methodTasksUpdate)
	}
	return all
}

// offered notes what the server has, after something was registered.
func (s *Server) offered() { s.served.Store(uint32(s.offer().served())) }

func (s *Server) offersList(l lists) bool {
	switch l {
	case listPrompts:
		return s.prompts.used.Load()
	case listResources:
		return s.resources.used.Load() || s.templates.used.Load()
	}
	return true
}

// appendCapabilities appends the server's capabilities.
func (set offer) appendCapabilities(b []byte, rev *revision) []byte {
	b = append(b, `{"logging":{}`...)
	if set&offerCompletions != 0 && rev.completions {
		b = append(b, `,"completions":{}`...)
	}
	if set&offerPrompts != 0 {
		b = append(b, `,"prompts":{"listChanged":true}`...)
	}
	if set&offerResources != 0 {
		b = append(b, `,"resources":{"subscribe":true,"listChanged":true}`...)
	}
	if set&offerTasks != 0 && rev.modern {
		b = append(b, `,"extensions":{"`+tasksExtension+`":{}}`...)
	}
	if set&offerTasks != 0 && rev.coreTasks {
		b = append(b, `,"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}`...)
	}
	return append(b, `,"tools":{"listChanged":true}}`...)
}
