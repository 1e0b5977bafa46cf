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

// ComparePeers compares two results of KindPeers, part by part, by name. A part
// that only one of them has, or of which the generator was the limit, is refused
// by itself. The two do not compare if no part does.
func ComparePeers(before, after *Result) ([]PartChange, error) {
	if before.Peers == nil || after.Peers == nil {
		return nil, fmt.Errorf("%w: one is of %s, the other of %s", ErrIncomparable, before.Kind, after.Kind)
	}
	if before.Facts.Fingerprint() != after.Facts.Fingerprint() {
		return nil, fmt.Errorf("%w: one is of %s, the other of %s; measure both on one machine", ErrIncomparable, before.Facts.Fingerprint(), after.Facts.Fingerprint())
	}
	old := map[string]*Result{}
	for _, r := range before.Loads() {
		old[r.Name] = r
	}
	var all []PartChange
	compared := 0
	for _, r := range after.Loads() {
		c := PartChange{Name: r.Name}
		if b := old[r.Name]; b == nil {
			c.Refused = "the first result lacks it"
		} else if changes, err := Compare(b, r); err != nil {
			c.Refused = err.Error()
		} else {
			c.Changes = changes
			compared++
		}
		delete(old, r.Name)
		all = append(all, c)
	}
	for _, r := range before.Loads() {
		if old[r.Name] != nil {
			all = append(all, PartChange{Name: r.Name, Refused: "the second result lacks it"})
		}
	}
	if compared == 0 {
		return nil, fmt.Errorf("%w: no part is in both, or of each the generator was the limit", ErrIncomparable)
	}
	return all, nil
}
