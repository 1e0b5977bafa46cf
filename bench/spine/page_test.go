package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/page"
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
		page.Check(t, root, file, map[string]string{"": tables.String(), "facts": facts})
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
