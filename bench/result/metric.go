package result

import (
	"slices"

	"github.com/gannetmcp/gannet/bench/load"
)

// A Spread is a median with the least and the greatest value.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"` // values; the rest is 0 where there are none
}

// SpreadOf sums up values, which it sorts.
func SpreadOf(values []float64) Spread {
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	slices.Sort(values)
	m := values[n/2]
	if n%2 == 0 {
		m = (values[n/2-1] + m) / 2
	}
	return Spread{m, values[0], values[n-1], n}
}

// A Metric is one figure of a run. Of says false where it was not measured.
type Metric struct {
	Name string
	Of   func(*load.Result) (float64, bool)
}

// latency is a percentile; one of 0 is not known, as some are not of generators that
// others wrote.
func latency(f func(*load.Latency) float64) func(*load.Result) (float64, bool) {
	return func(r *load.Result) (float64, bool) { v := f(&r.Latency); return v, v > 0 }
}

func server(f func(*load.Server) float64) func(*load.Result) (float64, bool) {
	return func(r *load.Result) (float64, bool) {
		if r.Server == nil {
			return 0, false
		}
		return f(r.Server), true
	}
}

func heap(f func(*load.HeapUse) float64) func(*load.Result) (float64, bool) {
	return func(r *load.Result) (float64, bool) {
		if r.Heap == nil {
			return 0, false
		}
		return f(r.Heap), true
	}
}

// Names of metrics that are judged.
const (
	MetricRate   = "rate"
	MetricP99    = "p99_us"
	MetricRSS    = "server_rss_bytes"
	MetricAllocs = "server_allocs_per_message"
)

// Metrics are the figures in tables, in their order.
var Metrics = []Metric{
	{MetricRate, func(r *load.Result) (float64, bool) { return r.Rate, r.Seconds > 0 }},
	{"p50_us", latency(func(l *load.Latency) float64 { return l.P50 })},
	{"p90_us", latency(func(l *load.Latency) float64 { return l.P90 })},
	{MetricP99, latency(func(l *load.Latency) float64 { return l.P99 })},
	{"p99.9_us", latency(func(l *load.Latency) float64 { return l.P999 })},
	{"p99.99_us", latency(func(l *load.Latency) float64 { return l.P9999 })},
	{"max_us", latency(func(l *load.Latency) float64 { return l.Max })},
	{"server_cpu_us", server(func(s *load.Server) float64 { return s.CPUMicros })},
	{MetricRSS, server(func(s *load.Server) float64 { return float64(s.RSSAfter) })},
	{MetricAllocs, heap(func(h *load.HeapUse) float64 { return h.PerMessage })},
	{"server_gc_cycles", heap(func(h *load.HeapUse) float64 { return float64(h.Cycles) })},
	{"server_gc_pauses_us", heap(func(h *load.HeapUse) float64 { return h.Pauses * 1e6 })},
	{"generator_cpu_us", func(r *load.Result) (float64, bool) {
		if r.Messages == 0 || !r.Generator.Stated() {
			return 0, false
		}
		return r.Generator.Utilisation * r.Seconds * 1e6 / float64(r.Messages), true
	}},
}

func reconnects(f func(*load.Reconnects) float64) func(*load.Result) (float64, bool) {
	return func(r *load.Result) (float64, bool) {
		if r.Reconnects == nil {
			return 0, false
		}
		return f(r.Reconnects), true
	}
}

// ReconnectMetrics are the figures of connections that are opened and closed again
// and again, in their order.
var ReconnectMetrics = []Metric{
	{"sessions_per_s", reconnects(func(x *load.Reconnects) float64 { return x.Rate })},
	{"connect_p50_us", reconnects(func(x *load.Reconnects) float64 { return x.Connect.P50 })},
	{"connect_p99_us", reconnects(func(x *load.Reconnects) float64 { return x.Connect.P99 })},
	{"initialize_p50_us", func(r *load.Result) (float64, bool) {
		if r.Reconnects == nil || r.Reconnects.Initialize == nil {
			return 0, false
		}
		return r.Reconnects.Initialize.P50, true
	}},
	{"initialize_p99_us", func(r *load.Result) (float64, bool) {
		if r.Reconnects == nil || r.Reconnects.Initialize == nil {
			return 0, false
		}
		return r.Reconnects.Initialize.P99, true
	}},
	{"close_p50_us", reconnects(func(x *load.Reconnects) float64 { return x.Close.P50 })},
	{"close_p99_us", reconnects(func(x *load.Reconnects) float64 { return x.Close.P99 })},
	{"session_p50_us", reconnects(func(x *load.Reconnects) float64 { return x.Session.P50 })},
	{"session_p99_us", reconnects(func(x *load.Reconnects) float64 { return x.Session.P99 })},
	{"session_cpu_us", func(r *load.Result) (float64, bool) { // of the server, for a session
		if r.Reconnects == nil || r.Server == nil || r.Reconnects.Sessions == 0 {
			return 0, false
		}
		return (r.Server.User + r.Server.System) * 1e6 / float64(r.Reconnects.Sessions), true
	}},
}

// Spread gathers a metric over the runs.
func (r *Result) Spread(m Metric) Spread {
	var values []float64
	for _, run := range r.Runs {
		if v, ok := m.Of(run); ok {
			values = append(values, v)
		}
	}
	return SpreadOf(values)
}
