package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/gannetmcp/gannet/bench/result"
)

// A workChange is how one workload of perf run has changed, or why that cannot be
// said.
type workChange struct {
	ID      string          `json:"id"`
	Changes []result.Change `json:"changes,omitempty"`
	Reason  string          `json:"incomparable,omitempty"`
}

// compareSuites compares the workloads that both files of perf run have, and fails
// where any is too much worse, or no longer as it demands. What cannot be compared, or
// is in one file only, is said; nothing to compare at all is an error of usage.
func compareSuites(w io.Writer, before, after []*result.Result, format string) error {
	var all []workChange
	var worse []string
	both, compared := 0, 0
	for _, b := range before {
		if b.ID == "" {
			continue
		}
		c := workChange{ID: b.ID}
		a := find(after, b.ID)
		if a == nil {
			c.Reason = "the second file lacks it"
			all = append(all, c)
			continue
		}
		both++
		var err error
		if b.Kind == result.KindLoad {
			c.Changes, err = result.Compare(b, a)
		} else {
			c.Changes, err = result.CompareValues(b, a)
		}
		if err != nil {
			c.Reason = err.Error()
		} else {
			compared++
			if had, has := len(b.Failures()), len(a.Failures()); has > had {
				c.Changes = append(c.Changes, result.Change{Metric: "demands_missed", Before: result.SpreadOf([]float64{float64(had)}), After: result.SpreadOf([]float64{float64(has)}), Verdict: result.Fail})
			}
		}
		if result.Failed(c.Changes) {
			worse = append(worse, b.ID)
		}
		all = append(all, c)
	}
	for _, a := range after {
		if a.ID != "" && find(before, a.ID) == nil {
			all = append(all, workChange{ID: a.ID, Reason: "the first file lacks it"})
		}
	}
	if err := writeChanges(w, all, format); err != nil {
		return err
	}
	switch {
	case compared == 0:
		return exitf(exitUsage, "%w: of %d workloads that both have, none", result.ErrIncomparable, both)
	case len(worse) > 0:
		return exitf(exitThreshold, "worse than before: %s", strings.Join(worse, ", "))
	}
	return nil
}

// writeChanges prints the changes of all workloads.
func writeChanges(w io.Writer, all []workChange, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(all)
	}
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintln(&b, c.ID)
		if c.Reason != "" {
			fmt.Fprintln(&b, " ", c.Reason)
		}
		for _, m := range c.Changes {
			fmt.Fprintf(&b, "  %-22s %12.6g %12.6g %8.3f  %s\n", m.Metric, m.Before.Median, m.After.Median, m.Ratio, m.Verdict)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
