package main

import (
	"os"
	"strings"
	"testing"
)

// The tables that PERFORMANCE.md has of perf are those of stored results.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../PERFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		files  []string
		prefix string // of the lines that are looked for
		least  int    // so many there must be
	}{
		{[]string{"../baseline/perf-conns-50k.json", "../baseline/perf-conns-guest.json"}, "|", 4},
		{[]string{"../baseline/suite.json"}, "", 200},
		{[]string{"../baseline/peers.json"}, "| P", 20},
		{[]string{"../baseline/pool.json"}, "| pool.", 13},
	} {
		code, tables, errs := perf(append([]string{"report", "--markdown"}, c.files...)...)
		if code != exitOK {
			t.Fatal(errs)
		}
		found := 0
		for line := range strings.Lines(tables) {
			if !strings.HasPrefix(line, c.prefix) {
				continue
			}
			found++
			if !strings.Contains(string(page), line) {
				t.Errorf("PERFORMANCE.md lacks the line\n%s", line)
			}
		}
		if found < c.least {
			t.Errorf("%v: %d lines, want %d", c.files, found, c.least)
		}
	}
}
