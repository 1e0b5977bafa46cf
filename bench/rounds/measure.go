package rounds

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
)

// A Bench is where and how subjects are measured. One goroutine uses it, locked
// to its thread: the kernel kills the servers with the thread that started them.
type Bench struct {
	// Context ends it early. nil never ends.
	Context context.Context
	// Generator is the command of the load generator, with the flag that makes
	// it write its result as JSON; bench/gen, or bench/perf's load. It pins
	// itself, and its standard error says when it begins to measure.
	Generator []string
	// TargetFlag stands before the target; "" where that is an argument.
	TargetFlag string
	// Saturated is the exit code by which the generator says that it was the
	// limit; its result counts, and is marked. 0 is none.
	Saturated int
	// Pages says that it reads a server's page of metrics, as perf's does.
	Pages bool

	Places                  map[string]string // values of the placeholders
	AddrFile                string            // a path that is free, for servers to write their address to
	ServerCPU, GeneratorCPU int
	Warmup, Duration        time.Duration
}

// Run measures every subject once in each round, and tells what it does. Where it is
// ended early the measurement in hand is not among those that it returns.
func (b *Bench) Run(subjects []Subject, rounds int, tell io.Writer) (all []Measurement) {
	if b.Context == nil {
		b.Context = context.Background()
	}
	for round := range rounds {
		for i := range subjects {
			fmt.Fprintf(tell, "round %d of %d: %s: ", round+1, rounds, subjects[i].Name)
			m := b.measure(&subjects[i], round+1)
			if b.Context.Err() != nil {
				fmt.Fprintln(tell, "interrupted")
				return all
			}
			if m.Result != nil {
				fmt.Fprintf(tell, "%s messages/s ", Number(m.Result.Rate))
			}
			fmt.Fprintln(tell, m.Failure)
			all = append(all, m)
		}
	}
	return all
}

// measure runs one subject once, and where serving its page costs it something once
// more for what the page says of its heap, which is all that is taken of that run.
func (b *Bench) measure(s *Subject, round int) Measurement {
	m := Measurement{Round: round, Subject: s.Name}
	paged := b.Pages && s.Page != nil
	err := b.once(s, paged && !s.PageCosts, &m)
	if err == nil && paged && s.PageCosts {
		var apart Measurement
		if err = b.once(s, true, &apart); err != nil {
			err = fmt.Errorf("with its page of metrics: %w", err)
		} else {
			m.Result.Heap = apart.Result.Heap
		}
	}
	if err != nil {
		m.Failure = err.Error()
	}
	return m
}

// once runs a subject by its generator.
func (b *Bench) once(s *Subject, paged bool, m *Measurement) error {
	switch {
	case s.Wrk:
		return b.runOther(wrk, s, paged, m)
	case s.H2load:
		return b.runOther(h2load, s, paged, m)
	}
	return b.run(s, paged, m)
}

// run measures by our generator; paged has the server serve its page, and the
// generator read it.
func (b *Bench) run(s *Subject, paged bool, m *Measurement) error {
	o := s.Load()
	args := []string{"-c", strconv.Itoa(o.Conns), "-d", strconv.Itoa(o.Depth), "--method", o.Method,
		"--warmup", b.Warmup.String(), "--duration", b.Duration.String(), "--cpu", strconv.Itoa(b.GeneratorCPU)}
	if o.Size > 0 {
		args = append(args, "--size", strconv.Itoa(o.Size))
	}
	if o.ArgsExtra != "" {
		args = append(args, "--args-extra", o.ArgsExtra)
	}
	if o.Revision != "" {
		args = append(args, "--revision", o.Revision)
	}
	if o.Reconnect > 0 {
		args = append(args, "--reconnect", strconv.Itoa(o.Reconnect))
	}
	if s.Secure {
		args = append(args, "--insecure")
	}
	var w Watcher
	command := s.CommandLine(b.Places)
	if paged {
		command = append(command, s.Page...)
	}
	if s.Stdio {
		if paged {
			args = append(args, "--metrics", load.MetricsOfChild)
		}
		args = append(b.target(args, "stdio"), "--child-cpu", strconv.Itoa(b.ServerCPU), "--")
		return b.generate(append(args, command...), &w, m)
	}
	if err := os.Remove(b.AddrFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	srv, err := startServer(command, b.ServerCPU, b.AddrFile, paged, &w)
	if err != nil {
		return err
	}
	if paged {
		args = append(args, "--metrics", w.page())
	}
	args = append(b.target(args, s.Target(srv.Address)), "--server-pid", strconv.Itoa(srv.PID))
	return errors.Join(b.generate(args, &w, m), srv.Stop())
}

// Load is what the generator does to the subject, but for where it is.
func (s *Subject) Load() load.Options {
	o := load.Options{Conns: s.Conns, Depth: s.Depth, Method: s.Method, Size: s.Size, ArgsExtra: s.Extra, Reconnect: s.Reconnect}
	if (s.HTTP || s.WS || s.H2) && s.Echo {
		if o.Method == load.MethodPing {
			o.Size = pingSize
		}
		o.Method = load.MethodRaw
	}
	if s.Modern {
		o.Revision = modernRevision
	}
	return o
}

// Target is what the generator is given of a server that has said its address.
func (s *Subject) Target(address string) string {
	switch {
	case s.HTTP:
		return webAddress(address, s.Path)
	case s.WS:
		return "ws" + strings.TrimPrefix(webAddress(address, s.Path), "http")
	case s.H2:
		return "h2c" + strings.TrimPrefix(webAddress(address, s.Path), "http")
	}
	return address
}

// webAddress is the URL of a server that has said its address, and may have said
// a path of its own.
func webAddress(address, path string) string {
	address = strings.Replace(address, "tcp://", "http://", 1)
	if u, err := url.Parse(address); err == nil && u.Path != "" && u.Path != "/" {
		return address
	}
	return strings.TrimSuffix(address, "/") + path
}

// target appends the target to the generator's arguments.
func (b *Bench) target(args []string, target string) []string {
	if b.TargetFlag != "" {
		args = append(args, b.TargetFlag)
	}
	return append(args, target)
}

// said is the generator's result: bench/gen's, or in a list of one, perf's.
type said struct {
	load.Result
	Runs []load.Result `json:"runs"`
}

// generate runs the generator and takes its result. A result with errors in it
// is returned beside an error.
func (b *Bench) generate(args []string, w *Watcher, m *Measurement) error {
	var out bytes.Buffer
	cmd := exec.CommandContext(b.Context, b.Generator[0], append(append([]string(nil), b.Generator[1:]...), args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stdout, cmd.Stderr = &out, w.Lane()
	// It pins itself, so that a child of its own is not born where it is.
	err := load.StartPinned(cmd, nil)
	if err == nil {
		err = cmd.Wait()
	}
	var s said
	if err != nil && out.Len() == 0 {
		return fmt.Errorf("the generator gave no result: %w (%s)", err, w.Last())
	}
	if jsonErr := json.Unmarshal(out.Bytes(), &s); jsonErr != nil {
		return fmt.Errorf("the generator gave no result: %w (%s)", errors.Join(err, jsonErr), w.Last())
	}
	r := &s.Result
	if len(s.Runs) > 0 {
		r = &s.Runs[0]
	}
	m.Result, m.GCCycles = r, w.collections()
	if r.ErrorTotal > 0 {
		return fmt.Errorf("errors: %s", &r.Errors)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && b.Saturated != 0 && exit.ExitCode() == b.Saturated {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("the generator failed: %w (%s)", err, w.Last())
	}
	return nil
}
