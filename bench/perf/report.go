package main

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/gannetmcp/gannet/bench/erlmcp"
	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/plot"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/rounds"
	"github.com/gannetmcp/gannet/bench/suite"
)

// reportCommand is perf report.
type reportCommand struct {
	Results  []string `arg:"" help:"Results that perf run --out, perf load --save, perf conns --save or perf peers --out wrote."`
	Output   string   `short:"o" help:"File to write; standard output if none."`
	Markdown bool     `help:"Tables in Markdown instead of a page with plots."`
}

// Help is shown below the usage.
func (reportCommand) Help() string {
	return `Examples:
  perf report ours.json theirs.json -o report.html
  perf report run.json conns.json -o report.html
  perf report --markdown ours.json theirs.json
  perf report peers.json -o peers.html

The page needs nothing from elsewhere. A result with several runs is drawn by its
last; tables have medians over the runs, with the least and the greatest. Of perf peers
the servers that had one load are drawn together.`
}

// Run draws.
func (c *reportCommand) Run(std *streams) error {
	var all []*result.Result
	for _, path := range c.Results {
		list, err := result.ReadAll(path)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		all = append(all, list...)
	}
	write := func(w io.Writer) error { return writeHTML(w, all) }
	if c.Markdown {
		write = func(w io.Writer) error { return writeMarkdown(w, all) }
	}
	if c.Output != "" {
		return result.WriteFile(c.Output, write)
	}
	return write(std.out)
}

// references say which baselines of the erlmcp v3 report are marks in the plots of
// which target, and for which metric.
var references = []struct{ name, scheme, metric string }{
	{"tcp_throughput", "tcp://", result.MetricRate},
	{"tcp_p99_latency", "tcp://", result.MetricP99},
	{"http_throughput", "http://", result.MetricRate},
	{"http_p99_latency", "http://", result.MetricP99},
	{"transport_latency", "tcp://", metricP50},
}

// metricP50 is the metric of that name.
const metricP50 = "p50_us"

// marks are the references for metrics of the transports in the results.
func marks(all []*result.Result, metrics ...string) (list []plot.Mark) {
	for _, ref := range references {
		for _, r := range all {
			if slices.Contains(metrics, ref.metric) && len(r.Runs) > 0 && strings.HasPrefix(r.Runs[0].Target, ref.scheme) {
				list = append(list, plot.Mark{Name: erlmcp.Short + ": " + ref.name, Y: erlmcp.Named(ref.name).Value})
				break
			}
		}
	}
	return list
}

// Titles of charts that results of perf peers have too.
const (
	titleQuantiles = "Latency by percentile"
	titleRate      = "Replies a second over time"
	titleCPU       = "CPU of the server over time"
)

// overTime are the results whose runs are drawn over time: those of perf load, and
// of perf run the loads.
func overTime(all []*result.Result) (list []*result.Result) {
	for _, r := range all {
		if r.ID == "" || r.Area == suite.AreaLoad {
			list = append(list, r)
		}
	}
	return list
}

