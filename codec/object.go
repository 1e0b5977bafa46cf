package codec

import (
	"bytes"
	"unicode/utf8"
)

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
		if nameIs(key.raw, name) {
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
func (k Name) Is(s string) bool { return nameIs(k.raw, s) }

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

// nameIs reports whether the name written as key, perhaps with escapes, is name.
// An escape is longer than what it stands for, so texts of one length are the
// same only without one.
func nameIs(key []byte, name string) bool {
	if len(key) == len(name) {
		return string(key) == name && bytes.IndexByte(key, '\\') < 0
	}
	if len(key) < len(name) || len(key) > 6*len(name) {
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
