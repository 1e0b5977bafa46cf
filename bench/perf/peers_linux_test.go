package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/result"
)

// peersArgs measures the test binary in every part.
func peersArgs(t *testing.T, more ...string) []string {
	t.Helper()
	if runtime.NumCPU() < 2 {
		t.Skip("needs two CPUs")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{"peers", "--gannet", self, "--floor", self, "--peer-bin", self, "--warmup", "20ms", "--duration", "100ms"}, more...)
}

// A server that fails is a failure of its part, told and kept; the rest is
// measured.
func TestPeersFailing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.json")
	code, out, errs := perf(peersArgs(t, "--no-builtin", "--transport", "http", "--rounds", "1", "--only", "broken http ping", "--peer", "http:broken=false", "--out", file)...)
	if code != exitFailed || !strings.Contains(errs, "broken http ping d1 (round 1: false ended before it listened") || !strings.Contains(out, "| broken http ping d1 | - |") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	r, err := result.Read(file)
	if err != nil || len(r.Peers.Parts) != 3 {
		t.Fatal(r, err)
	}
	if p := r.Peers.Parts[2]; len(p.Failures) != 1 || len(p.Runs) != 0 {
		t.Errorf("%+v", p)
	}
	if p := r.Peers.Parts[1]; p.Name != "gannet http ping d1" || len(p.Runs) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestPeersJudge(t *testing.T) {
	missed := result.Assessment{Goal: result.Goal{ID: "P1", Subject: "a"}, Verdict: result.Missed}
	r := &result.Result{Peers: &result.Peers{Parts: []result.Part{{Name: "a"}}, Goals: []result.Assessment{missed}}}
	for _, c := range []struct {
		name  string
		goals bool
		fails bool
		want  int
	}{{"a goal missed", false, false, exitOK}, {"a goal missed that matters", true, false, exitThreshold}, {"a failure", true, true, exitFailed}} {
		r.Peers.Parts[0].Failures = nil
		if c.fails {
			r.Peers.Parts[0].Failures = []result.Failure{{Round: 1, Text: "gone"}}
		}
		err := (&peersCommand{Goals: c.goals}).judge(r)
		got := exitOK
		var with *exitError
		if errors.As(err, &with) {
			got = with.code
		}
		if got != c.want {
			t.Errorf("%s: exit code %d (%v), want %d", c.name, got, err, c.want)
		}
	}
}

func TestPeersUsage(t *testing.T) {
	for _, bad := range []string{"--peer x", "--peer http:=y", "--peer a=b --peer a=c", "--peer go-sdk=x", "--only (", "--only nothing-is-called-so", "--rounds -1", "--rounds 5000",
		"--duration -1s", "--gen-cpu 0", "--transport ws", "--wrk --quick", "--gannet /nonexistent", "stray"} {
		if code, out, errs := perf(append([]string{"peers"}, strings.Fields(bad)...)...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("perf peers %s: exit code %d, says %q", bad, code, errs)
		}
	}
	code, out, errs := perf("peers", "--list", "--no-builtin", "--transport", "stdio", "--peer", "ts-sdk=node x")
	if want := "cat 1002 W1\ngannet stdio call W1\nts-sdk stdio call W1\n"; code != exitOK || !strings.HasPrefix(out, want) {
		t.Errorf("--list: exit code %d: %s%s", code, out, errs)
	}
	if code, _, errs := perf("peers", "--only", "go-sdk stdio", "--gannet", "/bin/true", "--peer-bin", ""); code != exitUsage || !strings.Contains(errs, "make peer") {
		t.Errorf("no peer: exit code %d: %s", code, errs)
	}
}