// charts are all plots that the results have data for.
func charts(results []*result.Result) ([]plot.Chart, error) {
	all := overTime(results)
	quantiles := plot.Chart{Title: titleQuantiles, XLabel: "percentile", YLabel: "µs", LogX: true, LogY: true, Marks: marks(all, metricP50, result.MetricP99),
		Ticks: map[float64]string{1: "0", 2: "50", 10: "90", 100: "99", 1000: "99.9", 10_000: "99.99", 100_000: "99.999"}}
	rate := plot.Chart{Title: titleRate, XLabel: "s", YLabel: "1/s", Marks: marks(all, result.MetricRate)}
	p99 := plot.Chart{Title: "p99 of each interval over time", XLabel: "s", YLabel: "µs", LogY: true}
	flight := plot.Chart{Title: "Requests in flight over time", XLabel: "s", YLabel: "requests"}
	skipped := plot.Chart{Title: "Starts skipped over time", XLabel: "s", YLabel: "starts in an interval"}
	wrong := plot.Chart{Title: "Errors over time: refused, timed out and others", XLabel: "s", YLabel: "errors in an interval"}
	cpu := plot.Chart{Title: titleCPU, XLabel: "s", YLabel: "CPUs"}
	rss := plot.Chart{Title: "Memory of the server over time (RSS)", XLabel: "s", YLabel: "bytes"}
	knee := plot.Chart{Title: "Knee: p99 by rate", XLabel: "replies a second", YLabel: "µs", LogY: true}
	for _, r := range all {
		if len(r.Runs) == 0 {
			continue
		}
		run := r.Runs[len(r.Runs)-1]
		if run.Histogram != "" {
			s, err := percentiles(run)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.Name, err)
			}
			s.Name = r.Name
			quantiles.Series = append(quantiles.Series, s)
		}
		over := func(c *plot.Chart, f func(*load.Point) (float64, bool)) {
			s := plot.Series{Name: r.Name}
			for i := range run.Series {
				if v, ok := f(&run.Series[i]); ok {
					s.X, s.Y = append(s.X, run.Series[i].At), append(s.Y, v)
				}
			}
			if len(s.X) > 0 {
				c.Series = append(c.Series, s)
			}
		}
		over(&rate, func(p *load.Point) (float64, bool) { return p.Rate(), true })
		over(&p99, func(p *load.Point) (float64, bool) { return p.P99, p.Good > 0 })
		over(&flight, func(p *load.Point) (float64, bool) { return float64(p.InFlight), true })
		over(&skipped, func(p *load.Point) (float64, bool) { return float64(p.Skipped), run.Skipped > 0 })
		over(&wrong, func(p *load.Point) (float64, bool) { return float64(p.Errors), run.ErrorTotal > 0 })
		over(&cpu, func(p *load.Point) (float64, bool) {
			if p.CPU == nil {
				return 0, false
			}
			return *p.CPU, true
		})
		over(&rss, func(p *load.Point) (float64, bool) {
			if p.RSS == nil {
				return 0, false
			}
			return float64(*p.RSS), true
		})
		if r.Knee != nil {
			knee.Series = append(knee.Series, kneeSeries(r))
			knee.Marks = append(knee.Marks, plot.Mark{Name: "limit of " + r.Name, Y: r.Knee.Limit})
		}
	}
	drawn := suiteCharts(ofSuite(results))
	for _, c := range []plot.Chart{quantiles, rate, p99, flight, skipped, wrong, cpu, rss, knee} {
		if len(c.Series) > 0 {
			drawn = append(drawn, c)
		}
	}
	return drawn, nil
}

// allCharts are the plots of the results of loads, and those of perf peers by
// themselves.
func allCharts(all []*result.Result) ([]plot.Chart, error) {
	var single []*result.Result
	for _, r := range all {
		if r.Peers == nil {
			single = append(single, r)
		}
	}
	list, err := charts(single)
	for _, r := range all {
		if r.Peers == nil || err != nil {
			continue
		}
		var more []plot.Chart
		more, err = peersCharts(r)
		list = append(list, more...)
	}
	return list, err
}

// percentiles is the distribution over 1/(1-q), up to what its count can tell.
func percentiles(run *load.Result) (s plot.Series, err error) {
	h, err := run.Distribution()
	if err != nil {
		return s, err
	}
	for x := 1.0; x <= float64(h.TotalCount()) && x < 1e7; x *= math.Pow(10, 1.0/8) {
		s.X = append(s.X, x)
		s.Y = append(s.Y, float64(h.ValueAtQuantile(100*(1-1/x)))/1e3)
	}
	return s, nil
}

// kneeSeries is the rates tried, in their order from low to high.
func kneeSeries(r *result.Result) plot.Series {
	s := plot.Series{Name: r.Name}
	for _, run := range r.Runs {
		at := len(s.X)
		for at > 0 && s.X[at-1] > run.Rate {
			at--
		}
		s.X = append(s.X[:at], append([]float64{run.Rate}, s.X[at:]...)...)
		s.Y = append(s.Y[:at], append([]float64{run.Latency.P99}, s.Y[at:]...)...)
	}
	return s
}

