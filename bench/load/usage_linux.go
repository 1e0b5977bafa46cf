package load

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A usage is what a process has used up to a moment.
type usage struct {
	user, system float64 // seconds
	waiting      float64 // seconds that threads stood ready without a CPU
	rss          int64   // bytes
	switches     int64   // voluntary ones, of the threads that live
}

// processUsage reads a process from /proc.
func processUsage(pid int) (usage, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	var u usage
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return u, err
	}
	if u.user, u.system, err = parseStat(string(b)); err != nil {
		return u, err
	}
	if b, err = os.ReadFile(dir + "/status"); err != nil {
		return u, err
	}
	if u.rss, err = parseStatus(string(b), "VmRSS"); err != nil {
		return u, err
	}
	tasks, err := filepath.Glob(dir + "/task/*")
	if err != nil {
		return u, err
	}
	for _, task := range tasks {
		status, err1 := os.ReadFile(task + "/status")
		sched, err2 := os.ReadFile(task + "/schedstat")
		if err1 != nil || err2 != nil {
			continue // the thread has ended
		}
		n, err := parseStatus(string(status), "voluntary_ctxt_switches")
		if err != nil {
			return u, err
		}
		_, waiting, err := parseSchedstat(string(sched))
		if err != nil {
			return u, err
		}
		u.switches += n
		u.waiting += waiting
	}
	return u, nil
}

// A statFile is /proc/PID/stat, open.
type statFile struct {
	fd  int
	buf [1024]byte
}

// openStat opens the figures of a process; close gives the descriptor back.
func openStat(pid int) (*statFile, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	return &statFile{fd: fd}, nil
}

// read returns the CPU seconds of the process and its resident memory in bytes.
func (f *statFile) read() (cpu float64, rss int64, err error) {
	n, err := unix.Pread(f.fd, f.buf[:], 0)
	if err != nil {
		return 0, 0, err
	}
	s := string(f.buf[:n])
	user, system, err := parseStat(s)
	if err != nil {
		return 0, 0, err
	}
	pages, err := parseStatPages(s)
	return user + system, pages * int64(os.Getpagesize()), err
}

func (f *statFile) close() { _ = unix.Close(f.fd) }

// ResidentMemory is the RSS of a process, in bytes.
func ResidentMemory(pid int) (int64, error) {
	f, err := openStat(pid)
	if err != nil {
		return 0, err
	}
	defer f.close()
	_, rss, err := f.read()
	return rss, err
}

// threadUsage reads the calling thread: the seconds that it ran and the seconds
// that it stood ready without a CPU.
func threadUsage() (running, waiting float64, err error) {
	b, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0, 0, err
	}
	return parseSchedstat(string(b))
}

// pinProcess lets all threads of this process run on the given CPUs only.
// Threads that are started later inherit it.
func pinProcess(cpus []int) error {
	set, err := cpuSet(cpus)
	if err != nil {
		return err
	}
	// Twice, so that a thread started by one not yet pinned is found too.
	for range 2 {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				return errProcFormat
			}
			if err := place(tid, set, cpus); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	return nil
}

// place has a thread, 0 for this one, run on the CPUs of a set alone.
func place(tid int, set *unix.CPUSet, cpus []int) error {
	err := unix.SchedSetaffinity(tid, set)
	if errors.Is(err, unix.EINVAL) {
		return usagef("cpus %v: there is none of these to run on; this process has %d, and they are numbered from 0", cpus, runtime.NumCPU())
	}
	return os.NewSyscallError("sched_setaffinity", err)
}

// StartPinned starts cmd on the given CPUs, so that it is born there; a process
// pinned after its start may have threads already. nil pins nothing. The calling
// goroutine is locked to its thread for as long as the process is to live: the
// process is killed when the thread that started it ends, so that a tool that
// dies leaves no server behind.
func StartPinned(cmd *exec.Cmd, cpus []int) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if cpus == nil {
		return cmd.Start()
	}
	set, err := cpuSet(cpus)
	if err != nil {
		return err
	}
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	if err := place(0, set, cpus); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &before)))
}

func cpuSet(cpus []int) (*unix.CPUSet, error) {
	var set unix.CPUSet
	for _, c := range cpus {
		if c < 0 {
			return nil, usagef("cpu %d is none", c)
		}
		set.Set(c)
	}
	if set.Count() == 0 {
		return nil, usagef("no cpu to run on")
	}
	return &set, nil
}

// A sample is the server and this thread at one moment.
type sample struct {
	at               time.Time
	server           usage
	running, waiting float64 // of this thread
	memory           runtime.MemStats
}

// takeSample reads the process pid, unless it is 0, and the calling thread.
func takeSample(pid int) (s sample, err error) {
	if pid != 0 {
		if s.server, err = processUsage(pid); err != nil {
			return s, err
		}
	}
	if s.running, s.waiting, err = threadUsage(); err != nil {
		return s, err
	}
	runtime.ReadMemStats(&s.memory)
	s.at = time.Now()
	return s, nil
}

// between fills in what lies between two samples.
func (r *Result) between(a, b sample, pid int, rssBefore int64) {
	seconds := b.at.Sub(a.at).Seconds()
	if seconds <= 0 {
		return
	}
	g := &r.Generator
	g.Utilisation = (b.running - a.running) / seconds
	g.Waiting = (b.waiting - a.waiting) / seconds
	g.Saturated = !g.Spins && g.Utilisation+g.Waiting >= Saturated
	g.Collections = int64(b.memory.NumGC - a.memory.NumGC)
	g.Allocated = int64(b.memory.Mallocs - a.memory.Mallocs)
	if pid == 0 {
		return
	}
	r.Server = serverBetween(a.server, b.server, seconds, pid, rssBefore, r.Messages)
}

// serverBetween is what a process used between two moments, for so many messages.
func serverBetween(a, b usage, seconds float64, pid int, rssBefore, messages int64) *Server {
	s := &Server{
		PID: pid, RSSBefore: rssBefore, RSSAfter: b.rss,
		User: b.user - a.user, System: b.system - a.system,
		Waiting:  (b.waiting - a.waiting) / seconds,
		Switches: b.switches - a.switches,
	}
	s.Utilisation = (s.User + s.System) / seconds
	if messages > 0 {
		s.CPUMicros = (s.User + s.System) * 1e6 / float64(messages)
	}
	return s
}

// WatchServer reads what a process has used, for who loads it with another generator.
// end reads it again and says what lies between, for so many messages.
func WatchServer(pid int) (end func(messages int64) (*Server, error), err error) {
	before, err := processUsage(pid)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	return func(messages int64) (*Server, error) {
		after, err := processUsage(pid)
		if err != nil {
			return nil, err
		}
		return serverBetween(before, after, time.Since(begun).Seconds(), pid, before.rss, messages), nil
	}, nil
}
