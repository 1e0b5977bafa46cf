package result

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// KindWork is what a workload of perf run measured that is no load on a server.
const KindWork = "work"

// SuiteSchema is the version of the format of several results in one file.
const SuiteSchema = "gannet-perf-suite/1"

// A Value is one figure of a workload, once for each repetition of it.
type Value struct {
	Name string    `json:"name"`
	Unit string    `json:"unit"`
	Runs []float64 `json:"runs"`
}

// Spread gathers the repetitions.
func (v *Value) Spread() Spread { return SpreadOf(slices.Clone(v.Runs)) }

// A Check is something that a workload demands of what it measured.
type Check struct {
	Name   string `json:"name"`
	Good   bool   `json:"good"`
	Detail string `json:"detail"` // the figures that decided
}

// Value returns the figure of the given name, nil where it was not measured.
func (r *Result) Value(name string) *Value {
	for i := range r.Values {
		if r.Values[i].Name == name {
			return &r.Values[i]
		}
	}
	return nil
}

// Add adds one repetition of a figure. What is no number was not measured, and is
// left out.
func (r *Result) Add(name, unit string, v float64) {
	if v != v || v-v != 0 { // NaN and the infinities, which JSON has no number for
		return
	}
	if old := r.Value(name); old != nil {
		old.Runs = append(old.Runs, v)
		return
	}
	r.Values = append(r.Values, Value{name, unit, []float64{v}})
}

// Demand adds a check.
func (r *Result) Demand(name string, good bool, format string, args ...any) {
	r.Checks = append(r.Checks, Check{name, good, fmt.Sprintf(format, args...)})
}

// Join adds a further repetition of the same workload.
func (r *Result) Join(next *Result) {
	for _, v := range next.Values {
		for _, x := range v.Runs {
			r.Add(v.Name, v.Unit, x)
		}
	}
	r.Runs = append(r.Runs, next.Runs...)
	r.Checks = append(r.Checks, next.Checks...)
	if next.Knee != nil {
		r.Knee = next.Knee
	}
	if next.Traces != nil {
		r.Traces = next.Traces
	}
}

// Failures are the checks that were not met.
func (r *Result) Failures() (list []Check) {
	for _, c := range r.Checks {
		if !c.Good {
			list = append(list, c)
		}
	}
	return list
}

// A Suite is the results of one perf run, in the order in which they were
// measured.
type Suite struct {
	Schema  string    `json:"schema"`
	Results []*Result `json:"results"`
}

// WriteJSON writes the suite by its schema.
func (s *Suite) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(s)
}

// WriteFile writes the suite to a file, as the function of that name does.
func (s *Suite) WriteFile(path string) error { return WriteFile(path, s.WriteJSON) }

// ReadAll reads a file that has one result, or a suite of them.
func ReadAll(path string) ([]*Result, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s Suite
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.Schema != SuiteSchema {
		r, err := Read(path)
		return []*Result{r}, err
	}
	for _, r := range s.Results {
		if r == nil || r.Schema != Schema {
			return nil, fmt.Errorf("%s: a result in it is not of schema %s; measure again with this tool", path, Schema)
		}
	}
	return s.Results, nil
}
