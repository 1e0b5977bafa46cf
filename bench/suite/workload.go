package suite

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
)

// Areas, in the order of the report.
const (
	AreaPool       = "pool"
	AreaRegistry   = "registry"
	AreaLatency    = "latency"
	AreaMemory     = "memory"
	AreaTransport  = "transport"
	AreaLoad       = "load"
	AreaRegression = "regression"
)

// Areas are all of them.
var Areas = []string{AreaPool, AreaRegistry, AreaLatency, AreaMemory, AreaTransport, AreaLoad, AreaRegression}

// All is the name that selects each workload.
const All = "all"

// Settings say how long and how much. A workload reads those that its Measures
// speaks of; the rest is 0.
type Settings struct {
	Time   time.Duration // of each measurement
	Warmup time.Duration // before it, not counted
	Keys   int           // names in a table
	Count  int           // of what is counted, not timed: connections churned, buffers lent
	Conns  int           // connections
	Rate   float64       // requests a second
}

// String names those that are not 0.
func (s Settings) String() string {
	var list []string
	for _, f := range []struct {
		name  string
		value any
		set   bool
	}{{"time", s.Time, s.Time != 0}, {"warmup", s.Warmup, s.Warmup != 0}, {"keys", s.Keys, s.Keys != 0}, {"count", s.Count, s.Count != 0}, {"conns", s.Conns, s.Conns != 0}, {"rate", s.Rate, s.Rate != 0}} {
		if f.set {
			list = append(list, fmt.Sprintf("%s=%v", f.name, f.value))
		}
	}
	return strings.Join(list, " ")
}

// A Workload is something to measure.
type Workload struct {
	ID       string
	Brief    string // one line
	Measures string // what exactly, and how
	Server   bool   // needs Linux and the program gannet
	Full     Settings
	Quick    Settings
	// Run measures once. The result needs its figures, checks and runs only; Once
	// fills in the rest. It returns early, with the error of Env.Context, when that
	// has ended.
	Run func(*Env, Settings) (*result.Result, error)
}

// Area is the first part of the id.
func (w *Workload) Area() string {
	area, _, _ := strings.Cut(w.ID, ".")
	return area
}

// Settings are the quick or the full ones.
func (w *Workload) Settings(quick bool) Settings {
	if quick {
		return w.Quick
	}
	return w.Full
}

// Workloads returns all of them, area by area. The slice is the caller's.
//
// A package with workloads of its own is joined here: one more table.
func Workloads() []Workload {
	return slices.Concat(
		poolWorkloads(),
		registryWorkloads(),
		latencyWorkloads(),
		memoryWorkloads(),
		transportWorkloads(),
		loadWorkloads(),
		regressionWorkloads(),
	)
}

// UnknownError is an id that there is not.
type UnknownError struct {
	ID   string
	Near []string // ids and areas that are written similarly, the nearest first
}

// Error names the nearest.
func (e *UnknownError) Error() string {
	if len(e.Near) == 0 {
		return fmt.Sprintf("no workload %.60q; perf run --list has them", e.ID)
	}
	return fmt.Sprintf("no workload %.60q; did you mean %s?", e.ID, strings.Join(e.Near, ", "))
}

// Select returns the workloads that names select, in the order of the table and
// each once: an id, an area, the beginning of ids up to a dot (transport.tcp), or
// All.
//
// Errors: *UnknownError.
func Select(table []Workload, names []string) ([]Workload, error) {
	chosen := make([]bool, len(table))
	for _, name := range names {
		known := false
		for i := range table {
			if id := table[i].ID; name == All || id == name || strings.HasPrefix(id, name+".") {
				chosen[i], known = true, true
			}
		}
		if !known {
			return nil, &UnknownError{name, nearest(table, name)}
		}
	}
	var list []Workload
	for i := range table {
		if chosen[i] {
			list = append(list, table[i])
		}
	}
	return list, nil
}

// nearest returns at most three ids or areas that name may have meant.
func nearest(table []Workload, name string) []string {
	type candidate struct {
		id       string
		distance int
	}
	var all []candidate
	take := func(id string) {
		d := distance(name, id)
		if strings.HasSuffix(id, "."+name) || strings.Contains(id, name) && len(name) > 2 {
			d = min(d, 1)
		}
		if d <= max(2, len(name)/3) {
			all = append(all, candidate{id, d})
		}
	}
	for _, a := range Areas {
		take(a)
	}
	for i := range table {
		take(table[i].ID)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.distance - b.distance })
	var ids []string
	for _, c := range all[:min(3, len(all))] {
		ids = append(ids, c.id)
	}
	return ids
}

// distance is how many letters have to be inserted, removed or replaced to make
// b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d++
			}
			diagonal = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
