package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/rounds"
)

// peersCommand is perf peers.
type peersCommand struct {
	Transport []string `help:"Of ${enum}: what to measure on; h2 wants h2load." enum:"tcp,stdio,http,h2,ws,tls" default:"tcp,stdio,http,ws,tls" group:"Subjects"`
	Only      string   `help:"Measure what matches, and what it is compared with." placeholder:"REGEXP" group:"Subjects"`
	Peer      []string `help:"Another server with the tool echo {text}; repeatable. TRANSPORT is stdio if not given; on tcp and http it prints its address as its first line." placeholder:"[TRANSPORT:]NAME=COMMAND" sep:"none" group:"Subjects"`
	Builtin   bool     `help:"The peers of bin/peer: go-sdk and mcp-go, as they come and tuned (GOGC=1600, low-level API), net/http and fasthttp." default:"true" negatable:"" group:"Subjects"`
	Wrk       bool     `help:"Measure HTTP by wrk, which must be installed, instead of by this program." group:"Subjects"`
	Quick     bool     `help:"Two rounds of 500 ms, at fewer depths and without the crowds: an impression." group:"Subjects"`
	List      bool     `help:"List the subjects and end." group:"Subjects"`

	Rounds    int           `help:"Rounds: each measures every subject once. 0 is 5, or with --quick 2." group:"Load"`
	Duration  time.Duration `help:"Of each measurement. 0 is 2s, or with --quick 500ms." group:"Load"`
	Warmup    time.Duration `help:"Load before each, which is not counted." default:"500ms" group:"Load"`
	ServerCPU int           `name:"server-cpu" help:"CPU of the servers." default:"0" group:"Load"`
	GenCPU    int           `name:"gen-cpu" help:"CPU of the generator." default:"1" group:"Load"`

	Gannet  string `help:"Our server; gannet beside this program if none." placeholder:"PATH" group:"Programs"`
	Floor   string `help:"The bare echo; floor beside this program if none." placeholder:"PATH" group:"Programs"`
	PeerBin string `name:"peer-bin" help:"The peers' server; peer beside this program if none." placeholder:"PATH" group:"Programs"`

	Format string `help:"text (Markdown tables) or json." enum:"text,json" default:"text" group:"Output"`
	Out    string `short:"o" name:"out" help:"File for the result as JSON." placeholder:"FILE" group:"Output"`
	Goals  bool   `help:"Fail (exit code 4) where a goal is missed." group:"Output"`
	Quiet  bool   `short:"q" help:"No progress." group:"Output"`
}

// Help is shown below the usage.
func (peersCommand) Help() string {
	return `Examples:
  make build peer && bin/perf peers --out peers.json
  perf peers --quick --transport http
  perf peers --only 'http call d1$' --rounds 9 --duration 5s
  perf peers --no-builtin --transport stdio --peer 'ts-sdk=node server.mjs'
  perf peers --peer 'http:mine=env GOGC=400 ./my-server --port 0'
  perf report peers.json -o report.html
  perf compare peers.json later.json

Each round starts every server anew, alone on one CPU with GOMAXPROCS=1, and the
generator on another. Ratios are taken within a round; stated are the median over the
rounds, the least and the greatest. Where the generator was the limit the rate is only a
lower bound (marked, exit code 6), while the server's CPU a message still counts.

Collections, their pauses and the objects allocated a message are those that the servers'
own pages of metrics say; ours costs CPU for each message, so what it says is of a run of
its own.`
}

// Defaults of a whole run and of a quick one.
const (
	peersRounds, peersDuration = 5, 2 * time.Second
	quickRounds, quickDuration = 2, 500 * time.Millisecond
	maxRounds                  = 1000
)

// placePeer is where the peers' server is in the commands of subjects.
const placePeer = "{peer}"

// peerPage has the peers' server serve a page of its runtime's metrics, which costs
// nothing while nobody reads it.
var peerPage = []string{"-metrics", "127.0.0.1:0"}

// builtinPeers are the libraries of bench/peers, as they come and tuned.
func builtinPeers() (p rounds.Peers) {
	tuned := []string{"env", "GOGC=1600"}
	for _, one := range []struct {
		name, library string
		env           []string
	}{
		{"go-sdk", "go-sdk", nil}, {"go-sdk-tuned", "go-sdk-lowlevel", tuned},
		{"mcp-go", "mcp-go", nil}, {"mcp-go-tuned", "mcp-go-lowlevel", tuned},
	} {
		command := append(slices.Clone(one.env), placePeer, "-peer", one.library)
		p.Stdio = append(p.Stdio, rounds.Peer{Name: one.name, Command: command, Page: peerPage})
		p.HTTP = append(p.HTTP, rounds.Peer{Name: one.name, Command: append(slices.Clone(command), "-http", "127.0.0.1:0"), Page: peerPage})
	}
	for _, name := range []string{"net-http", "fasthttp"} {
		p.Echoes = append(p.Echoes, rounds.Peer{Name: name, Command: []string{placePeer, "-peer", name, "-http", "127.0.0.1:0"}, Page: peerPage})
	}
	p.H2Echoes = []rounds.Peer{{Name: "net-http", Command: []string{placePeer, "-peer", "net-http", "-http", "127.0.0.1:0", "-h2c"}, Page: peerPage}}
	p.H2 = []rounds.Peer{{Name: "go-sdk", Command: []string{placePeer, "-peer", "go-sdk", "-http", "127.0.0.1:0", "-h2c"}, Page: peerPage}}
	for _, name := range []string{"gobwas", "gobwas-64k", "gws"} {
		p.WS = append(p.WS, rounds.Peer{Name: name, Command: []string{placePeer, "-peer", name, "-http", "127.0.0.1:0"}, Page: peerPage})
	}
	return p
}

