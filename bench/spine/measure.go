package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
)

// A bench is where and how subjects are measured.
type bench struct {
	gen       string            // path of the generator
	places    map[string]string // values of the placeholders
	addrFile  string
	serverCPU int
	genCPU    int
	warmup    time.Duration
	duration  time.Duration
}

// measure runs one subject once.
func (b *bench) measure(s *subject, round int) measurement {
	m := measurement{Round: round, Subject: s.Name}
	run := b.run
	if s.Wrk {
		run = b.runWrk
	}
	if err := run(s, &m); err != nil {
		m.Failure = err.Error()
	}
	return m
}

func (b *bench) run(s *subject, m *measurement) error {
	args := []string{"-json", "-c", strconv.Itoa(s.Conns), "-d", strconv.Itoa(s.Depth), "-method", s.Method,
		"-warmup", b.warmup.String(), "-duration", b.duration.String(), "-cpu", strconv.Itoa(b.genCPU)}
	if s.Size > 0 {
		args = append(args, "-size", strconv.Itoa(s.Size))
	}
	if s.Extra != "" {
		args = append(args, "-args-extra", s.Extra)
	}
	var w watcher
	command := s.command(b.places)
	if s.Stdio {
		args = append(args, "-target", "stdio", "-child-cpu", strconv.Itoa(b.serverCPU), "--")
		return b.generate(append(args, command...), &w, m)
	}
	if err := os.Remove(b.addrFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	srv, err := startServer(command, b.serverCPU, b.addrFile, &w)
	if err != nil {
		return err
	}
	args = append(args, "-target", srv.address, "-server-pid", strconv.Itoa(srv.cmd.Process.Pid))
	return errors.Join(b.generate(args, &w, m), srv.stop())
}

// generate runs the generator and takes its result. A result with errors in it
// is returned beside an error.
func (b *bench) generate(args []string, w *watcher, m *measurement) error {
	var out bytes.Buffer
	cmd := exec.Command(b.gen, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stdout, cmd.Stderr = &out, w.lane()
	// It pins itself, so that a child of its own is not born where it is.
	err := load.StartPinned(cmd, nil)
	if err == nil {
		err = cmd.Wait()
	}
	var r load.Result
	if jsonErr := json.Unmarshal(out.Bytes(), &r); jsonErr != nil {
		return fmt.Errorf("the generator gave no result: %w (%s)", errors.Join(err, jsonErr), w.last())
	}
	m.Result, m.GCCycles = &r, w.collections()
	if r.ErrorTotal > 0 {
		return fmt.Errorf("errors: %s", &r.Errors)
	}
	if err != nil {
		return fmt.Errorf("the generator failed: %w (%s)", err, w.last())
	}
	return nil
}
