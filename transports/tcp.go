package transports

import (
	"context"
	"net"
	"syscall"
)

// listenTCP opens the listener's socket. Options are set on the listening socket
// before it is bound where accepted sockets inherit them, so that accepting
// costs no further system calls.
func (l *listener) listenTCP(u, addr string) error {
	t := l.srv.opts.TCP
	if err := t.supported(); err != nil {
		return err
	}
	lc := net.ListenConfig{
		KeepAlive: -1, // ours, below
		Control: func(_, _ string, rc syscall.RawConn) error {
			var err error
			if cerr := rc.Control(func(fd uintptr) { err = t.apply(int(fd)) }); cerr != nil {
				return cerr
			}
			return err
		},
	}
	// An MPTCP listener, package net's default on Linux, does not hand all of
	// these options on (TCP_NOTSENT_LOWAT is one that gets lost).
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return listenError(u, err)
	}
	if t.Backlog > 0 {
		rc, err := ln.(*net.TCPListener).SyscallConn()
		if err == nil {
			if cerr := rc.Control(func(fd uintptr) { err = syscall.Listen(int(fd), t.Backlog) }); cerr != nil {
				err = cerr
			}
		}
		if err != nil {
			_ = ln.Close()
			return listenError(u, err)
		}
	}
	l.ln, l.url = ln, l.network+"://"+ln.Addr().String()
	return nil
}
