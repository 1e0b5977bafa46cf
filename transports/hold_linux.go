package transports

import (
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canHold reports whether holdForInput can be interrupted by the scheduler.
func canHold() bool { return !strings.Contains(os.Getenv("GODEBUG"), "asyncpreemptoff=1") }

// holdForInput waits until fd can be read, without telling the scheduler: the
// calling goroutine keeps its P meanwhile, and no other can run on it. An
// ordinary read would have the P taken from it after some 20 µs, and a round
// trip through a pipe then costs twice the CPU, for the runtime's monitor
// thread that takes it and for getting it back.
//
// It returns early when the scheduler wants the P. The monitor asks for that of
// any goroutine that has run for 10 ms, and the collector at once, by a signal,
// and poll is never restarted after one (signal(7)). The caller then does an
// ordinary read, which gives the P away. So others wait for 20 ms at most, once
// for each time that input ceases.
func holdForInput(fd int) {
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	// Without a time limit: arming a timer costs more than all the rest.
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, 0, 0, 0, 0)
}
