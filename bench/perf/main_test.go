package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// The test binary is perf load and perf conns, a worker of the latter, a
// server on standard streams, and the servers of perf peers.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && (os.Args[1] == "load" || os.Args[1] == "conns"):
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	case len(os.Args) > 2 && slices.Contains([]string{"serve", "-mode", "-peer"}, os.Args[1]):
		if err := standIn(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "stand-in:", err)
			os.Exit(1)
		}
	case len(os.Args) == 2 && os.Args[1] == "conns-worker":
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	case os.Getenv("GANNET_PERF_TEST_CHILD") != "":
		serve(struct {
			io.Reader
			io.Writer
		}{os.Stdin, os.Stdout})
	default:
		os.Exit(m.Run())
	}
}

// serve answers initialize and whatever else has an id, with an empty result.
func serve(c io.ReadWriter) {
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var m struct {
			ID     *uint64
			Method string
		}
		if json.Unmarshal(line, &m) != nil || m.ID == nil {
			continue
		}
		text := `{}`
		if m.Method == "initialize" {
			text = `{"protocolVersion":"2025-11-25"}`
		}
		if _, err := fmt.Fprintf(c, `{"jsonrpc":"2.0","id":%d,"result":%s}`+"\n", *m.ID, text); err != nil {
			return
		}
	}
}

// listen serves until the test ends.
func listen(t *testing.T) string { return listenBy(t, serve) }

// listenBy serves each connection by a function of the test's.
func listenBy(t *testing.T, serve func(io.ReadWriter)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer func() { _ = c.Close() }(); serve(c) }()
		}
	}()
	return "tcp://" + l.Addr().String()
}

// perf runs a command line.
func perf(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	return code, o.String(), e.String()
}

func TestUsage(t *testing.T) {
	for _, verb := range []string{"load", "conns", "keep", "peers", "profile", "report", "compare", "baseline save", "baseline check"} {
		code, out, _ := perf(append(strings.Fields(verb), "--help")...)
		if code != exitOK || !strings.Contains(out, "Examples:") || strings.Count(out, " perf "+verb) < 1 {
			t.Errorf("%s --help: exit code %d, without examples: %s", verb, code, out)
		}
	}
	for _, bad := range []string{"sing", "load", "load ftp://x", "load tcp://127.0.0.1:1 --rate 1 --steps 1,2", "load tcp://127.0.0.1:1 --ramp 5", "load tcp://127.0.0.1:1 --steps a",
		"load tcp://127.0.0.1:1 --rate 5 -n 5", "load tcp://127.0.0.1:1 --arrivals poisson", "load tcp://127.0.0.1:1 --rate 5 --arrivals even", "load tcp://127.0.0.1:1 --args {", "load tcp://127.0.0.1:1 --messages /nonexistent", "load tcp://127.0.0.1:1 --revision 2020-01-01",
		"load tcp://127.0.0.1:1 --runs 0", "load tcp://127.0.0.1:1 --find-knee --runs 2", "load tcp://127.0.0.1:1 --find-knee --max-p99 1s", "load tcp://127.0.0.1:1 --save /nonexistent/r.json", "load tcp://127.0.0.1:1 -o /",
		"conns tcp://127.0.0.1:1 --save /nonexistent/r.json", "run registry.lookup --out /nonexistent/r.json", "keep /nonexistent/k.txt -- true", "load tcp://127.0.0.1:1 --format xml", "load tcp://127.0.0.1:1 -- cat", "conns", "conns unix:x", "conns stdio", "conns tcp://127.0.0.1:1 --insecure", "conns stream+http://127.0.0.1:1 --revision 2026-07-28", "conns tcp://127.0.0.1:1 --spawn 1", "conns --spawn 1 -n 90000000"} {
		if code, out, errs := perf(strings.Fields(bad)...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("perf %s: exit code %d, says %q", bad, code, errs)
		}
	}
}

// linux skips a test that generates load where that cannot be.
func linux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip(load.ErrLinuxOnly)
	}
}

