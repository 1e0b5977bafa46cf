package load

import (
	"math"
	"slices"
	"testing"
	"time"
)

// arrivalsOf walks through a plan and returns when its requests are meant to be
// sent, in ns from its beginning.
func arrivalsOf(p Plan, seed *uint64) (all []int64) {
	for c := newPace(p, seed, 0); !c.done(); c.advance() {
		all = append(all, c.next)
	}
	return all
}

// sent is how many requests of a plan are to have been sent by a time, on average.
func (p Plan) sent(at int64) (n float64) {
	for _, s := range p {
		t := min(float64(at), float64(s.Duration)) / 1e9
		n += s.From*t + (s.To-s.From)*t*t/(2*s.Duration.Seconds())
		if at -= int64(s.Duration); at <= 0 {
			break
		}
	}
	return n
}

// exponential says how far distances are from exponential ones of mean 1, by the
// statistic of Kolmogorov and Smirnov times the root of their number: beyond 1.95
// in one of a thousand samples.
func exponential(distances []float64) float64 {
	slices.Sort(distances)
	n, most := float64(len(distances)), 0.0
	for i, d := range distances {
		f := 1 - math.Exp(-d)
		most = max(most, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
	}
	return most * math.Sqrt(n)
}

// Poisson arrivals of any plan: laid on the mean number sent, the distances are
// exponential with mean 1 and know nothing of each other, and the counts of
// windows have their mean as variance. Arrivals at even distances fail all of it.
func TestPoisson(t *testing.T) {
	for _, c := range []struct {
		name string
		plan Plan
	}{
		{"one rate", Constant(1000, 20*time.Second)},
		{"a ramp", Plan{{0, 2000, 20 * time.Second}}},
		{"a ramp to nothing", Plan{{2000, 0, 20 * time.Second}}},
		{"steps", Plan{{100, 100, 5 * time.Second}, {5000, 5000, 3 * time.Second}, {10, 10, time.Second}, {1000, 8000, 5 * time.Second}}},
		{"steps of less than a request", slices.Repeat(Plan{{50, 50, 10 * time.Millisecond}}, 2_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			seeds := map[uint64]int{}
			for seed := range uint64(3) {
				all := arrivalsOf(c.plan, &seed)
				mean := c.plan.sent(int64(c.plan.Duration()))
				if d := math.Abs(float64(len(all)) - mean); d > 4*math.Sqrt(mean) {
					t.Errorf("seed %d: %d arrivals of %.0f", seed, len(all), mean)
				}
				seeds[seed] = len(all)
				if !slices.IsSorted(all) || all[0] < 0 || all[len(all)-1] > int64(c.plan.Duration()) {
					t.Errorf("seed %d: from %d to %d", seed, all[0], all[len(all)-1])
				}
				var distances []float64
				last, product := 0.0, 0.0
				for _, at := range all {
					n := c.plan.sent(at)
					distances = append(distances, n-last)
					last = n
				}
				for i := 1; i < len(distances); i++ {
					product += (distances[i] - 1) * (distances[i-1] - 1)
				}
				// Of independent ones this is normal with deviation 1.
				if z := product / math.Sqrt(float64(len(distances))); math.Abs(z) > 4 {
					t.Errorf("seed %d: distances know of those before them: %.1f deviations", seed, z)
				}
				if k := exponential(distances); k > 1.95 {
					t.Errorf("seed %d: distances are not exponential: %.2f", seed, k)
				}
				// Its deviation is the root of 2 by the number of windows.
				if d, windows := dispersion(c.plan, all); math.Abs(d-1) > 4*math.Sqrt(2/float64(windows)) {
					t.Errorf("seed %d: the variance of %d windows is %.2f of their mean", seed, windows, d)
				}
				if again := arrivalsOf(c.plan, &seed); !slices.Equal(again, all) {
					t.Errorf("seed %d does not give the same twice", seed)
				}
			}
			other := uint64(99)
			if a, b := arrivalsOf(c.plan, new(uint64)), arrivalsOf(c.plan, &other); slices.Equal(a, b) {
				t.Error("two seeds give the same")
			}
		})
	}
	even := Constant(2000, 20*time.Second)
	all := arrivalsOf(even, nil)
	var distances []float64
	for i := 1; i < len(all); i++ {
		distances = append(distances, even.sent(all[i])-even.sent(all[i-1]))
	}
	if k := exponential(distances); k < 10 {
		t.Errorf("even distances are exponential: %.2f", k)
	}
	if d, _ := dispersion(even, all); d > 0.1 {
		t.Errorf("the windows of even distances vary: %.2f", d)
	}
}

// dispersion is the variance of the counts in windows of twenty requests on
// average, by their mean, and how many windows there are.
func dispersion(p Plan, all []int64) (float64, int) {
	const each = 20.0
	counts := make([]float64, int(p.sent(int64(p.Duration()))/each))
	for _, at := range all {
		if i := int(p.sent(at) / each); i < len(counts) {
			counts[i]++
		}
	}
	squares := 0.0
	for _, n := range counts {
		squares += (n - each) * (n - each)
	}
	return squares / float64(len(counts)) / each, len(counts)
}

// A plan without requests has no arrivals, and a walk that is over stays so.
func TestPoissonEnd(t *testing.T) {
	seed := uint64(1)
	if c := newPace(nil, &seed, 0); !c.done() {
		t.Error("no plan has an arrival")
	}
	c := newPace(Constant(1000, 20*time.Millisecond), &seed, 0)
	for !c.done() {
		c.advance()
	}
	for range 100 {
		if c.advance(); !c.done() {
			t.Fatal("an arrival behind the last")
		}
	}
}
