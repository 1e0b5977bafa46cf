package pool

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestControllerOptions(t *testing.T) {
	for _, tc := range []struct {
		o    ControllerOptions
		want string
	}{
		{ControllerOptions{}, ""},
		{ControllerOptions{Min: 1, Max: 1}, ""},
		{ControllerOptions{Max: 5}, ""}, // Min follows
		{ControllerOptions{Min: 100, Max: 100, GrowAfter: 1000, ShrinkAfter: 1}, ""},
		{ControllerOptions{GrowAbove: 1, ShrinkBelow: 0.01}, ""},
		{ControllerOptions{Min: -1}, "Min -1"},
		{ControllerOptions{Min: 20, Max: 19}, "Max 19"},
		{ControllerOptions{Max: 101}, "Max 101"},
		{ControllerOptions{Max: -1}, "Max -1"},
		{ControllerOptions{GrowAbove: 1.01}, "GrowAbove 1.01"},
		{ControllerOptions{GrowAbove: 0.6}, "GrowAbove 0.6"},
		{ControllerOptions{ShrinkBelow: 0.7}, "ShrinkBelow 0.7"},
		{ControllerOptions{ShrinkBelow: -0.1}, "ShrinkBelow -0.1"},
		{ControllerOptions{Aim: 0.9}, "Aim 0.9"},
		{ControllerOptions{Aim: math.NaN()}, "Aim NaN"},
		{ControllerOptions{GrowAbove: math.NaN()}, "GrowAbove NaN"},
		{ControllerOptions{WaitAbove: -1}, "WaitAbove"},
		{ControllerOptions{GrowAfter: -1}, "GrowAfter -1"},
		{ControllerOptions{ShrinkAfter: 1001}, "ShrinkAfter 1001"},
	} {
		c, err := NewController(tc.o)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc.o, err)
		}
		if err == nil && c.Options().Aim == 0 {
			t.Errorf("%+v", c.Options())
		}
	}
}

