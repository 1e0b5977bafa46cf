package main

import (
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/result"
)

// One collection in one of the runs is a goal missed, and what no page told is not
// measured.
func TestCollections(t *testing.T) {
	of := func(id string, cycles ...float64) *result.Result {
		r := &result.Result{ID: id}
		for _, c := range cycles {
			r.Add("rate", "1/s", 10_000)
			r.Add("server_gc_cycles", "1", c)
		}
		return r
	}
	late := of("memory.gc.ws", 0)
	late.Demand("every request answered", false, "none")
	g := collections([]*result.Result{of("memory.gc.tcp", 0, 0), of("memory.gc.http1", 0, 0, 1), of("memory.gc.sse"), late, of("memory.churn", 3)})
	var got []string
	for _, row := range g.rows[1:] {
		if len(row) != len(g.rows[0]) {
			t.Errorf("%q has %d cells of %d", row, len(row), len(g.rows[0]))
		}
		got = append(got, row[0]+" "+row[len(row)-1])
	}
	if s := strings.Join(got, ", "); s != "memory.gc.tcp reached, memory.gc.http1 missed, memory.gc.sse not measured, memory.gc.ws missed" {
		t.Error(s)
	}
}