// peers are the builtin ones and those of the command line.
func (c *peersCommand) peers() (p rounds.Peers, err error) {
	if c.Builtin {
		p = builtinPeers()
	}
	for _, v := range c.Peer {
		list := &p.Stdio
		for prefix, of := range map[string]*[]rounds.Peer{"stdio:": &p.Stdio, "tcp:": &p.TCP, "http:": &p.HTTP, "ws:": &p.WS} {
			if rest, ok := strings.CutPrefix(v, prefix); ok {
				v, list = rest, of
				break
			}
		}
		one, err := rounds.ParsePeer(v)
		if err != nil {
			return p, exitf(exitUsage, "--peer: %w", err)
		}
		for _, other := range *list {
			if other.Name == one.Name {
				return p, exitf(exitUsage, "--peer: two are called %s", one.Name)
			}
		}
		*list = append(*list, one)
	}
	return p, nil
}

// subjects are what is to be measured.
func (c *peersCommand) subjects() ([]rounds.Subject, error) {
	p, err := c.peers()
	if err != nil {
		return nil, err
	}
	var only *regexp.Regexp
	if c.Only != "" {
		if only, err = regexp.Compile(c.Only); err != nil {
			return nil, exitf(exitUsage, "--only: %w", err)
		}
	}
	var list []rounds.Subject
	for _, s := range slices.Concat(rounds.Subjects(p), rounds.WebSubjects(p, c.Wrk), rounds.HTTP2Subjects(p), rounds.WSSubjects(p), rounds.TLSSubjects()) {
		transport, _, _ := strings.Cut(s.Group, " ")
		if slices.Contains(c.Transport, transport) && (!c.Quick || s.Quick()) {
			list = append(list, s)
		}
	}
	if list = rounds.Choose(list, only); len(list) == 0 {
		return nil, exitf(exitUsage, "no subject matches; perf peers --list lists them")
	}
	return list, nil
}

// programs are the values of the placeholders that the subjects need.
func (c *peersCommand) programs(list []rounds.Subject) (map[string]string, error) {
	places := map[string]string{}
	for _, p := range []struct{ place, flag, path, name, build string }{
		{rounds.PlaceGannet, "--gannet", c.Gannet, "gannet", "make build, or go build -o OUT ."},
		{rounds.PlaceFloor, "--floor", c.Floor, "floor", "make build, or go build -o OUT ./bench/floor"},
		{placePeer, "--peer-bin", c.PeerBin, "peer", "make peer, or go build -C bench/peers -o OUT ./server"},
	} {
		if !rounds.Needs(list, p.place) {
			continue
		}
		path := p.path
		if path == "" {
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			path = filepath.Join(filepath.Dir(self), p.name)
		}
		found, err := exec.LookPath(path)
		if err != nil {
			return nil, exitf(exitUsage, "%w: %s builds it; or say %s PATH", err, strings.ReplaceAll(p.build, "OUT", path), p.flag)
		}
		if found, err = filepath.Abs(found); err != nil {
			return nil, err
		}
		places[p.place] = found
	}
	return places, nil
}

// check fills in the defaults and judges the flags.
func (c *peersCommand) check() error {
	if c.Rounds == 0 {
		c.Rounds = map[bool]int{false: peersRounds, true: quickRounds}[c.Quick]
	}
	if c.Duration == 0 {
		c.Duration = map[bool]time.Duration{false: peersDuration, true: quickDuration}[c.Quick]
	}
	switch {
	case c.Rounds < 1 || c.Rounds > maxRounds:
		return exitf(exitUsage, "--rounds is between 1 and %d", maxRounds)
	case c.Duration < 0 || c.Warmup < 0:
		return exitf(exitUsage, "--duration and --warmup are not negative")
	case c.ServerCPU < 0 || c.GenCPU < 0 || c.ServerCPU == c.GenCPU:
		return exitf(exitUsage, "--server-cpu and --gen-cpu are two CPUs")
	case c.Wrk && c.Duration < time.Second:
		return exitf(exitUsage, "wrk measures no less than a second: --duration 1s")
	}
	if c.Wrk {
		if _, err := exec.LookPath("wrk"); err != nil {
			return exitf(exitUsage, "--wrk: %w; leave it out, and this program generates the load", err)
		}
	}
	if slices.Contains(c.Transport, "h2") {
		if _, err := exec.LookPath("h2load"); err != nil {
			return exitf(exitUsage, "--transport h2: %w; it is nghttp2's (in Debian nghttp2-client)", err)
		}
	}
	return nil
}

