package main

import (
	"strconv"
	"strings"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/suite"
)

// collectedMost is how often a server may collect in such a load, by the plan (P17).
const collectedMost = 0

// collections are the loads under which a server's collections were counted.
func collections(all []*result.Result) grid {
	g := grid{"Collections under a steady load", [][]string{{"load", "answered/s", "seconds", "messages", "collections", "objects a message", "P17 wants no collection"}}}
	for _, r := range all {
		if !strings.HasPrefix(r.ID, suite.Collections) {
			continue
		}
		row := []string{r.ID}
		for _, name := range []string{"rate", "seconds", "messages"} {
			cell := absent
			if v := r.Value(name); v != nil {
				cell = spreadText(&result.Value{Runs: v.Runs})
			}
			row = append(row, cell)
		}
		cycles, objects, is := absent, absent, result.NotMeasured
		if v := r.Value("server_gc_cycles"); v != nil {
			cycles, is = spreadText(&result.Value{Runs: v.Runs}), result.Missed
			// The worst counts: no collection is none in any run.
			if v.Spread().Max <= collectedMost && len(r.Failures()) == 0 {
				is = result.Reached
			}
		}
		if v := r.Value("server_allocs_per_message"); v != nil {
			objects = strconv.FormatFloat(v.Spread().Median, 'f', 5, 64)
		}
		g.rows = append(g.rows, append(row, cycles, objects, is))
	}
	return g
}
