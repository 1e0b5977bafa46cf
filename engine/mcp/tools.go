package mcp

import (
	"bytes"
	"fmt"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// Tool describes a tool to clients. What the schemas and the other raw JSON
// fields hold is sent verbatim to clients whose revision knows the field.
type Tool struct {
	// Name is what clients call: 1 to 128 of the characters A-Z a-z 0-9 _ . -
	// (2025-11-25, "Tool names").
	Name string
	// Title is for people, Description for models.
	Title, Description string
	// InputSchema is the JSON Schema of the arguments, an object whose type is
	// "object". nil stands for a tool without arguments.
	InputSchema []byte
	// OutputSchema is the JSON Schema of the structured content, or nil. Of
	// a type other than "object" only revision 2026-07-28 knows: others are
	// not told of it.
	OutputSchema []byte
	Annotations  *ToolAnnotations
	Icons        []byte // JSON array, or nil
	Meta         []byte // JSON object for _meta, or nil

	// Validate has arguments checked against InputSchema before the handler
	// runs, and the structured content of a result that is no error against
	// OutputSchema, where that is given: it must be there then. A schema of
	// the common keywords (type, properties, required, additionalProperties,
	// items, enum, const, and the bounds of numbers, strings and arrays) is
	// checked without allocation, any other one by a general validator, which
	// allocates. The tools of AddTool always have it.
	Validate bool
}

// ToolAnnotations are hints about what a tool does (2025-03-26). A nil field
// is not sent.
type ToolAnnotations struct {
	Title           string
	ReadOnlyHint    *bool
	DestructiveHint *bool
	IdempotentHint  *bool
	OpenWorldHint   *bool
}

// Mode says where a handler runs.
type Mode uint8

// The modes.
const (
	Pooled Mode = iota // on the worker pool; may block
	Inline             // on the event loop, which waits for it
)

// tool is a registered tool. Immutable: a change replaces it.
type tool struct {
	Tool
	registration
	output  *validator // of structured content, nil if that is not checked
	objects bool       // OutputSchema is of objects
}

// noArguments is the schema of a tool without arguments.
const noArguments = `{"type":"object","additionalProperties":false}`

// HandleTool registers a tool whose handler reads its arguments and writes its
// reply in place. It panics, so that the mistake is seen at the start, when the
// name is malformed or taken, when a schema is no usable JSON, or when h is nil.
func (s *Server) HandleTool(t Tool, m Mode, h Handler) {
	if err := s.addTool(t, m, h); err != nil {
		panic("mcp: HandleTool: " + err.Error())
	}
}

func (s *Server) addTool(t Tool, m Mode, h Handler) error {
	if err := t.complete(); err != nil {
		return err
	}
	switch {
	case h == nil:
		return fmt.Errorf("tool %q has no handler", t.Name)
	case m > Inline:
		return fmt.Errorf("tool %q: unknown mode %d", t.Name, m)
	}
	if t.Validate {
		v, err := compileValidator(t.InputSchema)
		if err != nil {
			return fmt.Errorf("tool %q: InputSchema: %w", t.Name, err)
		}
		h = validated(v, h)
	}
	e := &tool{Tool: t, registration: registration{mode: m, base: h}, objects: typeIsObject(t.OutputSchema)}
	if t.Validate && t.OutputSchema != nil {
		v, err := compileValidator(t.OutputSchema)
		if err != nil {
			return fmt.Errorf("tool %q: OutputSchema: %w", t.Name, err)
		}
		e.output = v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tools.add(t.Name, e, s.middleware); err != nil {
		return fmt.Errorf("tool %q: %w", t.Name, err)
	}
	return nil
}

func validated(v *validator, h Handler) Handler {
	return func(c *Call) error {
		if err := v.validate(c.args.Value()); err != nil {
			return err
		}
		return h(c)
	}
}

// RemoveTool removes a tool and reports whether there was one of that name.
// Handlers that run end as usual; calls that wait for the worker pool or for
// their time are refused, and what a handler moved off the loop gives after that
// is no longer judged by the tool's output schema.
func (s *Server) RemoveTool(name string) bool { return s.tools.remove(name) }

const toolNameMax = 128

// complete fills in what may be left out and judges the rest.
func (t *Tool) complete() error {
	if t.Name == "" || len(t.Name) > toolNameMax {
		return fmt.Errorf("tool name %.140q: it must have 1 to %d characters", t.Name, toolNameMax)
	}
	for i := range len(t.Name) {
		c := t.Name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-') {
			return fmt.Errorf("tool name %q: only A-Z a-z 0-9 _ . - are allowed", t.Name)
		}
	}
	if t.InputSchema == nil {
		t.InputSchema = []byte(noArguments)
	}
	for _, f := range []struct {
		name string
		b    *[]byte
		kind codec.ValueKind
	}{
		{"InputSchema", &t.InputSchema, codec.ObjectKind},
		{"OutputSchema", &t.OutputSchema, codec.ObjectKind},
		{"Icons", &t.Icons, codec.ArrayKind},
		{"Meta", &t.Meta, codec.ObjectKind},
	} {
		if *f.b == nil {
			continue
		}
		v, err := codec.ParseValue(*f.b)
		if err != nil {
			return fmt.Errorf("tool %q: %s: %w", t.Name, f.name, err)
		}
		if v.Kind() != f.kind {
			return fmt.Errorf("tool %q: %s is no JSON %s", t.Name, f.name, f.kind)
		}
		*f.b = appendOneLine(nil, v.Raw())
	}
	if !typeIsObject(t.InputSchema) {
		return fmt.Errorf(`tool %q: InputSchema: type must be "object"`, t.Name)
	}
	return nil
}

// typeIsObject reports whether a schema is of objects and says so at its root.
func typeIsObject(schema []byte) bool {
	t, ok := codec.RawValue(schema).Object().Get("type")
	return ok && t.EqualString("object")
}

// appendOneLine appends JSON text without line breaks, which the framing of
// streams does not allow: outside strings they are white space, inside they
// cannot stand.
func appendOneLine(dst, b []byte) []byte {
	at := len(dst)
	dst = append(dst, b...)
	for _, c := range []byte{'\n', '\r'} {
		for rest := dst[at:]; ; {
			i := bytes.IndexByte(rest, c)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
	return dst
}

// toolParams reads the params of tools/call.
func toolParams(c *Call) (name []byte, args codec.Object, err *Error) {
	p := c.engine.Params()
	v, ok := p.Get("name")
	if !ok || v.Kind() != codec.String {
		return nil, args, errToolName
	}
	name, nerr := v.Bytes(c.engine.Arena())
	if nerr != nil {
		return nil, args, errToolName
	}
	if v, ok := p.Get("arguments"); ok {
		if v.Kind() != codec.ObjectKind {
			return nil, args, errToolArguments
		}
		return name, v.Object(), nil
	}
	return name, emptyObject, nil
}

var emptyObject = codec.RawValue([]byte("{}")).Object()

// callTool serves tools/call.
func (s *Server) callTool(c *Call, ch *chains) {
	name, args, err := toolParams(c)
	if err != nil {
		c.fail(err)
		return
	}
	if f := c.rev.callMembers.check(c.engine.Params()); f != nil {
		c.fail(invalidParams(f.text()))
		return
	}
	c.args = args
	e := s.tools.names.Lookup(name)
	if e == nil {
		c.run(ch.unknownTool)
		return
	}
	c.tool = e.Value
	if c.tool.mode == Inline {
		c.run(c.tool.handler)
		return
	}
	c.moved = true
	c.engine.Submit(pooledTool{})
}

// pooledTool calls a tool's handler on the worker pool.
type pooledTool struct{}

func (pooledTool) RunCall(ec *engine.Call) {
	c := resume(ec)
	switch {
	case c == nil:
	case c.tool == nil: // removed meanwhile
		c.run(c.server.chains.Load().unknownTool)
	default:
		c.run(c.tool.handler)
	}
}

func unknownTool(c *Call) error {
	name, _, err := toolParams(c)
	if err != nil {
		return err
	}
	c.failText(codec.CodeInvalidParams, "Unknown tool: ", name, nil)
	return nil
}
