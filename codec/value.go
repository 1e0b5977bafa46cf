package codec

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/gannetmcp/gannet/ringbuf"
)

// Errors of reading a value as something that it is not.
var (
	ErrNotString  = errors.New("codec: value is no string")
	ErrNotInteger = errors.New("codec: value is no integer, or does not fit")
	ErrNotNumber  = errors.New("codec: value is no number, or does not fit")
	ErrNotBool    = errors.New("codec: value is no boolean")
	ErrArenaFull  = errors.New("codec: no room to unescape a string")
)

// ValueKind says what a JSON value is.
type ValueKind uint8

// The kinds of values.
const (
	None ValueKind = iota // no value
	Null
	False
	True
	Number
	String
	ObjectKind
	ArrayKind
)

// String returns the kind's name in JSON.
func (k ValueKind) String() string {
	switch k {
	case Null:
		return "null"
	case False, True:
		return "boolean"
	case Number:
		return "number"
	case String:
		return "string"
	case ObjectKind:
		return "object"
	case ArrayKind:
		return "array"
	}
	return "nothing"
}

// Value is one value of a message that was parsed. It aliases the message. The
// zero Value is none.
type Value struct{ raw []byte }

// RawValue returns a value with the JSON text raw, which it aliases. The text
// must have been judged; white space around it is not allowed.
func RawValue(raw []byte) Value { return Value{raw} }

// ParseValue judges b, one JSON value with white space around it allowed, by the
// rules and default limits of a Parser, and returns it without the white space.
// It aliases b.
//
// The error is a *Error.
func ParseValue(b []byte) (Value, error) {
	var m Message
	p := NewParser(Limits{})
	s := scanner{depth: p.limits.Depth, members: p.limits.Members, numberBytes: p.limits.NumberBytes}
	m.raw = b
	begin := space(b, 0)
	if begin == len(b) {
		return Value{}, p.fault(&m, begin, faultEnd)
	}
	end, f := s.value(b, begin)
	if f != ok {
		return Value{}, p.fault(&m, end, f)
	}
	if i := space(b, end); i < len(b) {
		return Value{}, p.fault(&m, i, faultTrailing)
	}
	return Value{b[begin:end]}, nil
}

// Raw returns the JSON text. It aliases the message.
func (v Value) Raw() []byte { return v.raw }

// Kind says what the value is.
func (v Value) Kind() ValueKind {
	if len(v.raw) == 0 {
		return None
	}
	switch v.raw[0] {
	case '"':
		return String
	case '{':
		return ObjectKind
	case '[':
		return ArrayKind
	case 't':
		return True
	case 'f':
		return False
	case 'n':
		return Null
	}
	return Number
}

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.Kind() == Null }

// Bytes returns the content of a string. It aliases the message where the
// string is written without escapes; otherwise it is unescaped into a and valid
// until a is reset.
//
// Errors: ErrNotString, ErrArenaFull.
func (v Value) Bytes(a *ringbuf.Arena) ([]byte, error) {
	s, escaped, err := v.text()
	if err != nil || !escaped {
		return s, err
	}
	buf, room := a.Alloc(len(s)) // never shorter than what it unescapes to
	if !room {
		return nil, ErrArenaFull
	}
	return unescape(buf[:0], s), nil
}

// StringCopy returns the content of a string as a copy of its own.
func (v Value) StringCopy() (string, error) {
	s, escaped, err := v.text()
	if err != nil {
		return "", err
	}
	if !escaped {
		return string(s), nil
	}
	b := unescape(make([]byte, 0, len(s)), s)
	return unsafe.String(unsafe.SliceData(b), len(b)), nil
}

// AppendTo appends the content of a string to dst.
func (v Value) AppendTo(dst []byte) ([]byte, error) {
	s, escaped, err := v.text()
	if err != nil {
		return dst, err
	}
	if !escaped {
		return append(dst, s...), nil
	}
	return unescape(dst, s), nil
}

func (v Value) text() (s []byte, escaped bool, err error) {
	if len(v.raw) < 2 || v.raw[0] != '"' {
		return nil, false, ErrNotString
	}
	s = v.raw[1 : len(v.raw)-1]
	return s, bytes.IndexByte(s, '\\') >= 0, nil
}

// EqualString reports whether the value is a string whose content is s.
//
// Hot path: no allocation, no lock.
func (v Value) EqualString(s string) bool {
	if len(v.raw) < 2 || v.raw[0] != '"' {
		return false
	}
	return Name{v.raw[1 : len(v.raw)-1]}.Is(s)
}