// Run measures.
func (c *peersCommand) Run(std *streams) error {
	if err := c.check(); err != nil {
		return err
	}
	list, err := c.subjects()
	if err != nil {
		return err
	}
	if c.List {
		for _, s := range list {
			fmt.Fprintln(std.out, s.Name)
		}
		return nil
	}
	if runtime.GOOS != "linux" {
		return load.ErrLinuxOnly
	}
	places, err := c.programs(list)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gannet-peers-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &rounds.Bench{Generator: []string{self, "load", "--format", "json"}, Saturated: exitSaturated, Pages: true, Places: places, AddrFile: filepath.Join(dir, "addr"),
		ServerCPU: c.ServerCPU, GeneratorCPU: c.GenCPU, Warmup: c.Warmup, Duration: c.Duration}
	places[rounds.PlaceAddrFile] = b.AddrFile
	tell := std.err
	if c.Quiet {
		tell = io.Discard
	}
	// The servers die with the thread that starts them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all := b.Run(list, c.Rounds, tell)
	r := &result.Result{Schema: result.Schema, Kind: result.KindPeers, Name: "peers", Facts: result.Gather(std.args),
		Peers: rounds.Summary(list, all, c.Rounds, c.Duration, c.Warmup)}
	if c.Out != "" {
		if err := r.WriteFile(c.Out); err != nil {
			return err
		}
	}
	if c.Format == "json" {
		err = r.WriteJSON(std.out)
	} else {
		err = c.writeText(std.out, r, list, all)
	}
	if err != nil {
		return err
	}
	return c.judge(r)
}

// writeText writes the tables.
func (c *peersCommand) writeText(w io.Writer, r *result.Result, list []rounds.Subject, all []rounds.Measurement) error {
	var b strings.Builder
	f := &r.Facts
	fmt.Fprintf(&b, "%s, %s, commit %s. %d rounds of %v after %v of warm-up, server on CPU %d, generator on CPU %d: median (least-greatest).\n",
		f.Fingerprint(), f.Go, f.Commit, c.Rounds, c.Duration, c.Warmup, c.ServerCPU, c.GenCPU)
	rounds.WriteTable(&b, list, all, nil)
	rounds.WriteRatios(&b, r.Peers.Ratios)
	rounds.WriteGoals(&b, r.Peers.Goals)
	b.WriteString("\n" + generatorShare(r) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// generatorShare says how often the generator was the limit.
func generatorShare(r *result.Result) string {
	runs, saturated, most := 0, 0, 0.0
	for _, p := range r.Peers.Parts {
		for _, run := range p.Runs {
			if p.Wrk {
				continue // it does not say
			}
			runs++
			most = max(most, run.Generator.Utilisation)
			if run.Generator.Saturated {
				saturated++
			}
		}
	}
	if runs == 0 {
		return "generator: wrk, which does not say whether it was the limit"
	}
	return fmt.Sprintf("generator: the limit in %d of %d measurements; it used up to %.2f of its CPU.%s", saturated, runs, most, disturbance(r))
}

// disturbance says in how many measurements other programs took a CPU, if in any:
// rates and latencies are not the servers' alone then.
func disturbance(r *result.Result) string {
	runs, disturbed := 0, 0
	for _, p := range r.Peers.Parts {
		for _, run := range p.Runs {
			runs++
			if rounds.Waited(run) > rounds.Disturbed {
				disturbed++
			}
		}
	}
	if disturbed == 0 {
		return ""
	}
	return fmt.Sprintf(" In %d of %d other programs took more than %.0f %% of a CPU that was to be free: rates and latencies are lower bounds, CPU a message is nearly what it is.", disturbed, runs, 100*rounds.Disturbed)
}

// judge turns failures, missed goals and saturation into exit codes.
func (c *peersCommand) judge(r *result.Result) error {
	var failed, limit, missed []string
	for _, p := range r.Peers.Parts {
		if len(p.Failures) > 0 {
			failed = append(failed, fmt.Sprintf("%s (round %d: %s)", p.Name, p.Failures[0].Round, p.Failures[0].Text))
		}
		if slices.ContainsFunc(p.Runs, func(run *load.Result) bool { return run.Generator.Saturated }) {
			limit = append(limit, p.Name)
		}
	}
	for _, g := range r.Peers.Goals {
		if g.Verdict == result.Missed {
			missed = append(missed, g.ID+" "+g.Subject)
		}
	}
	switch {
	case len(failed) > 0:
		return exitf(exitFailed, "%d of %d failed: %s", len(failed), len(r.Peers.Parts), strings.Join(failed, "; "))
	case c.Goals && len(missed) > 0:
		return exitf(exitThreshold, "goals missed: %s", strings.Join(missed, ", "))
	case len(limit) > 0:
		return exitf(exitSaturated, "the generator was the limit of %s: read the server's CPU there, not the rate", strings.Join(limit, ", "))
	}
	return nil
}
