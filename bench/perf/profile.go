package main

import (
	"context"
	"encoding/json"
	"errors"
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

	"github.com/google/pprof/profile"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/rounds"
)

// profileCommand is perf profile.
type profileCommand struct {
	What string `arg:"" optional:"" help:"A workload of perf peers --list with our server, as 'gannet http call d1', or the URL of a server that runs."`
	List bool   `help:"List the workloads and end."`

	Admin    string        `help:"Where the server of a URL has /debug/pprof/." default:"http://127.0.0.1:7602" placeholder:"URL" group:"Server"`
	Gannet   string        `help:"Our server; gannet beside this program if none." placeholder:"PATH" group:"Server"`
	Pin      bool          `help:"Pin server and generator to a CPU each (of a URL, the generator)." default:"true" negatable:"" group:"Server"`
	Method   string        `help:"Of a URL: ping, call or raw." default:"call" group:"Load"`
	Size     int           `help:"Of a URL: bytes of a call." default:"${size}" group:"Load"`
	Conns    int           `short:"c" help:"Of a URL: connections." default:"64" group:"Load"`
	Depth    int           `short:"d" help:"Of a URL: requests in flight on each." default:"1" group:"Load"`
	Warmup   time.Duration `help:"Load before the profiles." default:"500ms" group:"Load"`
	Duration time.Duration `help:"Of the CPU profile, to the second." default:"5s" group:"Load"`
	Trace    time.Duration `help:"Of the execution trace, which is large; 0 is none." default:"200ms" group:"Load"`

	Dir    string `short:"o" help:"Folder for the profiles, made where it is missing." default:"profile" group:"Output"`
	Top    int    `help:"Functions to print." default:"15" group:"Output"`
	Format string `help:"text or json." enum:"text,json" default:"text" group:"Output"`
}

// Help is shown below the usage.
func (profileCommand) Help() string {
	return `Examples:
  perf profile 'gannet tcp call d16'
  perf profile 'gannet http call d1' --duration 20s --dir /tmp/http
  perf profile http://127.0.0.1:7601/mcp --admin http://127.0.0.1:7602 -c 64
  perf profile tcp://127.0.0.1:9000 --admin http://127.0.0.1:6060 --method ping
  perf profile --list

Written are, of the server and of the generator: CPU, allocations, heap, mutex and block
profiles, and an execution trace. What the server offers under /debug/pprof/ is taken; of a
server of yours import net/http/pprof, and runtime.SetMutexProfileFraction and
SetBlockProfileRate fill the last two (gannet: --contention-profile).`
}

// Limits of a profile.
const (
	maxProfile    = time.Minute // the admin listener's answers end after two
	maxTrace      = 10 * time.Second
	profileServer = 0 // CPUs, where pinned
	profileGen    = 1
)

// A profiled is a server to load, and where its profiles are.
type profiled struct {
	options load.Options
	admin   string // base URL
	stop    func() error
}

// A profileReport is what perf profile prints.
type profileReport struct {
	Name      string       `json:"name"`
	Load      *load.Result `json:"load"`
	Server    *attribution `json:"server,omitempty"`
	Generator *attribution `json:"generator,omitempty"`
	Files     []string     `json:"files"`
	Missing   []string     `json:"missing,omitempty"` // profiles, and why
}

// adminWait is the longest wait for a server's word of where its pages are.
const adminWait = 10 * time.Second

