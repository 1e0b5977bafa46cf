//go:build !race

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
)

// Tests that measure one program after another take long, and longer under the race
// detector, which has nothing to see in waiting for them.

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
		flags               []string
		code                int
	}{
		{"the build before is worse", busy, quick, nil, exitOK},
		{"the build after is worse", quick, busy, nil, exitThreshold},
		{"the first environment is worse", self, self, []string{"--before-env", "GANNET_PERF_TEST_BUSY=300us"}, exitOK},
		{"the second environment is worse", self, self, []string{"--before-env", "A=b", "--after-env", "GANNET_PERF_TEST_BUSY=300us"}, exitThreshold},
	} {
		code, out, errs := perf(append([]string{"ab", c.before, c.after, "--only", "regression.tcp_call", "--rounds", "2", "--cpus", "none"}, c.flags...)...)
		if code != c.code || !strings.Contains(out, "server_cpu_us ") || !strings.Contains(out, "server_allocs_per_message ") {
			t.Errorf("%s: exit code %d\n%s%s", c.name, code, out, errs)
		}
		if n := strings.Count(errs, "regression.tcp_call"); n < 4 {
			t.Errorf("%s: %d measurements of 4\n%s", c.name, n, errs)
		}
	}
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

// Every transport, with peers and floors: each part is measured in each round,
// and drawn, listed and compared from the file.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "peers.json")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs := perf(peersArgs(t, "--rounds", "2", "--quick", "--only", "(http call d1|http ping d1|stdio call W1|tcp ping d1|fasthttp d1)$",
		"--peer", "other="+self+" -peer x", "--peer", "tcp:wire="+self+" -peer x -tcp y", "--out", file)...)
	if code != exitOK && code != exitSaturated {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	for _, want := range []string{"| go-sdk-tuned http call d1 |", "| gannet stdio call W1 | other stdio call W1 |", "| gannet tcp ping d1 | wire tcp ping d1 |", "| P1 | gannet http call d1 | cpu | mcp-go http call d1 |", "generator: the limit in ", "| RSS MB | GC | allocs | GC pauses µs | |\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if !strings.Contains(errs, "round 2 of 2: fasthttp d1: ") {
		t.Errorf("progress: %s", errs)
	}
	r, err := result.Read(file)
	if err != nil || r.Kind != result.KindPeers {
		t.Fatal(r, err)
	}
	names := map[string]bool{}
	for _, p := range r.Peers.Parts {
		names[p.Name] = true
		if len(p.Runs) != 2 || !slices.Equal(p.Rounds, []int{1, 2}) || len(p.Failures) != 0 || p.Group == "" {
			t.Errorf("%s: %d runs, rounds %v, %v", p.Name, len(p.Runs), p.Rounds, p.Failures)
			continue
		}
		for _, run := range p.Runs {
			if run.Messages == 0 || run.ErrorTotal != 0 || run.Server == nil || run.Server.PID == 0 {
				t.Errorf("%s: %+v", p.Name, run)
			}
			// Ours and the builtin peers have a page; floors and the peers of the
			// command line have none.
			_, paged := strings.CutPrefix(p.Name, "gannet")
			for _, peer := range []string{"go-sdk", "mcp-go", "fasthttp", "net-http"} {
				paged = paged || strings.HasPrefix(p.Name, peer)
			}
			if (run.Heap != nil) != paged || paged && run.Messages > 0 && run.Heap.Allocs <= 0 || p.HeapApart != strings.HasPrefix(p.Name, "gannet") {
				t.Errorf("%s: the server's heap is %+v, apart: %v", p.Name, run.Heap, p.HeapApart)
			}
		}
	}
	for _, base := range []string{"floor http 1002 d1", "cat 1002 W1", "gannet http ping d1", "mcp-go-tuned stdio call W1"} {
		if !names[base] {
			t.Errorf("%s was not measured", base)
		}
	}
	ratio := false
	for _, x := range r.Peers.Ratios {
		ratio = ratio || x.Part == "gannet http call d1" && x.To == "go-sdk http call d1" && x.Metric == "rate" && x.Spread.N == 2 && x.Spread.Median > 0
	}
	if !ratio {
		t.Errorf("ratios: %+v", r.Peers.Ratios)
	}
	verdicts := 0
	for _, g := range r.Peers.Goals {
		if g.Verdict == result.NotMeasured != (g.Measured.N == 0) {
			t.Errorf("goal %+v", g)
		}
		if g.Must == 0 || g.ID == "" {
			t.Errorf("goal %+v", g)
		}
		verdicts++
	}
	if verdicts < 8 {
		t.Errorf("%d goals", verdicts)
	}

	page := filepath.Join(dir, "page.html")
	if code, _, errs := perf("report", file, "-o", page); code != exitOK {
		t.Fatal(errs)
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	// Ours and the peers are lines of one chart.
	chart := ""
	for svg := range strings.SplitSeq(string(b), "<svg") {
		if strings.Contains(svg, ">http call, 64 connections, depth 1: Latency by percentile<") {
			chart = svg
		}
	}
	for _, name := range []string{"gannet http call d1", "go-sdk http call d1", "mcp-go-tuned http call d1", "floor http 1002 d1"} {
		_, rest, ok := strings.Cut(chart, `<polyline data-name="`+name+`"`)
		points, _, _ := strings.Cut(rest, "/>")
		if !ok || strings.Count(points, ",") < 3 {
			t.Errorf("%s is not drawn: %.300s", name, points)
		}
	}
	if code, out, errs := perf("report", "--markdown", file); code != exitOK || !strings.Contains(out, "| P3 | gannet http ping d1 | cpu | floor http ping d1 |") || !strings.Contains(out, "| gannet http call d1 | fasthttp d1 | rate |") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	comparePeersFiles(t, dir, r)
}

// comparePeersFiles compares a result with itself, with a slower one, and with
// what does not compare.
func comparePeersFiles(t *testing.T, dir string, r *result.Result) {
	t.Helper()
	for _, p := range r.Peers.Parts {
		for _, run := range p.Runs {
			run.Generator.Saturated = false
		}
	}
	save := func(name string) string {
		path := filepath.Join(dir, name)
		if err := r.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	before := save("before.json")
	if code, out, errs := perf("compare", before, before); code != exitOK || !strings.Contains(out, "1.000  pass") {
		t.Errorf("with itself: exit code %d: %s%s", code, out, errs)
	}
	part := &r.Peers.Parts[1]
	for _, run := range part.Runs {
		run.Rate *= 0.8
	}
	slower := save("slower.json")
	if code, _, errs := perf("compare", before, slower); code != exitThreshold || !strings.Contains(errs, part.Name) {
		t.Errorf("a part is slower: exit code %d: %s", code, errs)
	}
	name := part.Name
	part.Runs[0].Generator.Saturated = true
	part.Name = "renamed"
	other := save("other.json")
	if code, out, errs := perf("compare", "--format", "json", before, other); code != exitOK || !strings.Contains(out, `"the first result lacks it"`) || !strings.Contains(out, `"the second result lacks it"`) {
		t.Errorf("%s renamed: exit code %d: %s%s", name, code, out, errs)
	}
	r.Facts.Kernel = "another"
	if code, _, errs := perf("compare", before, save("machine.json")); code != exitUsage || !strings.Contains(errs, "one machine") {
		t.Errorf("another machine: exit code %d: %s", code, errs)
	}
	r.Kind, r.Peers, r.Facts.Kernel = result.KindLoad, nil, ""
	if code, _, errs := perf("compare", before, save("load.json")); code != exitUsage || !strings.Contains(errs, "do not compare") {
		t.Errorf("another kind: exit code %d: %s", code, errs)
	}
}

// A server that runs already, with and without profiles of its own: what cannot
// be had is said, the generator's is there.
func TestProfileURL(t *testing.T) {
	withPages := httptest.NewServer(http.DefaultServeMux)
	defer withPages.Close()
	without := httptest.NewServer(http.NotFoundHandler())
	defer without.Close()
	target := listen(t)
	for _, c := range []struct {
		name, admin string
		server      bool
	}{
		{"profiles", withPages.URL, true},
		{"no profiles", without.URL, false},
		{"nobody there", "http://127.0.0.1:1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			code, out, errs := perf("profile", target, "--admin", c.admin, "--method", "ping", "-c", "2", "--no-pin", "--warmup", "0s", "--duration", "1s", "--trace", "0s", "--dir", dir, "--format", "json")
			if code != exitOK {
				t.Fatalf("exit code %d: %s%s", code, out, errs)
			}
			var r profileReport
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			// The server is this process too here, which has one CPU profile at a time.
			refused := slices.ContainsFunc(r.Missing, func(s string) bool { return strings.HasPrefix(s, "server.allocs.prof: ") })
			if refused == c.server || r.Generator == nil || r.Load.Messages == 0 || len(r.Files) < 5 {
				t.Errorf("files %v, missing %v", r.Files, r.Missing)
			}
			if !slices.ContainsFunc(r.Missing, func(s string) bool { return strings.HasPrefix(s, "server.cpu.prof: ") }) {
				t.Errorf("two CPU profiles of one process: %v", r.Missing)
			}
			for _, m := range r.Missing {
				name, _, _ := strings.Cut(m, ":")
				if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
					t.Errorf("%s is missing, and there", name)
				}
			}
		})
	}
	if code, _, _ := perf("profile", "tcp://127.0.0.1:1", "--no-pin", "--dir", t.TempDir()); code != exitConnect {
		t.Errorf("nobody listens: exit code %d", code)
	}
}
