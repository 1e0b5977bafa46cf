package mcp

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	general "github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/gannetmcp/gannet/codec"
)

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
		return nil, compileFault(err)
	}
	return &generalValidator{s}, nil
}

// compileFault says on one line what is wrong with a schema.
func compileFault(err error) error {
	var se *general.SchemaValidationError
	var ve *general.ValidationError
	if !errors.As(err, &se) || !errors.As(se.Err, &ve) {
		return err
	}
	ve = deepest(ve)
	return fmt.Errorf("no JSON Schema: at %q: %s", "/"+strings.Join(ve.InstanceLocation, "/"), kindText(ve))
}

// deepest returns the first of the innermost causes of an error.
func deepest(ve *general.ValidationError) *general.ValidationError {
	for len(ve.Causes) > 0 {
		ve = ve.Causes[0]
	}
	return ve
}

func kindText(ve *general.ValidationError) string {
	return clip(ve.ErrorKind.LocalizedString(message.NewPrinter(language.English)), argPathMax)
}

// validateSlow decodes the value and judges it; both allocate. Numbers are
// decoded as float64, so that an exponent cannot be made to cost memory.
func (g *generalValidator) validateSlow(v codec.Value) error {
	doc, err := decodeValue(v.Raw())
	if err != nil {
		return &ArgError{Want: "JSON with numbers of the range of float64"}
	}
	if err = g.schema.Validate(doc); err == nil {
		return nil
	}
	var ve *general.ValidationError
	if !errors.As(err, &ve) {
		return err
	}
	ve = deepest(ve)
	return &ArgError{Path: argPath(ve.InstanceLocation), Want: "as its schema says: " + kindText(ve)}
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
