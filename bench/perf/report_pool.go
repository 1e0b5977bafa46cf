package main

import (
	"fmt"
	"strings"

	"github.com/gannetmcp/gannet/bench/erlmcp"
	"github.com/gannetmcp/gannet/bench/plot"
	"github.com/gannetmcp/gannet/bench/result"
)

// Goal P22: a pool's operations a second, beyond the report's figure of its size at
// least, and this if it can be.
const p22Reach = 200_000

// ofPools are the workloads of P22, by size.
var ofPools = []string{"small", "medium", "large"}

// figureOf is a figure of a workload for a narrow cell: the median, and the least and
// the greatest where there were several repetitions; "-" where it was not measured.
func figureOf(r *result.Result, name string) string {
	v := r.Value(name)
	if v == nil {
		return "-"
	}
	s := v.Spread()
	if s.N < 2 || s.Min == s.Max {
		return amount(s.Median, "")
	}
	return fmt.Sprintf("%s (%s-%s)", amount(s.Median, ""), amount(s.Min, ""), amount(s.Max, ""))
}

// setting is one of the settings that a workload was measured by; "-" where it had
// none of that name.
func setting(r *result.Result, name string) string {
	for word := range strings.FieldsSeq(r.Settings) {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			return v
		}
	}
	return "-"
}

// pools is the table of P22.
func pools(all []*result.Result) grid {
	figures := []struct{ name, head string }{
		{"p50_us", "p50 µs"}, {"p95_us", "p95 µs"}, {"p99_us", "p99 µs"}, {"wait_p50_us", "wait p50 µs"}, {"wait_p95_us", "wait p95 µs"}, {"wait_p99_us", "wait p99 µs"},
		{"efficiency", "true efficiency"}, {"of_direct", "of the rate without a pool"}, {"conn_bytes", "B of an idle connection"}, {"heap_bytes", "B of the load"}, {"server_rss_bytes", "server RSS B"},
	}
	head := []string{"pool", "connections", "users", "operations/s", "P22 wants", "P22 reaches for", "verdict"}
	for _, f := range figures {
		head = append(head, f.head)
	}
	g := grid{"Connection pools", [][]string{head}}
	for _, size := range ofPools {
		r := find(all, "pool."+size)
		if r == nil {
			continue
		}
		must, got := erlmcp.Named("poolboy_"+size).Value, "-"
		if v := r.Value("rate"); v != nil {
			switch rate := v.Spread().Median; {
			case rate >= p22Reach:
				got = "reached"
			case rate > must:
				got = "met"
			default:
				got = "MISSED"
			}
		}
		row := []string{r.ID, setting(r, "count"), setting(r, "conns"), figureOf(r, "rate"), grouped(must), grouped(p22Reach), got}
		for _, f := range figures {
			row = append(row, figureOf(r, f.name))
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// sizings are the results that have traces of a pool's size.
func sizings(all []*result.Result) (list []*result.Result) {
	for _, r := range all {
		if len(r.Traces) > 0 {
			list = append(list, r)
		}
	}
	return list
}

// sizing is how each phase of the load on a pool that sizes itself ended, simulated
// beside real.
func sizing(all []*result.Result) grid {
	g := grid{"A pool that finds its size", [][]string{{"phase", "users", "seconds", "trace", "size at its end", "settled after s", "changes", "turns", "utilisation at its end", "p95 wait at its end, ms"}}}
	for _, r := range sizings(all) {
		for i := range r.Traces[0].Phases {
			for _, t := range r.Traces {
				if i >= len(t.Phases) {
					continue
				}
				p := t.Phases[i]
				g.rows = append(g.rows, []string{r.ID + " " + p.Name, fmt.Sprint(p.Users), amount(p.Duration.Seconds(), ""), t.Name(), fmt.Sprint(p.Size), amount(p.Settled, ""),
					fmt.Sprint(p.Changes), fmt.Sprint(p.Turns), fmt.Sprintf("%.2f", p.Utilisation), amount(p.WaitMs, "")})
			}
		}
	}
	return g
}

// sizingCharts draw the traces over time, simulated beside real.
func sizingCharts(all []*result.Result) (list []plot.Chart) {
	for _, c := range []struct {
		title, label string
		of           func(*result.TracePoint) float64
	}{
		{"Size of a pool over time", "connections to keep", func(p *result.TracePoint) float64 { return float64(p.Size) }},
		{"Connections of the pool over time", "open", func(p *result.TracePoint) float64 { return float64(p.Open) }},
		{"Utilisation of the pool over time", "lent, of its size", func(p *result.TracePoint) float64 { return p.Utilisation }},
		{"Wait for a connection over time", "p95 of a sample, ms", func(p *result.TracePoint) float64 { return p.WaitMs }},
		{"Users of the pool over time", "users", func(p *result.TracePoint) float64 { return float64(p.Users) }},
	} {
		chart := plot.Chart{Title: c.title, XLabel: "s", YLabel: c.label}
		for _, r := range sizings(all) {
			for _, t := range r.Traces {
				s := plot.Series{Name: r.ID + ", " + t.Name()}
				for i := range t.Points {
					s.X, s.Y = append(s.X, t.Points[i].Time), append(s.Y, c.of(&t.Points[i]))
				}
				chart.Series = append(chart.Series, s)
			}
		}
		if len(chart.Series) > 0 {
			list = append(list, chart)
		}
	}
	return list
}
