package ringbuf

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// Any order of pushes and pops on one goroutine gives what a plain slice gives.
func TestSPSCAgainstSlice(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 6))
		q := NewSPSC[int](1 + r.IntN(33))
		size := q.Cap()
		if size&(size-1) != 0 {
			t.Fatalf("capacity %d", size)
		}
		var model []int
		next := 0
		for range 2000 {
			switch r.IntN(4) {
			case 0:
				if got, want := q.Push(next), len(model) < size; got != want {
					t.Fatalf("seed %d: Push %v with %d of %d", seed, got, len(model), size)
				} else if got {
					model = append(model, next)
					next++
				}
			case 1:
				vs := make([]int, r.IntN(size+3))
				for i := range vs {
					vs[i] = next + i
				}
				n := q.PushN(vs)
				if want := min(len(vs), size-len(model)); n != want {
					t.Fatalf("seed %d: PushN took %d, want %d", seed, n, want)
				}
				model = append(model, vs[:n]...)
				next += n
			case 2:
				v, ok := q.Pop()
				if ok != (len(model) > 0) || ok && v != model[0] {
					t.Fatalf("seed %d: Pop %d, %v of %v", seed, v, ok, model)
				}
				if ok {
					model = model[1:]
				}
			default:
				vs := make([]int, r.IntN(size+3))
				n := q.PopN(vs)
				if want := min(len(vs), len(model)); n != want {
					t.Fatalf("seed %d: PopN gave %d, want %d", seed, n, want)
				}
				for i := range n {
					if vs[i] != model[i] {
						t.Fatalf("seed %d: PopN gave %v of %v", seed, vs[:n], model)
					}
				}
				model = model[n:]
			}
			if q.Len() != len(model) {
				t.Fatalf("seed %d: Len %d, want %d", seed, q.Len(), len(model))
			}
		}
	}
}

// A producer and a consumer of their own: all arrives once, in order, through a
// queue that is full and empty again and again.
func TestSPSCConcurrent(t *testing.T) {
	const n = 200_000
	for _, size := range []int{1, 8, 256} {
		q := NewSPSC[*int](size)
		go func() {
			r := rand.New(rand.NewPCG(7, uint64(size)))
			batch := make([]*int, 8)
			for i := 0; i < n; {
				if r.IntN(2) == 0 {
					if q.Push(&i) { // any pointer will do for one
						i++
						continue
					}
				} else {
					k := min(len(batch), n-i)
					for j := range k {
						batch[j] = new(int)
					}
					if took := q.PushN(batch[:k]); took > 0 {
						i += took
						continue
					}
				}
				runtime.Gosched()
			}
		}()
		got := 0
		vs := make([]*int, 5)
		for got < n {
			if p, ok := q.Pop(); ok {
				if p == nil {
					t.Fatal("an element was lost")
				}
				got++
			} else if k := q.PopN(vs); k > 0 {
				for _, p := range vs[:k] {
					if p == nil {
						t.Fatal("an element was lost")
					}
				}
				got += k
			} else {
				runtime.Gosched()
			}
		}
		if _, ok := q.Pop(); ok || q.Len() != 0 {
			t.Error("one element too many")
		}
	}
}

// Order between two goroutines.
func TestSPSCOrder(t *testing.T) {
	const n = 200_000
	q := NewSPSC[int](64)
	go func() {
		for i := 0; i < n; {
			if q.Push(i) {
				i++
			} else {
				runtime.Gosched()
			}
		}
	}()
	for want := 0; want < n; {
		if v, ok := q.Pop(); !ok {
			runtime.Gosched()
		} else if v != want {
			t.Fatalf("got %d, want %d", v, want)
		} else {
			want++
		}
	}
}

// What was taken is not kept alive by the queue.
func TestSPSCForgets(t *testing.T) {
	q := NewSPSC[*int](4)
	q.PushN([]*int{new(int), new(int), new(int), new(int)})
	q.Pop()
	q.PopN(make([]*int, 4))
	for i, p := range q.buf {
		if p != nil {
			t.Errorf("slot %d still points somewhere", i)
		}
	}
}
