package load

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// A block changes the table if and only if decoding it does.
func TestChangesTable(t *testing.T) {
	var out bytes.Buffer
	e := hpack.NewEncoder(&out)
	block := func(fields ...hpack.HeaderField) []byte {
		out.Reset()
		for _, f := range fields {
			_ = e.WriteField(f)
		}
		return bytes.Clone(out.Bytes())
	}
	long := strings.Repeat("x", 3000)
	for _, c := range []struct {
		name    string
		block   []byte
		changes bool
	}{
		{"static", block(hpack.HeaderField{Name: ":status", Value: "200"}), false},
		{"added", block(hpack.HeaderField{Name: "a", Value: "b"}), true},
		{"named again", block(hpack.HeaderField{Name: "a", Value: "b"}, hpack.HeaderField{Name: ":status", Value: "404"}), false},
		{"a secret", block(hpack.HeaderField{Name: "a", Value: long, Sensitive: true}), false},
		{"too long for the table", block(hpack.HeaderField{Name: "a", Value: long + long}), false},
		{"a literal of ours", appendLiteral(nil, "a", long), false},
		{"literals and one added", append(appendLiteral(appendLiteral(nil, strings.Repeat("n", 127), ""), "c", "d"), block(hpack.HeaderField{Name: "e", Value: "f"})...), true},
		{"a size", []byte{0x20}, true},
		{"nothing", nil, false},
		{"cut", []byte{0x00, 0x05, 'a'}, true},
		{"no end of an integer", []byte{0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, true},
	} {
		if got := changesTable(c.block); got != c.changes {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for _, n := range []int{0, 1, 126, 127, 128, 254, 255, 256, 16383, 16384, 1 << 20} {
		f, err := hpack.NewDecoder(4096, nil).DecodeFull(appendLiteral(nil, "name", strings.Repeat("v", n)))
		if err != nil || len(f) != 1 || f[0].Name != "name" || len(f[0].Value) != n {
			t.Errorf("a value of %d bytes: %v", n, err)
		}
		if got, rest, ok := readInteger(append(appendInteger(nil, n, 7), 'x'), 7); got != n || string(rest) != "x" || !ok {
			t.Errorf("%d is read as %d, %v", n, got, ok)
		}
	}
}
