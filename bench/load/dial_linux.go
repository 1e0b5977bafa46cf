package load

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// dial opens a socket to the target and returns its descriptor, which does not
// block; the caller closes it. A connection that takes longer than timeout to
// be made fails. from is the address that it comes from; nil lets the kernel choose.
func dial(t target, from net.IP, timeout time.Duration) (fd int, err error) {
	var sa unix.Sockaddr
	family := unix.AF_UNIX
	switch t.network {
	case "unix":
		sa = &unix.SockaddrUnix{Name: t.address}
	case "tcp":
		a, err := net.ResolveTCPAddr("tcp", t.address)
		if err != nil {
			return -1, err
		}
		if ip := a.IP.To4(); ip != nil {
			family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip)}
		} else if len(a.IP) == net.IPv6len && a.Zone == "" {
			family, sa = unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP)}
		} else {
			return -1, usagef("target %.100q: an address without a zone is needed", t.address)
		}
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	// The send timeout bounds connect too (socket(7)).
	tv := unix.NsecToTimeval(int64(timeout))
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
	if err == nil && t.network == "tcp" {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err == nil && from != nil {
		// The port is chosen at connect, when the whole address is known: else
		// an address has 28,000 connections, whatever their other end.
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte(from.To4())})
		}
	}
	if err == nil {
		if err = unix.Connect(fd, sa); errors.Is(err, unix.EINTR) {
			err = connected(fd, timeout)
		}
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("load: connect %s: %w", t.address, err)
	}
	return fd, nil
}

// connected waits for a connect that a signal has interrupted: it goes on by
// itself (connect(2)).
func connected(fd int, timeout time.Duration) error {
	if err := await(fd, unix.POLLOUT, time.Now().Add(timeout)); err != nil {
		return err
	}
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	return err
}

// A child is a server on the other end of two pipes.
type child struct {
	cmd    *exec.Cmd
	exited chan error
}

// startChild starts the command and returns the descriptors of its standard
// output (r) and input (w), which do not block; the caller closes them and then
// calls wait. The calling goroutine is locked to its thread until then: the
// child dies with the thread that started it, so that none is left behind.
func startChild(command []string, cpus []int) (c *child, r, w int, err error) {
	var in, out [2]int
	if err := unix.Pipe2(in[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, -1, os.NewSyscallError("pipe2", err)
	}
	if err := unix.Pipe2(out[:], unix.O_CLOEXEC); err != nil {
		_ = unix.Close(in[0])
		_ = unix.Close(in[1])
		return nil, -1, -1, os.NewSyscallError("pipe2", err)
	}
	r, w = out[0], in[1]
	stdin, stdout := os.NewFile(uintptr(in[0]), "stdin"), os.NewFile(uintptr(out[1]), "stdout")
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
	err = StartPinned(cmd, cpus)
	_ = stdin.Close()
	_ = stdout.Close()
	// Only our ends: the file descriptions of the child's ends are others.
	err = errors.Join(err, unix.SetNonblock(r, true), unix.SetNonblock(w, true))
	c = &child{cmd, make(chan error, 1)}
	if err != nil {
		_ = unix.Close(r)
		_ = unix.Close(w)
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		return nil, -1, -1, fmt.Errorf("load: start %s: %w", command[0], err)
	}
	go func() { c.exited <- cmd.Wait() }()
	return c, r, w, nil
}

// wait gives the child, whose input has ended, timeout to exit and says how it
// did. After that it is killed.
func (c *child) wait(timeout time.Duration) string {
	select {
	case <-c.exited:
		return c.cmd.ProcessState.String()
	case <-time.After(timeout):
		_ = c.cmd.Process.Kill()
		<-c.exited
		return fmt.Sprintf("killed: had not exited %v after its input ended", timeout)
	}
}
