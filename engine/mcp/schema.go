package mcp

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// JSONSchemer is a Go type that knows the JSON Schema of its values, such as
// an enumeration:
//
//	func (Unit) JSONSchema() string { return `{"type":"string","enum":["C","F"]}` }
//
// AddTool asks the types for it that arguments and results are made of, by a
// zero value. A struct that embeds such a type has its method, and so its
// schema.
type JSONSchemer interface{ JSONSchema() string }

// schemas are those of Go types that are not described by what they are made
// of.
type schemas map[reflect.Type]*jsonschema.Schema

// schemaFor returns the JSON Schema of a Go type, as encoding/json reads and
// writes its values, but for null: *T, []T and maps, which Go can write as
// null, are described without it, because clients are known to cut arguments
// short where they see a list of types. For a pointer, missing says the same,
// so its field need not be given; for a slice or map, empty does (fill.go).
//
// Types that write their JSON themselves are described by JSONSchemer, as a
// string if they write text, else as any value.
func schemaFor(t reflect.Type) ([]byte, error) {
	own := schemas{}
	if err := own.describe(t, map[reflect.Type]bool{}); err != nil {
		return nil, err
	}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: own})
	if err != nil {
		return nil, err
	}
	own.adapt(t, s)
	if s.Type != "object" {
		return nil, fmt.Errorf("%s writes its JSON itself, so there is no telling its schema: give one to the tool, or the type a method JSONSchema", t)
	}
	return json.Marshal(s)
}

// describe adds the schemas of t, and of what t is made of, that do not follow
// from their kinds, and refuses what has none. seen are the types on the way.
func (own schemas) describe(t reflect.Type, seen map[reflect.Type]bool) error {
	t = pointee(t)
	if seen[t] {
		return nil
	}
	seen[t] = true
	s, err := ownSchema(t)
	if err != nil {
		return err
	}
	if s != nil {
		own[t] = s
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return own.describe(t.Elem(), seen)
	case reflect.Struct:
		return own.describeFields(t, seen)
	}
	return nil
}

func (own schemas) describeFields(t reflect.Type, seen map[reflect.Type]bool) error {
	names := map[string]string{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, known := jsonField(f)
		switch {
		case f.Anonymous && pointee(f.Type).Kind() == reflect.Struct:
			if tag := f.Tag.Get("json"); tag != "" && tag[0] != ',' {
				return fmt.Errorf("%s embeds %s with the tag json:%q: make it a field with a name", t, f.Type, tag)
			}
			continue // its fields come next
		case !known:
			continue
		case f.Anonymous:
			return fmt.Errorf("%s embeds %s, which is no struct: make it a field with a name", t, f.Type)
		case names[name] != "":
			return fmt.Errorf("%s: the fields %s and %s have one JSON name, %s", t, names[name], f.Name, name)
		}
		names[name] = f.Name
		if err := own.describe(f.Type, seen); err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
	}
	return nil
}

// jsonField returns the name of a field in JSON and whether its value stands
// there as a string; known is false if encoding/json passes it over.
func jsonField(f reflect.StructField) (name string, quoted, known bool) {
	tag := f.Tag.Get("json")
	if !f.IsExported() || tag == "-" {
		return "", false, false
	}
	name, options, _ := strings.Cut(tag, ",")
	if name == "" {
		name = f.Name
	}
	if slices.Contains(strings.Split(options, ","), "string") {
		switch pointee(f.Type).Kind() {
		case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
			reflect.Float32, reflect.Float64, reflect.String:
			quoted = true
		}
	}
	return name, quoted, true
}

// adapt makes a schema that follows from the kinds of t say what encoding/json
// does.
func (own schemas) adapt(t reflect.Type, s *jsonschema.Schema) {
	if s == nil {
		return
	}
	_, isOwn := own[pointee(t)]
	if !isOwn || t.Kind() == reflect.Pointer {
		dropNull(s)
	}
	if isOwn {
		return
	}
	switch t = pointee(t); t.Kind() {
	case reflect.Slice, reflect.Array:
		own.adapt(t.Elem(), s.Items)
	case reflect.Map:
		own.adapt(t.Elem(), s.AdditionalProperties)
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			name, quoted, known := jsonField(f)
			p := s.Properties[name]
			if !known || f.Anonymous || p == nil {
				continue
			}
			own.adapt(f.Type, p)
			switch {
			case quoted:
				s.Properties[name] = &jsonschema.Schema{Type: "string", Description: p.Description}
			case reflect.ValueOf(*p).IsZero():
				// Else it would be written as true, which no revision before
				// 2026-07-28 allows for a property.
				p.Description = "any JSON value"
			}
			if f.Type.Kind() == reflect.Pointer || isBytes(f.Type) || throughPointer(t, f.Index) {
				s.Required = slices.DeleteFunc(s.Required, func(r string) bool { return r == name })
			}
		}
	}
}

// dropNull removes null from the types of s.
func dropNull(s *jsonschema.Schema) {
	if s.Types == nil {
		return
	}
	s.Types = slices.DeleteFunc(slices.Clone(s.Types), func(t string) bool { return t == "null" })
	switch len(s.Types) {
	case 0: // of a pointer to what may be anything
		s.Types = nil
	case 1:
		s.Type, s.Types = s.Types[0], nil
	}
}

// throughPointer reports whether a promoted field lies in a struct that is
// embedded by a pointer, and so goes when that is nil.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

func pointee(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// standard are types of the standard library, as encoding/json has them.
var standard = schemas{
	reflect.TypeFor[time.Time]():       {Type: "string", Format: "date-time"},
	reflect.TypeFor[slog.Level]():      {Type: "string"},
	reflect.TypeFor[big.Int]():         {Type: "integer"},
	reflect.TypeFor[json.Number]():     {Type: "number"},
	reflect.TypeFor[json.RawMessage](): {},
}

// ownSchema returns the schema of a type that does not follow from its kind,
// nil if it does.
func ownSchema(t reflect.Type) (*jsonschema.Schema, error) {
	if t.Kind() == reflect.Interface {
		return nil, nil
	}
	if s := standard[t]; s != nil {
		return s, nil
	}
	switch {
	case implements[JSONSchemer](t):
		zero := reflect.New(t)
		if t.Implements(reflect.TypeFor[JSONSchemer]()) {
			zero = zero.Elem()
		}
		s := &jsonschema.Schema{}
		if err := json.Unmarshal([]byte(zero.Interface().(JSONSchemer).JSONSchema()), s); err != nil {
			return nil, fmt.Errorf("JSONSchema of %s: %w", t, err)
		}
		return s, nil
	case implements[json.Marshaler](t), implements[json.Unmarshaler](t):
		return &jsonschema.Schema{}, nil
	case implements[encoding.TextMarshaler](t), implements[encoding.TextUnmarshaler](t):
		return &jsonschema.Schema{Type: "string"}, nil
	case isBytes(t):
		return &jsonschema.Schema{Type: "string", ContentEncoding: "base64"}, nil
	}
	return nil, nil
}

// isBytes reports whether encoding/json writes t in base64.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 &&
		!implements[json.Marshaler](t.Elem()) && !implements[encoding.TextMarshaler](t.Elem())
}

// implements reports whether t or *t has the methods of I.
func implements[I any](t reflect.Type) bool {
	i := reflect.TypeFor[I]()
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}
