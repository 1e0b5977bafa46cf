package mcp

import (
	"github.com/gannetmcp/gannet/codec"
)

// Args reads the arguments of a tool call in place. An argument that is
// missing or of another type gives an *ArgError, which a handler returns as
// it is; it is valid until the next method of Args fails.
type Args struct{ c *Call }

// Object returns all arguments. It aliases the message.
func (a Args) Object() codec.Object { return a.c.args }

// Has reports whether the argument was given, be it as null.
func (a Args) Has(key string) bool {
	_, ok := a.c.args.Get(key)
	return ok
}

// Raw returns the JSON text of an argument. It aliases the message.
func (a Args) Raw(key string) ([]byte, error) {
	v, ok := a.c.args.Get(key)
	if !ok {
		return nil, a.missing(key, "a value")
	}
	return v.Raw(), nil
}

// Bytes returns a string argument. It aliases the message, or the call's arena
// where the string is written with escapes; valid until the handler returns.
func (a Args) Bytes(key string) ([]byte, error) {
	v, ok := a.c.args.Get(key)
	if !ok {
		return nil, a.missing(key, "a string")
	}
	b, err := v.Bytes(a.c.engine.Arena())
	if err != nil {
		if err == codec.ErrArenaFull {
			return nil, err
		}
		return nil, a.wrong(key, "a string")
	}
	return b, nil
}

// StringCopy returns a string argument as a copy, which allocates.
func (a Args) StringCopy(key string) (string, error) {
	v, ok := a.c.args.Get(key)
	if !ok {
		return "", a.missing(key, "a string")
	}
	s, err := v.StringCopy()
	if err != nil {
		return "", a.wrong(key, "a string")
	}
	return s, nil
}

// Int returns an integer argument, written without fraction and exponent.
func (a Args) Int(key string) (int64, error) {
	v, ok := a.c.args.Get(key)
	if !ok {
		return 0, a.missing(key, "an integer")
	}
	n, err := v.Int64()
	if err != nil {
		return 0, a.wrong(key, "an integer")
	}
	return n, nil
}

// IntOr is Int for an argument that need not be given.
func (a Args) IntOr(key string, otherwise int64) (int64, error) {
	if !a.Has(key) {
		return otherwise, nil
	}
	return a.Int(key)
}

// Float returns a number argument.
func (a Args) Float(key string) (float64, error) {
	v, ok := a.c.args.Get(key)
	if !ok {
		return 0, a.missing(key, "a number")
	}
	f, err := v.Float64()
	if err != nil {
		return 0, a.wrong(key, "a number")
	}
	return f, nil
}

// FloatOr is Float for an argument that need not be given.
func (a Args) FloatOr(key string, otherwise float64) (float64, error) {
	if !a.Has(key) {
		return otherwise, nil
	}
	return a.Float(key)
}

// Bool returns a boolean argument.
func (a Args) Bool(key string) (bool, error) {
	v, ok := a.c.args.Get(key)
	if !ok {
		return false, a.missing(key, "a boolean")
	}
	b, err := v.Bool()
	if err != nil {
		return false, a.wrong(key, "a boolean")
	}
	return b, nil
}

// BoolOr is Bool for an argument that need not be given.
func (a Args) BoolOr(key string, otherwise bool) (bool, error) {
	if !a.Has(key) {
		return otherwise, nil
	}
	return a.Bool(key)
}

// Fail returns an *ArgError about key for a value that is of the right type
// and yet will not do. want completes "must be …".
func (a Args) Fail(key, want string) error { return a.wrong(key, want) }

func (a Args) missing(key, want string) error {
	a.c.arg = ArgError{Path: key, Want: want, Missing: true}
	return &a.c.arg
}

func (a Args) wrong(key, want string) error {
	a.c.arg = ArgError{Path: key, Want: want}
	return &a.c.arg
}
