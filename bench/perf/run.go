package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/gannetmcp/gannet/bench/erlmcp"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/suite"
)

// runCommand is perf run.
type runCommand struct {
	Names  []string `arg:"" optional:"" name:"id" help:"Workloads: ids, beginnings of ids (transport.tcp), areas, or all."`
	List   bool     `help:"Say what there is, and of ids how it is measured; measure nothing."`
	Quick  bool     `help:"Short settings: to see that all works, and roughly how fast."`
	Repeat int      `help:"Measure each so many times; tables have medians, with the least and the greatest." default:"1"`
	Out    string   `help:"File for the results as JSON besides, for perf report." placeholder:"FILE"`
	JSON   bool     `name:"json" help:"JSON on standard output instead of a table."`
	Gannet string   `help:"Server program to measure. Default: the gannet beside this program." placeholder:"FILE"`
	CPUs   string   `name:"cpus" help:"CPUs of the server and of the generator, as 0:1, or none to pin nothing. Default: 0:1 where there are two." placeholder:"SERVER:GENERATOR"`
	Quiet  bool     `short:"q" help:"No progress."`
}

// Help is shown below the usage.
func (runCommand) Help() string {
	return `Examples:
  perf run --list
  perf run --list load          what these measure, and how
  perf run registry.lookup latency
  perf run all --quick --out quick.json
  perf run transport.tcp load --repeat 5 --out results.json
  perf report results.json -o report.html

Beside a figure stands that of the erlmcp v3 report of 2026-02-02, where it has one; most
of those are no measurements of what they are called (perf report --markdown has notes).
Workloads with a server start gannet serve --demo on a CPU of its own.`
}

// Run measures.
func (c *runCommand) Run(std *streams) error {
	table := suite.Workloads()
	if c.List {
		return listWorkloads(std.out, table, c.Names)
	}
	if len(c.Names) == 0 {
		return exitf(exitUsage, "run what? ids, areas (%s) or all; perf run --list has them", strings.Join(suite.Areas, ", "))
	}
	if c.Repeat < 1 || c.Repeat > 1000 {
		return exitf(exitUsage, "--repeat is between 1 and 1000")
	}
	chosen, err := suite.Select(table, c.Names)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	e, err := c.env()
	if err != nil {
		return err
	}
	p := newProgress(std.err, c.Quiet)
	defer p.close()
	e.Progress = func(format string, args ...any) { p.step(fmt.Sprintf(format, args...)) }
	if p.terminal {
		e.Each = p.point
	}
	for _, w := range chosen {
		if w.Server {
			if err := e.CheckServer(); err != nil {
				return &exitError{exitUsage, fmt.Errorf("%s: %w", w.ID, err)}
			}
			break
		}
	}
	if err := result.Writable(c.Out); err != nil {
		return &exitError{exitUsage, err}
	}
	ctx, stop := interruptible()
	defer stop()
	e.Context = ctx
	// What is started dies with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := &result.Suite{Schema: result.SuiteSchema}
	facts := result.Gather(std.args)
	for i := range chosen {
		var r *result.Result
		r, err = chosen[i].Measure(e, c.Quick, c.Repeat, facts)
		if r != nil {
			s.Results = append(s.Results, r)
			if !c.JSON {
				if err := writeWork(std.out, r); err != nil {
					return err
				}
			}
		}
		if err != nil {
			break
		}
	}
	p.close()
	// What was measured before an error is kept; the error says how it ended.
	if err = errors.Join(err, c.write(std, s)); err != nil {
		return err
	}
	return judgeSuite(s.Results)
}

// write writes what is to be written at the end.
func (c *runCommand) write(std *streams, s *result.Suite) error {
	var shown, kept error
	if c.JSON {
		shown = s.WriteJSON(std.out)
	}
	if c.Out != "" && len(s.Results) > 0 {
		kept = s.WriteFile(c.Out)
	}
	return errors.Join(shown, kept)
}

