package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gannetmcp/gannet/bench/result"
)

// compareCommand is perf compare.
type compareCommand struct {
	Before string `arg:"" help:"Result of perf load --save, perf run --out or perf peers --out."`
	After  string `arg:"" help:"Another of the same on the same machine."`
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

// Help is shown below the usage.
func (compareCommand) Help() string {
	return `Examples:
  perf load tcp://127.0.0.1:7600 -c 64 --runs 5 --save before.json
  perf compare before.json after.json
  perf run regression registry --repeat 5 --out before.json
  perf compare peers.json later.json

Medians over the runs are compared. It fails (exit code 4) where the rate, or the knee, is
lower by more than 10 %, p99 higher by more than 20 %, where the server allocates more
objects a message (--metrics), where more requests had errors or were skipped, and where a
workload is no longer as it demands. It warns where the server's memory is higher by more
than 50 %, and says what was not measured again. Results of two machines, of two loads, of
a generator that was the limit, or that were interrupted are refused (exit code 2).`
}

// Run compares.
func (c *compareCommand) Run(std *streams) error {
	before, err := result.ReadAll(c.Before)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	after, err := result.ReadAll(c.After)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if len(before) != 1 || len(after) != 1 || before[0].ID != "" {
		return compareSuites(std.out, before, after, c.Format)
	}
	return compare(std.out, before[0], after[0], c.Format)
}

// compare prints the changes, and fails where they are too bad.
func compare(w io.Writer, before, after *result.Result, format string) error {
	if before.Kind == result.KindPeers || after.Kind == result.KindPeers {
		return comparePeers(w, before, after, format)
	}
	changes, err := result.Compare(before, after)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		err = e.Encode(changes)
	} else {
		var b strings.Builder
		fmt.Fprintf(&b, "%-18s %12s %12s %8s\n", "metric", "before", "after", "ratio")
		for _, c := range changes {
			fmt.Fprintf(&b, "%-18s %12.6g %12.6g %8.3f  %s\n", c.Metric, c.Before.Median, c.After.Median, c.Ratio, c.Verdict)
		}
		if before.Facts.Dirty() || after.Facts.Dirty() {
			fmt.Fprintf(&b, "code beyond a commit was measured: %s, %s\n", before.Facts.Commit, after.Facts.Commit)
		}
		_, err = io.WriteString(w, b.String())
	}
	if err == nil && result.Failed(changes) {
		return exitf(exitThreshold, "%s is worse than %s", after.Name, before.Name)
	}
	return err
}

// baselineCommand is perf baseline.
type baselineCommand struct {
	Save  baselineSave  `cmd:"" help:"Keep a result as the baseline of its name."`
	Check baselineCheck `cmd:"" help:"Compare a result with the baseline of its name."`
}

// folder is where baselines lie.
type folder struct {
	Dir string `help:"Folder of baselines." default:"bench/baseline"`
}

// path is where the baseline of a result lies.
func (f *folder) path(r *result.Result) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' {
			return c
		}
		return '_'
	}, r.Name)
	return filepath.Join(f.Dir, "perf-"+name+".json")
}

type baselineSave struct {
	folder
	Result string `arg:"" help:"Result of perf load --save."`
}

// Help is shown below the usage.
func (baselineSave) Help() string {
	return `Examples:
  perf load tcp://127.0.0.1:7600 -c 64 --runs 5 --name tcp-ping --save r.json
  perf baseline save r.json`
}

// Run keeps a result.
func (c *baselineSave) Run(std *streams) error {
	r, err := result.Read(c.Result)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	// A result that could never be compared is no baseline, nor is one that others
	// would pass beside with as many errors.
	if _, err := result.Compare(r, r); err != nil {
		return &exitError{exitUsage, err}
	}
	for i, run := range r.Runs {
		if run.ErrorTotal > 0 && r.Knee == nil {
			return exitf(exitUsage, "run %d of %s has errors (%s): it is no baseline", i+1, c.Result, &run.Errors)
		}
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	path := c.path(r)
	if err := r.WriteFile(path); err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, path)
	return err
}

type baselineCheck struct {
	folder
	Result string `arg:"" help:"Result of perf load --save."`
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

// Help is shown below the usage.
func (baselineCheck) Help() string {
	return `Examples:
  perf load tcp://127.0.0.1:7600 -c 64 --runs 5 --name tcp-ping --save r.json
  perf baseline check r.json

Limits and exit codes are those of perf compare. A baseline of another machine is
refused (exit code 2).`
}

// Run compares a result with its baseline.
func (c *baselineCheck) Run(std *streams) error {
	r, err := result.Read(c.Result)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	before, err := result.Read(c.path(r))
	if errors.Is(err, fs.ErrNotExist) {
		return exitf(exitUsage, "no baseline of %q: %w; perf baseline save makes one", r.Name, err)
	}
	if err != nil {
		return err
	}
	return compare(std.out, before, r, c.Format)
}
