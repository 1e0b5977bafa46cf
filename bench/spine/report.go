package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/rounds"
)

// A report is all that one run found out: what -out writes.
type report struct {
	Facts        result.Facts         `json:"facts"`
	Rounds       int                  `json:"rounds"`
	Duration     string               `json:"duration"`
	Warmup       string               `json:"warmup"`
	Subjects     []rounds.Subject     `json:"subjects"`
	Goals        []result.Assessment  `json:"goals"`
	Measurements []rounds.Measurement `json:"measurements"`
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
	var goals []result.Goal
	for _, a := range r.Goals {
		goals = append(goals, a.Goal)
	}
	rounds.WriteTable(&b, r.Subjects, r.Measurements, rounds.Assess(r.Measurements, goals))
	_, err := io.WriteString(w, b.String())
	return err
}
