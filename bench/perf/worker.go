package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
)

// workerCommand is one process of perf conns: it reads a job and then a word for
// each further stage from standard input, and writes what it found to standard
// output, one JSON object a line.
type workerCommand struct{}

// A job is what a worker does.
type job struct {
	Target   string        `json:"target"`
	From     string        `json:"from,omitempty"` // address of its own; "" lets the kernel choose
	Conns    int           `json:"conns"`
	Pings    int           `json:"pings"` // on each
	Hold     time.Duration `json:"hold"`
	Timeout  time.Duration `json:"timeout"`
	Revision string        `json:"revision"`

	TLS load.TLSOptions `json:"tls,omitzero"`
}

// A stageReport is what a worker says at the end of a stage.
type stageReport struct {
	Failure   string      `json:"failure,omitempty"`
	Connect   bool        `json:"connect,omitempty"` // the failure is of connecting
	Usage     bool        `json:"usage,omitempty"`   // it is of what was asked for
	Conns     int         `json:"conns"`
	SetUp     string      `json:"set_up,omitempty"`  // histograms
	Latency   []string    `json:"latency,omitempty"` // of each round
	Closing   string      `json:"closing,omitempty"`
	Errors    load.Errors `json:"errors"`
	Answered  int64       `json:"answered"`
	Least     int64       `json:"least"`
	Saturated bool        `json:"saturated"`
}

// Run is the worker.
func (workerCommand) Run(std *streams) error { return work(os.Stdin, std.out) }

// work runs the three stages: open, hold, close.
func work(r io.Reader, w io.Writer) error {
	in := bufio.NewScanner(r)
	out := json.NewEncoder(w)
	if !in.Scan() {
		return errors.New("a worker is started by perf conns")
	}
	var j job
	if err := json.Unmarshal(in.Bytes(), &j); err != nil {
		return err
	}
	o := load.Options{Target: j.Target, Conns: j.Conns, Depth: 1, Timeout: j.Timeout, Revision: j.Revision, Interval: j.Hold, TLS: j.TLS}
	if j.Pings > 0 {
		o.Plan = load.Constant(float64(j.Conns*j.Pings)/j.Hold.Seconds(), j.Hold)
	}
	if j.From != "" {
		o.From = net.ParseIP(j.From)
	}
	s, err := load.Open(o)
	if err != nil {
		var connect *load.ConnectError
		var usage *load.UsageError
		return out.Encode(stageReport{Failure: err.Error(), Connect: errors.As(err, &connect), Usage: errors.As(err, &usage)})
	}
	if err := out.Encode(stageReport{Conns: s.Conns(), SetUp: s.SetUp()}); err != nil || !in.Scan() {
		s.Close()
		return err
	}
	report, err := holdConns(s, &j, o.Plan)
	if err != nil {
		s.Close()
		return out.Encode(stageReport{Failure: err.Error()})
	}
	if err := out.Encode(report); err != nil || !in.Scan() {
		s.Close()
		return err
	}
	return out.Encode(stageReport{Closing: s.Close().Closing})
}

// extraRounds is how often connections that have answered less than they should get
// one ping more each: where replies are late, others get the turns of those that wait.
const extraRounds = 5

// holdConns pings by plan, and then those that lack pings; without pings it looks on.
func holdConns(s *load.Session, j *job, plan load.Plan) (stageReport, error) {
	var r stageReport
	if j.Pings == 0 {
		errs, err := s.Hold(j.Hold)
		r.Conns, r.Errors = s.Conns(), errs
		return r, err
	}
	for round := 0; ; round++ {
		run, err := s.Measure(plan)
		if err != nil {
			return r, err
		}
		r.Conns, r.Least = s.Conns(), s.Answered()
		r.Latency = append(r.Latency, run.Histogram)
		r.Errors.Add(&run.Errors)
		r.Answered += run.Answered
		r.Saturated = r.Saturated || run.Generator.Saturated
		if r.Least >= int64(j.Pings) || round == extraRounds || r.Errors.Total() > 0 {
			return r, nil
		}
		one := j.Hold / time.Duration(j.Pings)
		plan = load.Constant(float64(j.Conns)/one.Seconds(), one)
	}
}

// A worker is such a process, seen from the one that started it.
type worker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// A shared writer is one that several workers write to, each from a goroutine of
// os/exec.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

// Write writes p whole.
func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// startWorker starts this program again, until ctx ends. The calling goroutine is
// locked to its thread.
func startWorker(ctx context.Context, program string, j job, stderr io.Writer) (*worker, error) {
	cmd := exec.CommandContext(ctx, program, "conns-worker")
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := load.StartPinned(cmd, nil); err != nil {
		return nil, err
	}
	w := &worker{cmd, in, bufio.NewReader(out)}
	b, err := json.Marshal(j)
	if err == nil {
		_, err = in.Write(append(b, '\n'))
	}
	return w, err
}

// proceed has the worker begin its next stage.
func (w *worker) proceed() error {
	_, err := io.WriteString(w.in, "next\n")
	return err
}

// report waits for the end of a stage.
func (w *worker) report() (stageReport, error) {
	var r stageReport
	line, err := w.out.ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("a worker ended early: %w", err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	switch {
	case r.Failure != "" && r.Connect:
		return r, &load.ConnectError{Err: errors.New(r.Failure)}
	case r.Failure != "" && r.Usage:
		return r, &exitError{exitUsage, errors.New(r.Failure)}
	case r.Failure != "":
		return r, errors.New(r.Failure)
	}
	return r, nil
}

// stop ends the worker, by the end of its input, and waits for it.
func (w *worker) stop() {
	_ = w.in.Close()
	timer := time.AfterFunc(10*time.Second, func() { _ = w.cmd.Process.Kill() })
	defer timer.Stop()
	_, _ = io.Copy(io.Discard, w.out)
	_ = w.cmd.Wait()
}
