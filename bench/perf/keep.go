package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// keepCommand is perf keep.
type keepCommand struct {
	File  string   `arg:"" help:"File that the output is kept in."`
	Times int      `help:"Run the command so many times, one after another: rounds." default:"1"`
	Env   []string `help:"Variable of the command's environment, NAME=VALUE; repeatable." sep:"none"`
	Quiet bool     `short:"q" help:"Do not show the output meanwhile."`
}

// Help is shown below the usage.
func (keepCommand) Help() string {
	return `Examples:
  perf keep path.txt -- go test -run '^$' -bench Call -count 3 -cpu 1 ./engine/mcp
  perf keep registry.txt --times 9 -- taskset -c 1 ./registry.test -test.bench Lookup -test.cpu 1

What the command writes is kept behind lines that say by what, when and where it was
measured: figures without these are worth little. PERFORMANCE.md's tables of Go
benchmarks are of files in bench/baseline that were made so.`
}

// maxKept bounds the output of a command, in bytes.
const maxKept = 16 << 20

// A keeper is a bounded memory of what is written to it.
type keeper struct {
	all  bytes.Buffer // not embedded: its ReadFrom would go round the bound
	full bool
}

// Write keeps p, up to maxKept bytes of all.
func (k *keeper) Write(p []byte) (int, error) {
	if k.all.Len()+len(p) > maxKept {
		k.full = true
		return len(p), nil
	}
	return k.all.Write(p)
}

// Run runs the command and keeps what it says.
func (c *keepCommand) Run(std *streams) error {
	switch {
	case len(std.child) == 0:
		return exitf(exitUsage, "which command? perf keep FILE -- COMMAND; perf keep --help has examples")
	case c.Times < 1 || c.Times > maxRounds:
		return exitf(exitUsage, "--times is between 1 and %d", maxRounds)
	}
	for _, e := range c.Env {
		if err := checkVariable(e); err != nil {
			return err
		}
	}
	if err := result.Writable(c.File); err != nil {
		return &exitError{exitUsage, err}
	}
	facts := result.Gather(append(append([]string{}, c.Env...), std.child...))
	var k keeper
	k.all.WriteString(keptHead(&facts, c.Times))
	stderr := &shared{w: std.err}
	out := io.Writer(&k)
	if !c.Quiet {
		out = io.MultiWriter(&k, stderr)
	}
	// It dies with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range c.Times {
		cmd := exec.Command(std.child[0], std.child[1:]...)
		cmd.Env = append(os.Environ(), c.Env...)
		cmd.Stdout, cmd.Stderr = out, stderr
		err := load.StartPinned(cmd, nil)
		if errors.Is(err, load.ErrLinuxOnly) {
			err = cmd.Start()
		}
		if err == nil {
			err = cmd.Wait()
		}
		if err != nil {
			return exitf(exitFailed, "%s: %w; nothing was kept", strings.Join(std.child, " "), err)
		}
	}
	if k.full {
		return exitf(exitFailed, "the output is longer than %d bytes; nothing was kept", maxKept)
	}
	return result.WriteFile(c.File, func(w io.Writer) error {
		_, err := w.Write(k.all.Bytes())
		return err
	})
}

// checkVariable says what is wrong with a variable of an environment.
func checkVariable(e string) error {
	if name, _, ok := strings.Cut(e, "="); !ok || name == "" {
		return exitf(exitUsage, "variable %.60q is not NAME=VALUE", e)
	}
	return nil
}

// keptHead begins a file that perf keep has written.
func keptHead(f *result.Facts, times int) string {
	rounds := ""
	if times > 1 {
		rounds = fmt.Sprintf("%d times: ", times)
	}
	return fmt.Sprintf("# %s%s\n# %s, %s, commit %s, %s, load average %s\n", rounds, quoted(f.Command), f.Fingerprint(), f.Go, f.Commit, f.Date.Format("2006-01-02 15:04"), f.Load)
}

// quoted is a command line as a shell takes it.
func quoted(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$&|;<>()*?[]{}`!#~^") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		b.WriteString(w)
	}
	return b.String()
}
