package result

import (
	"fmt"
	"strings"
)

// CompareValues compares two results of one workload of perf run that is no load on
// a server, figure by figure. Rates and outer percentiles are judged by the limits of
// the gate, bytes are warned of, and any allocation more fails.
//
// Errors: ErrIncomparable, where they are of different machines, workloads or
// settings.
func CompareValues(before, after *Result) ([]Change, error) {
	switch {
	case before.Kind != KindWork || after.Kind != KindWork || before.ID != after.ID:
		return nil, fmt.Errorf("%w: both must be results of one workload", ErrIncomparable)
	case !before.Facts.SameMachine(&after.Facts):
		return nil, otherMachine(before, after)
	case before.Settings != after.Settings:
		return nil, fmt.Errorf("%w: one is by %s, the other by %s", ErrIncomparable, before.Settings, after.Settings)
	}
	var all []Change
	for i := range before.Values {
		b := &before.Values[i]
		a := after.Value(b.Name)
		if a == nil || a.Unit != b.Unit {
			all = append(all, Change{Metric: b.Name, Before: b.Spread(), Verdict: NotMeasured})
			continue
		}
		c := Change{Metric: b.Name, Before: b.Spread(), After: a.Spread(), Verdict: None}
		if c.Before.Median != 0 {
			c.Ratio = c.After.Median / c.Before.Median
		}
		switch positive := c.Before.Median > 0; {
		case b.Name == "allocs_per_op":
			// The runtime's own few are spread over many operations.
			c.Verdict = judged(c.After.Median > c.Before.Median+0.01, Fail)
		case positive && b.Unit == "1/s":
			c.Verdict = judged(c.Ratio < LeastRate, Fail)
		case positive && strings.HasSuffix(b.Name, MetricP99):
			c.Verdict = judged(c.Ratio > MostP99, Fail)
		case positive && b.Unit == "B":
			c.Verdict = judged(c.Ratio > MostRSS, Warn)
		}
		all = append(all, c)
	}
	return all, nil
}
