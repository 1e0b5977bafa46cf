package mcp

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gannetmcp/gannet/codec"
)

// errNotSubset says that a schema has keywords that nodes do not know.
var errNotSubset = errors.New("keyword beyond the subset")

// maxProperties is how many properties of one object a node can tell apart.
const maxProperties = 64

// compileNode returns errNotSubset for schemas that need the general
// validator, which then also judges whether they are schemas at all.
func compileNode(v codec.Value) (*node, error) {
	n := &node{maxItems: -1, maxLength: -1}
	switch v.Kind() {
	case codec.True:
		return n, nil
	case codec.False:
		n.never = true
		return n, nil
	case codec.ObjectKind:
	default:
		return nil, errNotSubset
	}
	var required codec.Value
	for it := v.Object().Members(); ; {
		key, v, more := it.Next()
		if !more {
			break
		}
		if err := n.keyword(string(key.AppendTo(nil)), v, &required); err != nil {
			return nil, err
		}
	}
	return n, n.require(required)
}

// keyword compiles one member of a schema.
func (n *node) keyword(name string, v codec.Value, required *codec.Value) (err error) {
	switch name {
	case "$schema":
		if !v.EqualString("https://json-schema.org/draft/2020-12/schema") {
			return errNotSubset
		}
	case "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "format",
		"contentEncoding", "contentMediaType":
		// Annotations: they constrain nothing.
	case "type":
		n.types, err = compileTypes(v)
	case "enum":
		if v.Kind() != codec.ArrayKind || n.enum != nil {
			return errNotSubset
		}
		n.enum = []scalar{}
		for it := v.Array().Elements(); ; {
			e, more := it.Next()
			if !more {
				return nil
			}
			if err := n.addEnum(e); err != nil {
				return err
			}
		}
	case "const":
		if n.enum != nil {
			return errNotSubset
		}
		return n.addEnum(v)
	case "properties":
		return n.addProperties(v)
	case "required":
		*required = v
	case "additionalProperties":
		n.additional, err = compileNode(v)
		if err == nil && n.additional.never {
			n.closed, n.additional = true, nil
		}
	case "not":
		if string(v.Raw()) != "{}" && v.Kind() != codec.True {
			return errNotSubset
		}
		n.never = true
	case "items":
		n.items, err = compileNode(v)
	case "minItems":
		n.minItems, err = count(v)
	case "maxItems":
		n.maxItems, err = count(v)
	case "minLength":
		n.minLength, err = count(v)
	case "maxLength":
		n.maxLength, err = count(v)
	case "minimum":
		return n.addBound(v, true, false)
	case "exclusiveMinimum":
		return n.addBound(v, true, true)
	case "maximum":
		return n.addBound(v, false, false)
	case "exclusiveMaximum":
		return n.addBound(v, false, true)
	default:
		if !strings.HasPrefix(name, "x-") { // somebody's annotation
			return errNotSubset
		}
	}
	return err
}

func compileTypes(v codec.Value) (t typeSet, err error) {
	add := func(v codec.Value) error {
		for i, name := range typeNames {
			if v.EqualString(name) {
				t |= 1 << i
				return nil
			}
		}
		return errNotSubset
	}
	if v.Kind() == codec.String {
		return t, add(v)
	}
	for it := v.Array().Elements(); ; {
		e, more := it.Next()
		if !more {
			if t == 0 {
				return 0, errNotSubset
			}
			return t, nil
		}
		if err := add(e); err != nil {
			return 0, err
		}
	}
}

func (n *node) addEnum(v codec.Value) error {
	s := scalar{kind: v.Kind(), text: string(v.Raw())}
	switch s.kind {
	case codec.String:
		text, err := v.StringCopy()
		if err != nil {
			return err
		}
		s.text = text
	case codec.Number:
		var ok bool
		if s.num, ok = readNumber(v); !ok {
			return errNotSubset
		}
	case codec.ObjectKind, codec.ArrayKind:
		return errNotSubset
	}
	n.enum = append(n.enum, s)
	return nil
}

func (n *node) addProperties(v codec.Value) error {
	if v.Kind() != codec.ObjectKind {
		return errNotSubset
	}
	n.properties = []property{}
	for it := v.Object().Members(); ; {
		key, v, more := it.Next()
		if !more {
			return nil
		}
		if len(n.properties) == maxProperties {
			return errNotSubset
		}
		sub, err := compileNode(v)
		if err != nil {
			return err
		}
		n.properties = append(n.properties, property{string(key.AppendTo(nil)), sub})
	}
}

// require notes the names in required, which may come before properties.
func (n *node) require(v codec.Value) error {
	if len(v.Raw()) == 0 {
		return nil
	}
	if v.Kind() != codec.ArrayKind {
		return errNotSubset
	}
	for it := v.Array().Elements(); ; {
		e, more := it.Next()
		if !more {
			return nil
		}
		if e.Kind() != codec.String {
			return errNotSubset
		}
		at := -1
		for i := range n.properties {
			if e.EqualString(n.properties[i].name) {
				at = i
			}
		}
		if at < 0 {
			// Required without a schema of its own: that of the others.
			if len(n.properties) == maxProperties || n.closed {
				return errNotSubset
			}
			name, err := e.StringCopy()
			if err != nil {
				return err
			}
			at = len(n.properties)
			n.properties = append(n.properties, property{name, n.additional})
		}
		n.required |= 1 << at
	}
}

func (n *node) addBound(v codec.Value, low, open bool) error {
	if v.Kind() != codec.Number {
		return errNotSubset
	}
	limit, ok := readNumber(v)
	if !ok {
		return errNotSubset
	}
	word := map[[2]bool]string{
		{true, false}: "at least", {true, true}: "more than",
		{false, false}: "at most", {false, true}: "less than",
	}[[2]bool{low, open}]
	n.bounds = append(n.bounds, bound{limit, low, open, fmt.Sprintf("%s %s", word, v.Raw())})
	return nil
}

// count reads a keyword that counts something.
func count(v codec.Value) (int, error) {
	i, err := v.Int64()
	if err != nil || i < 0 || i > math.MaxInt32 {
		return 0, errNotSubset
	}
	return int(i), nil
}
