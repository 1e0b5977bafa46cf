package main

import (
	"fmt"
	"io"
	"os"

	"github.com/gannetmcp/gannet/bench/result"
)

// allocsCommand is perf allocs.
type allocsCommand struct {
	Save  allocsSave  `cmd:"" help:"Keep what Go benchmarks allocate."`
	Check allocsCheck `cmd:"" help:"Compare what Go benchmarks allocate with what was kept, to the byte."`
}

// benchmarked are the files of both commands.
type benchmarked struct {
	Output string `arg:"" help:"What go test -bench . -benchmem -cpu 1 printed." type:"existingfile"`
	File   string `arg:"" help:"Where it is kept."`
}

// read reads what the benchmarks printed.
func (c *benchmarked) read() (map[string]result.Allocs, error) {
	f, err := os.Open(c.Output)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	all, err := result.ReadBenchmarks(f)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("%s: %w", c.Output, err)}
	}
	if len(all) == 0 {
		return nil, exitf(exitUsage, "%s has no benchmark in it", c.Output)
	}
	return all, nil
}

type allocsSave struct{ benchmarked }

// Help is shown below the usage.
func (allocsSave) Help() string {
	return `Example:
  make allocs-baseline    runs the benchmarks and keeps what they allocate`
}

// Run keeps it.
func (c *allocsSave) Run(std *streams) error {
	all, err := c.read()
	if err != nil {
		return err
	}
	if err := result.WriteFile(c.File, func(w io.Writer) error { return result.WriteAllocs(w, all) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s: %d benchmarks\n", c.File, len(all))
	return err
}

type allocsCheck struct{ benchmarked }

// Help is shown below the usage.
func (allocsCheck) Help() string {
	return `Example:
  make allocs             runs the benchmarks and compares

It fails (exit code 4) where an operation allocates an object or a byte more, where a
benchmark is new, and where one has not run. What allocates less is said.`
}

// Run compares.
func (c *allocsCheck) Run(std *streams) error {
	now, err := c.read()
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	defer func() { _ = f.Close() }()
	before, err := result.ReadAllocs(f)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s: %w", c.File, err)}
	}
	worse, better := result.AllocsChanges(before, now)
	for _, line := range worse {
		fmt.Fprintln(std.out, "WORSE ", line)
	}
	for _, line := range better {
		fmt.Fprintln(std.out, "better", line)
	}
	fmt.Fprintf(std.out, "allocations of %d benchmarks: %d worse, %d better\n", len(now), len(worse), len(better))
	switch {
	case len(worse) > 0:
		return exitf(exitThreshold, "benchmarks allocate more than %s says, or are not in it; make allocs-baseline keeps what they do now, if that is meant", c.File)
	case len(better) > 0:
		fmt.Fprintln(std.out, "make allocs-baseline keeps it")
	}
	return nil
}
