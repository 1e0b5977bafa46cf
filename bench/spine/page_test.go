package main

import (
	"os"
	"strings"
	"testing"
)

// The tables of PERFORMANCE.md are those of the stored result: no figure on the
// page that was not measured.
func TestPage(t *testing.T) {
	var tables strings.Builder
	for _, file := range []string{"../baseline/spine.json", "../baseline/web.json"} {
		r, err := readReport(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.writeMarkdown(&tables); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("../../PERFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(tables.String()) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		if !strings.Contains(string(page), line) {
			t.Errorf("PERFORMANCE.md lacks the line\n%s(go run ./bench/spine -from bench/baseline/spine.json prints all of them)", line)
		}
	}
	if rows < 30 {
		t.Errorf("%d rows in the stored result", rows)
	}
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
