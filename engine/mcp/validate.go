package mcp

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"

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

// errNotSubset says that a schema has keywords that nodes do not know.
var errNotSubset = errors.New("keyword beyond the subset")

// node is one schema. A zero field does not constrain.
type node struct {
	never      bool // the schema false
	types      typeSet
	enum       []scalar
	properties []property
	required   uint64 // bits of properties
	closed     bool   // additionalProperties: false
	additional *node
	items      *node
	minItems   int
	maxItems   int // -1: any
	minLength  int
	maxLength  int // -1: any
	bounds     []bound
}

type property struct {
	name string
	node *node
}

type typeSet uint8

const (
	typeNull typeSet = 1 << iota
	typeBoolean
	typeNumber
	typeInteger
	typeString
	typeObject
	typeArray
)

var typeNames = [...]string{"null", "boolean", "number", "integer", "string", "object", "array"}

func (t typeSet) String() string {
	s := ""
	for i, name := range typeNames {
		if t&(1<<i) == 0 {
			continue
		}
		if s != "" {
			s += " or "
		}
		if name == "null" {
			s += name
			continue
		}
		article := "a "
		if name[0] == 'i' || name[0] == 'o' || name[0] == 'a' {
			article = "an "
		}
		s += article + name
	}
	return s
}

// number is a JSON number: exact where it is an integer of 64 bits.
type number struct {
	f     float64
	i     int64
	exact bool
}

func readNumber(v codec.Value) (number, bool) {
	if i, err := v.Int64(); err == nil {
		return number{float64(i), i, true}, true
	}
	f, err := v.Float64()
	return number{f: f}, err == nil
}

// compare returns -1, 0 or 1.
func (n number) compare(m number) int {
	switch {
	case n.exact && m.exact:
		switch {
		case n.i < m.i:
			return -1
		case n.i > m.i:
			return 1
		}
		return 0
	case n.f < m.f:
		return -1
	case n.f > m.f:
		return 1
	}
	return 0
}

func (n number) integer() bool { return n.exact || n.f == math.Trunc(n.f) }

// bound is a limit of a number: the comparison with it must have one of the
// results in ok.
type bound struct {
	limit number
	low   bool // a lower bound
	open  bool // equality is not allowed
	text  string
}

func (b *bound) holds(n number) bool {
	c := n.compare(b.limit)
	if b.low {
		c = -c
	}
	return c < 0 || c == 0 && !b.open
}

// scalar is one value of enum.
type scalar struct {
	kind codec.ValueKind
	text string
	num  number
}

func (s *scalar) is(v codec.Value) bool {
	if v.Kind() != s.kind {
		return false
	}
	switch s.kind {
	case codec.String:
		return v.EqualString(s.text)
	case codec.Number:
		n, ok := readNumber(v)
		return ok && n.compare(s.num) == 0
	}
	return true
}

// fault is a value that is not as its schema wants it, and the way to it.
type fault struct {
	want    string
	missing bool
	path    string
}

func (f *fault) argError() error {
	return &ArgError{Path: f.path, Want: f.want, Missing: f.missing}
}

// under puts a step in front of the path.
func (f *fault) under(step string) *fault {
	if f.path != "" && f.path[0] != '[' {
		step += "."
	}
	f.path = step + f.path
	return f
}

// check judges a value. The stack it takes is bounded by the depth of the
// schema.
func (n *node) check(v codec.Value) *fault {
	if n == nil {
		return nil
	}
	if n.never {
		return &fault{want: "left out: the schema does not know it"}
	}
	kind := v.Kind()
	var num number
	if kind == codec.Number {
		var ok bool
		if num, ok = readNumber(v); !ok {
			return &fault{want: "a number of the range of float64"}
		}
	}
	if n.types != 0 && !n.types.has(kind, num) {
		return &fault{want: n.types.String()}
	}
	if n.enum != nil && !n.enumerates(v) {
		return &fault{want: "one of " + n.enumText()}
	}
	switch kind {
	case codec.Number:
		for i := range n.bounds {
			if !n.bounds[i].holds(num) {
				return &fault{want: n.bounds[i].text}
			}
		}
	case codec.String:
		if n.minLength > 0 || n.maxLength >= 0 {
			return n.checkLength(v)
		}
	case codec.ObjectKind:
		return n.checkObject(v.Object())
	case codec.ArrayKind:
		return n.checkArray(v.Array())
	}
	return nil
}

func (t typeSet) has(kind codec.ValueKind, num number) bool {
	switch kind {
	case codec.Null:
		return t&typeNull != 0
	case codec.True, codec.False:
		return t&typeBoolean != 0
	case codec.Number:
		return t&typeNumber != 0 || t&typeInteger != 0 && num.integer()
	case codec.String:
		return t&typeString != 0
	case codec.ObjectKind:
		return t&typeObject != 0
	case codec.ArrayKind:
		return t&typeArray != 0
	}
	return false
}

func (n *node) enumerates(v codec.Value) bool {
	for i := range n.enum {
		if n.enum[i].is(v) {
			return true
		}
	}
	return false
}

func (n *node) enumText() string {
	var b []byte
	for i, s := range n.enum {
		if i > 0 {
			b = append(b, ", "...)
		}
		if len(b) > argPathMax {
			b = append(b, "…"...)
			break
		}
		switch s.kind {
		case codec.String:
			b = codec.AppendString(b, s.text)
		default:
			b = append(b, s.text...)
		}
	}
	return string(b)
}

func (n *node) checkLength(v codec.Value) *fault {
	l := v.Runes()
	switch {
	case l < n.minLength:
		return &fault{want: "at least " + strconv.Itoa(n.minLength) + " characters long"}
	case n.maxLength >= 0 && l > n.maxLength:
		return &fault{want: "at most " + strconv.Itoa(n.maxLength) + " characters long"}
	}
	return nil
}

func (n *node) checkObject(o codec.Object) *fault {
	if n.properties == nil && !n.closed && n.additional == nil {
		return nil
	}
	seen := uint64(0)
	for it := o.Members(); ; {
		key, v, more := it.Next()
		if !more {
			break
		}
		at := -1
		for i := range n.properties {
			if key.Is(n.properties[i].name) {
				at = i
				break
			}
		}
		var f *fault
		switch {
		case at >= 0:
			seen |= 1 << at
			f = n.properties[at].node.check(v)
		case n.closed:
			f = &fault{want: "left out: the schema does not know it"}
		default:
			f = n.additional.check(v)
		}
		if f != nil {
			return f.under(string(key.AppendTo(nil)))
		}
	}
	if lacking := n.required &^ seen; lacking != 0 {
		p := &n.properties[bits.TrailingZeros64(lacking)]
		want := "given"
		if p.node != nil && p.node.types != 0 {
			want = p.node.types.String()
		}
		return (&fault{want: want, missing: true}).under(p.name)
	}
	return nil
}

func (n *node) checkArray(a codec.Array) *fault {
	if n.items == nil && n.minItems == 0 && n.maxItems < 0 {
		return nil
	}
	count := 0
	for it := a.Elements(); ; count++ {
		v, more := it.Next()
		if !more {
			break
		}
		if f := n.items.check(v); f != nil {
			return f.under("[" + strconv.Itoa(count) + "]")
		}
	}
	switch {
	case count < n.minItems:
		return &fault{want: "an array of at least " + strconv.Itoa(n.minItems) + " elements"}
	case n.maxItems >= 0 && count > n.maxItems:
		return &fault{want: "an array of at most " + strconv.Itoa(n.maxItems) + " elements"}
	}
	return nil
}

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
	case "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "format":
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
		return errNotSubset
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
