package rounds

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// WriteTable writes a Markdown table for each group of subjects, and one of
// goals if there are any.
func WriteTable(b *strings.Builder, subjects []Subject, all []Measurement, goals []result.Assessment) {
	heap := slices.ContainsFunc(all, func(m Measurement) bool { return m.Result != nil && m.Result.Heap != nil })
	columns, dashes := "", ""
	if heap {
		columns, dashes = " allocs | GC pauses µs |", "---:|---:|"
	}
	group := ""
	for i := range subjects {
		s := &subjects[i]
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(b, "\n**%s**\n\n| subject | messages/s | of base | CPU µs | of base | p50 µs | of base | p99 µs | RSS MB | GC |%s |\n"+
				"|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|%s---|\n", group, columns, dashes)
		}
		row(b, s, all, heap)
	}
	WriteGoals(b, goals)
}

// WriteGoals writes the Markdown table of goals, if there are any.
func WriteGoals(b *strings.Builder, goals []result.Assessment) {
	if len(goals) == 0 {
		return
	}
	b.WriteString("\n**goals**\n\n| goal | subject | figure | base | measured | must | reach | |\n|---|---|---|---|---:|---:|---:|---|\n")
	for _, a := range goals {
		base := a.Base
		if base == "" {
			base = "-"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n",
			a.ID, a.Subject, a.Metric, base, Bounded(a.Bound, a.Measured), Number(a.Must), Number(a.Reach), a.Verdict)
	}
}

// row writes a subject's line; heap says that there are columns of the server's heap.
func row(b *strings.Builder, s *Subject, all []Measurement, heap bool) {
	figure := func(metric string, scale float64) string {
		return Span(result.SpreadOf(Figures(all, s.Name, metric)), scale)
	}
	ratio := func(metric string) string {
		if s.Base == "" {
			return ""
		}
		bound := ""
		if metric == MetricRate {
			bound = result.BoundOf(limited(all, s.Name), limited(all, s.Base))
		}
		return Bounded(bound, result.SpreadOf(Ratios(all, s.Name, s.Base, metric)))
	}
	rate := figure(MetricRate, 1)
	var notes []string
	saturated, failed, cycles, measured, unequal := 0, 0, 0, 0, 0.0
	var allocs, pauses []float64
	for i := range all {
		m := &all[i]
		if m.Subject != s.Name {
			continue
		}
		if m.Failure != "" {
			failed++
			notes = append(notes, fmt.Sprintf("round %d: %s", m.Round, cell(m.Failure)))
		}
		if !m.counts() {
			continue
		}
		measured++
		cycles += m.GCCycles
		if h := m.Result.Heap; h != nil {
			allocs, pauses = append(allocs, h.PerMessage), append(pauses, h.Pauses*1e6)
			if !s.traced() {
				cycles += int(h.Cycles)
			}
		}
		if m.Result.Generator.Saturated {
			saturated++
		}
		unequal = max(unequal, Waited(m.Result))
	}
	if saturated > 0 {
		rate = "≥ " + rate
		notes = append(notes, fmt.Sprintf("generator saturated in %d of %d", saturated, measured))
	}
	// Each has its CPU to itself if nothing else runs.
	if unequal > Disturbed {
		notes = append(notes, fmt.Sprintf("disturbed: waited up to %.0f %% for a CPU", 100*unequal))
	}
	gc := ""
	if s.traced() && measured > 0 || len(allocs) > 0 {
		gc = fmt.Sprint(cycles)
	}
	if heap {
		gc += " | " + Span(result.SpreadOf(allocs), 1) + " | " + Span(result.SpreadOf(pauses), 1)
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.Name, rate, ratio(MetricRate),
		figure(MetricCPU, 1), ratio(MetricCPU), figure(MetricP50, 1), ratio(MetricP50), figure(MetricP99, 1), figure(metricRSS, 1e-6), gc,
		strings.Join(notes, "; "))
}

// Disturbed is the share of the time that a thread may have stood ready without a
// CPU before a measurement counts as disturbed: each has a CPU to itself if
// nothing else runs.
const Disturbed = 0.10

// Waited is that share, of the generator or of the server.
func Waited(r *load.Result) float64 {
	if r.Server == nil {
		return r.Generator.Waiting
	}
	return max(r.Generator.Waiting, r.Server.Waiting)
}

// cell makes s fit for a cell of a table.
func cell(s string) string {
	s = strings.NewReplacer("|", "/", "\n", " ").Replace(s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + " …"
	}
	return s
}

// Bounded writes a spread with the side of it that the truth is on.
func Bounded(bound string, s result.Spread) string {
	if bound == "" || s.N == 0 {
		return Span(s, 1)
	}
	return bound + " " + Span(s, 1)
}

// Span writes a spread times scale: "0.82 (0.80-0.85)", or "-" for none.
func Span(s result.Spread, scale float64) string {
	switch s.N {
	case 0:
		return "-"
	case 1:
		return Number(s.Median * scale)
	}
	return fmt.Sprintf("%s (%s-%s)", Number(s.Median*scale), Number(s.Min*scale), Number(s.Max*scale))
}

// Number writes v with three digits, or whole from a hundred on, in groups of
// three.
func Number(v float64) string {
	switch {
	case v < 0:
		return "-" + Number(-v)
	case v < 1:
		return fmt.Sprintf("%.3f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
