package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
)

func TestABUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"nothing":           {"ab"},
		"both ways":         {"ab", "a", "--against", "HEAD"},
		"no rounds":         {"ab", "a", "b", "--rounds", "0"},
		"no limit":          {"ab", "a", "b", "--most", "0"},
		"no such workload":  {"ab", "a", "b", "--only", "regression.tcp_cal"},
		"not of a server":   {"ab", "a", "b", "--only", "registry.lookup"},
		"no such program":   {"ab", "/nonexistent/a", "/nonexistent/b"},
		"CPUs of one side":  {"ab", "a", "b", "--cpus", "1"},
		"not of this build": {"ab", "a", "b", "--only", "memory.buffers"},
	} {
		if code, _, errs := perf(args...); code != exitUsage || errs == "" {
			t.Errorf("%s: exit code %d, %s", name, code, errs)
		}
	}
}

// paired is a pair of which the CPU time after is factor times that before.
func paired(factor float64) *pair {
	p := &pair{id: "x", before: new(result.Result), after: new(result.Result)}
	for i := range 5 {
		noise := 1 + float64(i%3)/10 // falls on both
		p.before.Add("server_cpu_us", "µs", 2*noise)
		p.after.Add("server_cpu_us", "µs", 2*noise*factor)
		p.before.Add("p50_us", "µs", 100)
		p.after.Add("p50_us", "µs", 1000)
	}
	return p
}

func TestPair(t *testing.T) {
	name, s := paired(2.5).judged()
	if name != "server_cpu_us" || s.N != 5 || s.Median < 2.499 || s.Median > 2.501 {
		t.Errorf("%s %+v", name, s)
	}
	p := paired(1)
	p.after.Values[0].Runs = p.after.Values[0].Runs[:4] // too little to count, once
	if name, s := p.judged(); name != "p50_us" || s.Median != 10 {
		t.Errorf("%s %+v", name, s)
	}
	var b strings.Builder
	if err := paired(1).write(&b); err != nil || !strings.Contains(b.String(), "1.000 [1.000, 1.000]") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// The exit code follows from which build comes after which, and both are measured.
func TestAB(t *testing.T) {
	linux(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	build := func(name, busy string) string {
		path := filepath.Join(t.TempDir(), name)
		script := fmt.Sprintf("#!/bin/sh\nGANNET_PERF_TEST_BUSY=%s exec %q \"$@\"\n", busy, self)
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	quick, busy := build("quick", "0"), build("busy", "300us")
	for _, c := range []struct {
		name, before, after string
		code                int
	}{
		{"the build before is worse", busy, quick, exitOK},
		{"the build after is worse", quick, busy, exitThreshold},
	} {
		code, out, errs := perf("ab", c.before, c.after, "--only", "regression.tcp_call", "--rounds", "2", "--cpus", "none")
		if code != c.code || !strings.Contains(out, "server_cpu_us ") || strings.Contains(out, "server_allocs") {
			t.Errorf("%s: exit code %d\n%s%s", c.name, code, out, errs)
		}
		if n := strings.Count(errs, "regression.tcp_call"); n < 4 {
			t.Errorf("%s: %d measurements of 4\n%s", c.name, n, errs)
		}
	}
}

// repository makes a repository of one Go program, with as many commits as
// there are sources of it, and makes it the working directory.
func repository(t *testing.T, sources ...string) {
	t.Helper()
	for _, program := range []string{"git", "go", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	t.Chdir(t.TempDir())
	git := func(args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@localhost"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	for _, s := range sources {
		for name, text := range map[string]string{"go.mod": "module x\n", "main.go": s} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		git("add", ".")
		git("commit", "-q", "--allow-empty", "-m", "x")
	}
}

func TestBuildBoth(t *testing.T) {
	say := func(word string) string { return `package main; func main() { println("` + word + `") }` }
	repository(t, `package main; this is no Go`, say("one"), say("two"))
	if err := os.WriteFile("main.go", []byte(say("three")), 0o600); err != nil {
		t.Fatal(err)
	}
	said := func(program string) string {
		out, err := exec.Command(program).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", program, err)
		}
		return strings.TrimSpace(string(out))
	}
	ctx := context.Background()
	before, after, err := buildBoth(ctx, t.TempDir(), "HEAD^", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := said(before), said(after); a != "one" || b != "three" {
		t.Errorf("built %q and %q", a, b)
	}
	for name, revision := range map[string]string{"no such commit": "HEAD~9", "does not build": "HEAD~2", "no revision": "--help"} {
		if _, _, err := buildBoth(ctx, t.TempDir(), revision, io.Discard); !errors.Is(err, errNothingBefore) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if code, out, errs := perf("ab", "--against", "HEAD~9"); code != exitOK || !strings.Contains(out, "nothing to compare with") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	// What is wrong with the tree itself is a failure.
	if err := os.WriteFile("main.go", []byte("no Go either"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := buildBoth(ctx, t.TempDir(), "HEAD^", io.Discard); err == nil || errors.Is(err, errNothingBefore) {
		t.Errorf("a tree that does not build: %v", err)
	}
}

// sleepy serves pings, each answered after a while.
func sleepy(t *testing.T, each time.Duration) string {
	return listenBy(t, func(c io.ReadWriter) {
		serve(struct {
			io.Reader
			io.Writer
		}{c, lateWriter{c, each}})
	})
}

type lateWriter struct {
	io.Writer
	after time.Duration
}

func (w lateWriter) Write(p []byte) (int, error) {
	time.Sleep(w.after)
	return w.Writer.Write(p)
}

// A server that was made slower by 15 % of its rate fails the gate, from load to
// exit code, and one that is as it was passes. Its time is spent asleep, so that a
// busy machine adds little to either.
func TestGateOnServers(t *testing.T) {
	linux(t)
	const asItWas = 40 * time.Millisecond
	dir := t.TempDir()
	measure := func(name string, each time.Duration) string {
		path := filepath.Join(dir, name)
		code, _, errs := perf("load", sleepy(t, each), "-c", "2", "--duration", "700ms", "--warmup", "50ms", "--runs", "3", "--name", "sleepy", "--save", path, "-q")
		if code != exitOK {
			t.Fatalf("%s: exit code %d, %s", name, code, errs)
		}
		return path
	}
	// The greatest of some thirty latencies is p99: what else the machine does may
	// disturb one round of results, and not each of six.
	var same, slower string
	for range 6 {
		before := measure("before", asItWas)
		code1, out1, errs1 := perf("compare", before, measure("again", asItWas))
		code2, out2, errs2 := perf("compare", before, measure("slower", asItWas*100/85))
		same, slower = out1+errs1, out2+errs2
		if code1 == exitOK && code2 == exitThreshold && strings.Contains(out2, result.Fail) {
			return
		}
	}
	t.Errorf("six times over, the same server did not pass or one 15 %% slower did not fail:\n%s\n%s", same, slower)
}
