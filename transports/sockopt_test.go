package transports

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/engine"
)

// accepted returns the descriptor of the one socket connection of s, seen from
// inside: options are read back from what the kernel says of it.
func accepted(t *testing.T, s *Server, fds <-chan int) int {
	t.Helper()
	p := dial(t, s)
	p.send(req(1, "ping", ""))
	p.want(res(1, "{}"))
	return <-fds
}

// tellFDs returns an observer that sends the descriptor of each connection.
func tellFDs(fds chan<- int) engine.Observer {
	return engine.Observer{ConnOpened: func(c *engine.Conn) { fds <- c.Wire().(*stream).fd }}
}

// Each option is read back from the kernel, from a socket that was accepted.
func TestTCPOptions(t *testing.T) {
	const (
		tcp = unix.IPPROTO_TCP
		sol = unix.SOL_SOCKET
	)
	is := func(want int) func(int) bool { return func(got int) bool { return got == want } }
	on := func(got int) bool { return got != 0 }
	// The kernel doubles a buffer's size for its own bookkeeping, or not.
	buffer := func(n int) func(int) bool { return func(got int) bool { return got == n || got == 2*n } }
	type check struct {
		name       string
		level, opt int
		ok         func(int) bool
	}
	cases := []struct {
		name   string
		o      TCPOptions
		checks []check
	}{
		{"default", TCPOptions{}, []check{
			{"TCP_NODELAY", tcp, unix.TCP_NODELAY, on},
			{"SO_KEEPALIVE", sol, unix.SO_KEEPALIVE, on},
			{"idle", tcp, tcpKeepIdle, is(60)},
			{"TCP_KEEPINTVL", tcp, unix.TCP_KEEPINTVL, is(60)},
			{"TCP_KEEPCNT", tcp, unix.TCP_KEEPCNT, is(3)},
		}},
		{"delay", TCPOptions{Delay: true}, []check{{"TCP_NODELAY", tcp, unix.TCP_NODELAY, is(0)}}},
		{"no keepalive", TCPOptions{KeepAlive: -1}, []check{{"SO_KEEPALIVE", sol, unix.SO_KEEPALIVE, is(0)}}},
		{"keepalive", TCPOptions{KeepAlive: 90 * time.Second, KeepAliveProbes: 7}, []check{
			{"SO_KEEPALIVE", sol, unix.SO_KEEPALIVE, on},
			{"idle", tcp, tcpKeepIdle, is(90)},
			{"TCP_KEEPINTVL", tcp, unix.TCP_KEEPINTVL, is(90)},
			{"TCP_KEEPCNT", tcp, unix.TCP_KEEPCNT, is(7)},
		}},
		{"part of a second", TCPOptions{KeepAlive: 1500 * time.Millisecond}, []check{{"idle", tcp, tcpKeepIdle, is(2)}}},
		{"buffers", TCPOptions{RecvBuffer: 50_000, SendBuffer: 60_000}, []check{
			{"SO_RCVBUF", sol, unix.SO_RCVBUF, buffer(50_000)},
			{"SO_SNDBUF", sol, unix.SO_SNDBUF, buffer(60_000)},
		}},
	}
	for _, c := range linuxTCPOptions {
		cases = append(cases, struct {
			name   string
			o      TCPOptions
			checks []check
		}{c.name, c.o, []check{{c.name, tcp, c.opt, is(c.want)}}})
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			fds := make(chan int, 1)
			s := start(t, Options{TCP: tc.o, Engine: engine.Options{Observer: tellFDs(fds)}}, "tcp://127.0.0.1:0")
			fd := accepted(t, s, fds)
			for _, c := range tc.checks {
				got, err := unix.GetsockoptInt(fd, c.level, c.opt)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				if !c.ok(got) {
					t.Errorf("%s is %d", c.name, got)
				}
			}
		})
	}
}

// With SO_REUSEPORT two servers share a port; without it the second is told
// that it is in use.
func TestReusePort(t *testing.T) {
	one := start(t, Options{TCP: TCPOptions{ReusePort: true}}, "tcp://127.0.0.1:0")
	two := start(t, Options{TCP: TCPOptions{ReusePort: true}}, one.Addrs()[0])
	if one.Addrs()[0] != two.Addrs()[0] {
		t.Errorf("%v and %v", one.Addrs(), two.Addrs())
	}
	othersServed(t, one)
	if s, err := Listen(service{}, Options{Listeners: []Listener{{URL: one.Addrs()[0]}}}); err == nil {
		_ = s.Close()
		t.Error("a third without the option")
	}
}

// A port is free again at once after Close, connections or not.
func TestPortReusedAfterClose(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	u := s.Addrs()[0]
	p := dial(t, s)
	p.send(req(1, "echo", ""))
	p.want(res(1, "{}"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	othersServed(t, start(t, Options{}, u))
}

func TestConnectionLimit(t *testing.T) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for _, tc := range []struct {
		name  string
		asked int
		want  int64
		err   string
	}{
		{name: "asked and fits", asked: 10, want: 10},
		{name: "does not fit", asked: int(min(r.Max, 1<<30)), err: "MaxConnections"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := connectionLimit(tc.asked, discard())
			if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
	t.Run("default", func(t *testing.T) {
		got, err := connectionLimit(0, textLogger(&log))
		if err != nil {
			t.Fatal(err)
		}
		files := int64(min(r.Max, 1<<30))
		if want := min(DefaultMaxConnections, files-descriptorReserve(files)); got != want {
			t.Errorf("got %d, want %d of %d files", got, want, files)
		}
		if lowered := got < DefaultMaxConnections; lowered != strings.Contains(log.String(), "limit of open files") {
			t.Errorf("lowered %v, log %q", lowered, log.String())
		}
	})
	for files, want := range map[int64]int64{64: 24, 256: 64, 1024: 256, 1 << 20: 256} {
		if got := descriptorReserve(files); got != want {
			t.Errorf("of %d files %d are kept, want %d", files, got, want)
		}
	}
}

// What a service can learn of a peer.
func TestPeer(t *testing.T) {
	path := socketPath(t)
	conns := make(chan engine.Peer, 1)
	s := start(t, Options{Engine: engine.Options{
		Observer: engine.Observer{ConnOpened: func(c *engine.Conn) { conns <- c.Peer() }},
	}}, "tcp://127.0.0.1:0", "unix://"+path)
	p := dial(t, s)
	if got, want := <-conns, (engine.Peer{Transport: "tcp", Local: p.RemoteAddr().String(), Remote: p.LocalAddr().String()}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	dialURL(t, s.Addrs()[1])
	if got, want := <-conns, (engine.Peer{Transport: "unix", Local: path}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A listener's socket and those accepted from it do not reach a child process.
func TestCloseOnExec(t *testing.T) {
	opened := make(chan int, 1)
	s := start(t, Options{Engine: engine.Options{Observer: tellFDs(opened)}}, "tcp://127.0.0.1:0")
	fds := map[string]int{"connection": accepted(t, s, opened)}
	for _, l := range s.loops {
		fds["wake pair"] = l.wakeFD
	}
	rc, err := s.listeners[0].ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = rc.Control(func(fd uintptr) { fds["listener"] = int(fd) })
	for what, fd := range fds {
		flags, err := unix.FcntlInt(uintptr(fd), syscall.F_GETFD, 0)
		if err != nil {
			t.Fatal(err)
		}
		if flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("the %s is inherited", what)
		}
	}
}
