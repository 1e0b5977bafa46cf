package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary a server that fails in the ways that
// startServer must see.
func TestMain(m *testing.M) {
	switch os.Getenv("GANNET_SPINE_TEST_SERVER") {
	case "dies":
		_, _ = os.Stderr.WriteString("out of luck\n")
		os.Exit(1)
	case "prints":
		_, _ = os.Stdout.WriteString("tcp://127.0.0.1:1\nmore\n")
		time.Sleep(time.Minute)
	default:
		os.Exit(m.Run())
	}
}

func TestStartServer(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var w watcher
	t.Setenv("GANNET_SPINE_TEST_SERVER", "prints")
	s, err := startServer([]string{self}, 0, "no such file", &w)
	if err != nil {
		t.Fatal(err)
	}
	if s.address != "tcp://127.0.0.1:1" {
		t.Errorf("address %q", s.address)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	t.Setenv("GANNET_SPINE_TEST_SERVER", "dies")
	if _, err := startServer([]string{self}, 0, "no such file", &w); err == nil || !strings.Contains(err.Error(), "out of luck") {
		t.Errorf("of a server that dies: %v", err)
	}
	if _, err := startServer([]string{filepath.Join(t.TempDir(), "absent")}, 0, "x", &w); err == nil {
		t.Error("a command that is not there starts")
	}
}

// Collections count between the generator's two words, whatever the pieces in
// which the streams come.
func TestWatcher(t *testing.T) {
	var w watcher
	server, gen := w.lane(), w.lane()
	say := func(l interface{ Write([]byte) (int, error) }, s string) {
		for _, b := range []byte(s) {
			_, _ = l.Write([]byte{b})
		}
	}
	say(server, "gc 1 @0.1s 0%: …\n")
	say(gen, "gen: measuring")
	say(server, "gc 2 @0.2s 0%: …") // its line ends later
	say(gen, " for 1s\n")
	say(server, "\ngc 3 @0.3s 0%: …\nno gc 4 @\n")
	say(gen, "gen: draining\n")
	say(server, "gc 4 @0.4s 0%: …\n")
	if n := w.collections(); n != 2 {
		t.Errorf("%d collections, want 2", n)
	}
	say(server, strings.Repeat("x", 10*keepBytes)+"\n")
	if last := w.last(); !strings.Contains(last, "no gc 4") || len(last) > keepLines*(keepBytes+3) {
		t.Errorf("last lines: %d bytes, %q", len(last), last)
	}
	for range 3 * keepLines {
		say(server, "line\n")
	}
	if n := strings.Count(w.last(), "line"); n != keepLines {
		t.Errorf("%d lines are kept, want %d", n, keepLines)
	}
}

// The command as a user runs it, with programs that it builds itself.
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
			m.Result.Server.CPUMicros <= 0 && m.Subject != "cat 1002 W64" { // which may use less than the kernel counts
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
