package rounds

import (
	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// A Measurement is one subject in one round.
type Measurement struct {
	Round    int          `json:"round"` // from 1
	Subject  string       `json:"subject"`
	Result   *load.Result `json:"result,omitempty"`    // nil if there is none; with errors in it, it is no figure
	GCCycles int          `json:"gc_cycles,omitempty"` // of the server while measuring; of traced servers only
	Failure  string       `json:"failure,omitempty"`
}

// counts says that figures may be taken of it: one whose requests failed was not asked
// for what the others were.
func (m *Measurement) counts() bool { return m.Result != nil && m.Result.ErrorTotal == 0 }

// metrics are the figures of a result by name.
var metrics = map[string]func(*load.Result) float64{
	MetricRate: func(r *load.Result) float64 { return r.Rate },
	MetricP50:  func(r *load.Result) float64 { return r.Latency.P50 },
	MetricP99:  func(r *load.Result) float64 { return r.Latency.P99 },
	metricTail: func(r *load.Result) float64 {
		if r.Latency.P50 <= 0 {
			return 0
		}
		return r.Latency.P99 / r.Latency.P50
	},
	MetricCPU: func(r *load.Result) float64 {
		if r.Server == nil {
			return 0
		}
		return r.Server.CPUMicros
	},
	metricRSS: func(r *load.Result) float64 {
		if r.Server == nil {
			return 0
		}
		return float64(r.Server.RSSAfter)
	},
}

// Figures gathers a metric of a subject over the rounds, but those with errors. A
// figure of 0 is none: nothing was measured.
func Figures(all []Measurement, subject, metric string) []float64 {
	var values []float64
	for _, m := range all {
		if m.Subject != subject || !m.counts() {
			continue
		}
		if v := metrics[metric](m.Result); v > 0 {
			values = append(values, v)
		}
	}
	return values
}

// Ratios divides a metric of a subject by that of its base, round by round; a
// round in which either has no figure is left out.
func Ratios(all []Measurement, subject, base, metric string) []float64 {
	var values []float64
	for _, m := range all {
		if m.Subject != subject || !m.counts() {
			continue
		}
		for _, b := range all {
			if b.Subject != base || b.Round != m.Round || !b.counts() {
				continue
			}
			if v, of := metrics[metric](m.Result), metrics[metric](b.Result); v > 0 && of > 0 {
				values = append(values, v/of)
			}
		}
	}
	return values
}

// limited says that the generator was the limit of a subject in half of the rounds that
// count, or more: so the median is the generator's.
func limited(all []Measurement, subject string) bool {
	var runs []*load.Result
	for i := range all {
		if m := &all[i]; m.Subject == subject && m.counts() {
			runs = append(runs, m.Result)
		}
	}
	return Limited(runs)
}

// Limited is that of the runs of one subject.
func Limited(runs []*load.Result) bool {
	saturated := 0
	for _, r := range runs {
		if r.Generator.Saturated {
			saturated++
		}
	}
	return saturated > 0 && 2*saturated >= len(runs)
}

// Assess judges the medians.
func Assess(all []Measurement, list []result.Goal) []result.Assessment {
	var out []result.Assessment
	for _, g := range list {
		a := result.Assessment{Goal: g}
		if g.Base == "" {
			a.Measured = result.SpreadOf(Figures(all, g.Subject, g.Metric))
		} else {
			a.Measured = result.SpreadOf(Ratios(all, g.Subject, g.Base, g.Metric))
		}
		a.Decide(limited(all, g.Subject), g.Base != "" && limited(all, g.Base))
		out = append(out, a)
	}
	return out
}
