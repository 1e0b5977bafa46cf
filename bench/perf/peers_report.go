package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/gannetmcp/gannet/bench/plot"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/rounds"
)

// flat are the loads of all results; peers are what those of perf peers stated
// beside them.
func flat(all []*result.Result) (loads, peers []*result.Result) {
	for _, r := range all {
		loads = append(loads, r.Loads()...)
		if r.Peers != nil {
			peers = append(peers, r)
		}
	}
	return loads, peers
}

// peersCharts are plots of the servers that had one load, each load by itself:
// one of latencies, one of rates, and one of the server's CPU.
func peersCharts(r *result.Result) (drawn []plot.Chart, err error) {
	loads := map[string][]*result.Result{}
	var order []string
	for i, load := range r.Loads() {
		group := r.Peers.Parts[i].Group
		if loads[group] == nil {
			order = append(order, group)
		}
		loads[group] = append(loads[group], load)
	}
	for _, group := range order {
		list, err := charts(loads[group])
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			switch c.Title {
			case titleQuantiles, titleRate, titleCPU:
				c.Title = group + ": " + c.Title
				drawn = append(drawn, c)
			}
		}
	}
	return drawn, nil
}

// peersTables are the ratios and the goals of a result of perf peers.
func peersTables(r *result.Result) (list [][][]string) {
	ratios := [][]string{{"ours", "peer", "figure", "ours / peer"}}
	for _, x := range r.Peers.Ratios {
		ratios = append(ratios, []string{x.Part, x.To, x.Metric, rounds.Span(x.Spread, 1)})
	}
	goals := [][]string{{"goal", "subject", "figure", "base", "measured", "must", "reach", "verdict"}}
	limited := map[string]bool{}
	for _, p := range r.Peers.Parts {
		limited[p.Name] = rounds.Limited(p.Runs)
	}
	for _, g := range r.Peers.Goals {
		g.Decide(limited[g.Subject], limited[g.Base]) // as results from before it did not
		base := g.Base
		if base == "" {
			base = "-"
		}
		goals = append(goals, []string{g.ID, g.Subject, g.Metric, base, rounds.Bounded(g.Bound, g.Measured), rounds.Number(g.Must), rounds.Number(g.Reach), g.Verdict})
	}
	failures := [][]string{{"failed", "round", "why"}}
	for _, p := range r.Peers.Parts {
		for _, f := range p.Failures {
			failures = append(failures, []string{p.Name, fmt.Sprint(f.Round), strings.NewReplacer("|", "/", "\n", " ").Replace(f.Text)})
		}
	}
	for _, t := range [][][]string{ratios, goals, failures} {
		if len(t) > 1 {
			list = append(list, t)
		}
	}
	return list
}

// comparePeers prints the changes of each part, and fails where one is too bad.
func comparePeers(w io.Writer, before, after *result.Result, format string) error {
	parts, err := result.ComparePeers(before, after)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var worse []string
	for _, p := range parts {
		if result.Failed(p.Changes) {
			worse = append(worse, p.Name)
		}
	}
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		err = e.Encode(parts)
	} else {
		var b strings.Builder
		fmt.Fprintf(&b, "%-32s %-18s %12s %12s %8s\n", "part", "metric", "before", "after", "ratio")
		for _, p := range parts {
			if p.Refused != "" {
				fmt.Fprintf(&b, "%-32s not compared: %s\n", p.Name, p.Refused)
			}
			for _, c := range p.Changes {
				if c.Verdict != result.None {
					fmt.Fprintf(&b, "%-32s %-18s %12.6g %12.6g %8.3f  %s\n", p.Name, c.Metric, c.Before.Median, c.After.Median, c.Ratio, c.Verdict)
				}
			}
		}
		_, err = io.WriteString(w, b.String())
	}
	if err == nil && len(worse) > 0 {
		return exitf(exitThreshold, "worse than before: %s", strings.Join(worse, ", "))
	}
	return err
}