// writeHTML writes the page.
func writeHTML(w io.Writer, all []*result.Result) error {
	list, err := allCharts(all)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>perf report</title>\n" +
		"<style>body{font:15px sans-serif;max-width:900px;margin:2em auto;padding:0 1em}table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:3px 8px;text-align:right}td:first-child,th:first-child{text-align:left}.bad{color:#b00}</style>\n<h1>perf report</h1>\n")
	row := func(tag string, cells []string) {
		b.WriteString("<tr>")
		for _, c := range cells {
			fmt.Fprintf(&b, "<%s>%s</%s>", tag, html.EscapeString(c), tag)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString(suiteHTML(all))
	for _, t := range tables(others(all)) {
		b.WriteString("<table>\n")
		for i, cells := range t {
			row(map[bool]string{true: "th", false: "td"}[i == 0], cells)
		}
		b.WriteString("</table>\n")
	}
	loads, _ := flat(all)
	for _, r := range loads {
		if r.Saturated() {
			fmt.Fprintf(&b, "<p class=\"bad\">%s: the generator was the limit; these figures are its own.</p>\n", html.EscapeString(r.Name))
		}
	}
	for i := range list {
		if err := list[i].WriteSVG(&b); err != nil {
			return err
		}
	}
	if mine := ofSuite(all); len(mine) > 0 {
		fmt.Fprintf(&b, "<p>perf run: %s</p>\n", html.EscapeString(provenance(mine)))
	}
	for _, r := range others(all) {
		fmt.Fprintf(&b, "<p>%s: %s, %s, %s, commit %s, GOMAXPROCS %d of the tool, <code>%s</code></p>\n", html.EscapeString(r.Name), r.Facts.Date.Format("2006-01-02 15:04"),
			html.EscapeString(r.Facts.Fingerprint()), html.EscapeString(r.Facts.Go), html.EscapeString(r.Facts.Commit), r.Facts.GOMAXPROCS, html.EscapeString(strings.Join(r.Facts.Command, " ")))
	}
	b.WriteString("</html>\n")
	_, err = w.Write(b.Bytes())
	return err
}

// tables are rows of cells, the first of each table its head.
func tables(all []*result.Result) (list [][][]string) {
	loads := [][]string{{"load"}}
	for _, m := range result.Metrics {
		loads[0] = append(loads[0], m.Name)
	}
	loads[0] = append(loads[0], "runs", "errors", "skipped")
	reconnects := [][]string{{"reconnecting load", "calls each"}}
	for _, m := range result.ReconnectMetrics {
		reconnects[0] = append(reconnects[0], m.Name)
	}
	reconnects[0] = append(reconnects[0], "errors")
	conns := [][]string{{"connections", "opened", "pings", "errors", "opened/s", "set-up p99 µs", "ping p99 µs", "RSS bytes each"}}
	flattened, peers := flat(all)
	for _, r := range flattened {
		if r.Conns != nil {
			conns = append(conns, connsRow(r))
			continue
		}
		var wrong, skipped int64
		for _, run := range r.Runs {
			wrong, skipped = wrong+run.ErrorTotal, skipped+run.Skipped
		}
		row := []string{r.Name}
		for _, m := range result.Metrics {
			row = append(row, rounds.Span(r.Spread(m), 1))
		}
		loads = append(loads, append(row, fmt.Sprint(len(r.Runs)), fmt.Sprint(wrong), fmt.Sprint(skipped)))
		if len(r.Runs) > 0 && r.Runs[0].Reconnects != nil {
			row := []string{r.Name, fmt.Sprint(r.Runs[0].Reconnects.Calls)}
			for _, m := range result.ReconnectMetrics {
				row = append(row, rounds.Span(r.Spread(m), 1))
			}
			reconnects = append(reconnects, append(row, fmt.Sprint(wrong)))
		}
	}
	for _, t := range [][][]string{loads, reconnects, conns} {
		if len(t) > 1 {
			list = append(list, t)
		}
	}
	for _, r := range peers {
		list = append(list, peersTables(r)...)
	}
	return list
}

func connsRow(r *result.Result) []string {
	c := r.Conns
	p99 := func(l *load.Latency) string {
		if l == nil {
			return "-"
		}
		return fmt.Sprintf("%.1f", l.P99)
	}
	ping, each := p99(c.Latency), "-"
	if c.Saturated {
		ping += generatorMark
	}
	if len(c.Servers) > 0 {
		var grown int64
		for _, s := range c.Servers {
			grown += s.After - s.Before
		}
		each = fmt.Sprintf("%.0f", float64(grown)/float64(max(c.Opened, 1)))
	}
	return []string{r.Name, fmt.Sprint(c.Opened), fmt.Sprint(c.Pings), fmt.Sprint(c.Errors.Total()), fmt.Sprintf("%.0f", c.Rate), p99(c.SetUp), ping, each}
}

// writeMarkdown writes the tables.
func writeMarkdown(w io.Writer, all []*result.Result) error {
	var b strings.Builder
	b.WriteString(suiteMarkdown(all))
	for _, t := range tables(others(all)) {
		for i, cells := range t {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
			if i == 0 {
				fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(cells)))
			}
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
