package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/gannetmcp/gannet/bench/load"
)

// Exit codes.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitConnect   = 3
	exitThreshold = 4
	exitSaturated = 6
)

// exitError is an error with the code that the process ends with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exitf(code int, format string, args ...any) error {
	return &exitError{code, fmt.Errorf(format, args...)}
}

// commands is the command line.
type commands struct {
	Measure  runCommand      `cmd:"" name:"run" help:"Measure workloads by id or by area: registry, latency, memory, transport, load, …"`
	Load     loadCommand     `cmd:"" help:"Generate load on one server and measure it."`
	Conns    connsCommand    `cmd:"" help:"Open many connections, hold them, and see that each answers."`
	Worker   workerCommand   `cmd:"" name:"conns-worker" hidden:"" help:"One process of perf conns, which starts it."`
	AB       abCommand       `cmd:"" name:"ab" help:"Compare two builds of gannet, measured in turns."`
	Allocs   allocsCommand   `cmd:"" help:"Compare what Go benchmarks allocate with what they did."`
	Peers    peersCommand    `cmd:"" help:"Measure our server beside those of other libraries and bare echoes."`
	Keep     keepCommand     `cmd:"" help:"Run a command, such as a Go benchmark, and keep what it says with machine, commit and date."`
	Profile  profileCommand  `cmd:"" help:"Profile a server and the generator while a load runs."`
	Report   reportCommand   `cmd:"" help:"Draw results: one HTML file, or Markdown tables."`
	Compare  compareCommand  `cmd:"" help:"Compare two results of one load; fails where the second is worse."`
	Baseline baselineCommand `cmd:"" help:"Keep a result to compare later ones with."`
}

// streams are what a command writes to, and what follows -- on its command line.
type streams struct {
	out, err io.Writer
	args     []string // the whole command line, for the facts
	child    []string // behind --
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// errExit unwinds from kong's own way out, which --help takes.
var errExit = errors.New("exit")

// run runs one command and returns the exit code.
func run(args []string, stdout, stderr io.Writer) (code int) {
	std := &streams{out: stdout, err: stderr, args: append([]string{"perf"}, args...)}
	if i := slices.Index(args, "--"); i >= 0 {
		args, std.child = args[:i], args[i+1:]
	}
	defer func() {
		if r := recover(); r != nil {
			if r != errExit {
				panic(r)
			}
		}
	}()
	var cmds commands
	app, err := kong.New(&cmds,
		kong.Name("perf"),
		kong.Description("Measures MCP servers: load, standing connections, comparison, plots.\n\n"+
			"Exit codes: 0 measured; 1 failed, interrupted, or errors were counted; 2 usage; 3 could not connect; 4 a threshold or a comparison failed; 6 the generator was the limit (the result is written, and marked)."),
		kong.Vars{"size": strconv.Itoa(load.DefaultSize), "revision": load.DefaultRevision, "targets": load.Targets},
		kong.Writers(stdout, stderr),
		kong.Exit(func(c int) { code = c; panic(errExit) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "perf:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, err := app.Parse(args)
	if err != nil {
		hint := "perf --help"
		var pe *kong.ParseError
		if errors.As(err, &pe) && pe.Context != nil && pe.Context.Command() != "" {
			hint = pe.Context.Selected().FullPath() + " --help"
		}
		fmt.Fprintf(stderr, "perf: %v\nTry: %s\n", err, hint)
		return exitUsage
	}
	if err := ctx.Run(std); err != nil {
		if errors.Is(err, context.Canceled) {
			err = errInterrupted
		}
		fmt.Fprintln(stderr, "perf:", err)
		if h := hint(err); h != "" {
			fmt.Fprintln(stderr, "Try:", h)
		}
		return codeOf(err)
	}
	return exitOK
}

// errInterrupted is the end of a command that was told to stop.
var errInterrupted = errors.New("interrupted; what was measured before is in the output, the rest is not")

// interruptible ends with the first Ctrl-C, or SIGTERM; a second one ends the process.
func interruptible() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// codeOf is the exit code of an error.
func codeOf(err error) int {
	var with *exitError
	var usage *load.UsageError
	var connect *load.ConnectError
	switch {
	case errors.As(err, &with):
		return with.code
	case errors.As(err, &usage), errors.Is(err, load.ErrLinuxOnly):
		return exitUsage
	case errors.As(err, &connect):
		return exitConnect
	}
	return exitFailed
}