func TestLoad(t *testing.T) {
	linux(t)
	target, dir := listen(t), t.TempDir()
	saved := filepath.Join(dir, "r.json")
	code, out, errs := perf("load", target, "-c", "4", "--rate", "500", "--duration", "400ms", "--warmup", "50ms", "--interval", "100ms", "--runs", "2", "--save", saved, "--name", "a <b>")
	if code != exitOK && code != exitSaturated || !strings.Contains(out, "errors      none") || !strings.Contains(errs, "perf: measuring for 400ms") || !strings.Contains(errs, "/s  p50") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	r, err := result.Read(saved)
	if err != nil || len(r.Runs) != 2 || r.Runs[0].Starts != 200 || r.Facts.Command[1] != "load" {
		t.Fatalf("%+v, %v", r, err)
	}
	for format, want := range map[string]string{"json": `"schema": "gannet-perf/1"`, "csv": "name,commit,target", "ndjson": `"p99_us":`, "hgrm": "1/(1-Percentile)"} {
		file := filepath.Join(dir, format)
		code, out, errs := perf("load", target, "-n", "50", "-q", "--warmup", "0", "--format", format, "-o", file)
		b, err := os.ReadFile(file)
		if code != exitOK && code != exitSaturated || err != nil || !strings.Contains(string(b), want) || out != "" {
			t.Errorf("%s: exit code %d, %v: %s %s", format, code, err, b, errs)
		}
	}
	code, _, errs = perf("load", target, "-c", "4", "--rate", "500", "--arrivals", "poisson", "--seed", "7", "--duration", "200ms", "--warmup", "0", "--runs", "2", "-q", "--save", saved)
	if r, err = result.Read(saved); err != nil || r.Runs[0].Seed != 7 || r.Runs[1].Seed != 8 || r.Runs[0].Arrivals != load.ArrivalsPoisson || r.Runs[0].Starts == r.Runs[1].Starts {
		t.Errorf("by chance: exit code %d: %s%+v, %v", code, errs, r, err)
	}
	if code, _, _ := perf("load", "tcp://127.0.0.1:1", "-q"); code != exitConnect {
		t.Errorf("nobody listens: exit code %d", code)
	}
	if code, out, errs := perf("load", target, "-q", "--rate", "200", "--duration", "200ms", "--min-rate", "1000000"); code != exitThreshold && code != exitSaturated || !strings.Contains(out, "rate") {
		t.Errorf("too slow: exit code %d: %s", code, errs)
	}
	// A server that lacks what is checked.
	if code, _, errs := perf("load", target, "-q", "--method", "call"); code != exitConnect || !strings.Contains(errs, "another payload") {
		t.Errorf("a wrong payload: exit code %d: %s", code, errs)
	}
	t.Setenv("GANNET_PERF_TEST_CHILD", "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if code, out, errs := perf("load", "-n", "100", "-q", "--warmup", "0", "--", self); code != exitOK && code != exitSaturated || !strings.Contains(out, "exit status 0") {
		t.Errorf("a child: exit code %d: %s%s", code, out, errs)
	}
}

// A generator that is the limit says so by its exit code, and its result is kept.
func TestSaturatedExit(t *testing.T) {
	r := &result.Result{Schema: result.Schema, Kind: result.KindLoad, Runs: []*load.Result{{Rate: 5, Answered: 5, Generator: load.Generator{Saturated: true}}}}
	if code := codeOf((&loadCommand{}).judge(r)); code != exitSaturated {
		t.Errorf("exit code %d", code)
	}
	r.Runs[0].Errors.Lost, r.Runs[0].ErrorTotal = 1, 1
	if code := codeOf((&loadCommand{}).judge(r)); code != exitFailed {
		t.Errorf("with errors: exit code %d", code)
	}
}

