package suite

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/codec"
)

// socketWorkloads are those of the area latency that need sockets.
func socketWorkloads() []Workload {
	full, quick := Settings{Time: 2 * time.Second}, Settings{Time: 200 * time.Millisecond}
	return []Workload{
		{ID: "latency.gen_tcp_send", Brief: "1 KB given to the kernel (the report's gen_tcp:send/2)",
			Measures: "write of 1,024 bytes to a TCP connection on loopback whose peer has read all before, one by one; the kernel delivers on loopback within the call. together_ is for one message of 16 that go in one write.",
			Full:     full, Quick: quick, Run: tcpSend},
		{ID: "latency.gen_tcp_recv", Brief: "1 KB taken from the kernel and parsed (the report's gen_tcp:recv/2)",
			Measures: "epoll_wait, read and Parser.Parse of a request of 1,024 bytes that has come over loopback, one by one: from ready to parsed, without a wait for it.",
			Full:     full, Quick: quick, Run: tcpRecv},
	}
}

// tcpPair returns both ends of a TCP connection on loopback, which block.
func tcpPair() (a, b int, err error) {
	fail := func(call string, err error) (int, int, error) { return -1, -1, os.NewSyscallError(call, err) }
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail("socket", err)
	}
	defer func() { _ = unix.Close(l) }()
	if err := unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fail("bind", err)
	}
	if err := unix.Listen(l, 1); err != nil {
		return fail("listen", err)
	}
	where, err := unix.Getsockname(l)
	if err != nil {
		return fail("getsockname", err)
	}
	if a, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fail("socket", err)
	}
	if err = unix.Connect(a, where); err != nil {
		_ = unix.Close(a)
		return fail("connect", err)
	}
	if b, _, err = unix.Accept4(l, unix.SOCK_CLOEXEC); err != nil {
		_ = unix.Close(a)
		return fail("accept", err)
	}
	for _, fd := range []int{a, b} {
		// It fails on no TCP socket.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return a, b, nil
}

// readAll reads n bytes into buf, which has room.
func readAll(fd int, buf []byte, n int) error {
	for got := 0; got < n; {
		m, err := unix.Read(fd, buf[got:n])
		if err == unix.EINTR {
			continue
		}
		if err != nil || m == 0 {
			return fmt.Errorf("read: %d bytes, %w", m, err)
		}
		got += m
	}
	return nil
}

func tcpSend(e *Env, s Settings) (*result.Result, error) {
	a, b, err := tcpPair()
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = unix.Close(a), unix.Close(b) }()
	r := &result.Result{}
	for _, together := range []int{1, 16} {
		text := make([]byte, kilobyte*together)
		buf := make([]byte, len(text))
		t := newTiming(together)
		for end := now() + int64(s.Time); ; {
			begin := now()
			if begin >= end {
				break
			}
			n, err := unix.Write(a, text)
			ns := now() - begin
			if err != nil || n != len(text) {
				return nil, fmt.Errorf("write: %d bytes, %w", n, err)
			}
			t.record(ns)
			t.ns += ns
			if err := readAll(b, buf, len(text)); err != nil {
				return nil, err
			}
		}
		if err := e.Context.Err(); err != nil {
			return nil, err
		}
		if together == 1 {
			r.Add("rate", "1/s", t.rate())
			t.percentiles(r, "")
		} else {
			r.Add("together_mean_us", "µs", t.mean()/1e3)
		}
	}
	r.Add("clock_ns", "ns", clockCost())
	return r, nil
}

func tcpRecv(e *Env, s Settings) (*result.Result, error) {
	a, b, err := tcpPair()
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = unix.Close(a), unix.Close(b) }()
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	defer func() { _ = unix.Close(poll) }()
	if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, b, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(b)}); err != nil {
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	text := members.request()
	buf := make([]byte, len(text))
	var m codec.Message
	p := codec.NewParser(codec.Limits{})
	events := make([]unix.EpollEvent, 1)
	t := newTiming(1)
	for end := now() + int64(s.Time); ; {
		if n, err := unix.Write(a, text); err != nil || n != len(text) {
			return nil, fmt.Errorf("write: %d bytes, %w", n, err)
		}
		begin := now()
		if begin >= end || t.ops%checkEvery == 0 && e.Context.Err() != nil {
			break
		}
		for n := 0; n != 1; {
			if n, err = unix.EpollWait(poll, events, -1); err != nil && err != unix.EINTR {
				return nil, os.NewSyscallError("epoll_wait", err)
			}
		}
		if err := readAll(b, buf, len(text)); err != nil {
			return nil, err
		}
		if err := p.Parse(&m, buf); err != nil {
			return nil, err
		}
		ns := now() - begin
		t.record(ns)
		t.ns += ns
	}
	if err := e.Context.Err(); err != nil {
		return nil, err
	}
	r := &result.Result{}
	r.Add("rate", "1/s", t.rate())
	t.percentiles(r, "")
	r.Add("clock_ns", "ns", clockCost())
	return r, nil
}
