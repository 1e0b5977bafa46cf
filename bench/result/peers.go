package result

import (
	"fmt"

	"github.com/gannetmcp/gannet/bench/load"
)

// Peers is what several servers did with the same loads, each once a round.
type Peers struct {
	Rounds   int          `json:"rounds"`
	Duration float64      `json:"duration_s"` // of each measurement
	Warmup   float64      `json:"warmup_s"`
	Parts    []Part       `json:"parts"`
	Ratios   []Ratio      `json:"ratios,omitempty"` // of ours to peers
	Goals    []Assessment `json:"goals,omitempty"`
}

// A Part is one server with one load.
type Part struct {
	Name    string         `json:"name"`
	Group   string         `json:"group"` // parts of one group have had one load
	Command []string       `json:"command"`
	Base    string         `json:"base,omitempty"` // name of the part that its ratios refer to
	Wrk     bool           `json:"wrk,omitempty"`  // measured by wrk, which states less
	Rounds  []int          `json:"rounds"`         // of each run, from 1
	Runs    []*load.Result `json:"runs"`
	// Collections are the server's garbage collections in each run; absent where
	// the server does not report them.
	Collections []int `json:"gc_cycles,omitempty"`
	// HeapApart says that what the runs have of the server's heap is each of a run of
	// its own: the server does more for a message while it serves its page.
	HeapApart bool      `json:"heap_apart,omitempty"`
	Failures  []Failure `json:"failures,omitempty"`
}

// A Failure is what went wrong in a round.
type Failure struct {
	Round int    `json:"round"`
	Text  string `json:"text"`
}

// A Ratio is one figure of a part divided by that of another of the same round,
// over the rounds. Absent ones were not measured.
type Ratio struct {
	Part   string `json:"part"`
	To     string `json:"to"`
	Metric string `json:"metric"` // rate, cpu, p50, p99, rss
	Spread Spread `json:"spread"`
}

// Loads are the parts of a result as results of their own, of KindLoad; of any
// other kind it is that result alone. They share its memory.
func (r *Result) Loads() []*Result {
	if r.Peers == nil {
		return []*Result{r}
	}
	var all []*Result
	for i := range r.Peers.Parts {
		p := &r.Peers.Parts[i]
		all = append(all, &Result{Schema: Schema, Kind: KindLoad, Name: p.Name, Facts: r.Facts, Runs: p.Runs})
	}
	return all
}

// A PartChange is one part in two results: its changes, or why it was not
// compared.
type PartChange struct {
	Name    string   `json:"name"`
	Changes []Change `json:"changes,omitempty"`
	Refused string   `json:"refused,omitempty"`
}

// failedRounds is what ComparePeers says of parts that failed in rounds.
const failedRounds = "failed_rounds"

// ComparePeers compares two results of KindPeers, part by part, by name. A part
// that only one of them has, or of which the generator was the limit, is refused
// by itself; one that failed in more rounds than before has become worse. The two
// do not compare if no part does.
func ComparePeers(before, after *Result) ([]PartChange, error) {
	if before.Peers == nil || after.Peers == nil {
		return nil, fmt.Errorf("%w: one is of %s, the other of %s", ErrIncomparable, before.Kind, after.Kind)
	}
	if !before.Facts.SameMachine(&after.Facts) {
		return nil, otherMachine(before, after)
	}
	old := map[string]int{}
	for i, p := range before.Peers.Parts {
		old[p.Name] = i
	}
	loads := before.Loads()
	var all []PartChange
	compared := 0
	for i, r := range after.Loads() {
		c := PartChange{Name: r.Name}
		at, known := old[r.Name]
		if !known {
			c.Refused = "the first result lacks it"
			all = append(all, c)
			continue
		}
		delete(old, r.Name)
		changes, err := Compare(loads[at], r)
		switch {
		case len(r.Runs) == 0 || len(loads[at].Runs) == 0:
			c.Refused = "in one of them it failed in every round"
		case err != nil:
			c.Refused = err.Error()
		}
		c.Changes = changes
		had, has := len(before.Peers.Parts[at].Failures), len(after.Peers.Parts[i].Failures)
		if has > had {
			c.Changes = append(c.Changes, Change{Metric: failedRounds, Before: SpreadOf([]float64{float64(had)}), After: SpreadOf([]float64{float64(has)}), Verdict: Fail})
		}
		if c.Changes != nil {
			compared++
		}
		all = append(all, c)
	}
	for _, p := range before.Peers.Parts {
		if _, left := old[p.Name]; left {
			all = append(all, PartChange{Name: p.Name, Refused: "the second result lacks it"})
		}
	}
	if compared == 0 {
		return nil, fmt.Errorf("%w: no part is in both, or of each the generator was the limit", ErrIncomparable)
	}
	return all, nil
}