// What a load comes to, by what is demanded of it.
func TestJudge(t *testing.T) {
	run := func(change func(*load.Result)) *load.Result {
		r := &load.Result{Seconds: 1, Messages: 1000, Sent: 1000, Answered: 1000, Rate: 1000, Latency: load.Latency{P50: 100, P99: 900, Max: 1000}}
		if change != nil {
			change(r)
		}
		return r
	}
	wrong := func(r *load.Result) { r.Errors.TimedOut, r.ErrorTotal = 3, 3 }
	nothing := func(r *load.Result) {
		*r = load.Result{Seconds: 1, Sent: 4, ErrorTotal: 4, Errors: load.Errors{TimedOut: 4}}
	}
	for _, c := range []struct {
		name string
		c    loadCommand
		runs []*load.Result
		knee *result.Knee
		code int
		says string
	}{
		{name: "good", runs: []*load.Result{run(nil)}},
		{name: "errors of a later run", runs: []*load.Result{run(nil), run(wrong)}, code: exitFailed, says: "3 errors: timed_out 3"},
		{name: "errors that are allowed", c: loadCommand{MaxErrors: 3}, runs: []*load.Result{run(wrong)}},
		{name: "nothing answered, which has no p99", c: loadCommand{MaxErrors: 9, MaxP99: time.Second}, runs: []*load.Result{run(nothing)}, code: exitFailed, says: "nothing was answered"},
		{name: "too slow", c: loadCommand{MinRate: 1001}, runs: []*load.Result{run(nil)}, code: exitThreshold, says: "--min-rate"},
		{name: "too late", c: loadCommand{MaxP99: 800 * time.Microsecond}, runs: []*load.Result{run(nil)}, code: exitThreshold, says: "--max-p99"},
		{name: "skipped", runs: []*load.Result{run(func(r *load.Result) { r.Skipped = 1 })}, code: exitThreshold, says: "skipped"},
		{name: "skipped, which is allowed", c: loadCommand{AnySkipped: true}, runs: []*load.Result{run(func(r *load.Result) { r.Skipped = 1 })}},
		{name: "no knee", c: loadCommand{KneeP99: time.Millisecond}, runs: []*load.Result{run(nil)}, knee: &result.Knee{Bound: "server"}, code: exitThreshold, says: "start lower"},
		{name: "a knee, beyond which there were errors", c: loadCommand{MinRate: 900}, runs: []*load.Result{run(nil), run(wrong)}, knee: &result.Knee{Rate: 950, Bound: "server"}},
		{name: "a knee that is too low", c: loadCommand{MinRate: 990}, runs: []*load.Result{run(nil)}, knee: &result.Knee{Rate: 950, Bound: "server"}, code: exitThreshold, says: "950 replies"},
		{name: "a knee of the generator", runs: []*load.Result{run(nil)}, knee: &result.Knee{Rate: 950, Bound: "generator"}, code: exitSaturated, says: "generator"},
	} {
		err := c.c.judge(&result.Result{Runs: c.runs, Knee: c.knee})
		code, text := exitOK, ""
		if err != nil {
			code, text = codeOf(err), err.Error()
		}
		if code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%s: exit code %d, %q", c.name, code, text)
		}
	}
}

