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
// The error is a *Error, which is allocated: nothing else is.
func ParseValue(b []byte) (Value, error) {
	s := scanner{depth: DefaultDepth, members: DefaultMembers, numberBytes: DefaultNumberBytes}
	begin := space(b, 0)
	end, f := s.value(b, begin)
	if f == ok {
		i := space(b, end)
		if i == len(b) {
			return Value{b[begin:end]}, nil
		}
		end, f = i, faultTrailing
	}
	l := Limits{Depth: DefaultDepth, Members: DefaultMembers, NumberBytes: DefaultNumberBytes}
	e := l.refusal(end, f)
	return Value{}, &e
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
// Errors: ErrNotNumber, for numbers beyond the range too; for those strconv
// allocates an error with a copy of the text, which Limits.NumberBytes bounds.
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
	return Array(v)
}
