package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/suite"
)

// abCommand is perf ab.
type abCommand struct {
	Before string `arg:"" optional:"" help:"A gannet."`
	After  string `arg:"" optional:"" help:"Another; gannet beside this program if none."`

	Against   string   `help:"Build BEFORE from this revision of the repository here, and AFTER from the files as they lie." placeholder:"REV"`
	BeforeEnv []string `help:"Variable of the first server's environment, NAME=VALUE; repeatable." placeholder:"N=V" sep:"none"`
	AfterEnv  []string `help:"Variable of the second server's environment." placeholder:"N=V" sep:"none"`

	Only   []string `help:"Workloads by id or area (perf run --list); those of regression if none." placeholder:"ID"`
	Rounds int      `help:"Each build is measured so many times." default:"5"`
	Full   bool     `help:"Measure as long as perf run does without --quick."`
	Most   float64  `help:"Fail (exit code 4) where the server takes more than so many times the CPU, or where that is too little to count, p50." default:"2"`
	CPUs   string   `name:"cpus" help:"Where server and generator are pinned, SERVER:GENERATOR, or none; 0:1 where there are two." placeholder:"S:G"`
	Quiet  bool     `short:"q" help:"No progress."`
}

// Help is shown below the usage.
func (abCommand) Help() string {
	return `Examples:
  perf ab --against HEAD^            this tree against its first parent (make ab)
  perf ab old/gannet new/gannet --rounds 9 --only regression.tcp_call --full
  perf ab gannet gannet --before-env GANNET_FLUSH=off     one build, with and without a flag

Two builds take turns on the same workloads, so that what else the machine does falls
on both. Ratios are those of neighbouring measurements, AFTER over BEFORE, their median
with the least and the greatest. Rate and latency are shown and not judged: on a shared
machine they say more of it than of the program.`
}

// errNothingBefore is that there is nothing to compare with, which is no failure.
var errNothingBefore = errors.New("nothing to compare with")

