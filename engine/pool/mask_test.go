package pool

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A mask agrees with a sorted list of what is in it.
func TestMask(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var m mask
		var list []int
		for i, share := 0, r.Float64(); i < 128; i++ {
			if r.Float64() < share*share {
				m.add(i)
				list = append(list, i)
			}
		}
		if m.count() != len(list) || m.empty() != (len(list) == 0) {
			t.Fatalf("%v: count %d, empty %v", list, m.count(), m.empty())
		}
		first, last := -1, -1
		if len(list) > 0 {
			first, last = list[0], list[len(list)-1]
		}
		if m.first() != first || m.last() != last {
			t.Fatalf("%v: first %d, last %d", list, m.first(), m.last())
		}
		for n, want := range list {
			if got := m.nth(n); got != want {
				t.Fatalf("%v: nth %d is %d", list, n, got)
			}
		}
		for i := range 128 {
			want := first
			if k := slices.IndexFunc(list, func(x int) bool { return x > i }); k >= 0 {
				want = list[k]
			}
			if got := m.after(i); got != want {
				t.Fatalf("%v: after %d is %d", list, i, got)
			}
			if m.has(i) != slices.Contains(list, i) || below(i).count() != i || below(i).has(i) {
				t.Fatalf("%v: has or below %d", list, i)
			}
		}
		if len(list) > 0 {
			n := m
			n.remove(first)
			if n.has(first) || n.count() != len(list)-1 || m.andNot(n).count() != 1 || m.and(n) != n {
				t.Fatalf("%v without its first is %v", list, n)
			}
		}
	}
	if below(128).count() != 128 || below(0).count() != 0 {
		t.Error("below")
	}
	if ones(0b1011, 3) != 2 || ones(0b1011, 4) != 3 || ones(^uint64(0), 64) != 64 || ones(1, 0) != 0 {
		t.Error("ones")
	}
}

// A histogram's quantile is at most an eighth above the one of the values.
func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Count() != 0 {
		t.Error("empty")
	}
	r := rand.New(rand.NewPCG(3, 4))
	var all []int64
	for range 20000 {
		v := int64(r.ExpFloat64() * float64(time.Millisecond))
		if r.IntN(10) == 0 {
			v = int64(r.IntN(20))
		}
		all = append(all, v)
		h.add(v)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.05, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := all[min(int(q*float64(len(all))), len(all)-1)]
		if got := int64(h.Quantile(q)); got < exact || got > exact+exact/8+1 {
			t.Errorf("quantile %v is %d, of the values %d", q, got, exact)
		}
	}
	before := h
	h.add(-5)
	h.add(1 << 62)
	if d := h.Sub(&before); d.Count() != 2 || d[0] != 1 || d[histogramBuckets-1] != 1 {
		t.Errorf("values out of range: %v", d)
	}
	for i := range histogramBuckets {
		if e := bucketEnd(i); bucketOf(e) != i || e < histogramMax && bucketOf(e+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d", i, e, bucketOf(e))
		}
	}
}