// judgeSuite turns what the workloads demand, and saturation, into exit codes.
func judgeSuite(all []*result.Result) error {
	var failed, saturated []string
	for _, r := range all {
		if len(r.Failures()) > 0 {
			failed = append(failed, r.ID)
		}
		if r.Saturated() {
			saturated = append(saturated, r.ID)
		}
	}
	switch {
	case len(failed) > 0:
		return exitf(exitThreshold, "not as demanded: %s", strings.Join(failed, ", "))
	case len(saturated) > 0:
		return exitf(exitSaturated, "the generator was the limit of %d of %d (%s): read the server's CPU there", len(saturated), len(all), strings.Join(saturated, ", "))
	}
	return nil
}

// env is what the workloads run in.
func (c *runCommand) env() (*suite.Env, error) {
	e := &suite.Env{Context: context.Background(), Gannet: c.Gannet}
	if e.Gannet == "" {
		e.Gannet = besideThis("gannet")
	}
	switch {
	case c.CPUs == "none", c.CPUs == "" && runtime.NumCPU() < 2:
	case c.CPUs == "":
		e.ServerCPU, e.GeneratorCPU = []int{0}, []int{1}
	default:
		var server, generator int
		if n, err := fmt.Sscanf(c.CPUs, "%d:%d", &server, &generator); err != nil || n != 2 || server < 0 || generator < 0 {
			return nil, exitf(exitUsage, "--cpus is SERVER:GENERATOR, two numbers, or none; not %.40q", c.CPUs)
		}
		e.ServerCPU, e.GeneratorCPU = []int{server}, []int{generator}
	}
	return e, nil
}

// listWorkloads prints ids by area; of names, if there are any, those with what they
// measure.
func listWorkloads(w io.Writer, table []suite.Workload, names []string) error {
	if len(names) > 0 {
		chosen, err := suite.Select(table, names)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		for _, c := range chosen {
			if _, err := fmt.Fprintf(w, "%s: %s\n  %s\n  full: %s; quick: %s\n", c.ID, c.Brief, c.Measures, c.Full, c.Quick); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	area := ""
	for i := range table {
		if a := table[i].Area(); a != area {
			area = a
			fmt.Fprintf(t, "%s\n", area)
		}
		fmt.Fprintf(t, "  %s\t%s\n", table[i].ID, table[i].Brief)
	}
	return t.Flush()
}

// writeWork writes the figures of one workload, a line each, with the report's
// beside them.
func writeWork(w io.Writer, r *result.Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := r.ID
	if r.Quick {
		head += " (quick)"
	}
	if r.Saturated() {
		head += "  SATURATED: the generator was the limit; read the server's CPU"
	}
	fmt.Fprintf(t, "%s\n", head)
	for i := range r.Values {
		v := &r.Values[i]
		beside := ""
		for _, f := range erlmcp.Of(r.ID, v.Name) {
			beside += fmt.Sprintf("  %s: %s %s (%s)", erlmcp.Short, amount(f.Value, f.Unit), f.Name, f.Basis)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", v.Name, spreadText(v), strings.TrimSpace(beside))
	}
	for _, c := range r.Checks {
		verdict := "ok"
		if !c.Good {
			verdict = "FAILED"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", verdict, c.Name, c.Detail)
	}
	return t.Flush()
}

// spreadText is a median with its unit, and the least and the greatest.
func spreadText(v *result.Value) string {
	s := v.Spread()
	if s.N < 2 {
		return amount(s.Median, v.Unit)
	}
	return fmt.Sprintf("%s [%s, %s] of %d", amount(s.Median, v.Unit), amount(s.Min, ""), amount(s.Max, ""), s.N)
}

// amount is a value to four digits, with its unit where that says something.
func amount(v float64, unit string) string {
	text := ""
	switch size := math.Abs(v); {
	case size >= 999.5:
		text = grouped(v)
	case size >= 100, v == math.Trunc(v):
		text = fmt.Sprintf("%.0f", v)
	case size >= 10:
		text = fmt.Sprintf("%.1f", v)
	case size >= 1:
		text = fmt.Sprintf("%.2f", v)
	default:
		text = fmt.Sprintf("%.3g", v)
	}
	switch unit {
	case "", "1", "ratio":
		return text
	case "1/s":
		return text + "/s"
	}
	return text + " " + unit
}

// grouped is a whole number with commas.
func grouped(v float64) string {
	s := fmt.Sprintf("%.0f", math.Abs(v))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		return "-" + s
	}
	return s
}
