package result

import (
	"errors"
	"fmt"

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
// is the generator's limit.
func Compare(before, after *Result) ([]Change, error) {
	if err := comparable(before, after); err != nil {
		return nil, err
	}
	var all []Change
	for _, m := range Metrics {
		c := Change{Metric: m.Name, Before: before.Spread(m), After: after.Spread(m), Verdict: None}
		if c.Before.N == 0 || c.After.N == 0 || c.Before.Median <= 0 && m.Name != MetricAllocs {
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
	return all, nil
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
	case a.Facts.Fingerprint() != b.Facts.Fingerprint():
		return fmt.Errorf("%w: one is of %s, the other of %s; measure both on one machine", ErrIncomparable, a.Facts.Fingerprint(), b.Facts.Fingerprint())
	case a.Saturated() || b.Saturated():
		return fmt.Errorf("%w: the generator was the limit of one of them; lower the load", ErrIncomparable)
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
	if (x.TLS == nil) != (y.TLS == nil) {
		return fmt.Errorf("%w: one is over TLS", ErrIncomparable)
	}
	return nil
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
