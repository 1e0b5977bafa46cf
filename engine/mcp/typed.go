package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/gannetmcp/gannet/codec"
)

// AddTool registers a function as a tool. It runs on the worker pool.
//
// In is a struct, or a map with string keys. Its JSON Schema is made from the
// type unless t has one; the tag jsonschema:"…" of a field is its description,
// omitempty or omitzero makes it optional. Arguments are checked against the
// schema before they are decoded.
//
// Out is a struct or a map with string keys, and becomes the structured
// content of the result, with a schema made from the type unless t has one; or
// it is string, a text block; or struct{}, no content. Structured content that
// breaks its schema is logged and answered with an internal error.
//
// ctx ends when the call has become pointless (see Call.Context); CallFrom
// finds the *Call in it, for progress and the like. An error that h returns is
// answered as that of a Handler.
//
// AddTool panics on types that have no such schema, and where HandleTool
// does.
func AddTool[In, Out any](s *Server, t Tool, h func(ctx context.Context, in In) (Out, error)) {
	if err := addTyped(s, t, h); err != nil {
		panic("mcp: AddTool: " + err.Error())
	}
}

type callKey struct{}

// CallFrom returns the call that a typed handler's context belongs to, nil if
// ctx is none of these.
func CallFrom(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

func addTyped[In, Out any](s *Server, t Tool, h func(ctx context.Context, in In) (Out, error)) error {
	if h == nil {
		return fmt.Errorf("tool %q has no handler", t.Name)
	}
	if err := objectType(reflect.TypeFor[In]()); err != nil {
		return fmt.Errorf("tool %q: arguments: %w", t.Name, err)
	}
	var err error
	if t.InputSchema == nil {
		if t.InputSchema, err = inputSchemaFor[In](); err != nil {
			return fmt.Errorf("tool %q: arguments: %w", t.Name, err)
		}
	}
	t.Validate = true
	out := reflect.TypeFor[Out]()
	var reply func(c *Call, v Out) error
	switch {
	case out == reflect.TypeFor[struct{}]():
		reply = func(*Call, Out) error { return nil }
	case out.Kind() == reflect.String:
		reply = func(c *Call, v Out) error { return c.reply.TextString(reflect.ValueOf(v).String()) }
	default:
		if err := objectType(out); err != nil {
			return fmt.Errorf("tool %q: result: %w", t.Name, err)
		}
		if t.OutputSchema == nil {
			if t.OutputSchema, err = outputSchemaFor[Out](); err != nil {
				return fmt.Errorf("tool %q: result: %w", t.Name, err)
			}
		}
		check, err := compileValidator(t.OutputSchema)
		if err != nil {
			return fmt.Errorf("tool %q: OutputSchema: %w", t.Name, err)
		}
		reply = func(c *Call, v Out) error { return replyStructured(c, check, v) }
	}
	return s.addTool(t, Pooled, func(c *Call) error {
		var in In
		if err := decodeArguments(c.args.Raw(), &in); err != nil {
			return err
		}
		v, err := h(context.WithValue(c.Context(), callKey{}, c), in)
		if err != nil {
			return err
		}
		return reply(c, v)
	})
}

// objectType says why values of type t are no JSON objects, if so.
func objectType(t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct || t.Kind() == reflect.Map && t.Key().Kind() == reflect.String {
		return nil
	}
	return fmt.Errorf("%s is no struct and no map with string keys; wrap it in a struct", t)
}

// decodeArguments decodes arguments that have passed their schema. What still
// does not fit the Go type, such as a number beyond an int32, is the caller's
// mistake too.
func decodeArguments(raw []byte, in any) error {
	err := json.Unmarshal(raw, in)
	if err == nil {
		return nil
	}
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		return &ArgError{Path: te.Field, Want: "a value that fits the type " + te.Type.String()}
	}
	return &ArgError{Want: "as the tool's schema says"}
}

func replyStructured(c *Call, check *validator, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		c.server.opts.Logger.Error("result cannot be encoded", "tool", c.Tool(), "error", err)
		return &Error{Code: codec.CodeInternal, Message: codec.CodeInternal.String()}
	}
	if bytes.Equal(b, []byte("null")) {
		b = []byte("{}") // a nil map or pointer
	}
	if err := check.validate(codec.RawValue(b)); err != nil {
		c.server.opts.Logger.Error("result breaks the tool's output schema", "tool", c.Tool(), "error", err)
		return &Error{Code: codec.CodeInternal, Message: "Internal error: the tool's result breaks its output schema"}
	}
	return c.reply.Structured(b)
}