// Runes returns how many characters (Unicode code points) a string has, 0 for
// other values.
//
// Hot path: no allocation, no lock.
func (v Value) Runes() (n int) {
	s, _, err := v.text()
	if err != nil {
		return 0
	}
	for i := 0; i < len(s); n++ {
		switch c := s[i]; {
		case c == '\\' && s[i+1] != 'u':
			i += 2
		case c == '\\':
			i += 6
			if r, _ := hex4(s, i-4); r >= 0xd800 && r < 0xdc00 {
				i += 6 // the other half of the pair
			}
		case c < utf8.RuneSelf:
			i++
		default:
			_, size := utf8.DecodeRune(s[i:])
			i += size
		}
	}
	return n
}

// Int64 returns an integer that is written as one, without fraction and
// exponent, exactly as strconv.ParseInt reads it.
//
// Errors: ErrNotInteger.
func (v Value) Int64() (int64, error) {
	neg := len(v.raw) > 0 && v.raw[0] == '-'
	b := v.raw
	if neg {
		b = b[1:]
	}
	u, err := parseUint(b)
	switch {
	case err != nil:
		return 0, err
	case neg && u <= 1<<63:
		return -int64(u), nil
	case neg || u >= 1<<63:
		return 0, ErrNotInteger
	}
	return int64(u), nil
}

// Uint64 is Int64 for integers that are not negative.
func (v Value) Uint64() (uint64, error) { return parseUint(v.raw) }

func parseUint(b []byte) (n uint64, err error) {
	if len(b) == 0 || len(b) > 20 {
		return 0, ErrNotInteger
	}
	for i, c := range b {
		d := uint64(c - '0')
		if d > 9 {
			return 0, ErrNotInteger
		}
		if i >= 19 && (n > (1<<64-1)/10 || n*10 > 1<<64-1-d) {
			return 0, ErrNotInteger
		}
		n = n*10 + d
	}
	return n, nil
}

// Float64 returns a number exactly as strconv.ParseFloat reads it.
//
// Errors: ErrNotNumber, for numbers beyond the range too.
func (v Value) Float64() (float64, error) {
	if v.Kind() != Number {
		return 0, ErrNotNumber
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(v.raw), len(v.raw)), 64)
	if err != nil {
		return 0, ErrNotNumber
	}
	return f, nil
}

// Bool returns a boolean.
//
// Errors: ErrNotBool.
func (v Value) Bool() (bool, error) {
	switch v.Kind() {
	case True:
		return true, nil
	case False:
		return false, nil
	}
	return false, ErrNotBool
}

// Object returns the value as an object, empty if it is none.
func (v Value) Object() Object {
	if v.Kind() != ObjectKind {
		return Object{}
	}
	return Object{raw: v.raw}
}

// Array returns the value as an array, empty if it is none.
func (v Value) Array() Array {
	if v.Kind() != ArrayKind {
		return Array{}
	}
	return Array{raw: v.raw}
}

// Object is an object of a message that was parsed. It aliases the message.
// The zero Object has no members. params and a result come with an index of
// their members; other objects are scanned at each look-up.
type Object struct {
	raw   []byte
	base  []byte // what the index's offsets refer to
	index []Member
}

// Raw returns the JSON text, empty for the zero Object.
func (o Object) Raw() []byte { return o.raw }

// Value returns the object as a value.
func (o Object) Value() Value { return Value{o.raw} }

// Get returns the member with the given name, compared byte for byte with the
// unescaped name. Of two members with one name it is the first.
//
// Hot path: no allocation, no lock.
func (o Object) Get(name string) (v Value, found bool) {
	if o.base == nil {
		return o.scan(name)
	}
	for i := range o.index {
		x := &o.index[i]
		if x.KeyEnd&memberEscaped != 0 {
			if !nameIs(o.base[x.KeyOff:x.KeyEnd&^memberEscaped], name) {
				continue
			}
		} else if int(x.KeyEnd-x.KeyOff) != len(name) || string(o.base[x.KeyOff:x.KeyEnd]) != name {
			continue
		}
		return Value{o.base[x.ValOff:x.ValEnd]}, true
	}
	return Value{}, false
}

func (o Object) scan(name string) (Value, bool) {
	for it := o.Members(); ; {
		key, v, more := it.Next()
		if !more {
			return Value{}, false
		}
		if string(key.raw) == name || bytes.IndexByte(key.raw, '\\') >= 0 && nameIs(key.raw, name) {
			return v, true
		}
	}
}

// Len returns the number of members.
func (o Object) Len() (n int) {
	if o.base != nil {
		return len(o.index)
	}
	for it := o.Members(); ; n++ {
		if _, _, more := it.Next(); !more {
			return n
		}
	}
}

// Name is the name of a member, as it is written between its quotes.
type Name struct{ raw []byte }

// Is reports whether the unescaped name is s.
func (k Name) Is(s string) bool { return string(k.raw) == s || nameIs(k.raw, s) }

