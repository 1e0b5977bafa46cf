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
// and a field need not be given if it has omitempty or omitzero or is a
// pointer. JSONSchemer is for types that know better. Arguments are checked
// against the schema before they are decoded, by encoding/json, which does not
// tell the case of names apart: a schema of your own should have
// "additionalProperties":false, as those made from types do, or a member UNIT
// that the schema does not know sets the field of unit.
//
// Out is a struct or a map with string keys, and becomes the structured
// content of the result, with a schema made from the type unless t has one; or
// it is string, a text block; or struct{}, no content. A nil slice or map in it
// is sent as an empty one and a nil pointer not at all, unless t has a schema
// that allows null there. Structured content that breaks its schema is logged
// and answered with an internal error.
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

// WithCall returns a context in which CallFrom finds c: for handlers that call
// what knows only contexts. It must not be used after the handler has returned.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom returns the call that a typed handler's context belongs to, or that
// WithCall has put into it, nil if there is none.
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
		if t.InputSchema, err = schemaFor(reflect.TypeFor[In]()); err != nil {
			return fmt.Errorf("tool %q: arguments: %w", t.Name, err)
		}
	}
	t.Validate = true
	out := reflect.TypeFor[Out]()
	var reply func(c *Call, v Out) error
	if (out == reflect.TypeFor[struct{}]() || out.Kind() == reflect.String) && t.OutputSchema != nil {
		return fmt.Errorf("tool %q: OutputSchema: a result of type %s has no structured content to have a schema", t.Name, out)
	}
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
			if t.OutputSchema, err = schemaFor(out); err != nil {
				return fmt.Errorf("tool %q: result: %w", t.Name, err)
			}
		}
		reply = func(c *Call, v Out) error { return replyStructured(c, v) }
	}
	return s.addTool(t, Pooled, func(c *Call) error {
		var in In
		if err := decodeArguments(c.args.Raw(), &in); err != nil {
			return err
		}
		v, err := h(WithCall(c.Context(), c), in)
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
	// What the type itself said: of the peer's own text, and no more than is
	// shown of a path.
	return &ArgError{Want: "what the tool can read: " + clip(err.Error(), argPathMax)}
}

func replyStructured(c *Call, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		c.server.opts.Logger.Error("result cannot be encoded", "tool", c.Tool(), "error", err)
		return &Error{Code: codec.CodeInternal, Message: codec.CodeInternal.String()}
	}
	if check := c.tool.output; bytes.Contains(b, []byte("null")) && check.validate(codec.RawValue(b)) != nil {
		b = check.root.fill(nil, codec.RawValue(b))
	}
	return c.reply.Structured(b)
}

// decodeValue decodes JSON that was judged already. Integers of 64 bits stay
// exact; any other number becomes a float64, so that an exponent cannot be made
// to cost memory.
func decodeValue(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return settleNumbers(v)
}

func settleNumbers(v any) (_ any, err error) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if v[k], err = settleNumbers(e); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, e := range v {
			if v[i], err = settleNumbers(e); err != nil {
				return nil, err
			}
		}
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return v, nil
		}
		return v.Float64()
	}
	return v, nil
}
