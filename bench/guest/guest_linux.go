package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// guest is the first process of the guest. It does the task, says how it went,
// and turns the guest off.
func guest() {
	r := new(reply)
	if err := r.do(); err != nil {
		r.Failure = err.Error()
	}
	if err := r.say("/dev/ttyS1"); err != nil {
		fmt.Fprintln(os.Stderr, "guest: reply:", err)
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Fprintln(os.Stderr, "guest: power off:", err)
	}
	select {}
}

// do sets up the guest and runs the command.
func (r *reply) do() error {
	for _, m := range [][2]string{{"/proc", "proc"}, {"/sys", "sysfs"}, {"/dev", "devtmpfs"}, {"/tmp", "tmpfs"}} {
		if err := unix.Mount(m[1], m[0], m[1], 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m[0], err)
		}
	}
	b, err := os.ReadFile(taskFile)
	if err != nil {
		return err
	}
	var t task
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"fs/file-max":                  "1000000",
		"fs/nr_open":                   fmt.Sprint(max(t.Files, 1<<20)),
		"net/core/somaxconn":           "65535",
		"net/ipv4/ip_local_port_range": "1024 65535",
		"net/ipv4/tcp_max_syn_backlog": "65535",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0); err != nil {
			return err
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: t.Files, Max: t.Files}); err != nil {
		return os.NewSyscallError("setrlimit", err)
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	if err := os.Setenv("PATH", "/bin"); err != nil {
		return err
	}
	// Processes whose parents end before them are not waited for: the guest ends with the command.
	cmd := exec.Command(t.Command[0], t.Command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	var failed *exec.ExitError
	if err := cmd.Run(); errors.As(err, &failed) {
		r.Exit = max(failed.ExitCode(), 1) // -1 is a signal
	} else if err != nil {
		return err
	}
	if t.Fetch != "" {
		if r.File, err = os.ReadFile(t.Fetch); err != nil && r.Exit == 0 {
			return err
		}
	}
	return nil
}

// loopbackUp sets the loopback interface up, with its address.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	i, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	i.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return os.NewSyscallError("ioctl SIOCSIFFLAGS", unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, i))
}

// say writes the reply to a serial line.
func (r *reply) say(path string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "\n%s%s\n%s", replyBegin, b, replyEnd); err != nil {
		return err
	}
	return errors.Join(drain(f), f.Close())
}

// drain waits until a serial line has sent what it was given.
func drain(f *os.File) error {
	return os.NewSyscallError("ioctl TCSBRK", unix.IoctlSetInt(int(f.Fd()), unix.TCSBRK, 1))
}
