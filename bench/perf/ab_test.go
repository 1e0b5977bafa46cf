package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

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
		"no value":          {"ab", "a", "b", "--before-env", "GANNET_FLUSH"},
		"no name":           {"ab", "a", "b", "--after-env", "=off"},
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
	for name, revision := range map[string]string{"no such commit": "HEAD~9", "no parent": "HEAD~2^", "does not build": "HEAD~2"} {
		if _, _, err := buildBoth(ctx, t.TempDir(), revision, io.Discard); !errors.Is(err, errNothingBefore) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A slip of the pen is not nothing to compare with, which would pass.
	for _, revision := range []string{"--help", "HAED^", "mian", "mian~3", "^"} {
		if _, _, err := buildBoth(ctx, t.TempDir(), revision, io.Discard); codeOf(err) != exitUsage {
			t.Errorf("%s: %v", revision, err)
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
