package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAllocsCommand(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept.txt")
	output := func(bytes string) string {
		path := filepath.Join(dir, "output.txt")
		text := "pkg: p\nBenchmarkX 10 5.1 ns/op " + bytes + " B/op 1 allocs/op\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if code, _, errs := perf("allocs", "save", output("100"), kept); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, c := range []struct {
		bytes, says string
		code        int
	}{
		{"100", "0 worse, 0 better", exitOK},
		{"99", "better p.BenchmarkX", exitOK},
		{"101", "WORSE  p.BenchmarkX: 1 allocs/op and 100 B/op before, 1 and 101 now", exitThreshold},
	} {
		if code, out, errs := perf("allocs", "check", output(c.bytes), kept); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%s bytes: exit code %d, %s%s", c.bytes, code, out, errs)
		}
	}
	empty := filepath.Join(dir, "empty.txt")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"no output":       {"allocs", "check", empty, kept},
		"no such output":  {"allocs", "check", filepath.Join(dir, "none"), kept},
		"no such file":    {"allocs", "check", output("1"), filepath.Join(dir, "none")},
		"nothing to keep": {"allocs", "save", empty, kept},
		"no baseline":     {"allocs", "check", output("1"), output("1")},
	} {
		if code, _, errs := perf(args...); code != exitUsage {
			t.Errorf("%s: exit code %d, %s", name, code, errs)
		}
	}
}
