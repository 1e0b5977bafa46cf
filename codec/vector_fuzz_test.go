//go:build unix && (amd64 || arm64) && !purego

package codec

import "testing"

// FuzzVectors: with and without vectors, a text is judged, found and appended
// the same; and the kernels do what the byte loops do, at any alignment.
//
// It is here, where the plain functions can be reached, and not with the targets
// of folder fuzz, which see what users see.
func FuzzVectors(f *testing.F) {
	needVectors(f)
	for _, b := range mutants() {
		f.Add(b, uint8(0))
	}
	for i, piece := range vectorPieces {
		text := make([]byte, 0, 400)
		for len(text) < 90 {
			text = append(text, piece...)
		}
		f.Add(text, uint8(i))
		f.Add(append([]byte(`{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"a text of some length, more than a vector `), text...), uint8(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, shift uint8) {
		all := make([]byte, int(shift&63)+len(in))
		b := all[len(all)-len(in):]
		copy(b, in)
		sameText(t, b)
		sameJudgement(t, b)
		if len(b) > 0 {
			sameText(t, b[1:])
		}
	})
}
