package main

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/page"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/rounds"
)

// root is the repository.
const root = "../.."

// markdown is what perf report makes of stored results.
func markdown(t *testing.T, files ...string) string {
	t.Helper()
	args := []string{"report", "--markdown"}
	for _, file := range files {
		args = append(args, root+"/"+file)
	}
	code, tables, errs := perf(args...)
	if code != exitOK {
		t.Fatal(errs)
	}
	return tables
}

// read reads a stored result.
func read(t *testing.T, file string) *result.Result {
	t.Helper()
	r, err := result.Read(root + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The tables that PERFORMANCE.md has of perf are those of stored results, whole.
func TestPage(t *testing.T) {
	b, err := os.ReadFile(root + "/" + page.Page)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file   string
		prefix string // of the lines that must be there
		least  int    // so many there are
	}{
		{"bench/baseline/perf-conns-50k.json", "|", 2},
		{"bench/baseline/perf-conns-guest.json", "|", 2},
		{"bench/baseline/suite.json", "", 200},
		{"bench/baseline/peers.json", "| P", 20},
		{"bench/baseline/pool.json", "| pool.", 13},
		{"bench/baseline/wires.json", "| P", 6},
		{"bench/baseline/idle.json", "|", 10},
		{"bench/baseline/gc.json", "| memory.gc.", 5},
	} {
		tables := markdown(t, c.file)
		if c.file == "bench/baseline/suite.json" {
			// The report says how many connections a node has: so many were opened apart.
			tables = markdown(t, c.file, "bench/baseline/perf-conns-50k.json")
		}
		texts := map[string]string{"": tables}
		switch c.file {
		case "bench/baseline/peers.json", "bench/baseline/wires.json":
			texts["facts"] = peersFacts(read(t, c.file))
		case "bench/baseline/pool.json":
			texts["facts"] = poolFacts(t, c.file)
		case "bench/baseline/perf-conns-guest.json":
			texts["memory"] = connsMemory(t, read(t, c.file))
		}
		page.Check(t, root, c.file, texts)
		found := 0
		for line := range strings.Lines(tables) {
			if !strings.HasPrefix(line, c.prefix) || strings.HasPrefix(line, "**") { // titles, which are headings there
				continue
			}
			found++
			if !strings.Contains(string(b), line) {
				t.Errorf("PERFORMANCE.md lacks the line\n%s", line)
			}
		}
		if found < c.least {
			t.Errorf("%s: %d lines, want %d", c.file, found, c.least)
		}
	}
}

// poolFacts are the machine of a stored run of the pools, how busy it was, and the
// settings.
func poolFacts(t *testing.T, file string) string {
	t.Helper()
	all, err := result.ReadAll(root + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	large, sizing := find(all, "pool.large"), find(all, "pool.sizing")
	if large == nil || sizing == nil || large.Quick || sizing.Quick {
		t.Fatal("want pool.large and pool.sizing by their full settings")
	}
	f := &large.Facts
	return fmt.Sprintf("%s, %s, commit %s, %s, load average %s before. Full settings (%s for each size, %s for the phases); %d repetitions, of which the median, the least and the greatest are told, and of the traces the last.",
		f.Fingerprint(), f.Go, f.Commit, f.Date.Format("2006-01-02"), f.Load, shortSettings(large.Settings), shortSettings(sizing.Settings), len(large.Value("rate").Runs))
}

// shortSettings are those of time.
func shortSettings(settings string) string {
	var list []string
	for _, name := range []string{"time", "warmup"} {
		if v := setting(&result.Result{Settings: settings}, name); v != "-" {
			list = append(list, name+" "+v)
		}
	}
	return strings.Join(list, ", ")
}

// peersFacts are the machine and the rounds of a result of perf peers, and how often
// something else than the server was the limit.
func peersFacts(r *result.Result) string {
	runs, silent, saturated, disturbed := 0, 0, 0, 0
	for _, p := range r.Peers.Parts {
		for _, run := range p.Runs {
			if !run.Generator.Stated() {
				silent++
				continue
			}
			runs++
			if run.Generator.Saturated {
				saturated++
			}
			if rounds.Waited(run) > rounds.Disturbed {
				disturbed++
			}
		}
	}
	by := " with `perf`'s own generator"
	if silent > 0 {
		by = fmt.Sprintf(", %d measurements with `perf`'s own generator and %d with h2load, which does not say whether it was the limit", runs, silent)
	}
	return fmt.Sprintf("%s, %s, commit %s, %s. %d interleaved rounds of %gs%s: median (least-greatest). Of %d measurements the generator was the limit in %d, and in %d other programs took more than %.0f %% of a CPU that was to be free: rates and latencies are lower bounds there, CPU a message is nearly what it is.",
		r.Facts.Fingerprint(), r.Facts.Go, r.Facts.Commit, r.Facts.Date.Format("2006-01-02"), r.Peers.Rounds, r.Peers.Duration, by, runs, saturated, disturbed, 100*rounds.Disturbed)
}

// What 50,000 connections may take of one server, by the plan (P14), in MB.
const connsMust, connsReach = 120.0, 75.0

// connsMemory is what one server took in all.
func connsMemory(t *testing.T, r *result.Result) string {
	t.Helper()
	if len(r.Conns.Servers) != 1 {
		t.Fatalf("%d servers", len(r.Conns.Servers))
	}
	s := r.Conns.Servers[0]
	grown := float64(s.After-s.Before) / 1e6
	verdict := "missed"
	switch {
	case grown <= connsReach:
		verdict = "reached"
	case grown <= connsMust:
		verdict = "met"
	}
	return fmt.Sprintf("%.1f MB in all, of which the server had %.1f MB before the first connection: %.1f MB for %s sessions (P14 wants %g MB at most and reaches for %g MB: %s).",
		float64(s.After)/1e6, float64(s.Before)/1e6, grown, page.Digits(float64(s.Conns)), connsMust, connsReach, verdict)
}

// The table of connections that come and go.
func TestPageReconnect(t *testing.T) {
	const file = "bench/baseline/reconnect.json"
	r := read(t, file)
	for _, p := range r.Peers.Parts {
		if len(p.Runs) != r.Peers.Rounds || !slices.ContainsFunc(p.Runs, func(run *load.Result) bool { return run.Reconnects != nil }) {
			t.Errorf("%s: %d runs of %d rounds, with reconnecting", p.Name, len(p.Runs), r.Peers.Rounds)
		}
	}
	page.Check(t, root, file, map[string]string{"": markdown(t, file), "facts": peersFacts(r)})
}

// The gates that the page tells of are those of the code.
func TestPageGates(t *testing.T) {
	most, _ := reflect.TypeFor[abCommand]().FieldByName("Most")
	page.Check(t, root, "bench/result/gate.go", map[string]string{"gates": fmt.Sprintf(`| gate | fails | command |
|---|---|---|
| `+"`testing.AllocsPerRun`"+` on each message path | any allocation | `+"`make alloc`"+` |
| allocs/op and B/op of each Go benchmark, beside `+"`bench/baseline/allocs.txt`"+` | an object or a byte more; a benchmark added or lost without being looked at | `+"`make allocs`"+` |
| this tree and its first parent, built and measured in turns on five workloads | more than %s the server's CPU a message | `+"`make ab`"+` |
| two results of one machine | rate %.0f %% lower, p99 %.0f %% higher, objects a message more; memory %.0f %% higher is a warning | `+"`bin/perf compare`, `bin/perf baseline`"+` |
`, map[string]string{"2": "twice"}[most.Tag.Get("default")], 100*(1-result.LeastRate), 100*(result.MostP99-1), 100*(result.MostRSS-1))})
}