func TestKnee(t *testing.T) {
	linux(t)
	saved := filepath.Join(t.TempDir(), "r.json")
	// A limit that nothing misses but a rate that no plan has: the doubling ends
	// at what the machine can do.
	code, out, errs := perf("load", listen(t), "-c", "8", "--find-knee", "--rate", "2000", "--knee-p99", "50ms", "--duration", "60ms", "--warmup", "0", "-q", "--save", saved)
	r, err := result.Read(saved)
	if err != nil || r.Knee == nil || len(r.Runs) < 5 || !strings.Contains(out, "knee") {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	for _, run := range r.Runs {
		if r.Knee.Rate > 0 && run.Plan[0].From == r.Knee.Rate && run.Latency.P99 > r.Knee.Limit {
			t.Errorf("the knee has p99 %.0f µs", run.Latency.P99)
		}
	}
}

func TestConns(t *testing.T) {
	linux(t)
	saved := filepath.Join(t.TempDir(), "c.json")
	code, out, errs := perf("conns", listen(t), listen(t), "-n", "61", "--hold", "2s", "--pings", "3", "--processes", "4", "--server-pid", fmt.Sprint(os.Getpid()), "--server-pid", fmt.Sprint(os.Getpid()), "--save", saved)
	if code != exitOK {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	r, err := result.Read(saved)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Conns
	if c.Opened != 61 || c.Kernel != 61 || c.Least < 3 || c.Pings < 183 || c.Processes != 4 || c.Errors.Total() != 0 || len(c.Servers) != 2 || c.Servers[0].Conns+c.Servers[1].Conns != 61 {
		t.Errorf("%+v", c)
	}
	if c.SetUp.P50 <= 0 || c.TearDown.Max <= 0 || c.Latency.P99 <= 0 {
		t.Errorf("%+v %+v %+v", c.SetUp, c.TearDown, c.Latency)
	}
	c.Saturated = true
	var text strings.Builder
	if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "SATURATED") || !strings.Contains(connsRow(r)[6], "generator") {
		t.Errorf("%v: %s", err, text.String())
	}
	if code, _, errs := perf("conns", "tcp://127.0.0.1:1", "-n", "5", "--hold", "1s"); code != exitConnect {
		t.Errorf("nobody listens: exit code %d: %s", code, errs)
	}
}

// What cannot be is said before anything is opened, with what to raise.
func TestDescriptors(t *testing.T) {
	for _, c := range []struct {
		c         connsCommand
		processes int
		says      string
	}{
		{c: connsCommand{Spawn: 3, N: 50_000}, processes: 3},
		{c: connsCommand{Spawn: 1, N: 50_000}, says: "--spawn 3, or raise the limit (ulimit -n 50100)"},
		{c: connsCommand{Targets: []string{"tcp://h:1"}, N: 50_000}, processes: 3},
		{c: connsCommand{Targets: []string{"tcp://h:1", "tcp://h:2"}, N: 50_000}, processes: 4},
		{c: connsCommand{Targets: []string{"tcp://h:1"}, N: 10}, processes: 1},
		{c: connsCommand{Targets: []string{"tcp://h:1"}, N: 50_000, Processes: 2}, says: "ulimit -n 25100"},
		// Sessions of two sockets.
		{c: connsCommand{Spawn: 3, Transport: "http", N: 50_000}, processes: 3},
		{c: connsCommand{Spawn: 3, Transport: "sse", N: 50_000}, says: "--spawn 6, or raise the limit (ulimit -n 33434)"},
		{c: connsCommand{Spawn: 6, Transport: "stream", N: 50_000}, processes: 6},
		{c: connsCommand{Targets: []string{"stream+http://h:1"}, N: 50_000}, processes: 6},
		{c: connsCommand{Targets: []string{"sse+http://h:1"}, N: 20_000, Processes: 1}, says: "ulimit -n 40100"},
	} {
		c.c.Pings, c.c.Hold = 2, time.Second
		n, err := c.c.check(20_000)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || n != c.processes {
			t.Errorf("%+v: %d, %v", c.c, n, err)
		}
	}
}

// Each series of a recorded result is in the page, with as many points.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	code, _, errs := perf("report", "testdata/load.json", "testdata/knee.json", "testdata/conns.json", "-o", path)
	if code != exitOK {
		t.Fatal(errs)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("<script")) || bytes.Contains(page, []byte("src=")) || bytes.Contains(page, []byte("href=")) {
		t.Error("the page needs something from elsewhere")
	}
	drawn := map[string][]int{} // points of each polyline, by name, in the order of the charts
	for _, m := range regexp.MustCompile(`<polyline data-name="([^"]*)"[^>]* points="([^"]*)"`).FindAllSubmatch(page, -1) {
		drawn[string(m[1])] = append(drawn[string(m[1])], len(bytes.Fields(m[2])))
	}
	r, err := result.Read("testdata/load.json")
	if err != nil {
		t.Fatal(err)
	}
	run := r.Runs[len(r.Runs)-1]
	quantiles, err := percentiles(run)
	if err != nil {
		t.Fatal(err)
	}
	n := len(run.Series)
	// Percentiles, rate, p99, in flight, CPU, RSS; nothing was skipped.
	if got, want := fmt.Sprint(drawn[r.Name]), fmt.Sprint([]int{len(quantiles.X), n, n, n, n, n}); got != want || n < 5 {
		t.Errorf("%s: points %s, want %s", r.Name, got, want)
	}
	knee, err := result.Read("testdata/knee.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := drawn[knee.Name]; len(got) < 2 || got[len(got)-1] != len(knee.Runs) {
		t.Errorf("knee: points %v, want %d at last", got, len(knee.Runs))
	}
	for _, name := range []string{"tcp_throughput", "tcp_p99_latency", "transport_latency"} {
		if !bytes.Contains(page, []byte("erlmcp v3 report: "+name)) {
			t.Errorf("%s is not marked", name)
		}
	}
	code, out, _ := perf("report", "--markdown", "testdata/load.json", "testdata/conns.json")
	if code != exitOK || strings.Count(out, "\n|---|") != 2 || !strings.Contains(out, "| "+r.Name+" |") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestBaseline(t *testing.T) {
	dir := t.TempDir()
	r, err := result.Read("testdata/load.json")
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, change func(*result.Result)) string {
		r, err := result.Read("testdata/load.json")
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		path := filepath.Join(dir, name)
		if err := r.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	base := filepath.Join(dir, "base")
	if code, _, errs := perf("baseline", "check", "testdata/load.json", "--dir", base); code != exitUsage || !strings.Contains(errs, "perf baseline save") {
		t.Errorf("no baseline yet: exit code %d: %s", code, errs)
	}
	if code, out, errs := perf("baseline", "save", "testdata/load.json", "--dir", base); code != exitOK || !strings.Contains(out, base) {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	scale := func(f float64) func(*result.Result) {
		return func(r *result.Result) {
			for _, run := range r.Runs {
				run.Rate /= f
				run.Latency.P99 *= f
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*result.Result)
		want   int
	}{
		{"noise", scale(1.05), exitOK},
		{"faster", scale(0.5), exitOK},
		{"slower by 15 %", scale(1 / 0.85), exitThreshold},
		{"another machine", func(r *result.Result) { r.Facts.CPUs++ }, exitUsage},
		{"another load", func(r *result.Result) { r.Runs[0].Conns++ }, exitUsage},
		{"another tool", func(r *result.Result) { r.Runs[0].Tool = "slow" }, exitUsage},
		{"another wire", func(r *result.Result) { r.Runs[0].Target = "unix:///s" }, exitUsage},
		{"interrupted", func(r *result.Result) { r.Runs[1].Interrupted = true }, exitUsage},
		{"errors", func(r *result.Result) { r.Runs[1].ErrorTotal = 1 }, exitThreshold},
	} {
		if code, out, errs := perf("baseline", "check", file(strings.ReplaceAll(c.name, " ", "_"), c.change), "--dir", base); code != c.want {
			t.Errorf("%s: exit code %d: %s%s", c.name, code, out, errs)
		}
	}
	wrong := file("wrong", func(r *result.Result) { r.Runs[1].ErrorTotal, r.Runs[1].Errors.RPC = 1, 1 })
	if code, _, errs := perf("baseline", "save", wrong, "--dir", base); code != exitUsage || !strings.Contains(errs, "rpc 1") {
		t.Errorf("a baseline with errors: exit code %d: %s", code, errs)
	}
	for _, args := range [][]string{{"compare", "/nonexistent", "testdata/load.json"}, {"compare", "testdata/load.json", "main.go"}, {"report", "/nonexistent"}, {"baseline", "check", "/nonexistent"}} {
		if code, _, errs := perf(args...); code != exitUsage || !strings.Contains(errs, args[len(args)-1]) && !strings.Contains(errs, args[1]) {
			t.Errorf("perf %v: exit code %d: %s", args, code, errs)
		}
	}
	if r.Facts.Dirty() {
		t.Log("the recorded result is of a dirty tree")
	}
	if code, out, _ := perf("compare", "--format", "json", "testdata/load.json", "testdata/load.json"); code != exitOK || !strings.Contains(out, `"verdict": "pass"`) {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestGraph(t *testing.T) {
	if got := graph([]float64{9, 0, 4, 8}, 3); got != "▁▄█" {
		t.Errorf("%q", got)
	}
	if got := graph([]float64{0}, 3); got != "▁" {
		t.Errorf("%q", got)
	}
}
