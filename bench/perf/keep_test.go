package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kept.txt")
	code, out, errs := perf("keep", file, "--times", "2", "--env", "WORD=it's", "--", "sh", "-c", `echo "BenchmarkX 1 2 ns/op $WORD"; echo aside >&2`)
	if code != exitOK || out != "" || strings.Count(errs, "BenchmarkX 1 2 ns/op it's\n") != 2 {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^# 2 times: 'WORD=it'\\''s' sh -c 'echo "BenchmarkX [^\n]*'\n# [^\n]+ CPUs, [^\n]+, go1\.[^\n]+, commit \S+, 20\d\d-\d\d-\d\d \d\d:\d\d, load average \S+\nBenchmarkX 1 2 ns/op it's\nBenchmarkX 1 2 ns/op it's\n$`)
	if !want.Match(b) {
		t.Errorf("kept:\n%s", b)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"keep", file}, exitUsage, "which command?"},
		{[]string{"keep", file, "--times", "0", "--", "true"}, exitUsage, "--times"},
		{[]string{"keep", file, "--env", "x", "--", "true"}, exitUsage, "NAME=VALUE"},
		{[]string{"keep", file, "-q", "--", "sh", "-c", "echo half; exit 3"}, exitFailed, "nothing was kept"},
		{[]string{"keep", file, "-q", "--", "/nonexistent"}, exitFailed, "nothing was kept"},
		{[]string{"keep", file, "-q", "--", "head", "-c", "17000000", "/dev/zero"}, exitFailed, "longer than"},
	} {
		if code, _, errs := perf(c.args...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("perf %v: exit code %d: %s", c.args, code, errs)
		}
	}
	if again, err := os.ReadFile(file); err != nil || string(again) != string(b) {
		t.Errorf("a command that failed has changed the file: %v", err)
	}
}