// Run profiles.
func (c *profileCommand) Run(std *streams) error {
	if c.List {
		for _, s := range workloads() {
			fmt.Fprintln(std.out, s.Name)
		}
		return nil
	}
	switch {
	case c.What == "":
		return exitf(exitUsage, "profile what? a workload of perf profile --list, or a URL")
	case c.Duration < time.Second || c.Duration > maxProfile:
		return exitf(exitUsage, "--duration is between 1s and %v", maxProfile)
	case c.Trace < 0 || c.Trace > maxTrace:
		return exitf(exitUsage, "--trace is between 0 and %v", maxTrace)
	case c.Warmup < 0:
		return exitf(exitUsage, "--warmup is not negative")
	case c.Top < 1:
		return exitf(exitUsage, "--top is at least 1")
	}
	var workload *rounds.Subject
	if !strings.Contains(c.What, "://") {
		var err error
		if workload, err = findWorkload(c.What); err != nil {
			return err
		}
	}
	if runtime.GOOS != "linux" {
		return load.ErrLinuxOnly
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return &exitError{exitUsage, err}
	}
	ctx, stop := interruptible()
	defer stop()
	// The server dies with the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var p *profiled
	var err error
	if workload != nil {
		p, err = c.startWorkload(workload)
	} else {
		p, err = c.running()
	}
	if err != nil {
		return err
	}
	r, err := c.collect(ctx, p, std.err)
	if err = errors.Join(err, p.stop()); err != nil {
		return err
	}
	if c.Format == "json" {
		e := json.NewEncoder(std.out)
		e.SetIndent("", " ")
		err = e.Encode(r)
	} else {
		err = c.writeText(std.out, r)
	}
	if err == nil && r.Load.ErrorTotal > 0 {
		return exitf(exitFailed, "%d errors: %s", r.Load.ErrorTotal, &r.Load.Errors)
	}
	return err
}

// workloads are the subjects with our server that a profile can be taken of.
func workloads() (list []rounds.Subject) {
	for _, s := range slices.Concat(rounds.Subjects(rounds.Peers{}), rounds.WebSubjects(rounds.Peers{}, false), rounds.WSSubjects(rounds.Peers{})) {
		if strings.Contains(strings.Join(s.Command, " "), rounds.PlaceGannet) && !s.Stdio {
			list = append(list, s)
		}
	}
	return list
}

// findWorkload returns the one with a name, of which "gannet " may be left out.
func findWorkload(name string) (*rounds.Subject, error) {
	for _, s := range workloads() {
		if s.Name == name || s.Name == "gannet "+name {
			return &s, nil
		}
	}
	return nil, exitf(exitUsage, "%.60q is neither a workload of perf profile --list nor a URL", name)
}

// running is a server that runs already.
func (c *profileCommand) running() (*profiled, error) {
	p := &profiled{admin: strings.TrimSuffix(c.Admin, "/"), stop: func() error { return nil }}
	p.options = load.Options{Target: c.What, Conns: c.Conns, Depth: c.Depth, Method: c.Method, Size: c.Size}
	return p, nil
}

// adminLine is what the server's log says of its pages.
var adminLine = regexp.MustCompile(`(http://[0-9.]+:[0-9]+)/metrics`)

// startWorkload starts our server for a workload.
func (c *profileCommand) startWorkload(s *rounds.Subject) (*profiled, error) {
	program := c.Gannet
	if program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		program = filepath.Join(filepath.Dir(self), "gannet")
	}
	program, err := exec.LookPath(program)
	if err != nil {
		return nil, exitf(exitUsage, "%w: make build builds it; or say --gannet PATH", err)
	}
	dir, err := os.MkdirTemp("", "gannet-profile-")
	if err != nil {
		return nil, err
	}
	addrFile := filepath.Join(dir, "addr")
	command := append([]string{"env", "GANNET_LOG_LEVEL=info"}, s.CommandLine(map[string]string{rounds.PlaceGannet: program, rounds.PlaceAddrFile: addrFile})...)
	command = append(command, "--admin", "127.0.0.1:0", "--contention-profile")
	cpu := -1
	if c.Pin {
		cpu = profileServer
	}
	var w rounds.Watcher
	srv, err := rounds.StartServer(command, cpu, addrFile, &w)
	if err != nil {
		return nil, errors.Join(&load.ConnectError{Err: err}, os.RemoveAll(dir))
	}
	p := &profiled{options: s.Load(), stop: func() error { return errors.Join(srv.Stop(), os.RemoveAll(dir)) }}
	p.options.Target, p.options.ServerPID = s.Target(srv.Address), srv.PID
	// The line was written before the address; its way here is another pipe.
	for deadline := time.Now().Add(adminWait); p.admin == ""; time.Sleep(10 * time.Millisecond) {
		if m := adminLine.FindStringSubmatch(w.Last()); m != nil {
			p.admin = m[1]
		} else if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s did not say where its profiles are: %s", program, w.Last()), p.stop())
		}
	}
	return p, nil
}

