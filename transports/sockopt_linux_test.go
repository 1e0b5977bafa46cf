package transports

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const tcpKeepIdle = unix.TCP_KEEPIDLE

var linuxTCPOptions = []struct {
	name string
	o    TCPOptions
	opt  int
	want int
}{
	{"TCP_USER_TIMEOUT", TCPOptions{UserTimeout: 12_345 * time.Millisecond}, unix.TCP_USER_TIMEOUT, 12_345},
	{"TCP_NOTSENT_LOWAT", TCPOptions{NotSentLowat: 32 << 10}, unix.TCP_NOTSENT_LOWAT, 32 << 10},
}

// Of a listening socket, the kernel tells the backlog as tcpi_sacked.
func TestBacklog(t *testing.T) {
	for _, want := range []int{0, 7, 100} {
		s := start(t, Options{TCP: TCPOptions{Backlog: want}}, "tcp://127.0.0.1:0")
		rc, err := s.listeners[0].ln.(*net.TCPListener).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var info *unix.TCPInfo
		if cerr := rc.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); cerr != nil || err != nil {
			t.Fatal(cerr, err)
		}
		if want == 0 {
			if info.Sacked < 128 {
				t.Errorf("by default the backlog is %d", info.Sacked)
			}
		} else if int(info.Sacked) != want {
			t.Errorf("the backlog is %d, want %d", info.Sacked, want)
		}
	}
}
