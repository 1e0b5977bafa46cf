//go:build !race

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The command as a user runs it, with programs that it builds itself: what takes its
// time is building and waiting, which the race detector sees nothing of.
func TestRun(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs two CPUs")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out := filepath.Join(t.TempDir(), "out.json")
	var stdout, stderr strings.Builder
	args := []string{"-rounds", "1", "-warmup", "50ms", "-duration", "200ms", "-only", "^gannet (tcp|stdio) call (d16|W64)$", "-out", out}
	if code := run(args, &stdout, &stderr); code != exitOK {
		t.Fatalf("code %d\n%s\n%s", code, stdout.String(), stderr.String())
	}
	for _, want := range []string{"| floor line 1002 d16 |", "| gannet tcp call d16 |", "| gannet stdio call W64 |", "**goals**", "| P6 |"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is missing in\n%s", want, stdout.String())
		}
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Measurements) != 4 || r.Facts.Go != runtime.Version() {
		t.Errorf("%d measurements, %+v", len(r.Measurements), r.Facts)
	}
	for _, m := range r.Measurements {
		if m.Failure != "" || m.Result.Messages == 0 || m.Result.ErrorTotal != 0 || m.Result.Server == nil ||
			m.Result.Server.CPUMicros <= 0 && strings.HasPrefix(m.Subject, "gannet tcp") { // the others may use less than the kernel counts
			t.Errorf("%s: %q, %+v", m.Subject, m.Failure, m.Result)
		}
	}

	// A server that is none of ours fails its line, not the table.
	stdout.Reset()
	args = []string{"-rounds", "1", "-warmup", "0s", "-duration", "100ms", "-only", "^broken stdio call W1$", "-peer", "broken=false"}
	if code := run(args, &stdout, &stderr); code != exitFailed {
		t.Errorf("of a peer that ends at once: code %d", code)
	}
	if !strings.Contains(stdout.String(), "| broken stdio call W1 | - |") {
		t.Errorf("the broken peer's line is missing in\n%s", stdout.String())
	}

	stdout.Reset()
	if code := run([]string{"-list", "-only", "^cat"}, &stdout, &stderr); code != exitOK || stdout.String() != "cat 1002 W1\ncat 1002 W16\ncat 1002 W64\n" {
		t.Errorf("-list: code %d, %q", code, stdout.String())
	}
	for _, bad := range [][]string{{"-only", "no such"}, {"-rounds", "x"}, {"stray"}} {
		if code := run(bad, &stdout, &stderr); code != exitUsage {
			t.Errorf("%v: code %d, want %d", bad, code, exitUsage)
		}
	}
}