// Run compares.
func (c *abCommand) Run(std *streams) error {
	if c.Rounds < 1 || c.Rounds > 1000 || c.Most <= 0 {
		return exitf(exitUsage, "--rounds is between 1 and 1000, --most more than 0")
	}
	if (c.Against != "") == (c.Before != "") {
		return exitf(exitUsage, "perf ab BEFORE AFTER, or --against REV; perf ab --help has examples")
	}
	for _, e := range append(append([]string{}, c.BeforeEnv...), c.AfterEnv...) {
		if err := checkVariable(e); err != nil {
			return err
		}
	}
	names := c.Only
	if len(names) == 0 {
		names = []string{suite.AreaRegression}
	}
	chosen, err := suite.Select(suite.Workloads(), names)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	for i := range chosen {
		if !chosen[i].Server {
			return exitf(exitUsage, "%s measures no server: two builds do not differ in it", chosen[i].ID)
		}
	}
	ctx, stop := interruptible()
	defer stop()
	before, after := c.Before, c.After
	if after == "" {
		after = besideThis("gannet")
	}
	if c.Against != "" {
		dir, err := os.MkdirTemp("", "gannet-ab-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		before, after, err = buildBoth(ctx, dir, c.Against, std.err)
		if errors.Is(err, errNothingBefore) {
			fmt.Fprintf(std.out, "ab: %v\n", err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	run := runCommand{CPUs: c.CPUs, Gannet: before}
	e, err := run.env()
	if err != nil {
		return err
	}
	progress := newProgress(std.err, c.Quiet)
	defer progress.close()
	e.Context, e.Progress = ctx, func(format string, args ...any) { progress.step(fmt.Sprintf(format, args...)) }
	runtime.LockOSThread() // what is started dies with the thread that started it
	defer runtime.UnlockOSThread()
	for _, program := range []string{before, after} {
		e.Gannet = program
		if err := e.CheckServer(); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	var bad []string
	for i := range chosen {
		p, err := c.measure(e, &chosen[i], before, after, std.args)
		if err != nil {
			return err
		}
		if err := p.write(std.out); err != nil {
			return err
		}
		if name, s := p.judged(); s.N > 0 && s.Median > c.Most {
			bad = append(bad, fmt.Sprintf("%s: %.2f times the %s", p.id, s.Median, name))
		}
		if err := judgeSuite([]*result.Result{p.after}); err != nil && codeOf(err) != exitSaturated {
			return err
		}
	}
	if len(bad) > 0 {
		return exitf(exitThreshold, "worse beyond %.3g: %s", c.Most, strings.Join(bad, "; "))
	}
	return nil
}

// A pair is one workload, measured with two builds in turns.
type pair struct {
	id            string
	before, after *result.Result // the same figures, one value each round
}

// measure takes turns: which build goes first alternates too.
func (c *abCommand) measure(e *suite.Env, w *suite.Workload, before, after string, args []string) (*pair, error) {
	p := &pair{id: w.ID}
	facts := result.Gather(args)
	for round := range c.Rounds {
		for turn := range 2 {
			program, env, into := before, c.BeforeEnv, &p.before
			if (round+turn)%2 == 1 {
				program, env, into = after, c.AfterEnv, &p.after
			}
			e.Gannet, e.ServerEnv = program, env
			r, err := w.Measure(e, !c.Full, 1, facts)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", program, err)
			}
			if *into == nil {
				*into = r
			} else {
				(*into).Join(r)
			}
		}
	}
	return p, nil
}

// ratio is the figure of after over that of before, round by round; N is 0 where
// it was not measured in each round of both.
func (p *pair) ratio(name string) result.Spread {
	a, b := p.before.Value(name), p.after.Value(name)
	if a == nil || b == nil || len(a.Runs) != len(b.Runs) {
		return result.Spread{}
	}
	var ratios []float64
	for i := range a.Runs {
		if a.Runs[i] > 0 {
			ratios = append(ratios, b.Runs[i]/a.Runs[i])
		}
	}
	return result.SpreadOf(ratios)
}

// judged is the figure that is judged.
func (p *pair) judged() (name string, s result.Spread) {
	if s = p.ratio("server_cpu_us"); s.N > 0 {
		return "server_cpu_us", s
	}
	return "p50_us", p.ratio("p50_us")
}

// write writes the figures of both.
func (p *pair) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\tbefore\tafter\tafter/before\n", p.id)
	for _, name := range []string{"server_cpu_us", "rate", "p50_us", "p99_us", "server_rss_bytes", "server_allocs_per_message"} {
		a, b, s := p.before.Value(name), p.after.Value(name), p.ratio(name)
		if a == nil || b == nil || s.N == 0 {
			continue
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%.3f [%.3f, %.3f]\n", name, amount(a.Spread().Median, a.Unit), amount(b.Spread().Median, b.Unit), s.Median, s.Min, s.Max)
	}
	if p.before.Saturated() || p.after.Saturated() {
		fmt.Fprintln(t, "  (the generator was the limit of some: the rate is its own)")
	}
	return t.Flush()
}

// buildBoth builds gannet of a revision and of the tree here into dir.
func buildBoth(ctx context.Context, dir, revision string, stderr io.Writer) (before, after string, err error) {
	command := func(in string, args ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, args[0], args[1:]...)
		c.Dir, c.Stderr = in, stderr
		return c
	}
	top, err := command("", "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "", "", fmt.Errorf("%w: no git repository here (%w)", errNothingBefore, err)
	}
	root := strings.TrimSpace(string(top))
	resolve := func(revision string) ([]byte, error) {
		return command(root, "git", "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}").Output()
	}
	commit, err := resolve(revision)
	if err != nil {
		// A first commit has no parent, which is nobody's fault; a name that there is
		// not would have every comparison pass.
		name := revision[:strings.IndexAny(revision+"^", "^~")]
		if _, err := resolve(name); err != nil {
			return "", "", exitf(exitUsage, "--against: git knows no revision %.60q here", name)
		}
		return "", "", fmt.Errorf("%w: there is no commit %s here (a shallow clone has no parents)", errNothingBefore, revision)
	}
	tree := filepath.Join(dir, "tree")
	archive := filepath.Join(dir, "tree.tar")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return "", "", err
	}
	for _, c := range []*exec.Cmd{
		command(root, "git", "archive", "-o", archive, strings.TrimSpace(string(commit))),
		command(tree, "tar", "-xf", archive),
	} {
		if err := c.Run(); err != nil {
			return "", "", fmt.Errorf("%s: %w", c, err)
		}
	}
	before, after = filepath.Join(dir, "before", "gannet"), filepath.Join(dir, "after", "gannet")
	build := func(in, to string) error { return command(in, "go", "build", "-trimpath", "-o", to, ".").Run() }
	fmt.Fprintf(stderr, "perf: building %s and this tree\n", revision)
	if err := build(root, after); err != nil {
		return "", "", fmt.Errorf("go build in %s: %w", root, err)
	}
	if err := build(tree, before); err != nil {
		return "", "", fmt.Errorf("%w: %s does not build (%w)", errNothingBefore, revision, err)
	}
	return before, after, nil
}
