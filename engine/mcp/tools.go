package mcp

import (
	"fmt"

	"github.com/gannetmcp/gannet/codec"
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

	// TaskSupport says whether calls may be tasks. A tool that supports them
	// must be Pooled.
	TaskSupport TaskSupport
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

// tool is a registered tool. Immutable: a change replaces it.
type tool struct {
	Tool
	registration
	output  *validator // of structured content, nil if that is not checked
	objects bool       // OutputSchema is of objects
	headers []headerParam
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
	if err := judgeHandler(m, h); err != nil {
		return fmt.Errorf("tool %q: %w", t.Name, err)
	}
	if t.TaskSupport > TaskEntered || t.TaskSupport != TaskForbidden && m == Inline {
		return fmt.Errorf("tool %q: TaskSupport %d: unknown, or of a tool that is not Pooled", t.Name, t.TaskSupport)
	}
	if t.Validate {
		v, err := compileValidator(t.InputSchema)
		if err != nil {
			return fmt.Errorf("tool %q: InputSchema: %w", t.Name, err)
		}
		h = validated(v, h)
	}
	headers, err := judgeHeaders(t.InputSchema)
	if err != nil {
		return fmt.Errorf("tool %q: InputSchema: %w", t.Name, err)
	}
	e := &tool{Tool: t, headers: headers, registration: registration{mode: m, base: h}, objects: typeIsObject(t.OutputSchema)}
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
	if t.TaskSupport != TaskForbidden {
		s.tasked.Store(true)
		s.offered()
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
// Calls that have arrived end as usual.
func (s *Server) RemoveTool(name string) bool { return s.tools.remove(name) }

// complete fills in what may be left out and judges the rest.
func (t *Tool) complete() error {
	if err := judgeName(t.Name); err != nil {
		return fmt.Errorf("tool %w", err)
	}
	if t.InputSchema == nil {
		t.InputSchema = []byte(noArguments)
	}
	if err := settle(
		rawField{"InputSchema", &t.InputSchema, codec.ObjectKind},
		rawField{"OutputSchema", &t.OutputSchema, codec.ObjectKind},
		rawField{"Icons", &t.Icons, codec.ArrayKind},
		rawField{"Meta", &t.Meta, codec.ObjectKind},
	); err != nil {
		return fmt.Errorf("tool %q: %w", t.Name, err)
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

// readCall reads the params of tools/call.
func (c *Call) readCall() *Error {
	p := c.engine.Params()
	v, ok := p.Get("name")
	if !ok || v.Kind() != codec.String {
		return errToolName
	}
	name, err := v.Bytes(c.engine.Arena())
	if err != nil {
		return errToolName
	}
	c.name = name
	// The go-sdk's client sends null for no arguments.
	if v, ok := p.Get("arguments"); ok && !v.IsNull() {
		if v.Kind() != codec.ObjectKind {
			return errToolArguments
		}
		c.args = v.Object()
	}
	return c.rev.callMembers.judge(p)
}

var emptyObject = codec.RawValue([]byte("{}")).Object()

func unknownTool(c *Call) error {
	c.failText(codec.CodeInvalidParams, "Unknown tool: ", c.name, nil)
	return nil
}
