package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// allProfiles are the files of a whole run.
func allProfiles() (names []string) {
	for _, side := range []string{"server", "generator"} {
		for _, p := range []string{"cpu.prof", "allocs.prof", "heap.prof", "mutex.prof", "block.prof", "trace"} {
			names = append(names, side+"."+p)
		}
	}
	slices.Sort(names)
	return names
}

// A workload is profiled on both sides, and each file is one that the tools read.
func TestProfile(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "made", "here")
	code, out, errs := perf("profile", "tcp call d16", "--gannet", self, "--no-pin", "--warmup", "10ms", "--duration", "1s", "--trace", "50ms", "--dir", dir, "--top", "7")
	if code != exitOK {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	for _, want := range []string{"server: ", "generator: ", "  kernel ", "flat     cum  of           function", "go tool pprof -http=: " + filepath.Join(dir, "server.cpu.prof"), "go tool trace " + filepath.Join(dir, "generator.trace")} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "missing:") {
		t.Errorf("profiles are missing: %s", out)
	}
	for _, name := range allProfiles() {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if strings.HasSuffix(name, ".trace") {
			if !strings.HasPrefix(string(b), "go 1.") {
				t.Errorf("%s is no trace: %.20q", name, b)
			}
			continue
		}
		if p, err := profile.ParseData(b); err != nil || len(p.SampleType) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProfileUsage(t *testing.T) {
	for _, bad := range []string{"", "no-such-workload", "tcp://127.0.0.1:1 --duration 10ms", "tcp://127.0.0.1:1 --duration 1h", "tcp://127.0.0.1:1 --trace 1h", "tcp://127.0.0.1:1 --trace -1s",
		"tcp://127.0.0.1:1 --top 0", "tcp://127.0.0.1:1 --warmup -1s", "tcp://127.0.0.1:1 --format xml", "ftp://x"} {
		if code, out, errs := perf(append([]string{"profile", "--dir", t.TempDir()}, strings.Fields(bad)...)...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("perf profile %s: exit code %d, says %q", bad, code, errs)
		}
	}
	if code, out, _ := perf("profile", "--list"); code != exitOK || !strings.Contains(out, "gannet http ping d1\n") || strings.Contains(out, "stdio") {
		t.Errorf("--list: exit code %d: %s", code, out)
	}
	if code, _, errs := perf("profile", "tcp call d1", "--gannet", "/nonexistent", "--dir", t.TempDir()); code != exitUsage || !strings.Contains(errs, "make build") {
		t.Errorf("no server: exit code %d: %s", code, errs)
	}
}
