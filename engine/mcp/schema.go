package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	general "github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/gannetmcp/gannet/codec"
)

// inputSchemaFor returns the JSON Schema of a Go type for arguments. A type like
// *T or []T, which Go can encode as null, is described as T alone: clients are
// known to cut arguments short where they see a list of types, and a missing
// member says the same as null.
func inputSchemaFor[T any]() ([]byte, error) {
	return schemaFor[T](func(s *jsonschema.Schema) { eachSchema(s, dropNull) })
}

// outputSchemaFor returns the JSON Schema of a Go type for results. Null stays
// among the types there, and is added to those of maps: it is how Go writes a
// nil slice, map or pointer.
func outputSchemaFor[T any]() ([]byte, error) {
	return schemaFor[T](func(s *jsonschema.Schema) {
		eachSchema(s, func(s *jsonschema.Schema) {
			isMap := s.Type == "object" && s.Properties == nil && s.AdditionalProperties != nil && s.AdditionalProperties.Not == nil
			if isMap {
				s.Type, s.Types = "", []string{"null", "object"}
			}
		})
		dropNull(s) // the result itself is an object
	})
}

func schemaFor[T any](adapt func(*jsonschema.Schema)) ([]byte, error) {
	s, err := jsonschema.For[T](nil)
	if err != nil {
		return nil, err
	}
	if s.Type == "" && len(s.Types) == 0 {
		return nil, fmt.Errorf("no schema can be made for %T", *new(T))
	}
	adapt(s)
	return json.Marshal(s)
}

// dropNull removes null from the types of s itself.
func dropNull(s *jsonschema.Schema) {
	if i := slices.Index(s.Types, "null"); i >= 0 {
		s.Types = slices.Delete(slices.Clone(s.Types), i, i+1)
		if len(s.Types) == 1 {
			s.Type, s.Types = s.Types[0], nil
		}
	}
}

// eachSchema calls f with s and every schema inside it.
func eachSchema(s *jsonschema.Schema, f func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	f(s)
	for _, sub := range []*jsonschema.Schema{
		s.Items, s.AdditionalItems, s.Contains, s.UnevaluatedItems, s.AdditionalProperties, s.PropertyNames,
		s.UnevaluatedProperties, s.Not, s.If, s.Then, s.Else, s.ContentSchema,
	} {
		eachSchema(sub, f)
	}
	for _, list := range [][]*jsonschema.Schema{s.PrefixItems, s.ItemsArray, s.AllOf, s.AnyOf, s.OneOf} {
		for _, sub := range list {
			eachSchema(sub, f)
		}
	}
	for _, m := range []map[string]*jsonschema.Schema{
		s.Defs, s.Definitions, s.DependencySchemas, s.Properties, s.PatternProperties, s.DependentSchemas,
	} {
		for _, sub := range m {
			eachSchema(sub, f)
		}
	}
}

// generalValidator knows all of JSON Schema.
type generalValidator struct{ schema *general.Schema }

var errNoLoading = errors.New("mcp: a schema must not refer to other documents")

type noLoader struct{}

// Load refuses: nothing is fetched, neither from the network nor from files.
func (noLoader) Load(url string) (any, error) { return nil, fmt.Errorf("%w: %s", errNoLoading, url) }

func compileGeneral(schema []byte) (*generalValidator, error) {
	doc, err := general.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := general.NewCompiler()
	c.UseLoader(noLoader{})
	const url = "tool:///schema.json"
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	s, err := c.Compile(url)
	if err != nil {
		return nil, err
	}
	return &generalValidator{s}, nil
}

// validateSlow decodes the value and judges it; both allocate. Numbers are
// decoded as float64, so that an exponent cannot be made to cost memory.
func (g *generalValidator) validateSlow(v codec.Value) error {
	var doc any
	if err := json.Unmarshal(v.Raw(), &doc); err != nil {
		return &ArgError{Want: "JSON with numbers of the range of float64"}
	}
	err := g.schema.Validate(doc)
	if err == nil {
		return nil
	}
	var ve *general.ValidationError
	if !errors.As(err, &ve) {
		return err
	}
	for len(ve.Causes) > 0 {
		ve = ve.Causes[0]
	}
	want := ve.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	if len(want) > argPathMax {
		want = want[:argPathMax] + "…"
	}
	return &ArgError{Path: argPath(ve.InstanceLocation), Want: "as its schema says: " + want}
}

// argPath writes the way to a value as a program would.
func argPath(steps []string) string {
	var b strings.Builder
	for _, s := range steps {
		if _, err := strconv.Atoi(s); err == nil {
			b.WriteString("[" + s + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s)
	}
	return b.String()
}
