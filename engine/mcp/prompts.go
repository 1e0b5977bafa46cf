package mcp

import (
	"fmt"

	"github.com/gannetmcp/gannet/codec"
)

// Prompt describes a prompt to clients. What the raw JSON fields hold is sent
// verbatim to clients whose revision knows the field.
type Prompt struct {
	// Name is what clients get it by: 1 to 128 of the characters that tool
	// names have.
	Name string
	// Title is for people. Description is sent with the list, and with the
	// prompt itself.
	Title, Description string
	Arguments          []PromptArgument
	Icons              []byte // JSON array, or nil
	Meta               []byte // JSON object for _meta, or nil
}

// PromptArgument describes an argument of a prompt. Its value is a string.
type PromptArgument struct {
	Name               string
	Title, Description string
	// Required refuses a prompts/get without it (-32602).
	Required bool
	// Complete proposes values (completion/complete). nil: there are none.
	Complete Completer
}

// prompt is a registered prompt. Immutable: a change replaces it.
type prompt struct {
	Prompt
	registration
	head []byte // what a result begins with
}

// HandlePrompt registers a prompt. Its handler reads the arguments by c.Args
// and appends content blocks, each of which becomes a message, the user's
// unless Reply.SetRole says otherwise. It panics, so that the mistake is seen at
// the start, when a name is malformed or taken, when a raw field is no usable
// JSON, or when h is nil.
func (s *Server) HandlePrompt(p Prompt, m Mode, h Handler) {
	if err := s.addPrompt(p, m, h); err != nil {
		panic("mcp: HandlePrompt: " + err.Error())
	}
}

func (s *Server) addPrompt(p Prompt, m Mode, h Handler) error {
	if err := judgeName(p.Name); err != nil {
		return fmt.Errorf("prompt %w", err)
	}
	if err := judgeHandler(m, h); err != nil {
		return fmt.Errorf("prompt %q: %w", p.Name, err)
	}
	if err := settle(rawField{"Icons", &p.Icons, codec.ArrayKind}, rawField{"Meta", &p.Meta, codec.ObjectKind}); err != nil {
		return fmt.Errorf("prompt %q: %w", p.Name, err)
	}
	seen := map[string]bool{}
	for _, a := range p.Arguments {
		if a.Name == "" || seen[a.Name] {
			return fmt.Errorf("prompt %q: argument name %q is empty or there twice", p.Name, a.Name)
		}
		seen[a.Name] = true
	}
	e := &prompt{Prompt: p, registration: registration{mode: m, base: h}}
	e.head = []byte("{")
	if p.Description != "" {
		e.head = append(codec.AppendString(append(e.head, `"description":`...), p.Description), ',')
	}
	e.head = append(e.head, `"messages":[`...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.prompts.add(p.Name, e, s.middleware); err != nil {
		return fmt.Errorf("prompt %q: %w", p.Name, err)
	}
	for _, a := range p.Arguments {
		if a.Complete != nil {
			s.completes.Store(true)
			s.offered()
		}
	}
	return nil
}

// RemovePrompt removes a prompt and reports whether there was one of that name.
// Calls that have arrived end as usual.
func (s *Server) RemovePrompt(name string) bool { return s.prompts.remove(name) }

// append appends the prompt as clients of the revision see it.
func (p *prompt) append(b []byte, rev *revision) []byte {
	b = codec.AppendString(append(b, `{"name":`...), p.Name)
	b = appendAbout(b, rev, p.Title, p.Description)
	if len(p.Arguments) > 0 {
		b = append(b, `,"arguments":[`...)
		for i, a := range p.Arguments {
			if i > 0 {
				b = append(b, ',')
			}
			b = codec.AppendString(append(b, `{"name":`...), a.Name)
			b = appendAbout(b, rev, a.Title, a.Description)
			if a.Required {
				b = append(b, `,"required":true`...)
			}
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	return append(appendExtras(b, rev, p.Icons, p.Meta), '}')
}

// readGet reads the params of prompts/get.
func (c *Call) readGet() *Error {
	p := c.engine.Params()
	v, ok := p.Get("name")
	if !ok || v.Kind() != codec.String {
		return errPromptName
	}
	name, err := v.Bytes(c.engine.Arena())
	if err != nil {
		return errPromptName
	}
	c.name = name
	if v, ok := p.Get("arguments"); ok && !v.IsNull() { // as in readCall
		if v.Kind() != codec.ObjectKind {
			return errPromptArguments
		}
		c.args = v.Object()
	}
	return c.rev.inputMembers.judge(p)
}

// judge judges the arguments of prompts/get.
func (p *prompt) judge(args codec.Object) *Error {
	for it := args.Members(); ; {
		_, v, more := it.Next()
		if !more {
			break
		}
		if v.Kind() != codec.String {
			return errPromptArguments
		}
	}
	for i := range p.Arguments {
		if !p.Arguments[i].Required {
			continue
		}
		if _, ok := args.Get(p.Arguments[i].Name); !ok {
			return missingArgumentSlow(p.Arguments[i].Name)
		}
	}
	return nil
}

func missingArgumentSlow(name string) *Error {
	return invalidParams("arguments." + clip(name, argPathMax) + " is missing; it must be a string")
}

func unknownPrompt(c *Call) error {
	c.failText(codec.CodeInvalidParams, "Unknown prompt: ", c.name, nil)
	return nil
}
