package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/suite"
)

func TestRunUsage(t *testing.T) {
	code, out, _ := perf("run", "--help")
	if code != exitOK || !strings.Contains(out, "Examples:") || !strings.Contains(out, "perf run registry.lookup latency") {
		t.Errorf("exit code %d: %s", code, out)
	}
	code, out, _ = perf("run", "--list")
	if code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	at := -1
	for _, w := range suite.Workloads() {
		i := strings.Index(out, "  "+w.ID+" ")
		if i < 0 || i < at || !strings.Contains(out[i:], w.Brief) || !strings.Contains(out[:i], w.Area()+"\n") {
			t.Errorf("%s is not listed below its area, in its place", w.ID)
		}
		at = i
	}
	if code, out, _ := perf("run", "--list", "latency"); code != exitOK || strings.Contains(out, "\nregistry.") || !strings.Contains(out, "\nlatency.clock: ") || !strings.Contains(out, "quick: time=100ms") {
		t.Errorf("exit code %d: %s", code, out)
	}
	for bad, says := range map[string]string{
		"run":                                  "perf run --list",
		"run registry.lokup":                   "did you mean registry.lookup",
		"run --list nothing-of-that-kind":      "perf run --list",
		"run latency.clock registri":           "did you mean registry",
		"run latency.clock --repeat 0":         "between 1 and 1000",
		"run latency.clock --cpus 5":           "SERVER:GENERATOR",
		"run latency.clock --quick --frequent": "unknown flag",
	} {
		if code, out, errs := perf(strings.Fields(bad)...); code != exitUsage || out != "" || !strings.Contains(errs, says) {
			t.Errorf("perf %s: exit code %d, says %q %q", bad, code, out, errs)
		}
	}
}

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.json")
	code, out, errs := perf("run", "latency.gproc_where", "--quick", "--repeat", "2", "--out", file)
	if code != exitOK || !strings.Contains(errs, "perf: latency.gproc_where, 2 of 2") {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, want := range []string{"latency.gproc_where (quick)\n", "batch64_p99_us", "] of 2", "erlmcp v3 report: 2.80 µs gproc_lookup_p99 (claimed)", "clock_ns"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	all, err := result.ReadAll(file)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	r := all[0]
	if rate := r.Value("rate"); r.ID != "latency.gproc_where" || r.Area != "latency" || !r.Quick || r.Kind != result.KindWork || rate == nil || len(rate.Runs) != 2 || rate.Unit != "1/s" || r.Facts.Go == "" {
		t.Errorf("%+v", r)
	}
	code, out, errs = perf("run", "latency.clock", "--quick", "--json", "-q")
	if code != exitOK || errs != "" || !strings.HasPrefix(out, "{\n \"schema\": \"gannet-perf-suite/1\"") || !strings.Contains(out, `"name": "clock_ns"`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

// What was measured before a failure is written, and the exit code is the failure's.
func TestRunFails(t *testing.T) {
	linux(t)
	file := filepath.Join(t.TempDir(), "r.json")
	code, out, errs := perf("run", "latency.clock", "transport.tcp.single", "--quick", "--out", file, "--gannet", "/bin/false", "--cpus", "none")
	all, err := result.ReadAll(file)
	if code != exitFailed || !strings.Contains(out, "latency.clock") || !strings.Contains(errs, "ended before it listened") || err != nil || len(all) != 1 {
		t.Errorf("exit code %d: %s%s%v, %d results", code, out, errs, err, len(all))
	}
	code, _, errs = perf("run", "transport.tcp.single", "--gannet", "/nonexistent/gannet")
	if code != exitUsage || !strings.Contains(errs, "make build") {
		t.Errorf("no server: exit code %d: %s", code, errs)
	}
}

// What a workload demands, and a generator that was the limit, end in exit codes.
func TestJudgeSuite(t *testing.T) {
	good := &result.Result{ID: "load.light", Checks: []result.Check{{Name: "all answered", Good: true}}}
	bad := &result.Result{ID: "load.heavy", Checks: []result.Check{{Name: "all answered", Good: true}, {Name: "no time-out", Good: false}}}
	limit := &result.Result{ID: "transport.tcp.d64.1k", Runs: []*load.Result{{Generator: load.Generator{Saturated: true}}}}
	for _, c := range []struct {
		all  []*result.Result
		code int
		says string
	}{
		{nil, exitOK, ""},
		{[]*result.Result{good}, exitOK, ""},
		{[]*result.Result{good, limit}, exitSaturated, "transport.tcp.d64.1k"},
		{[]*result.Result{limit, bad, good}, exitThreshold, "load.heavy"},
	} {
		err := judgeSuite(c.all)
		if err == nil && c.code != exitOK || err != nil && (codeOf(err) != c.code || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%d results: %v, want exit code %d", len(c.all), err, c.code)
		}
	}
}

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit string
		want string
	}{{0, "1/s", "0/s"}, {971_000, "1/s", "971,000/s"}, {8543.4, "1/s", "8,543/s"}, {0.0123456, "µs", "0.0123 µs"}, {4.5, "µs", "4.50 µs"}, {45.6, "µs", "45.6 µs"}, {178, "µs", "178 µs"}, {-123456, "B", "-123,456 B"}, {0.987, "ratio", "0.987"}, {1234567.8, "1", "1,234,568"}} {
		if got := amount(c.v, c.unit); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

// Two runs of the same workloads are compared one by one.
func TestCompareSuites(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, change func(*result.Result)) string {
		all, err := result.ReadAll(recordedSuite)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			for _, run := range r.Runs {
				run.Generator.Saturated = false
			}
			change(r)
		}
		path := filepath.Join(dir, name)
		if err := (&result.Suite{Schema: result.SuiteSchema, Results: all}).WriteFile(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	base := file("base", func(*result.Result) {})
	slower := func(id string) func(*result.Result) {
		return func(r *result.Result) {
			if r.ID != id {
				return
			}
			for _, run := range r.Runs {
				run.Rate *= 0.85
			}
			for i, v := range r.Values {
				if v.Name == "rate" {
					for k := range r.Values[i].Runs {
						r.Values[i].Runs[k] *= 0.85
					}
				}
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*result.Result)
		code   int
		says   string
	}{
		{"same", func(*result.Result) {}, exitOK, ""},
		{"work", slower("registry.lookup"), exitThreshold, "worse than before: registry.lookup\n"},
		{"load", slower("transport.tcp.d16.1k"), exitThreshold, "worse than before: transport.tcp.d16.1k\n"},
		{"machine", func(r *result.Result) { r.Facts.CPUs++ }, exitUsage, "none"},
		{"other", func(r *result.Result) { r.ID += ".x" }, exitUsage, "of 0 workloads"},
	} {
		code, out, errs := perf("compare", base, file(c.name, c.change))
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit code %d: %s", c.name, code, errs)
		}
		if c.code == exitOK && (!strings.Contains(out, "registry.lookup\n") || !strings.Contains(out, "pass")) {
			t.Errorf("%s: %s", c.name, out)
		}
	}
	if code, out, _ := perf("compare", "--format", "json", base, base); code != exitOK || !strings.Contains(out, `"id": "latency.gproc_where"`) {
		t.Errorf("exit code %d: %.300s", code, out)
	}
}
