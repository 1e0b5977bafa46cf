package transports

import (
	"context"
	"net"
	"syscall"
)

// listenTCP opens a TCP listener. Options are set on the listening socket
// before it is bound where accepted sockets inherit them, so that accepting
// costs no further system calls.
func (s *Server) listenTCP(u, addr string) (*listener, error) {
	t := s.opts.TCP
	if err := t.supported(); err != nil {
		return nil, err
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
		return nil, listenError(u, err)
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
			return nil, listenError(u, err)
		}
	}
	return &listener{srv: s, ln: ln, network: "tcp", url: "tcp://" + ln.Addr().String()}, nil
}
