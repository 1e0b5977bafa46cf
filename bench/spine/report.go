package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gannetmcp/gannet/bench/result"
)

// A report is all that one run found out: what -out writes.
type report struct {
	Facts        result.Facts  `json:"facts"`
	Rounds       int           `json:"rounds"`
	Duration     string        `json:"duration"`
	Warmup       string        `json:"warmup"`
	Subjects     []subject     `json:"subjects"`
	Goals        []assessment  `json:"goals"`
	Measurements []measurement `json:"measurements"`
}

// writeJSON writes the report to a file, with its measurements in the order
// that they were made.
func (r *report) writeJSON(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// readReport reads what writeJSON wrote.
func readReport(path string) (*report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &report{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// writeMarkdown writes the tables.
func (r *report) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	f := &r.Facts
	fmt.Fprintf(&b, "%s, %d CPUs, %s, %s, %s, %s, commit %s, %s. %d rounds of %s after %s of warm-up: median (least-greatest).\n",
		f.CPU, f.CPUs, f.Memory, f.Kernel, f.Go, f.System, f.Commit, f.Date.Format("2006-01-02"), r.Rounds, r.Duration, r.Warmup)
	group := ""
	for i := range r.Subjects {
		s := &r.Subjects[i]
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n**%s**\n\n| subject | messages/s | of base | CPU µs | of base | p50 µs | of base | p99 µs | RSS MB | GC | |\n"+
				"|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n", group)
		}
		r.row(&b, s)
	}
	if len(r.Goals) > 0 {
		b.WriteString("\n**goals**\n\n| goal | subject | figure | base | measured | must | reach | |\n|---|---|---|---|---:|---:|---:|---|\n")
		for _, a := range r.Goals {
			base := a.Base
			if base == "" {
				base = "-"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n",
				a.ID, a.Subject, a.Metric, base, span(a.Measured, 1), number(a.Must), number(a.Reach), a.Verdict)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// row writes a subject's line.
func (r *report) row(b *strings.Builder, s *subject) {
	all := r.Measurements
	figure := func(metric string, scale float64) string {
		return span(result.SpreadOf(figures(all, s.Name, metric)), scale)
	}
	ratio := func(metric string) string {
		if s.Base == "" {
			return ""
		}
		return span(result.SpreadOf(ratios(all, s.Name, s.Base, metric)), 1)
	}
	rate := figure(metricRate, 1)
	var notes []string
	saturated, failed, cycles, measured, unequal := 0, 0, 0, 0, 0.0
	for i := range all {
		m := &all[i]
		if m.Subject != s.Name {
			continue
		}
		if m.Failure != "" {
			failed++
			notes = append(notes, fmt.Sprintf("round %d: %s", m.Round, cell(m.Failure)))
		}
		if m.Result == nil {
			continue
		}
		measured++
		cycles += m.GCCycles
		if m.Result.Generator.Saturated {
			saturated++
		}
		waiting := m.Result.Generator.Waiting
		if m.Result.Server != nil {
			waiting = max(waiting, m.Result.Server.Waiting)
		}
		unequal = max(unequal, waiting)
	}
	if saturated > 0 {
		rate = "≥ " + rate
		notes = append(notes, fmt.Sprintf("generator saturated in %d of %d", saturated, measured))
	}
	// Each has its CPU to itself if nothing else runs.
	if unequal > 0.10 {
		notes = append(notes, fmt.Sprintf("disturbed: waited up to %.0f %% for a CPU", 100*unequal))
	}
	gc := ""
	if strings.Contains(strings.Join(s.Command, " "), traced[1]) && measured > 0 {
		gc = fmt.Sprint(cycles)
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.Name, rate, ratio(metricRate),
		figure(metricCPU, 1), ratio(metricCPU), figure(metricP50, 1), ratio(metricP50), figure("p99", 1), figure("rss", 1e-6), gc,
		strings.Join(notes, "; "))
}

// cell makes s fit for a cell of a table.
func cell(s string) string {
	s = strings.NewReplacer("|", "/", "\n", " ").Replace(s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + " …"
	}
	return s
}

// span writes a spread times scale: "0.82 (0.80-0.85)", or "-" for none.
func span(s result.Spread, scale float64) string {
	switch s.N {
	case 0:
		return "-"
	case 1:
		return number(s.Median * scale)
	}
	return fmt.Sprintf("%s (%s-%s)", number(s.Median*scale), number(s.Min*scale), number(s.Max*scale))
}

// number writes v with three digits, or whole from a hundred on, in groups of
// three.
func number(v float64) string {
	switch {
	case v < 0:
		return "-" + number(-v)
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
