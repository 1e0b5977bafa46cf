package main

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/gannetmcp/gannet/bench/erlmcp"
	"github.com/gannetmcp/gannet/bench/plot"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/suite"
)

// ofSuite are the results of perf run among all.
func ofSuite(all []*result.Result) (list []*result.Result) {
	for _, r := range all {
		if r.ID != "" {
			list = append(list, r)
		}
	}
	return list
}

// others are the results of the other verbs.
func others(all []*result.Result) (list []*result.Result) {
	for _, r := range all {
		if r.ID == "" {
			list = append(list, r)
		}
	}
	return list
}

// find returns the last result of a workload, nil if there is none.
func find(all []*result.Result, id string) *result.Result {
	for _, r := range slices.Backward(all) {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// absent stands where nothing was measured.
const absent = "not measured"

// ours is what was measured beside a figure of the report, and how.
func ours(all []*result.Result, f *erlmcp.Figure) (text, by string) {
	if f.Name == "connections" {
		// perf conns opens more of them than a workload does.
		most := 0
		if r := find(all, f.Workload); r != nil && r.Value(f.Of) != nil {
			most = int(r.Value(f.Of).Spread().Median)
		}
		for _, r := range all {
			if r.Conns != nil && r.Conns.Opened > most {
				most, text, by = r.Conns.Opened, grouped(float64(r.Conns.Opened)), "perf conns"
			}
		}
		if by != "" {
			return text, by
		}
	}
	if f.Workload == "" {
		return absent, f.Why
	}
	by = f.Workload + " " + f.Of
	r := find(all, f.Workload)
	if r == nil {
		return absent, by
	}
	v := r.Value(f.Of)
	if v == nil {
		return absent, by
	}
	text = spreadText(v)
	if r.Saturated() {
		text += generatorMark
	}
	return text, by
}

// generatorMark stands behind figures of which the generator was the limit.
const generatorMark = " (generator)"

// A grid is a table with a title; the first row is its head.
type grid struct {
	title string
	rows  [][]string
}

// summaries are the report's four tables with ours beside.
func summaries(all []*result.Result) (list []grid) {
	for _, t := range erlmcp.Tables() {
		head := []string{"component"}
		for _, c := range t.Columns {
			head = append(head, "the report: "+c)
		}
		head = append(head, "its target")
		for _, c := range t.Columns {
			head = append(head, "ours: "+c)
		}
		g := grid{t.Title, [][]string{append(head, "workload")}}
		for _, row := range t.Rows {
			var theirs, mine []string
			target, workload := "", ""
			for _, name := range row.Figures {
				f := erlmcp.Named(name)
				if f == nil {
					theirs, mine = append(theirs, "-"), append(mine, "-")
					continue
				}
				theirs = append(theirs, amount(f.Value, f.Unit))
				text, by := ours(all, f)
				mine = append(mine, text)
				if f.Target != "" {
					target = f.Target
				}
				workload, _, _ = strings.Cut(by, " ")
				if by == "perf conns" || f.Workload == "" {
					workload = by
				}
				if strings.HasPrefix(f.Of, "batch") {
					workload += ", means of 64"
				}
			}
			if target == "" {
				target = "-"
			}
			g.rows = append(g.rows, slices.Concat([]string{row.Label}, theirs, []string{target}, mine, []string{workload}))
		}
		list = append(list, g)
	}
	return list
}

// notes says what the report's figures are, those of one note together.
func notes() grid {
	g := grid{"What the report's figures are", [][]string{{"figures", "basis", "note"}}}
	for _, f := range erlmcp.Figures() {
		same := func(row []string) bool { return row[1] == string(f.Basis) && row[2] == f.Note }
		if i := slices.IndexFunc(g.rows, same); i >= 0 {
			g.rows[i][0] += ", " + f.Name
			continue
		}
		g.rows = append(g.rows, []string{f.Name, string(f.Basis), f.Note})
	}
	return g
}

// beside is every figure of the report with ours.
func beside(all []*result.Result) grid {
	g := grid{"Figure by figure", [][]string{{"figure", "the report", "ours", "measured by"}}}
	for _, f := range erlmcp.Figures() {
		text, by := ours(all, &f)
		g.rows = append(g.rows, []string{f.Name, amount(f.Value, f.Unit), text, by})
	}
	return g
}

// matrices are the transports by depth and size: calls a second, and p99. Without
// results of them there are none.
func matrices(all []*result.Result) (list []grid) {
	for _, m := range []struct{ title, value, unit string }{{"Calls a second by transport and size", "rate", "1/s"}, {"p99 by transport and size, µs", "p99_us", ""}, {"CPU of the server a call, µs", "server_cpu_us", ""}} {
		head := []string{"transport", "depth"}
		for _, s := range suite.Sizes {
			head = append(head, s.Name)
		}
		g := grid{m.title, [][]string{head}}
		for _, name := range suite.Transports() {
			for _, depth := range suite.Depths {
				row, measured := []string{name, fmt.Sprint(depth)}, false
				for _, s := range suite.Sizes {
					cell := "-"
					if r := find(all, fmt.Sprintf("transport.%s.d%d.%s", name, depth, s.Name)); r != nil {
						if v := r.Value(m.value); v != nil {
							cell, measured = amount(v.Spread().Median, m.unit), true
							if r.Saturated() {
								cell += generatorMark
							}
						}
					}
					row = append(row, cell)
				}
				if measured {
					g.rows = append(g.rows, row)
				}
			}
		}
		if len(g.rows) > 1 {
			list = append(list, g)
		}
	}
	return list
}

// loads are the workloads of the area load.
func loads(all []*result.Result) grid {
	figures := []struct{ name, head, unit string }{{"rate", "answered/s", ""}, {"success", "answered of meant", ""}, {"p50_us", "p50 µs", ""}, {"p99_us", "p99 µs", ""}, {"p99.9_us", "p99.9 µs", ""},
		{"max_us", "max µs", ""}, {"server_cpu_us", "server CPU µs", ""}, {"server_rss_bytes", "server RSS B", ""}, {"knee_rate", "knee/s", ""}, {"rss_change", "RSS change", ""}}
	head := []string{"load"}
	for _, f := range figures {
		head = append(head, f.head)
	}
	g := grid{"Loads", [][]string{append(head, "verdict")}}
	for _, r := range all {
		if r.Area != suite.AreaLoad || len(r.Runs) == 0 {
			continue
		}
		row := []string{r.ID}
		for _, f := range figures {
			cell := "-"
			if v := r.Value(f.name); v != nil {
				cell = spreadText(&result.Value{Unit: f.unit, Runs: v.Runs})
			}
			row = append(row, cell)
		}
		g.rows = append(g.rows, append(row, verdict(r)))
	}
	return g
}

// verdict sums up the checks of a result.
func verdict(r *result.Result) string {
	failed := r.Failures()
	if len(failed) == 0 {
		return "as demanded"
	}
	var names []string
	for _, c := range failed {
		names = append(names, c.Name+": "+c.Detail)
	}
	return "NOT " + strings.Join(names, "; ")
}

// areaGrid is all figures of an area's workloads.
func areaGrid(all []*result.Result, area string) grid {
	g := grid{area, [][]string{{"workload", "figure", "ours", "the report"}}}
	for _, r := range all {
		if r.Area != area {
			continue
		}
		for i := range r.Values {
			v := &r.Values[i]
			theirs := ""
			for _, f := range erlmcp.Of(r.ID, v.Name) {
				theirs = amount(f.Value, f.Unit) + " (" + string(f.Basis) + ")"
			}
			g.rows = append(g.rows, []string{r.ID, v.Name, spreadText(v), theirs})
		}
		for _, c := range r.Checks {
			g.rows = append(g.rows, []string{r.ID, c.Name, map[bool]string{true: "as demanded", false: "NOT as demanded"}[c.Good], c.Detail})
		}
	}
	return g
}

// suiteMarkdown is the tables of the results of perf run, nothing without any.
func suiteMarkdown(all []*result.Result) string {
	mine := ofSuite(all)
	if len(mine) == 0 {
		return ""
	}
	var b strings.Builder
	list := append(summaries(all), matrices(mine)...)
	for _, g := range append(list, loads(mine), collections(mine), pools(mine), sizing(mine), beside(all), notes()) {
		if len(g.rows) < 2 {
			continue
		}
		fmt.Fprintf(&b, "**%s**\n\n", g.title)
		for i, row := range g.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "The report is %s. Ours: %s.\n", erlmcp.Name, provenance(mine))
	return b.String()
}

// provenance says where results of perf run come from, each run once.
func provenance(all []*result.Result) string {
	var list []string
	for _, r := range all {
		quick := ""
		if r.Quick {
			quick = ", quick settings"
		}
		s := fmt.Sprintf("commit %s, %s, %s, %s%s", r.Facts.Commit, r.Facts.Date.Format("2006-01-02"), r.Facts.Fingerprint(), r.Facts.Go, quick)
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return strings.Join(list, "; ")
}

// suiteHTML is the tables of the results of perf run for the page.
func suiteHTML(all []*result.Result) string {
	mine := ofSuite(all)
	if len(mine) == 0 {
		return ""
	}
	var b strings.Builder
	table := func(g grid) {
		b.WriteString("<table>\n")
		for i, row := range g.rows {
			tag := "td"
			if i == 0 {
				tag = "th"
			}
			b.WriteString("<tr>")
			for _, cell := range row {
				fmt.Fprintf(&b, "<%s>%s</%s>", tag, html.EscapeString(cell), tag)
			}
			b.WriteString("</tr>\n")
		}
		b.WriteString("</table>\n")
	}
	fmt.Fprintf(&b, "<p>Beside ours stand the figures of %s; most of them are no measurements of what they are called, see its notes below.</p>\n", html.EscapeString(erlmcp.Name))
	list := append(summaries(all), matrices(mine)...)
	for _, g := range append(list, loads(mine), collections(mine), pools(mine), sizing(mine)) {
		if len(g.rows) > 1 {
			fmt.Fprintf(&b, "<h2>%s</h2>\n", html.EscapeString(g.title))
			table(g)
		}
	}
	folded := []grid{notes(), beside(all)}
	for _, a := range suite.Areas {
		folded = append(folded, areaGrid(mine, a))
	}
	for _, g := range folded {
		if len(g.rows) > 1 {
			fmt.Fprintf(&b, "<details><summary>%s</summary>\n", html.EscapeString(g.title))
			table(g)
			b.WriteString("</details>\n")
		}
	}
	return b.String()
}

// suiteCharts are the plots of the results of perf run that are no loads over time.
func suiteCharts(all []*result.Result) (list []plot.Chart) {
	ticks := map[float64]string{}
	for _, s := range suite.Sizes {
		ticks[float64(s.Bytes)] = s.Name
	}
	for _, depth := range suite.Depths {
		for _, m := range []struct{ title, label, value string }{{"Calls a second by size, depth %d", "1/s", "rate"}, {"p99 by size, depth %d", "µs", "p99_us"}} {
			c := plot.Chart{Title: fmt.Sprintf(m.title, depth), XLabel: "bytes of a request", YLabel: m.label, LogX: true, LogY: true, Ticks: ticks}
			for _, name := range suite.Transports() {
				s := plot.Series{Name: name}
				for _, size := range suite.Sizes {
					if r := find(all, fmt.Sprintf("transport.%s.d%d.%s", name, depth, size.Name)); r != nil {
						if v := r.Value(m.value); v != nil {
							s.X, s.Y = append(s.X, float64(size.Bytes)), append(s.Y, v.Spread().Median)
						}
					}
				}
				if len(s.X) == 0 {
					continue
				}
				c.Series = append(c.Series, s)
				for _, f := range erlmcp.Figures() {
					if f.Area == suite.AreaTransport && (strings.HasPrefix(f.Workload, "transport."+name+".d") && f.Of == m.value || strings.HasPrefix(f.Workload, "transport."+name+".rate") && f.Of == m.value) {
						c.Marks = append(c.Marks, plot.Mark{Name: erlmcp.Short + ": " + f.Name, Y: f.Value})
					}
				}
			}
			if len(c.Series) > 0 {
				list = append(list, c)
			}
		}
	}
	operations := plot.Chart{Title: "Latency of operations by percentile", XLabel: "percentile", YLabel: "µs", LogX: true, LogY: true,
		Ticks: map[float64]string{2: "50", 20: "95", 100: "99", 1000: "99.9", 10_000: "99.99"}}
	for _, r := range all {
		if s := percentileSeries(r); r.Area == suite.AreaLatency && len(s.X) > 0 {
			operations.Series = append(operations.Series, s)
			for _, f := range erlmcp.Figures() {
				if f.Workload == r.ID && strings.HasSuffix(f.Name, "_p99") {
					operations.Marks = append(operations.Marks, plot.Mark{Name: erlmcp.Short + ": " + f.Name, Y: f.Value})
				}
			}
		}
	}
	if len(operations.Series) > 0 {
		list = append(list, operations)
	}
	return append(list, sizingCharts(all)...)
}

// percentileSeries is the percentiles that a workload has figures of.
func percentileSeries(r *result.Result) plot.Series {
	for _, p := range []struct{ prefix, name string }{{"", r.ID}, {"batch64_", r.ID + " (means of 64)"}} {
		s := plot.Series{Name: p.name}
		for _, q := range []struct {
			name string
			x    float64
		}{{"p50", 2}, {"p95", 20}, {"p99", 100}, {"p99.9", 1000}, {"p99.99", 10_000}} {
			if v := r.Value(p.prefix + q.name + "_us"); v != nil {
				s.X, s.Y = append(s.X, q.x), append(s.Y, v.Spread().Median)
			}
		}
		if len(s.X) > 0 {
			return s
		}
	}
	return plot.Series{}
}
