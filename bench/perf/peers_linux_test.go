package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
