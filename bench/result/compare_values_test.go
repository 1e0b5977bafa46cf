package result

import (
	"errors"
	"testing"
)

func TestCompareValues(t *testing.T) {
	work := func(rate, p99, p50, bytes, allocs float64) *Result {
		r := &Result{Kind: KindWork, ID: "registry.lookup", Settings: "time=3s"}
		r.Add("rate", "1/s", rate)
		r.Add("batch64_p99_us", "µs", p99)
		r.Add("p50_us", "µs", p50)
		r.Add("heap_each_bytes", "B", bytes)
		r.Add("allocs_per_op", "1", allocs)
		r.Add("gain_32", "ratio", -0.5)
		return r
	}
	base := work(1000, 10, 5, 100, 0)
	for _, c := range []struct {
		name   string
		after  *Result
		metric string
		want   string
		failed bool
	}{
		{"the same", work(1000, 10, 5, 100, 0), "rate", Pass, false},
		{"noise", work(930, 11.5, 9, 140, 0.001), "batch64_p99_us", Pass, false},
		{"faster", work(5000, 1, 1, 10, 0), "rate", Pass, false},
		{"slower by 15 %", work(850, 10, 5, 100, 0), "rate", Fail, true},
		{"a later tail", work(1000, 13, 5, 100, 0), "batch64_p99_us", Fail, true},
		{"a later median is not judged", work(1000, 10, 50, 100, 0), "p50_us", None, false},
		{"more memory", work(1000, 10, 5, 160, 0), "heap_each_bytes", Warn, false},
		{"an allocation each", work(1000, 10, 5, 100, 1), "allocs_per_op", Fail, true},
		{"one in ten operations", work(1000, 10, 5, 100, 0.1), "allocs_per_op", Fail, true},
	} {
		all, err := CompareValues(base, c.after)
		if err != nil || Failed(all) != c.failed || len(all) != 6 {
			t.Errorf("%s: %v %v", c.name, all, err)
		}
		for _, change := range all {
			if change.Metric == c.metric && change.Verdict != c.want {
				t.Errorf("%s: %s is %s, want %s", c.name, c.metric, change.Verdict, c.want)
			}
		}
	}
	for name, change := range map[string]func(*Result){
		"machine":  func(r *Result) { r.Facts.CPUs++ },
		"workload": func(r *Result) { r.ID = "registry.mixed" },
		"kind":     func(r *Result) { r.Kind = KindLoad },
		"settings": func(r *Result) { r.Settings = "time=1s" },
	} {
		other := work(1000, 10, 5, 100, 0)
		change(other)
		if _, err := CompareValues(base, other); !errors.Is(err, ErrIncomparable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	few := &Result{Kind: KindWork, ID: base.ID, Settings: base.Settings}
	few.Add("rate", "1/ms", 1)
	all, err := CompareValues(base, few)
	if err != nil || len(all) != 6 {
		t.Errorf("of what is in one only, or in another unit: %v %v", all, err)
	}
	for _, c := range all {
		if c.Verdict != NotMeasured || c.After.N != 0 {
			t.Errorf("of what is in one only, or in another unit: %+v", c)
		}
	}
}
