package transports

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// supported reports an option that this system does not have.
func (TCPOptions) supported() error { return nil }

// apply sets the options on a listening socket; on Linux the sockets accepted
// from it inherit all of them.
func (t TCPOptions) apply(fd int) error {
	type opt struct {
		name              string
		level, opt, value int
	}
	opts := []opt{}
	if t.ReusePort {
		opts = append(opts, opt{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
	}
	if t.RecvBuffer > 0 {
		opts = append(opts, opt{"SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, t.RecvBuffer})
	}
	if t.SendBuffer > 0 {
		opts = append(opts, opt{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF, t.SendBuffer})
	}
	if t.KeepAlive > 0 {
		secs := int((t.KeepAlive + time.Second - 1) / time.Second)
		opts = append(opts,
			opt{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			opt{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, secs},
			opt{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, secs},
			opt{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, t.KeepAliveProbes})
	}
	if t.UserTimeout > 0 {
		opts = append(opts, opt{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(t.UserTimeout.Milliseconds())})
	}
	if t.NotSentLowat > 0 {
		opts = append(opts, opt{"TCP_NOTSENT_LOWAT", unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, t.NotSentLowat})
	}
	for _, o := range opts {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.value); err != nil {
			return fmt.Errorf("setting %s to %d: %w", o.name, o.value, err)
		}
	}
	return nil
}
