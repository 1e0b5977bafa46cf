package main

import (
	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// A measurement is one subject in one round.
type measurement struct {
	Round    int          `json:"round"` // from 1
	Subject  string       `json:"subject"`
	Result   *load.Result `json:"result,omitempty"`    // nil if it failed
	GCCycles int          `json:"gc_cycles,omitempty"` // of the server while measuring; of traced servers only
	Failure  string       `json:"failure,omitempty"`
}

// metrics are the figures of a result by name.
var metrics = map[string]func(*load.Result) float64{
	metricRate: func(r *load.Result) float64 { return r.Rate },
	metricP50:  func(r *load.Result) float64 { return r.Latency.P50 },
	metricP99:  func(r *load.Result) float64 { return r.Latency.P99 },
	metricCPU: func(r *load.Result) float64 {
		if r.Server == nil {
			return 0
		}
		return r.Server.CPUMicros
	},
	"rss": func(r *load.Result) float64 {
		if r.Server == nil {
			return 0
		}
		return float64(r.Server.RSSAfter)
	},
}

// figures gathers a metric of a subject over the rounds. A figure of 0 is none:
// nothing was measured.
func figures(all []measurement, subject, metric string) []float64 {
	var values []float64
	for _, m := range all {
		if m.Subject != subject || m.Result == nil {
			continue
		}
		if v := metrics[metric](m.Result); v > 0 {
			values = append(values, v)
		}
	}
	return values
}

// ratios divides a metric of a subject by that of its base, round by round; a
// round in which either has no figure is left out.
func ratios(all []measurement, subject, base, metric string) []float64 {
	var values []float64
	for _, m := range all {
		if m.Subject != subject || m.Result == nil {
			continue
		}
		for _, b := range all {
			if b.Subject != base || b.Round != m.Round || b.Result == nil {
				continue
			}
			if v, of := metrics[metric](m.Result), metrics[metric](b.Result); v > 0 && of > 0 {
				values = append(values, v/of)
			}
		}
	}
	return values
}

// An assessment is a goal beside what was measured.
type assessment struct {
	goal
	Measured result.Spread `json:"measured"`
	Verdict  string        `json:"verdict"` // reached, met, missed, or not measured
}

// assess judges the medians.
func assess(all []measurement, list []goal) []assessment {
	var out []assessment
	for _, g := range list {
		a := assessment{goal: g}
		if g.Base == "" {
			a.Measured = result.SpreadOf(figures(all, g.Subject, g.Metric))
		} else {
			a.Measured = result.SpreadOf(ratios(all, g.Subject, g.Base, g.Metric))
		}
		good := func(bound float64) bool {
			if g.Metric == metricRate {
				return a.Measured.Median >= bound
			}
			return a.Measured.Median <= bound
		}
		switch {
		case a.Measured.N == 0:
			a.Verdict = "not measured"
		case good(g.Reach):
			a.Verdict = "reached"
		case good(g.Must):
			a.Verdict = "met"
		default:
			a.Verdict = "missed"
		}
		out = append(out, a)
	}
	return out
}
