package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/rounds"
)

const module = "github.com/gannetmcp/gannet"

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	runtime.LockOSThread()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// settings are the command line.
type settings struct {
	gannet, gen, floor string
	out, from          string
	list               bool
	rounds             int
	warmup, duration   time.Duration
	serverCPU, genCPU  int
	only               *regexp.Regexp
	peers              rounds.Peers
}

// parse reads the command line; an error has been told on stderr.
func parse(args []string, stderr io.Writer) (s settings, err error) {
	f := flag.NewFlagSet("spine", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.gannet, "gannet", "", "`path` of the gannet binary; built if not given")
	f.StringVar(&s.gen, "gen", "", "`path` of the load generator; built if not given")
	f.StringVar(&s.floor, "floor", "", "`path` of the echo floor; built if not given")
	f.StringVar(&s.out, "out", "", "`file` for all results as JSON")
	f.StringVar(&s.from, "from", "", "measure nothing: print the tables of this `file`, which -out wrote")
	f.BoolVar(&s.list, "list", false, "list the subjects and end")
	f.IntVar(&s.rounds, "rounds", 3, "rounds")
	f.DurationVar(&s.warmup, "warmup", 500*time.Millisecond, "load before measuring")
	f.DurationVar(&s.duration, "duration", 2*time.Second, "time to measure each subject in each round")
	f.IntVar(&s.serverCPU, "server-cpu", 0, "CPU of the servers")
	f.IntVar(&s.genCPU, "gen-cpu", 1, "CPU of the generator")
	f.Func("only", "measure the subjects that match this `regexp`, and their bases", func(v string) (err error) {
		s.only, err = regexp.Compile(v)
		return err
	})
	named := func(list *[]rounds.Peer) func(string) error {
		return func(v string) error {
			p, err := rounds.ParsePeer(v)
			if err == nil {
				*list = append(*list, p)
			}
			return err
		}
	}
	f.Func("peer", "another MCP server for stdio with the tool echo, `NAME=COMMAND` with arguments after spaces; repeatable", named(&s.peers.Stdio))
	f.Func("web", "another MCP server for HTTP with the tool echo, that prints its address, `NAME=COMMAND`; repeatable", named(&s.peers.HTTP))
	f.Func("web-echo", "a server for HTTP that answers by what it is sent, `NAME=COMMAND`; repeatable", named(&s.peers.Echoes))
	if err := f.Parse(args); err != nil {
		return s, err
	}
	switch {
	case f.NArg() > 0:
		err = fmt.Errorf("takes no arguments beside flags, not %q", f.Arg(0))
	case s.rounds < 1:
		err = errors.New("-rounds is at least 1")
	case s.duration <= 0 || s.warmup < 0:
		err = errors.New("-duration is more than 0, -warmup not less")
	case s.serverCPU < 0 || s.genCPU < 0 || s.serverCPU == s.genCPU:
		err = errors.New("-server-cpu and -gen-cpu are two CPUs")
	}
	if err != nil {
		fmt.Fprintln(stderr, "spine:", err)
	}
	return s, err
}

// run is the whole command. The calling goroutine is locked to its thread.
func run(args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	if s.from != "" {
		r, err := readReport(s.from)
		if err == nil {
			err = r.writeMarkdown(stdout)
		}
		if err != nil {
			fmt.Fprintln(stderr, "spine:", err)
			return exitFailed
		}
		return exitOK
	}
	chosen := rounds.Choose(append(rounds.Subjects(s.peers), rounds.WebSubjects(s.peers, true)...), s.only)
	if len(chosen) == 0 {
		fmt.Fprintln(stderr, "spine: no subject matches; -list lists them")
		return exitUsage
	}
	if s.list {
		for _, c := range chosen {
			fmt.Fprintln(stdout, c.Name)
		}
		return exitOK
	}
	if runtime.GOOS != "linux" {
		fmt.Fprintln(stderr, "spine:", load.ErrLinuxOnly)
		return exitUsage
	}
	r, err := s.measureAll(chosen, stderr)
	if err == nil && s.out != "" {
		err = r.writeJSON(s.out)
	}
	if err == nil {
		err = r.writeMarkdown(stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "spine:", err)
		return exitFailed
	}
	for _, m := range r.Measurements {
		if m.Failure != "" {
			return exitFailed
		}
	}
	return exitOK
}

// measureAll runs the rounds.
func (s *settings) measureAll(chosen []rounds.Subject, stderr io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "gannet-spine-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &rounds.Bench{TargetFlag: "-target", ServerCPU: s.serverCPU, GeneratorCPU: s.genCPU, Warmup: s.warmup, Duration: s.duration, AddrFile: filepath.Join(dir, "addr")}
	b.Places = map[string]string{rounds.PlaceAddrFile: b.AddrFile}
	gen, err := program(s.gen, dir, "bench/gen", stderr)
	if err != nil {
		return nil, err
	}
	b.Generator = []string{gen, "-json"}
	for _, p := range []struct{ place, path, pkg string }{{rounds.PlaceGannet, s.gannet, "."}, {rounds.PlaceFloor, s.floor, "bench/floor"}} {
		if rounds.Needs(chosen, p.place) {
			if b.Places[p.place], err = program(p.path, dir, p.pkg, stderr); err != nil {
				return nil, err
			}
		}
	}
	r := &report{Facts: result.Gather(os.Args), Rounds: s.rounds, Duration: s.duration.String(), Warmup: s.warmup.String(), Subjects: chosen}
	r.Measurements = b.Run(chosen, s.rounds, stderr)
	r.Goals = rounds.Assess(r.Measurements, rounds.GoalsOf(chosen))
	return r, nil
}

// program returns an absolute path of a program: the one given, or one built
// into dir.
func program(path, dir, pkg string, stderr io.Writer) (string, error) {
	if path != "" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", err
		}
		return filepath.Abs(found)
	}
	out := filepath.Join(dir, "gannet-"+filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", out, filepath.ToSlash(filepath.Join(module, pkg)))
	cmd.Stderr = stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w (run this inside the module, or give its path)", pkg, err)
	}
	return out, nil
}
