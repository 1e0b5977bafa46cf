package suite

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// Percentiles of batches are named so and are those of one operation; those that too
// few readings tell of are left out.
func TestPercentiles(t *testing.T) {
	single, batches, few := newTiming(1), newTiming(batch), newTiming(1)
	for i := range 1000 {
		single.record(int64(1000 * (i + 1)))
		batches.record(int64(batch * 10 * (i + 1)))
	}
	few.record(5000)
	r := &result.Result{}
	single.percentiles(r, "")
	batches.percentiles(r, "zipf_")
	few.percentiles(r, "few_")
	newTiming(1).percentiles(r, "none_")
	near := func(name string, want float64) {
		t.Helper()
		v := r.Value(name)
		if v == nil || math.Abs(v.Runs[0]-want) > want/100 || v.Unit != "µs" {
			t.Errorf("%s: %+v, want %v µs", name, v, want)
		}
	}
	near("p50_us", 500)
	near("p99_us", 990)
	near("p99.9_us", 999)
	near("max_us", 1000)
	near("zipf_batch64_p50_us", 5)
	near("zipf_batch64_max_us", 10)
	near("few_max_us", 5)
	for _, name := range []string{"p99.99_us", "zipf_p50_us", "few_p50_us", "none_max_us"} {
		if v := r.Value(name); v != nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// timed counts what an operation allocates, and an operation's error ends it.
func TestTimed(t *testing.T) {
	var keep []byte
	calls := 0
	tm, err := timed(t.Context(), 20*time.Millisecond, batch, bodyOf(batch, func(i int) error {
		keep = make([]byte, 100+i%2)
		calls++
		return nil
	}))
	if err != nil || len(keep) == 0 {
		t.Fatal(err)
	}
	r := &result.Result{}
	tm.add(r)
	if v := r.Value("allocs_per_op"); v == nil || v.Runs[0] < 0.99 || v.Runs[0] > 1.5 {
		t.Errorf("allocations: %+v", v)
	}
	if v := r.Value("bytes_per_op"); v == nil || v.Runs[0] < 100 {
		t.Errorf("bytes: %+v", v)
	}
	if tm.ops > int64(calls) || tm.ops < batch || tm.ns < int64(20*time.Millisecond) {
		t.Errorf("%d operations in %d ns, %d calls", tm.ops, tm.ns, calls)
	}
	if v := r.Value("clock_ns"); v == nil || v.Runs[0] <= 0 || v.Runs[0] > 10_000 {
		t.Errorf("the clock: %+v", v)
	}
	want := errors.New("enough")
	if _, err := timed(t.Context(), time.Hour, 1, func() error { return want }); err != want {
		t.Errorf("%v", err)
	}
}

// Of two ways to do something the faster one gains, however the machine is loaded.
func TestDuel(t *testing.T) {
	spin := func(d time.Duration) func() error {
		return func() error {
			for end := now() + int64(d); now() < end; {
			}
			return nil
		}
	}
	slow, fast, err := duel(&Env{Context: t.Context()}, 100*time.Millisecond, 1, spin(200*time.Microsecond), spin(20*time.Microsecond))
	if err != nil || len(slow.turns) != turns || len(fast.turns) != turns {
		t.Fatalf("%v: %d and %d turns", err, len(slow.turns), len(fast.turns))
	}
	if g := gain(slow, fast); g < 2 {
		t.Errorf("ten times as fast gains %v", g)
	}
	if g := gain(fast, slow); g > -0.5 {
		t.Errorf("ten times as slow gains %v", g)
	}
}

func TestDrift(t *testing.T) {
	points := func(n int, rate func(i int) float64, rss func(i int) int64) *result.Result {
		run := &load.Result{}
		for i := range n {
			p := load.Point{Seconds: 1, Good: int64(rate(i))}
			if rss != nil {
				v := rss(i)
				p.RSS = &v
			}
			run.Series = append(run.Series, p)
		}
		return &result.Result{Runs: []*load.Result{run}}
	}
	flat := func(int) float64 { return 1000 }
	for _, c := range []struct {
		name      string
		r         *result.Result
		rate, rss float64
		absent    string
	}{
		{"flat", points(20, flat, func(int) int64 { return 5e6 }), 0, 0, ""},
		{"half as fast at the end, twice as much memory", points(10, func(i int) float64 { return 1000 / float64(1+i/8) }, func(i int) int64 { return int64(5e6 * (1 + i/8)) }), -0.5, 1, ""},
		{"no memory known", points(10, flat, nil), 0, 0, "rss_change"},
		{"too few points", points(4, flat, nil), 0, 0, "rate_change rss_change"},
	} {
		addDrift(c.r)
		for name, want := range map[string]float64{"rate_change": c.rate, "rss_change": c.rss} {
			v := c.r.Value(name)
			if gone := strings.Contains(c.absent, name); gone != (v == nil) || v != nil && math.Abs(v.Runs[0]-want) > 1e-9 {
				t.Errorf("%s: %s is %+v, want %v", c.name, name, v, want)
			}
		}
	}
}

// A message of each shape is a kilobyte, and one that a parser takes.
func TestShapes(t *testing.T) {
	for _, sh := range shapes() {
		if n := len(sh.request()); n != kilobyte {
			t.Errorf("%q: %d bytes", sh.prefix, n)
		}
	}
}
