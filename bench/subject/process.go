package subject

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
)

// Longest waits for a server: to be ready, and to end when told to.
const (
	startTimeout = 10 * time.Second
	stopTimeout  = 10 * time.Second
)

// A Process is a server that runs.
type Process struct {
	PID int

	cmd    *exec.Cmd
	exited chan error
}

// Launch starts a server of any kind on the CPUs given, nil for any, and waits
// until ready says that it is; that is asked every few milliseconds. last is what
// the server has said, for the error of one that ends before, or is not ready
// within ten seconds. The calling goroutine is locked to its thread for as long as
// the server is to live (load.StartPinned). What is returned must be stopped.
func Launch(cmd *exec.Cmd, cpus []int, ready func() bool, last func() string) (*Process, error) {
	if err := load.StartPinned(cmd, cpus); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Args[0], err)
	}
	p := &Process{PID: cmd.Process.Pid, cmd: cmd, exited: make(chan error, 1)}
	go func() { p.exited <- cmd.Wait() }()
	for deadline := time.Now().Add(startTimeout); !ready(); {
		select {
		case <-p.exited:
			return nil, fmt.Errorf("%s ended before it listened: %s%s", cmd.Args[0], cmd.ProcessState, said(last))
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s said no address within %v%s", cmd.Args[0], startTimeout, said(last)), p.Stop())
		}
	}
	return p, nil
}

// said is a server's last word behind an error, if it had one.
func said(last func() string) string {
	if s := last(); s != "" {
		return " (" + s + ")"
	}
	return ", and without a word"
}

// Stop ends the server: SIGTERM, and SIGKILL after ten seconds, which is an error.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails if it is gone
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.exited:
		return nil
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("the server had to be killed, %v after SIGTERM", stopTimeout)
	}
}
