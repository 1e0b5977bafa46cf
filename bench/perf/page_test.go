package main

import (
	"os"
	"strings"
	"testing"
)

// The tables that PERFORMANCE.md has of perf are those of stored results.
func TestPage(t *testing.T) {
	code, tables, errs := perf("report", "--markdown", "../baseline/perf-conns-50k.json", "../baseline/perf-conns-guest.json")
	if code != exitOK {
		t.Fatal(errs)
	}
	page, err := os.ReadFile("../../PERFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(tables) {
		if strings.HasPrefix(line, "|") {
			rows++
			if !strings.Contains(string(page), line) {
				t.Errorf("PERFORMANCE.md lacks the line\n%s", line)
			}
		}
	}
	if rows != 4 {
		t.Errorf("%d rows in the stored results", rows)
	}
}
