package ringbuf

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// Any order of operations on a Ring gives what the same order gives on a plain
// slice.
func TestRingAgainstSlice(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		size := r.IntN(40)
		ring := NewRing(make([]byte, r.IntN(size+1), size))
		var model []byte
		next := byte(0)
		for step := range 400 {
			switch r.IntN(10) {
			case 0, 1, 2, 3:
				p := make([]byte, r.IntN(size+4))
				for i := range p {
					p[i] = next
					next++
				}
				n, err := ring.Write(p)
				want := min(len(p), size-len(model))
				if n != want || errors.Is(err, ErrFull) != (want < len(p)) {
					t.Fatalf("seed %d, step %d: Write of %d took %d, %v; want %d", seed, step, len(p), n, err, want)
				}
				model = append(model, p[:n]...)
			case 4, 5, 6:
				p := make([]byte, r.IntN(size+4))
				n := ring.Read(p)
				if want := min(len(p), len(model)); n != want || !bytes.Equal(p[:n], model[:n]) {
					t.Fatalf("seed %d, step %d: Read got %x, want %d of %x", seed, step, p[:n], want, model)
				}
				model = model[n:]
			case 7, 8:
				n := r.IntN(size+6) - 3
				if got, want := ring.Discard(n), max(0, min(n, len(model))); got != want {
					t.Fatalf("seed %d, step %d: Discard(%d) dropped %d, want %d", seed, step, n, got, want)
				} else {
					model = model[got:]
				}
			default:
				if r.IntN(8) == 0 {
					ring.Reset()
					model = nil
				}
			}
			head, tail := ring.Peek()
			if got := append(bytes.Clone(head), tail...); !bytes.Equal(got, model) {
				t.Fatalf("seed %d, step %d: holds %x, want %x", seed, step, got, model)
			}
			if ring.Len() != len(model) || ring.Free() != size-len(model) || ring.Cap() != size {
				t.Fatalf("seed %d, step %d: Len %d, Free %d, Cap %d with %d of %d bytes", seed, step, ring.Len(), ring.Free(), ring.Cap(), len(model), size)
			}
		}
	}
}

// A ring gives back the buffer that it was given, and is empty from then on.
func TestRingRelease(t *testing.T) {
	buf := make([]byte, 0, 8)
	g := NewRing(buf)
	if _, err := g.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	back := g.Release()
	if len(back) != 0 || cap(back) != 8 || &back[:1][0] != &buf[:1][0] {
		t.Errorf("another buffer came back: len %d, cap %d", len(back), cap(back))
	}
	if n, err := g.Write([]byte("x")); n != 0 || !errors.Is(err, ErrFull) || g.Len() != 0 {
		t.Errorf("a released ring took %d bytes, %v", n, err)
	}
}
