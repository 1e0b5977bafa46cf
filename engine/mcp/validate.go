package mcp

import (
	"errors"

	"github.com/gannetmcp/gannet/codec"
)

// validator checks JSON against a JSON Schema (2020-12).
//
// A schema of the keywords that tools use is compiled to a tree of nodes,
// which judges text that was parsed already, in place. Any other schema is left
// to a general validator (schema.go), which decodes the text first.
type validator struct {
	root    *node
	general *generalValidator
}

// compileValidator compiles a schema that is well-formed JSON.
func compileValidator(schema []byte) (*validator, error) {
	v, err := codec.ParseValue(schema)
	if err != nil {
		return nil, err
	}
	n, err := compileNode(v)
	switch {
	case err == nil:
		return &validator{root: n}, nil
	case errors.Is(err, errNotSubset):
		g, err := compileGeneral(v.Raw())
		if err != nil {
			return nil, err
		}
		return &validator{general: g}, nil
	}
	return nil, err
}

// validate returns nil or an *ArgError that names the first value at fault.
//
// Hot path for what is valid, unless the schema needs the general validator:
// no allocation.
func (v *validator) validate(val codec.Value) error {
	if v.root == nil {
		return v.general.validateSlow(val)
	}
	if f := v.root.check(val); f != nil {
		return f.argError()
	}
	return nil
}

// fault is a value that is not as its schema wants it, and the way to it.
type fault struct {
	want    string
	missing bool
	path    string
}

func (f *fault) argError() *ArgError {
	return &ArgError{Path: f.path, Want: f.want, Missing: f.missing}
}

func (f *fault) text() string { return f.argError().text() }

// under puts a step in front of the path.
func (f *fault) under(step string) *fault {
	if f.path != "" && f.path[0] != '[' {
		step += "."
	}
	f.path = step + f.path
	return f
}
