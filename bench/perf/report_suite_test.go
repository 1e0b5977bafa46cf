package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/erlmcp"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/suite"
)

var update = flag.Bool("update", false, "write the golden files anew")

const recordedSuite = "testdata/suite.json"

// The tables of a recorded run are those of the golden file.
func TestSuiteMarkdown(t *testing.T) {
	code, out, errs := perf("report", "--markdown", recordedSuite, "testdata/conns.json")
	if code != exitOK {
		t.Fatal(errs)
	}
	golden := "testdata/suite.md"
	if *update {
		if err := os.WriteFile(golden, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out != string(want) {
		a, b := strings.Split(out, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Errorf("line %d is\n%s\nand in %s (-update writes it anew)\n%s", i+1, a[i], golden, b[i])
				return
			}
		}
		t.Errorf("%d lines, in %s %d", len(a), golden, len(b))
	}
	// The report's tables are there row by row, and what was not measured says so.
	for _, table := range erlmcp.Tables() {
		for _, row := range table.Rows {
			if !strings.Contains(out, "\n| "+row.Label+" | ") {
				t.Errorf("%s: no row %s", table.Title, row.Label)
			}
		}
	}
	if !strings.Contains(out, "| websocket_throughput | 10,000/s | not measured | transport.ws.d16.1k rate |") {
		t.Error("what is not measured does not say so")
	}
	all, err := result.ReadAll(recordedSuite)
	if err != nil {
		t.Fatal(err)
	}
	// Nothing is said of workloads without a result.
	few, _ := ours(all[:1], erlmcp.Named("tcp_throughput"))
	many, by := ours(all, erlmcp.Named("tcp_throughput"))
	if few != absent || many == absent || by != "transport.tcp.d1.1k rate" {
		t.Errorf("%q, %q by %q", few, many, by)
	}
}

// Each series of a recorded run is in the page with as many points, and the report's
// figures are marks.
func TestSuiteReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.html")
	if code, _, errs := perf("report", recordedSuite, "-o", path); code != exitOK {
		t.Fatal(errs)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("<script")) || bytes.Contains(page, []byte("src=")) || bytes.Contains(page, []byte("href=")) {
		t.Error("the page needs something from elsewhere")
	}
	drawn := map[string][]int{}
	for _, m := range regexp.MustCompile(`<polyline data-name="([^"]*)"[^>]* points="([^"]*)"`).FindAllSubmatch(page, -1) {
		drawn[string(m[1])] = append(drawn[string(m[1])], len(bytes.Fields(m[2])))
	}
	has := func(name string, points int) bool {
		for _, n := range drawn[name] {
			if n == points {
				return true
			}
		}
		return false
	}
	all, err := result.ReadAll(recordedSuite)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if !bytes.Contains(page, []byte("<td>"+r.ID+"</td>")) {
			t.Errorf("%s is in no table", r.ID)
		}
		switch r.Area {
		case suite.AreaLatency:
			if s := percentileSeries(r); len(s.X) < 3 || !has(s.Name, len(s.X)) {
				t.Errorf("%s: %d points, drawn %v", s.Name, len(s.X), drawn[s.Name])
			}
		case suite.AreaLoad:
			if run := r.Runs[len(r.Runs)-1]; len(run.Series) > 0 && !has(r.ID, len(run.Series)) {
				t.Errorf("%s: %d points, drawn %v", r.ID, len(run.Series), drawn[r.ID])
			}
		case suite.AreaTransport:
			if strings.HasPrefix(r.ID, "transport.tcp.d1.") && !has("tcp", 2) { // of 1k and 10k
				t.Errorf("tcp: drawn %v", drawn["tcp"])
			}
		}
	}
	for _, mark := range []string{"tcp_throughput", "http_throughput", "json_decode_p99", "gproc_lookup_p99"} {
		if !bytes.Contains(page, []byte("erlmcp v3 report: "+mark)) {
			t.Errorf("no mark of %s", mark)
		}
	}
}
