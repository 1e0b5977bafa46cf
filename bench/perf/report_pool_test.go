package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/result"
)

const recordedPool = "../baseline/pool.json"

// Each trace of a pool's size is drawn, simulated beside real, with as many points as
// the result has; the tables of P22 and of the phases are in the page and in Markdown.
func TestPoolReport(t *testing.T) {
	all, err := result.ReadAll(recordedPool)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "r.html")
	if code, _, errs := perf("report", recordedPool, "-o", path); code != exitOK {
		t.Fatal(errs)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("<script")) || bytes.Contains(page, []byte("src=")) || bytes.Contains(page, []byte("href=")) {
		t.Error("the page needs something from elsewhere")
	}
	points := regexp.MustCompile(`<polyline data-name="([^"]*)"[^>]* points="([^"]*)"`)
	r := find(all, "pool.sizing")
	if r == nil || len(r.Traces) != 2 || !r.Traces[0].Simulated || r.Traces[1].Simulated {
		t.Fatal("no traces, simulated and real, are in the result")
	}
	for _, title := range []string{"Size of a pool over time", "Connections of the pool over time", "Utilisation of the pool over time", "Wait for a connection over time", "Users of the pool over time"} {
		chart := ""
		for svg := range strings.SplitSeq(string(page), "<svg") {
			if strings.Contains(svg, ">"+title+"<") {
				chart = svg
			}
		}
		drawn := map[string]int{}
		for _, m := range points.FindAllStringSubmatch(chart, -1) {
			drawn[m[1]] = len(strings.Fields(m[2]))
		}
		for _, trace := range r.Traces {
			if name := "pool.sizing, " + trace.Name(); drawn[name] != len(trace.Points) || len(trace.Points) < 200 {
				t.Errorf("%s: %s has %d points, the result %d", title, name, drawn[name], len(trace.Points))
			}
		}
		if len(drawn) != 2 {
			t.Errorf("%s: drawn %v", title, drawn)
		}
	}
	code, markdown, errs := perf("report", "--markdown", recordedPool)
	if code != exitOK {
		t.Fatal(errs)
	}
	for _, size := range ofPools {
		r := find(all, "pool."+size)
		if r == nil {
			t.Fatalf("no result of %s", size)
		}
		for _, figure := range []string{"rate", "p50_us", "p95_us", "p99_us", "wait_p50_us", "wait_p95_us", "wait_p99_us", "efficiency", "conn_bytes", "heap_bytes", "server_rss_bytes"} {
			if cell := figureOf(r, figure); cell == "-" || !strings.Contains(markdown, "| "+cell+" |") || !bytes.Contains(page, []byte("<td>"+cell+"</td>")) {
				t.Errorf("%s of %s, %q, is not told", figure, size, cell)
			}
		}
	}
	for _, p := range r.Traces[1].Phases {
		if !strings.Contains(markdown, fmt.Sprintf("| pool.sizing %s | %d |", p.Name, p.Users)) || !bytes.Contains(page, []byte("<td>pool.sizing "+p.Name+"</td>")) {
			t.Errorf("phase %s is not told", p.Name)
		}
	}
}

// What P22 says of a rate, and what stands where nothing was measured.
func TestPools(t *testing.T) {
	pool := func(rates ...float64) *result.Result {
		r := &result.Result{ID: "pool.small", Settings: "time=3s count=10 conns=100"}
		for _, v := range rates {
			r.Add("rate", "1/s", v)
		}
		return r
	}
	for _, c := range []struct {
		r    *result.Result
		want string // the row's beginning
	}{
		{pool(8_543), "pool.small 10 100 8,543 8,543 200,000 MISSED -"},
		{pool(8_544), "pool.small 10 100 8,544 8,543 200,000 met -"},
		{pool(9_000, 300_000, 200_000), "pool.small 10 100 200,000 (9,000-300,000) 8,543 200,000 reached -"},
		{pool(), "pool.small 10 100 - 8,543 200,000 - -"},
		{&result.Result{ID: "pool.large"}, "pool.large - - - 78,234 200,000 - -"},
	} {
		g := pools([]*result.Result{c.r})
		if len(g.rows) != 2 || len(g.rows[0]) != len(g.rows[1]) || !strings.HasPrefix(strings.Join(g.rows[1], " "), c.want) {
			t.Errorf("%q, want %s", g.rows, c.want)
		}
	}
	if g := pools([]*result.Result{{ID: "pool.workers.small"}}); len(g.rows) != 1 {
		t.Errorf("%q", g.rows)
	}
	if g, charts := sizing([]*result.Result{pool(1)}), sizingCharts([]*result.Result{pool(1)}); len(g.rows) != 1 || len(charts) != 0 {
		t.Errorf("without traces: %q, %d charts", g.rows, len(charts))
	}
}
