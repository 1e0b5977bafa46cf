package transports

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// supported reports an option that this system does not have.
func (t TCPOptions) supported() error {
	if t.UserTimeout > 0 {
		return errors.New("transports: Options.TCP.UserTimeout needs Linux")
	}
	if t.NotSentLowat > 0 {
		return errors.New("transports: Options.TCP.NotSentLowat needs Linux")
	}
	return nil
}

// apply sets the options on a listening socket; the sockets accepted from it
// inherit them.
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
			opt{"TCP_KEEPALIVE", unix.IPPROTO_TCP, unix.TCP_KEEPALIVE, secs},
			opt{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, secs},
			opt{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, t.KeepAliveProbes})
	}
	for _, o := range opts {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.value); err != nil {
			return fmt.Errorf("setting %s to %d: %w", o.name, o.value, err)
		}
	}
	return nil
}
