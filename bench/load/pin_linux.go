package load

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Pin lets this process run on the given CPUs only, by one thread of Go where that
// is one CPU and GOMAXPROCS is not in the environment, until release is called.
// It is for a process that measures several things one after another; nil pins
// nothing. Children started meanwhile are to be placed by StartPinned or
// Options.ChildCPUs.
func Pin(cpus []int) (release func() error, err error) {
	if cpus == nil {
		return func() error { return nil }, nil
	}
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var old []int
	for c := range len(before) * 64 {
		if before.IsSet(c) {
			old = append(old, c)
		}
	}
	if err := pinProcess(cpus); err != nil {
		return nil, errors.Join(err, pinProcess(old))
	}
	procs := 0
	if len(cpus) == 1 && os.Getenv("GOMAXPROCS") == "" {
		procs = runtime.GOMAXPROCS(1)
	}
	return func() error {
		if procs > 0 {
			runtime.GOMAXPROCS(procs)
		}
		return pinProcess(old)
	}, nil
}
