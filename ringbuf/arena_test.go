package ringbuf

import (
	"math/rand/v2"
	"testing"
)

// What an arena lends stays as its borrower left it until Reset, and does not
// overlap; all buffers are back in the pool afterwards.
func TestArenaPieces(t *testing.T) {
	for _, withPool := range []bool{true, false} {
		var pool *Pool
		if withPool {
			pool = NewPool(PoolOptions{})
		}
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 2))
			a := NewArena(pool, 0)
			for range 4 {
				var pieces [][]byte
				used := 0
				for i := range r.IntN(60) {
					n := r.IntN(200)
					if r.IntN(10) == 0 {
						n = r.IntN(40_000)
					}
					b, ok := a.Alloc(n)
					if !ok || len(b) != n || cap(b) != n {
						t.Fatalf("seed %d: Alloc(%d): %v, len %d, cap %d", seed, n, ok, len(b), cap(b))
					}
					for k := range b {
						b[k] = byte(i)
					}
					if n > 0 {
						_ = append(b, 0xff) // goes elsewhere, for the capacity is used up
					}
					pieces = append(pieces, b)
					used += n
				}
				if a.Used() != used {
					t.Fatalf("seed %d: Used %d, want %d", seed, a.Used(), used)
				}
				for i, b := range pieces {
					for _, c := range b {
						if c != byte(i) {
							t.Fatalf("seed %d: piece %d holds %#x", seed, i, c)
						}
					}
				}
				a.Reset()
				if a.Used() != 0 {
					t.Fatal("used after Reset")
				}
			}
		}
		if withPool {
			if s := pool.Stats(); s.Outstanding != 0 || s.Gets == 0 {
				t.Errorf("after Reset: %+v", s)
			}
		}
	}
}

func TestArenaLimit(t *testing.T) {
	a := NewArena(NewPool(PoolOptions{}), 100)
	for _, tc := range []struct {
		n    int
		ok   bool
		used int
	}{{60, true, 60}, {41, false, 60}, {40, true, 100}, {1, false, 100}, {0, true, 100}} {
		if b, ok := a.Alloc(tc.n); ok != tc.ok || a.Used() != tc.used || !ok && b != nil {
			t.Errorf("Alloc(%d): %v with %d used, want %v with %d", tc.n, ok, a.Used(), tc.ok, tc.used)
		}
	}
	a.Reset()
	if _, ok := a.Alloc(100); !ok {
		t.Error("the limit is not lifted by Reset")
	}
	a.Reset()
}

// Chunks double, so that many small pieces take few Gets.
func TestArenaChunksDouble(t *testing.T) {
	pool := NewPool(PoolOptions{})
	a := NewArena(pool, 0)
	for range 1 << 16 {
		a.Alloc(64)
	}
	if gets := pool.Stats().Gets; gets > 12 {
		t.Errorf("%d Gets for 4 MiB in pieces of 64 bytes", gets)
	}
	a.Reset()
}
