package suite

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// An Env is what a workload runs in.
type Env struct {
	// Context ends when nobody wants the results any more.
	Context context.Context
	// Gannet is the program that is started where a workload wants a server.
	Gannet string
	// ServerEnv are variables of the server's environment beside this process's,
	// NAME=VALUE: each flag of gannet serve has one.
	ServerEnv []string
	// ServerCPU and GeneratorCPU are where those are pinned; nil pins nothing.
	ServerCPU, GeneratorCPU []int
	// Progress is told what is about to be done. nil tells nobody.
	Progress func(format string, args ...any)
	// Each is told each interval of a load, on the sending thread: it must not
	// block. nil tells nobody.
	Each func(load.Point)
}

func (e *Env) say(format string, args ...any) {
	if e.Progress != nil {
		e.Progress(format, args...)
	}
}

// Measure runs a workload repeat times and returns what it measured. The
// repetitions before an error are in the result, which is nil if there are none.
func (w *Workload) Measure(e *Env, quick bool, repeat int, facts result.Facts) (*result.Result, error) {
	var all *result.Result
	for i := range repeat {
		if err := e.Context.Err(); err != nil {
			return all, err
		}
		if repeat > 1 {
			e.say("%s, %d of %d", w.ID, i+1, repeat)
		} else {
			e.say("%s", w.ID)
		}
		one, err := w.Run(e, w.Settings(quick))
		if err != nil {
			return all, fmt.Errorf("%s: %w", w.ID, err)
		}
		if all != nil {
			all.Join(one)
			continue
		}
		all = one
		all.Schema, all.Name, all.Facts = result.Schema, w.ID, facts
		all.ID, all.Area, all.Quick = w.ID, w.Area(), quick
		all.Settings = w.Settings(quick).String()
		if w.Server {
			all.ServerCPUs, all.GeneratorCPUs = e.ServerCPU, e.GeneratorCPU
		}
		all.Kind = result.KindWork
		if len(all.Runs) > 0 {
			all.Kind = result.KindLoad
		}
	}
	return all, nil
}

// CheckServer says what keeps a server from being started here, nil if nothing.
func (e *Env) CheckServer() error {
	if runtime.GOOS != "linux" {
		return load.ErrLinuxOnly
	}
	if _, err := exec.LookPath(e.Gannet); err != nil {
		return fmt.Errorf("no server to measure: %w (make build puts gannet beside perf; --gannet says where it is)", err)
	}
	return nil
}
