package mcp

import (
	"math/bits"
	"strconv"

	"github.com/gannetmcp/gannet/codec"
)

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
		at := n.property(key)
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

// property returns the index of the property with that name, -1 if the schema
// does not know it.
func (n *node) property(key codec.Name) int {
	for i := range n.properties {
		if key.Is(n.properties[i].name) {
			return i
		}
	}
	return -1
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
