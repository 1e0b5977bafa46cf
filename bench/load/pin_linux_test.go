package load

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// What Pin has narrowed, release gives back, on every thread.
func TestPin(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	affinity := func() unix.CPUSet {
		var s unix.CPUSet
		if err := unix.SchedGetaffinity(0, &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	before, procs := affinity(), runtime.GOMAXPROCS(0)
	cpu := 0
	for !before.IsSet(cpu) {
		cpu++
	}
	release, err := Pin([]int{cpu})
	if err != nil {
		t.Fatal(err)
	}
	if now := affinity(); now.Count() != 1 || !now.IsSet(cpu) || runtime.GOMAXPROCS(0) != 1 {
		t.Errorf("pinned to %d CPUs, GOMAXPROCS %d", now.Count(), runtime.GOMAXPROCS(0))
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if now := affinity(); now != before || runtime.GOMAXPROCS(0) != procs {
		t.Errorf("released to %d CPUs of %d, GOMAXPROCS %d of %d", now.Count(), before.Count(), runtime.GOMAXPROCS(0), procs)
	}
	if _, err := Pin([]int{}); err == nil {
		t.Error("pinned to no CPU")
	}
	if _, err := Pin([]int{-1}); err == nil {
		t.Error("pinned to CPU -1")
	}
	if now := affinity(); now != before {
		t.Error("a refused Pin left something behind")
	}
	if release, err := Pin(nil); err != nil || release() != nil {
		t.Errorf("nil: %v", err)
	}
}
