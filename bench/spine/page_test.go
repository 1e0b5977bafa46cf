package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/page"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/rounds"
)

// The tables of PERFORMANCE.md are those of the stored results: no figure on the
// page that was not measured.
func TestPage(t *testing.T) {
	const root = "../.."
	b, err := os.ReadFile(filepath.Join(root, page.Page))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, file := range []string{"bench/baseline/spine.json", "bench/baseline/web.json"} {
		r, err := readReport(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		var tables strings.Builder
		if err := r.writeMarkdown(&tables); err != nil {
			t.Fatal(err)
		}
		facts, _, _ := strings.Cut(tables.String(), "\n")
		page.Check(t, root, file, map[string]string{"": tables.String(), "facts": facts, "budget": budget(r)})
		for line := range strings.Lines(tables.String()) {
			if !strings.HasPrefix(line, "|") {
				continue
			}
			rows++
			if !strings.Contains(string(b), line) {
				t.Errorf("PERFORMANCE.md lacks the line\n%s(go run ./bench/spine -from %s prints all of them)", line, file)
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows in the stored results", rows)
	}
}

// budget is what a message costs the server beyond what the bare echo of the same bytes
// costs it: both of one round, median (least-greatest).
func budget(r *report) string {
	var b strings.Builder
	b.WriteString("| message | bare echo, CPU µs | gannet, CPU µs | beyond the echo, µs |\n|---|---:|---:|---:|\n")
	cpu := func(subject string) (list []float64) {
		return rounds.Figures(r.Measurements, subject, rounds.MetricCPU)
	}
	for _, s := range r.Subjects {
		echo, ours := cpu(s.Base), cpu(s.Name)
		if !strings.HasPrefix(s.Name, "gannet ") || strings.HasPrefix(s.Base, "gannet ") || len(echo) != len(ours) || len(ours) == 0 {
			continue
		}
		var beyond []float64
		for i := range ours {
			beyond = append(beyond, ours[i]-echo[i])
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.TrimPrefix(s.Name, "gannet "), rounds.Span(result.SpreadOf(echo), 1), rounds.Span(result.SpreadOf(ours), 1), rounds.Span(result.SpreadOf(beyond), 1))
	}
	return b.String()
}

func TestReadReport(t *testing.T) {
	var stdout, stderr strings.Builder
	if code := run([]string{"-from", "../baseline/spine.json"}, &stdout, &stderr); code != exitOK || !strings.Contains(stdout.String(), "**goals**") {
		t.Errorf("code %d: %s", code, stderr.String())
	}
	for _, bad := range []string{"absent.json", "main.go"} {
		if code := run([]string{"-from", bad}, &stdout, &stderr); code != exitFailed {
			t.Errorf("%s: code %d", bad, code)
		}
	}
}
