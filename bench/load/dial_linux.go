package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// resolve finds the address of a target's sockets.
func resolve(t *target) (sa unix.Sockaddr, err error) {
	if t.network != "tcp" {
		return &unix.SockaddrUnix{Name: t.address}, nil
	}
	a, err := net.ResolveTCPAddr("tcp", t.address)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if ip := a.IP.To4(); ip != nil {
		return &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip)}, nil
	}
	if len(a.IP) != net.IPv6len || a.Zone != "" {
		return nil, usagef("target %.100q: an address without a zone is needed", t.address)
	}
	return &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP)}, nil
}

// dial opens a socket to an address, whose descriptor does not block; the caller
// closes it. from is the address that it comes from; nil lets the kernel choose.
// Who waits for it is p.wait.
func (p *opening) dial(from net.IP, deadline time.Time) (*socket, error) {
	family := unix.AF_INET
	switch p.address.(type) {
	case *unix.SockaddrUnix:
		family = unix.AF_UNIX
	case *unix.SockaddrInet6:
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	k := &socket{fd: fd, wait: p.wait}
	if family != unix.AF_UNIX {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err == nil && from != nil {
		// The port is chosen at connect, when the whole address is known: else
		// an address has 28,000 connections, whatever their other end.
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err == nil && p.o.ports != 0 {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, ipLocalPortRange, p.o.ports)
		}
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte(from.To4())})
		}
	}
	if err == nil {
		err = k.connect(p.address, deadline)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, &dialError{p.where.address, err}
	}
	return k, nil
}

// ipLocalPortRange narrows the ports of one socket: the least, and the greatest 16
// bits further up (ip(7), since Linux 6.3).
const ipLocalPortRange = 51

// busyPause is how long a Unix socket whose server's queue is full is left alone.
const busyPause = time.Millisecond

// connect connects the socket.
func (k *socket) connect(sa unix.Sockaddr, deadline time.Time) error {
	for {
		err := unix.Connect(k.fd, sa) // asked again, it says how far it is
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EAGAIN): // of Unix sockets, which tell nobody when there is room
			err = k.pause(busyPause, deadline)
		case errors.Is(err, unix.EINPROGRESS), errors.Is(err, unix.EALREADY), errors.Is(err, unix.EINTR):
			err = k.await(unix.POLLOUT, deadline)
		}
		if err != nil {
			return err
		}
	}
}

// A dialError is a connection that could not be made.
type dialError struct {
	address string
	err     error
}

// Error says why, and of ports what can be done.
func (e *dialError) Error() string {
	text := fmt.Sprintf("load: connect %s: %v", e.address, e.err)
	if errors.Is(e.err, unix.EADDRNOTAVAIL) {
		ports := "some 28,000 by default"
		if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
			ports = strings.Join(strings.Fields(string(b)), " to ")
		}
		text += ": no port is free. An address has those of net.ipv4.ip_local_port_range (" + ports +
			") for each server, and a closed connection keeps its own for a minute (TIME_WAIT): " +
			"have more calls on each connection, or fewer connections a second, or several addresses to come from (on loopback they are used by themselves)"
	}
	return text
}

// Unwrap returns the reason.
func (e *dialError) Unwrap() error { return e.err }

// A child is a server on the other end of two pipes.
type child struct {
	cmd    *exec.Cmd
	exited chan error
	log    *pageFinder // of its standard error; nil where nobody asks for its page
}

// startChild starts the command and returns the descriptors of its standard
// output (r) and input (w), which do not block; the caller closes them and then
// calls wait. The calling goroutine is locked to its thread until then: the
// child dies with the thread that started it, so that none is left behind. What it
// says on standard error goes to stderr, nil for this process's; paged has its page of
// metrics looked for there.
func startChild(command []string, cpus []int, stderr io.Writer, paged bool) (c *child, r, w int, err error) {
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
	if stderr == nil {
		stderr = os.Stderr
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdin, stdout, stderr, time.Second
	c = &child{cmd: cmd, exited: make(chan error, 1)}
	if paged {
		c.log = newPageFinder(stderr)
		cmd.Stderr = c.log
	}
	err = StartPinned(cmd, cpus)
	_ = stdin.Close()
	_ = stdout.Close()
	// Only our ends: the file descriptions of the child's ends are others.
	err = errors.Join(err, unix.SetNonblock(r, true), unix.SetNonblock(w, true))
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