// Sequences of samples, n of each, and what is decided on the last of them.
func TestControllerSteps(t *testing.T) {
	type step struct {
		n    int
		s    Sample // Size 0: what was decided last
		want Decision
	}
	u := func(n int, util float64, size int, r SizeReason) step {
		return step{n, Sample{Utilisation: util}, Decision{size, r}}
	}
	w := func(n int, util float64, wait time.Duration, waiting, size int, r SizeReason) step {
		return step{n, Sample{Utilisation: util, Wait: wait, Waiting: waiting}, Decision{size, r}}
	}
	for _, tc := range []struct {
		name  string
		size  int
		steps []step
	}{
		{"in between nothing happens", 20, []step{u(100, 0.6, 20, SizeSteady), u(1, 0.8, 20, SizeSteady), u(1, 0.5, 20, SizeSteady)}},
		{"one busy sample is none", 20, []step{u(1, 0.95, 20, SizeHolding), u(1, 0.6, 20, SizeSteady), u(1, 0.95, 20, SizeHolding)}},
		{"two are: to what is needed by Aim", 20, []step{u(2, 0.91, 28, SizeBusy)}},
		{"the sample of a change is left out", 20, []step{u(2, 0.91, 28, SizeBusy), u(1, 1, 28, SizeHolding), u(1, 1, 28, SizeHolding), u(1, 1, 44, SizeBusy)}},
		{"those who wait count, up to twice the size", 20, []step{w(2, 1, time.Second, 500, 40, SizeWaits)}},
		{"those who wait count", 20, []step{w(2, 1, time.Second, 2, 34, SizeWaits)}},
		{"waits alone are enough", 20, []step{w(2, 0.2, 6*time.Millisecond, 0, 22, SizeWaits)}},
		{"short ones are not", 20, []step{w(20, 0.6, 5*time.Millisecond, 0, 20, SizeSteady)}},
		{"more than Size lent", 10, []step{u(2, 1.5, 20, SizeBusy)}},
		{"not beyond Max", 90, []step{u(2, 1, 100, SizeBusy), u(50, 1, 100, SizeAtBound)}},
		{"nine idle samples are none", 40, []step{u(9, 0.1, 40, SizeHolding), u(1, 0.6, 40, SizeSteady), u(9, 0.1, 40, SizeHolding)}},
		{"ten are: a quarter at a time", 40, []step{u(10, 0.1, 30, SizeIdle), u(1, 0.1, 30, SizeHolding), u(9, 0.1, 30, SizeHolding), u(1, 0.1, 23, SizeIdle)}},
		{"not below Min", 12, []step{u(10, 0, 10, SizeIdle), u(50, 0, 10, SizeAtBound)}},
		{"to the busiest of the ten", 40, []step{u(5, 0.1, 40, SizeHolding), u(1, 0.49, 40, SizeHolding), u(4, 0.1, 31, SizeIdle)}},
		{"not while anybody waits", 40, []step{w(50, 0.1, 0, 1, 40, SizeSteady)}},
		{"a failing server says nothing", 20, []step{{1, Sample{Utilisation: 1, Waiting: 99}, Decision{20, SizeHolding}},
			{50, Sample{Utilisation: 1, Waiting: 99, Failing: true}, Decision{20, SizeFailing}},
			{1, Sample{Utilisation: 1, Waiting: 99}, Decision{20, SizeHolding}}}},
		{"nor does no time", 20, []step{u(50, math.NaN(), 20, SizeFailing)}},
		{"from outside", 3, []step{u(1, 0, 10, SizeOutside)}},
		{"from above", 120, []step{u(1, 0, 100, SizeOutside)}},
		{"shrinking that was wrong takes longer the next time", 40, []step{
			u(10, 0.45, 30, SizeIdle), u(1, 0, 30, SizeHolding), u(2, 0.95, 44, SizeBusy), u(1, 0, 44, SizeHolding),
			u(19, 0.3, 44, SizeHolding), u(1, 0.3, 33, SizeIdle)}},
	} {
		c, err := NewController(ControllerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		size := tc.size
		for i, st := range tc.steps {
			var d Decision
			for k := range st.n {
				s := st.s
				s.Size = size
				d = c.Next(s)
				if k < st.n-1 && d.Size != size {
					t.Errorf("%s, step %d: changed to %v at sample %d", tc.name, i, d, k)
				}
				size = d.Size
			}
			if d != st.want {
				t.Errorf("%s, step %d: %v %v, want %v %v", tc.name, i, d.Size, d.Reason, st.want.Size, st.want.Reason)
			}
		}
	}
	for r := range sizeReasonsCount {
		if r.String() == "" || r.String() == "unknown" {
			t.Errorf("reason %d has no name", r)
		}
	}
	if sizeReasonsCount.String() != "unknown" {
		t.Error("names")
	}
}

// turns counts changes of direction.
func turns(sizes []int) (n int) {
	last := 0
	for i := 1; i < len(sizes); i++ {
		d := sizes[i] - sizes[i-1]
		if d*last < 0 {
			n++
		}
		if d != 0 {
			last = d
		}
	}
	return n
}

// Whatever the load, the size stays in its bounds; under a steady one it settles;
// under one that swings it turns less and less often.
func TestControllerSettles(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	run := func(n int, need func(i int) float64) (sizes []int) {
		c, err := NewController(ControllerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		size, queued := 10, 0.0
		for i := range n {
			want := need(i)
			served := min(want+queued, float64(size))
			queued = min(max(want+queued-served, 0), 200)
			s := Sample{Size: size, Utilisation: served / float64(size), Waiting: int(queued)}
			if queued > 0 {
				s.Wait = 20 * time.Millisecond
			}
			if size = c.Next(s).Size; size < 10 || size > 100 {
				t.Fatalf("size %d", size)
			}
			sizes = append(sizes, size)
		}
		return sizes
	}
	for _, need := range []float64{0, 3, 7, 12, 25, 40, 55, 64} {
		for _, noise := range []float64{0, 0.05, 0.1} {
			sizes := run(2000, func(int) float64 { return need * (1 + noise*r.NormFloat64()) })
			if n := turns(sizes[100:]); n > 2 {
				t.Errorf("need %v, noise %v: %d turns after settling", need, noise, n)
			}
			last := sizes[len(sizes)-1]
			if u := need / float64(last); last > 10 && (u < 0.45 || u > 0.85) {
				t.Errorf("need %v, noise %v: size %d, utilisation %.2f", need, noise, last, u)
			}
		}
	}
	for _, period := range []int{2, 10, 25, 40, 80} {
		sizes := run(20000, func(i int) float64 {
			if i%period < period/2 {
				return 50
			}
			return 2
		})
		first, late := turns(sizes[:2000]), turns(sizes[18000:])
		if late > first || late > 2000/200 {
			t.Errorf("a load that swings every %d samples: %d turns in the first 2,000, %d in the last", period, first, late)
		}
	}
	for range 200 { // nonsense keeps in bounds too
		run(200, func(int) float64 { return r.ExpFloat64() * 200 })
	}
}

// Patience doubles when shrinking was wrong, up to a bound, and halves when it was
// right for long.
func TestControllerPatience(t *testing.T) {
	c, err := NewController(ControllerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	size := 40
	feed := func(n int, util float64) {
		for range n {
			size = c.Next(Sample{Size: size, Utilisation: util}).Size
		}
	}
	shrink := func() (n int) { // by an idle load; how many samples it takes
		for from := size; size >= from; n++ {
			if feed(1, 0.4); n > 1000 {
				t.Fatal("it never shrinks")
			}
		}
		return n
	}
	took := []int{}
	for range 9 {
		took = append(took, shrink())
		feed(4, 0.95) // wrong: it was needed
		feed(1, 0.6)
		size = 40
	}
	if want := []int{10, 20, 40, 80, 160, 320, 320, 320, 320}; !slices.Equal(took, want) {
		t.Errorf("shrinking took %v samples, want %v", took, want)
	}
	shrink()
	feed(5000, 0.6) // right
	size = 40
	if n := shrink(); n != 10 {
		t.Errorf("after 5,000 samples in which it was right, shrinking takes %d", n)
	}
}
