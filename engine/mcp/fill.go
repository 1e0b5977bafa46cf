package mcp

import "github.com/gannetmcp/gannet/codec"

// fill appends v to dst with what Go means in place of each null that the
// schema does not allow: Go writes null for a nil slice, map or pointer. A
// member that need not be there is left out; a slice is an empty array, a map
// an empty object. A null that none of this explains stays.
func (n *node) fill(dst []byte, v codec.Value) []byte {
	if n == nil {
		return append(dst, v.Raw()...)
	}
	switch v.Kind() {
	case codec.Null:
		switch {
		case n.allowsNull():
		case n.types&typeArray != 0:
			return append(dst, "[]"...)
		case n.types&typeObject != 0:
			return append(dst, "{}"...)
		}
	case codec.ObjectKind:
		return n.fillObject(dst, v.Object())
	case codec.ArrayKind:
		dst = append(dst, '[')
		for it, i := v.Array().Elements(), 0; ; i++ {
			e, more := it.Next()
			if !more {
				return append(dst, ']')
			}
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = n.items.fill(dst, e)
		}
	}
	return append(dst, v.Raw()...)
}

func (n *node) fillObject(dst []byte, o codec.Object) []byte {
	dst = append(dst, '{')
	begin := len(dst)
	for it := o.Members(); ; {
		key, v, more := it.Next()
		if !more {
			return append(dst, '}')
		}
		sub, required := n.additional, false
		if i := n.property(key); i >= 0 {
			sub, required = n.properties[i].node, n.required>>i&1 != 0
		}
		if v.IsNull() && !required && !sub.allowsNull() {
			continue
		}
		if len(dst) > begin {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), key.Raw()...), `":`...)
		dst = sub.fill(dst, v)
	}
}

func (n *node) allowsNull() bool { return n.check(codec.RawValue([]byte("null"))) == nil }
