package result

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gannetmcp/gannet/bench/load"
)

// ErrIncomparable is what results are that no comparison is honest of.
var ErrIncomparable = errors.New("the results do not compare")

// A Change is one metric in two results.
type Change struct {
	Metric  string  `json:"metric"`
	Before  Spread  `json:"before"`
	After   Spread  `json:"after"`
	Ratio   float64 `json:"ratio"` // of the medians; 0 where there was nothing before
	Verdict string  `json:"verdict"`
}

// Verdicts.
const (
	Pass = "pass"
	Warn = "warn" // said, and no failure
	Fail = "FAIL"
	None = "-" // not judged
)

// Limits of the gate, as ratios of medians. They are those of the erlmcp v3
// report of 2026-02-02.
const (
	LeastRate = 0.90 // throughput
	MostP99   = 1.20
	MostRSS   = 1.50 // a warning
)

// MoreAllocs is how many objects a message may be more: none. What a server does
// on the side, by the clock, is far below it in a run of a second.
const MoreAllocs = 0.01

// Compare compares two results of one load, metric by metric. They do not
// compare if they are of different machines or of different loads, or if either
// is the generator's limit or was interrupted. Of two searches the knees are
// compared. What is judged and was measured before only is NotMeasured.
func Compare(before, after *Result) ([]Change, error) {
	if err := comparable(before, after); err != nil {
		return nil, err
	}
	if before.Knee != nil {
		knee := Change{Metric: "knee_rate", Before: SpreadOf([]float64{before.Knee.Rate}), After: SpreadOf([]float64{after.Knee.Rate}), Verdict: None}
		if before.Knee.Rate > 0 {
			knee.Ratio = after.Knee.Rate / before.Knee.Rate
			knee.Verdict = judged(knee.Ratio < LeastRate, Fail)
		}
		return []Change{knee}, nil
	}
	var all []Change
	for _, m := range Metrics {
		c := Change{Metric: m.Name, Before: before.Spread(m), After: after.Spread(m), Verdict: None}
		if c.Before.N == 0 || c.Before.Median <= 0 && m.Name != MetricAllocs {
			continue
		}
		if c.After.N == 0 {
			if isJudged(m.Name) {
				c.Verdict = NotMeasured
				all = append(all, c)
			}
			continue
		}
		if c.Before.Median > 0 {
			c.Ratio = c.After.Median / c.Before.Median
		}
		switch m.Name {
		case MetricRate:
			c.Verdict = judged(c.Ratio < LeastRate, Fail)
		case MetricP99:
			c.Verdict = judged(c.Ratio > MostP99, Fail)
		case MetricRSS:
			c.Verdict = judged(c.Ratio > MostRSS, Warn)
		case MetricAllocs:
			c.Verdict = judged(c.After.Median-c.Before.Median > MoreAllocs, Fail)
		}
		all = append(all, c)
	}
	for _, m := range shares {
		c := Change{Metric: m.Name, Before: before.Spread(m), After: after.Spread(m)}
		if c.Before.Max == 0 && c.After.Max == 0 {
			continue
		}
		if c.Before.Max > 0 {
			c.Ratio = c.After.Max / c.Before.Max
		}
		// A run that failed is no noise: the worst counts, not the median; and where
		// there were none, one is too much.
		c.Verdict = judged(c.After.Max > c.Before.Max*MostP99, Fail)
		all = append(all, c)
	}
	return all, nil
}

// shares are what was not answered rightly, of what was asked: a server that refuses
// more may well be faster at the rest. Other metrics are of good answers alone.
var shares = []Metric{
	{"errors", func(r *load.Result) (float64, bool) {
		return float64(r.ErrorTotal) / float64(max(r.Sent, r.Answered+r.ErrorTotal, 1)), true
	}},
	{"skipped", func(r *load.Result) (float64, bool) { return float64(r.Skipped) / float64(max(r.Starts, 1)), true }},
}

// isJudged says whether Compare judges the metric of the name.
func isJudged(name string) bool {
	return name == MetricRate || name == MetricP99 || name == MetricRSS || name == MetricAllocs
}

func judged(bad bool, verdict string) string {
	if bad {
		return verdict
	}
	return Pass
}

func comparable(a, b *Result) error {
	switch {
	case a.Kind != KindLoad || b.Kind != KindLoad || len(a.Runs) == 0 || len(b.Runs) == 0:
		return fmt.Errorf("%w: both must be results of perf load", ErrIncomparable)
	case !a.Facts.SameMachine(&b.Facts):
		return otherMachine(a, b)
	case (a.Knee == nil) != (b.Knee == nil) || a.Knee != nil && a.Knee.Limit != b.Knee.Limit:
		return fmt.Errorf("%w: both must look for the knee, by one limit, or neither", ErrIncomparable)
	case a.Saturated() || b.Saturated():
		return fmt.Errorf("%w: the generator was the limit of one of them; lower the load", ErrIncomparable)
	case interrupted(a) || interrupted(b):
		return fmt.Errorf("%w: one of them was interrupted", ErrIncomparable)
	}
	x, y := a.Runs[0], b.Runs[0]
	if x.Method != y.Method || x.Conns != y.Conns || x.Depth != y.Depth || x.Size != y.Size || x.Revision != y.Revision || fmt.Sprint(x.Plan) != fmt.Sprint(y.Plan) {
		return fmt.Errorf("%w: one is %s with %d connections, depth %d, %d bytes, plan %v; the other %s with %d, %d, %d, %v", ErrIncomparable,
			x.Method, x.Conns, x.Depth, x.Size, x.Plan, y.Method, y.Conns, y.Depth, y.Size, y.Plan)
	}
	if x.Arrivals != y.Arrivals || x.Seed != y.Seed {
		return fmt.Errorf("%w: arrivals are %q by seed %d in one and %q by %d in the other", ErrIncomparable, x.Arrivals, x.Seed, y.Arrivals, y.Seed)
	}
	if a, b := callsEach(x), callsEach(y); a != b {
		return fmt.Errorf("%w: a connection has %d calls in one and %d in the other, and 0 is no end of them", ErrIncomparable, a, b)
	}
	if a, b := scheme(x), scheme(y); a != b {
		return fmt.Errorf("%w: one is by %s, the other by %s", ErrIncomparable, a, b)
	}
	if x.Tool != y.Tool || x.ArgsExtra != y.ArgsExtra {
		return fmt.Errorf("%w: one calls the tool %q with %q, the other %q with %q (\"\" is as by default)", ErrIncomparable, x.Tool, x.ArgsExtra, y.Tool, y.ArgsExtra)
	}
	return nil
}

// otherMachine is why results of two machines do not compare.
func otherMachine(a, b *Result) error {
	return fmt.Errorf("%w: one is of %s, the other of %s; measure both on one machine", ErrIncomparable, a.Facts.Fingerprint(), b.Facts.Fingerprint())
}

// interrupted says that some run is shorter than was asked for.
func interrupted(r *Result) bool {
	return slices.ContainsFunc(r.Runs, func(run *load.Result) bool { return run.Interrupted })
}

// scheme is how a run's server was reached.
func scheme(r *load.Result) string {
	before, _, _ := strings.Cut(r.Target, "://")
	return before
}

// callsEach is how many calls a connection has, 0 without end.
func callsEach(r *load.Result) int {
	if r.Reconnects == nil {
		return 0
	}
	return r.Reconnects.Calls
}

// Failed says whether any metric failed.
func Failed(all []Change) bool {
	for _, c := range all {
		if c.Verdict == Fail {
			return true
		}
	}
	return false
}