// Raw returns the name as it is written, escapes included.
func (k Name) Raw() []byte { return k.raw }

// AppendTo appends the unescaped name to dst.
func (k Name) AppendTo(dst []byte) []byte { return unescape(dst, k.raw) }

// Members iterates over the members of an object.
type Members struct {
	b []byte
	i int
}

// Members returns an iterator over the members, in the order of the message.
func (o Object) Members() Members { return Members{b: o.raw, i: 1} }

// Next returns the next member. It aliases the message.
func (t *Members) Next() (key Name, v Value, more bool) {
	i := space(t.b, t.i)
	if i >= len(t.b) || t.b[i] != '"' {
		return Name{}, Value{}, false
	}
	end := skipString(t.b, i)
	key = Name{t.b[i+1 : end-1]}
	i = space(t.b, end)
	i = space(t.b, i+1) // the colon
	end = skip(t.b, i)
	v = Value{t.b[i:end]}
	t.i = comma(t.b, end)
	return key, v, true
}

// Array is an array of a message that was parsed. It aliases the message. The
// zero Array has no elements.
type Array struct{ raw []byte }

// Raw returns the JSON text, empty for the zero Array.
func (a Array) Raw() []byte { return a.raw }

// Elements iterates over the elements of an array.
type Elements struct {
	b []byte
	i int
}

// Elements returns an iterator over the elements.
func (a Array) Elements() Elements { return Elements{b: a.raw, i: 1} }

// Next returns the next element. It aliases the message.
func (t *Elements) Next() (v Value, more bool) {
	i := space(t.b, t.i)
	if i >= len(t.b) || t.b[i] == ']' {
		return Value{}, false
	}
	end := skip(t.b, i)
	t.i = comma(t.b, end)
	return Value{t.b[i:end]}, true
}

// Len returns the number of elements.
func (a Array) Len() (n int) {
	for it := a.Elements(); ; n++ {
		if _, more := it.Next(); !more {
			return n
		}
	}
}

// The functions below read text that was judged.

// comma returns the index after the comma that may follow i.
func comma(b []byte, i int) int {
	if i = space(b, i); i < len(b) && b[i] == ',' {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at b[i].
func skipString(b []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		k := i
		for b[k-1] == '\\' {
			k--
		}
		if (i-k)&1 == 0 {
			return i + 1
		}
	}
}

// skip returns the index after the value that begins at b[i].
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		level := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				i = skipString(b, i)
				continue
			case '{', '[':
				level++
			case '}', ']':
				if level--; level == 0 {
					return i + 1
				}
			}
			i++
		}
		return i
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

// unescape appends the text of a string, whose escapes it resolves, to dst. The
// result is never longer than s.
func unescape(dst, s []byte) []byte {
	for {
		n := bytes.IndexByte(s, '\\')
		if n < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:n]...)
		s = s[n:]
		if s[1] != 'u' {
			dst = append(dst, unescaped[s[1]])
			s = s[2:]
			continue
		}
		r, _ := hex4(s, 2)
		s = s[6:]
		if r&^0x3ff == 0xd800 {
			lo, _ := hex4(s, 2)
			r = 0x10000 + (r&0x3ff)<<10 + lo&0x3ff
			s = s[6:]
		}
		dst = utf8.AppendRune(dst, rune(r))
	}
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// nameIs reports whether the name written as key, with escapes, is name.
func nameIs(key []byte, name string) bool {
	if len(key) > 6*len(name) {
		return false
	}
	for len(key) > 0 {
		part, rest := nextRune(key)
		if len(name) < len(part.b[:part.n]) || name[:part.n] != string(part.b[:part.n]) {
			return false
		}
		key, name = rest, name[part.n:]
	}
	return name == ""
}

// equalNames reports whether two names, each perhaps with escapes, are the same.
func equalNames(x, y []byte) bool {
	var p, q piece
	for len(x) > 0 && len(y) > 0 {
		p, x = nextRune(x)
		q, y = nextRune(y)
		if p != q {
			return false
		}
	}
	return len(x) == len(y)
}

// piece is one character in UTF-8.
type piece struct {
	b [4]byte
	n int
}

// nextRune returns the first character of a name, unescaped, and the rest.
func nextRune(s []byte) (p piece, rest []byte) {
	n := 1
	switch {
	case s[0] != '\\':
		if s[0] >= utf8.RuneSelf {
			n = runeLen(s)
		}
		p.n = copy(p.b[:], s[:n])
		return p, s[n:]
	case s[1] != 'u':
		n = 2
	default:
		n = 6
		if r, _ := hex4(s, 2); r&^0x3ff == 0xd800 {
			n = 12
		}
	}
	p.n = len(unescape(p.b[:0], s[:n]))
	return p, s[n:]
}
