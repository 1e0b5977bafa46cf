package mcp

import (
	"fmt"
	"strings"

	"github.com/gannetmcp/gannet/codec"
)

// headerKeyword is the keyword of an input schema that has clients on HTTP
// mirror an argument in a header, Mcp-Param-NAME (2026-07-28, "Standard
// headers"). Clients must not show their users a tool that breaks its rules, so
// it is refused at registration.
const headerKeyword = "x-mcp-header"

// headerParam is an argument with the keyword.
type headerParam struct {
	field string   // name of the header field
	path  []string // of the argument
}

// headerRules judges the keyword wherever it stands in a schema.
type headerRules struct {
	names  map[string]string // in lower case, to the place
	params []headerParam
}

// judgeHeaders judges the input schema of a tool.
func judgeHeaders(schema []byte) ([]headerParam, error) {
	if !strings.Contains(viewString(schema), headerKeyword) {
		return nil, nil
	}
	r := headerRules{names: map[string]string{}}
	err := r.schema(codec.RawValue(schema), nil, true)
	return r.params, err
}

// schema judges one schema. Only those are reachable that are found by
// properties alone: what lies behind other keywords may not apply.
func (r *headerRules) schema(v codec.Value, path []string, reachable bool) error {
	o := v.Object()
	if h, ok := o.Get(headerKeyword); ok {
		if err := r.header(o, h, path, reachable); err != nil {
			return err
		}
	}
	for it := o.Members(); ; {
		key, sub, more := it.Next()
		if !more {
			return nil
		}
		var err error
		switch name := string(key.AppendTo(nil)); name {
		case "enum", "const", "default", "examples", headerKeyword:
			continue // values, no schemas
		case "properties":
			err = r.named(sub, path, reachable)
		case "patternProperties", "$defs", "definitions", "dependentSchemas":
			err = r.named(sub, under(path, name), false)
		default:
			err = r.any(sub, under(path, name))
		}
		if err != nil {
			return err
		}
	}
}

// named judges the schemas of an object of these.
func (r *headerRules) named(v codec.Value, path []string, reachable bool) error {
	for it := v.Object().Members(); ; {
		key, sub, more := it.Next()
		if !more {
			return nil
		}
		if sub.Kind() == codec.ObjectKind {
			if err := r.schema(sub, under(path, string(key.AppendTo(nil))), reachable); err != nil {
				return err
			}
		}
	}
}

// any judges a schema, or a list of these, that a keyword has.
func (r *headerRules) any(v codec.Value, path []string) error {
	switch v.Kind() {
	case codec.ObjectKind:
		return r.schema(v, path, false)
	case codec.ArrayKind:
		for it := v.Array().Elements(); ; {
			sub, more := it.Next()
			if !more {
				break
			}
			if sub.Kind() == codec.ObjectKind {
				if err := r.schema(sub, path, false); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// paramPrefix begins the names of fields that mirror arguments.
const paramPrefix = "Mcp-Param-"

// header judges the keyword at one place.
func (r *headerRules) header(o codec.Object, h codec.Value, path []string, reachable bool) error {
	place := strings.Join(path, ".")
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s of %q: %s", headerKeyword, place, fmt.Sprintf(format, args...))
	}
	name, err := h.StringCopy()
	if err != nil || name == "" || strings.ContainsFunc(name, func(c rune) bool { return !isTchar(c) }) {
		return wrong("%.64s is no token of RFC 9110", h.Raw())
	}
	if !reachable || len(path) == 0 {
		return wrong("only arguments that are reached by properties alone may have it")
	}
	if t, _ := o.Get("type"); !t.EqualString("string") && !t.EqualString("integer") && !t.EqualString("boolean") {
		return wrong("only strings, integers and booleans may have it")
	}
	if other, ok := r.names[strings.ToLower(name)]; ok {
		return wrong("%q has the same name %s", other, name)
	}
	r.names[strings.ToLower(name)] = place
	r.params = append(r.params, headerParam{paramPrefix + name, path})
	return nil
}

// under returns a path that goes one step further, and shares no memory.
func under(path []string, step string) []string {
	return append(path[:len(path):len(path)], step)
}

// isTchar reports whether c may be in a token (RFC 9110, section 5.6.2).
func isTchar(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}
