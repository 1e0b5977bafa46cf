package mcp

import (
	"bytes"
	"fmt"

	"github.com/gannetmcp/gannet/codec"
)

// rawField is a field of a feature's description that holds JSON text.
type rawField struct {
	name string
	b    *[]byte
	kind codec.ValueKind
}

// settle judges JSON text that operators give, and makes it one line. nil stays
// nil.
func settle(fields ...rawField) error {
	for _, f := range fields {
		if *f.b == nil {
			continue
		}
		v, err := codec.ParseValue(*f.b)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if v.Kind() != f.kind {
			return fmt.Errorf("%s is no JSON %s", f.name, f.kind)
		}
		*f.b = appendOneLine(nil, v.Raw())
	}
	return nil
}

// appendOneLine appends JSON text without line breaks, which the framing of
// streams does not allow: outside strings they are white space, inside they
// cannot stand.
func appendOneLine(dst, b []byte) []byte {
	at := len(dst)
	dst = append(dst, b...)
	for _, c := range []byte{'\n', '\r'} {
		for rest := dst[at:]; ; {
			i := bytes.IndexByte(rest, c)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
	return dst
}
