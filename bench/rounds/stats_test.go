package rounds

import (
	"math"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

func TestSpread(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values []float64
		want   result.Spread
	}{
		{"none", nil, result.Spread{}},
		{"one", []float64{3}, result.Spread{Median: 3, Min: 3, Max: 3, N: 1}},
		{"two", []float64{4, 2}, result.Spread{Median: 3, Min: 2, Max: 4, N: 2}},
		{"three, unordered", []float64{9, 1, 2}, result.Spread{Median: 2, Min: 1, Max: 9, N: 3}},
		{"one is far off", []float64{1, 1, 1, 100}, result.Spread{Median: 1, Min: 1, Max: 100, N: 4}},
	} {
		if got := result.SpreadOf(tc.values); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// measured makes a measurement with a rate and a CPU time.
func measured(round int, subject string, rate, cpu float64) Measurement {
	r := &load.Result{Rate: rate}
	if cpu > 0 {
		r.Server = &load.Server{CPUMicros: cpu}
	}
	return Measurement{Round: round, Subject: subject, Result: r}
}

// wrong says that some of its requests failed.
func wrong(m Measurement) Measurement {
	m.Result.ErrorTotal, m.Failure = 1, "errors: rpc 1"
	return m
}

// held says that the generator was its limit.
func held(m Measurement) Measurement {
	m.Result.Generator.Saturated = true
	return m
}

// A ratio is taken within a round, so that a slow hour weighs on both sides.
func TestRatiosWithinRounds(t *testing.T) {
	all := []Measurement{
		measured(1, "base", 100, 0), measured(1, "a", 50, 1),
		measured(2, "base", 10, 0), measured(2, "a", 5, 1), // ten times slower, the same ratio
		measured(3, "base", 100, 0), {Round: 3, Subject: "a", Failure: "gone"},
		{Round: 4, Subject: "base", Failure: "gone"}, measured(4, "a", 50, 1),
		measured(5, "base", 0, 0), measured(5, "a", 50, 1),
		measured(6, "base", 100, 0), wrong(measured(6, "a", 900, 1)), // fast at refusing
		wrong(measured(7, "base", 1, 0)), measured(7, "a", 50, 1),
	}
	got := result.SpreadOf(Ratios(all, "a", "base", MetricRate))
	if got != (result.Spread{Median: 0.5, Min: 0.5, Max: 0.5, N: 2}) {
		t.Errorf("ratios: %+v", got)
	}
	if got := Figures(all, "a", MetricRate); len(got) != 5 {
		t.Errorf("figures: %v", got)
	}
	if got := Ratios(all, "a", "base", MetricCPU); got != nil {
		t.Errorf("ratios to a base whose CPU nobody measured: %v", got)
	}
	if got := Ratios(all, "a", "absent", MetricRate); got != nil {
		t.Errorf("ratios to a base that is not there: %v", got)
	}
}

func TestAssess(t *testing.T) {
	all := []Measurement{
		measured(1, "base", 100, 10), measured(1, "a", 60, 15),
		measured(2, "base", 100, 10), measured(2, "a", 60, 15),
		held(measured(1, "held", 100, 10)), measured(2, "held", 100, 10),
		held(measured(1, "once", 100, 10)), measured(2, "once", 100, 10), measured(3, "once", 100, 10),
	}
	for _, tc := range []struct {
		name    string
		goal    result.Goal
		verdict string
		figure  float64
	}{
		{"more is better: reached", result.Goal{ID: "P", Subject: "a", Metric: MetricRate, Base: "base", Must: 0.5, Reach: 0.6}, "reached", 0.6},
		{"more is better: met", result.Goal{ID: "P", Subject: "a", Metric: MetricRate, Base: "base", Must: 0.5, Reach: 0.7}, "met", 0.6},
		{"more is better: missed", result.Goal{ID: "P", Subject: "a", Metric: MetricRate, Base: "base", Must: 0.65, Reach: 0.7}, "missed", 0.6},
		{"absolute", result.Goal{ID: "P", Subject: "a", Metric: MetricRate, Base: "", Must: 50, Reach: 60}, "reached", 60},
		{"less is better: reached", result.Goal{ID: "P", Subject: "a", Metric: MetricCPU, Base: "base", Must: 2, Reach: 1.6}, "reached", 1.5},
		{"less is better: met", result.Goal{ID: "P", Subject: "a", Metric: MetricCPU, Base: "base", Must: 2, Reach: 1.4}, "met", 1.5},
		{"less is better: missed", result.Goal{ID: "P", Subject: "a", Metric: MetricCPU, Base: "base", Must: 1.4, Reach: 1.2}, "missed", 1.5},
		{"beside a base that the generator held up: no goal is met", result.Goal{ID: "P", Subject: "a", Metric: MetricRate, Base: "held", Must: 0.5, Reach: 0.6}, "undecided", 0.6},
		{"but one is missed", result.Goal{ID: "P", Subject: "a", Metric: MetricRate, Base: "held", Must: 0.7, Reach: 0.8}, "missed", 0.6},
		{"held up itself: no goal is missed", result.Goal{ID: "P", Subject: "held", Metric: MetricRate, Base: "a", Must: 2, Reach: 3}, "undecided", 100.0 / 60},
		{"but one is met", result.Goal{ID: "P", Subject: "held", Metric: MetricRate, Must: 90, Reach: 100}, "reached", 100},
		{"both held up", result.Goal{ID: "P", Subject: "held", Metric: MetricRate, Base: "held", Must: 1, Reach: 1}, "undecided", 1},
		{"held up in one round of three", result.Goal{ID: "P", Subject: "a", Metric: MetricRate, Base: "once", Must: 0.5, Reach: 0.6}, "reached", 0.6},
		{"CPU is the server's all the same", result.Goal{ID: "P", Subject: "a", Metric: MetricCPU, Base: "held", Must: 2, Reach: 1.6}, "reached", 1.5},
		{"no such subject", result.Goal{ID: "P", Subject: "b", Metric: MetricRate, Base: "base", Must: 0, Reach: 0}, "not measured", 0},
		{"no such base", result.Goal{ID: "P", Subject: "a", Metric: MetricRate, Base: "b", Must: 0, Reach: 0}, "not measured", 0},
	} {
		got := Assess(all, []result.Goal{tc.goal})[0]
		if got.Verdict != tc.verdict || math.Abs(got.Measured.Median-tc.figure) > 1e-9 {
			t.Errorf("%s: %s (%v), want %s (%v)", tc.name, got.Verdict, got.Measured.Median, tc.verdict, tc.figure)
		}
	}
}