// collect runs the load, and takes the profiles of both sides meanwhile. The
// load lasts as long as they do, and a little more, so that none sees its end.
func (c *profileCommand) collect(ctx context.Context, p *profiled, stderr io.Writer) (*profileReport, error) {
	o := p.options
	o.Context, o.Warmup = ctx, c.Warmup
	o.Duration = c.Duration + c.Trace + profileMargin
	if c.Pin {
		if runtime.NumCPU() > profileGen {
			o.CPUs = []int{profileGen}
		}
	}
	runtime.SetMutexProfileFraction(10)
	runtime.SetBlockProfileRate(int(10 * time.Microsecond))
	defer runtime.SetMutexProfileFraction(0)
	defer runtime.SetBlockProfileRate(0)
	measuring := make(chan struct{})
	o.Progress = func(step string) {
		fmt.Fprintln(stderr, "perf:", step)
		if strings.HasPrefix(step, "measuring") {
			close(measuring)
		}
	}
	type loaded struct {
		r   *load.Result
		err error
	}
	done := make(chan loaded, 1)
	go func() { r, err := load.Run(o); done <- loaded{r, err} }()
	select {
	case l := <-done:
		return nil, l.err
	case <-measuring:
	}
	t := &taker{ctx: ctx, dir: c.Dir, admin: p.admin}
	t.cpu(c.Duration)
	t.trace(c.Trace)
	l := <-done
	t.lookups()
	t.client().CloseIdleConnections()
	if err := errors.Join(l.err, ctx.Err()); err != nil {
		return nil, err
	}
	r := &profileReport{Name: c.What, Load: l.r, Files: t.files, Missing: t.missing}
	var err1, err2 error
	r.Server, err1 = c.read(t, "server.cpu.prof")
	r.Generator, err2 = c.read(t, "generator.cpu.prof")
	return r, errors.Join(err1, err2)
}

// read sums up a CPU profile; nil where it was not taken.
func (c *profileCommand) read(t *taker, name string) (*attribution, error) {
	path := filepath.Join(c.Dir, name)
	if !slices.Contains(t.files, path) {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	p, err := profile.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a := attribute(p, c.Top)
	return &a, nil
}

// writeText writes the report for people.
func (c *profileCommand) writeText(w io.Writer, r *profileReport) error {
	if err := r.Load.WriteText(w); err != nil {
		return err
	}
	var b strings.Builder
	for _, side := range []struct {
		name string
		a    *attribution
	}{{"server", r.Server}, {"generator", r.Generator}} {
		if side.a == nil {
			continue
		}
		fmt.Fprintf(&b, "\n%s: %.2f s of CPU sampled\n", side.name, side.a.Seconds)
		for _, owner := range []string{ofKernel, ofRuntime, ofCodec, ofTransports, ofEngine, ofUser} {
			fmt.Fprintf(&b, "  %-12s %5.1f %%\n", owner, 100*side.a.Shares[owner])
		}
		fmt.Fprintf(&b, "  %7s %7s  %-12s function\n", "flat", "cum", "of")
		for _, f := range side.a.Functions {
			fmt.Fprintf(&b, "  %5.1f %% %5.1f %%  %-12s %s\n", 100*f.Flat, 100*f.Cum, f.Owner, f.Name)
		}
	}
	b.WriteString("\nTo open them:\n")
	for _, file := range r.Files {
		tool := "go tool pprof -http=:"
		if strings.HasSuffix(file, ".trace") {
			tool = "go tool trace"
		}
		fmt.Fprintf(&b, "  %s %s\n", tool, file)
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "missing: %s\n", m)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
