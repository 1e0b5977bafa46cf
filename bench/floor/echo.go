package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// maxBuffered bounds, in bytes, what one connection may leave unread on either
// side before it is closed.
const maxBuffered = 16 << 20

// echo is the gnet handler. But for HTTP it is safe on any number of loops: it
// changes nothing after OnBoot.
type echo struct {
	gnet.BuiltinEventEngine
	line  bool
	http  bool
	out   []byte       // answers of one event; with one loop
	addr  string       // as given, in gnet's form
	bound func(string) // told the bound address once, on the starting goroutine
	stop  <-chan os.Signal
}

// OnBoot tells the bound address and arranges the end.
func (e *echo) OnBoot(eng gnet.Engine) gnet.Action {
	addr, err := boundAddress(eng, e.addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		return gnet.Shutdown
	}
	go func() {
		<-e.stop
		_ = eng.Stop(context.Background()) // fails only when it is stopping already
	}()
	e.bound(addr)
	return gnet.None
}

// OnTraffic echoes what there is. Hot path: no allocation, one write.
func (e *echo) OnTraffic(c gnet.Conn) gnet.Action {
	if e.http {
		return e.echoHTTP(c)
	}
	in, err := c.Peek(-1)
	if err != nil || len(in) == 0 {
		return gnet.None
	}
	n := len(in)
	if e.line {
		n = 0
		for {
			i := bytes.IndexByte(in[n:], '\n')
			if i < 0 {
				break
			}
			n += i + 1
		}
		if n == 0 {
			if len(in) > maxBuffered {
				return gnet.Close
			}
			return gnet.None
		}
	}
	if _, err := c.Write(in[:n]); err != nil {
		return gnet.None // gnet has closed the connection
	}
	if _, err := c.Discard(n); err != nil || c.OutboundBuffered() > maxBuffered {
		return gnet.Close
	}
	return gnet.None
}

// run serves until stop delivers, and calls bound once it listens. addr is
// HOST:PORT (port 0 picks one) or unix:///PATH; loops is the number of event
// loops, at least 1.
func run(addr, mode string, loops int, bound func(string), stop <-chan os.Signal) error {
	switch {
	case mode != "line" && mode != "raw" && mode != "http":
		return usageError("-mode is line, raw or http, not " + strconv.Quote(mode))
	case mode == "http" && loops > 1:
		return usageError("-mode http takes one loop")
	}
	if loops < 1 {
		return usageError("-loops is at least 1")
	}
	e := &echo{line: mode == "line", http: mode == "http", bound: bound, stop: stop}
	if path, ok := strings.CutPrefix(addr, "unix://"); ok {
		e.addr = "unix://" + path
	} else {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return usageError("-addr: " + err.Error())
		}
		e.addr = "tcp://" + addr
	}
	return gnet.Run(e, e.addr,
		gnet.WithNumEventLoop(loops), gnet.WithTCPNoDelay(gnet.TCPNoDelay), gnet.WithLogger(silent{}))
}

// usageError is a fault of the command line: exit code 2.
type usageError string

func (e usageError) Error() string { return string(e) }

// boundAddress asks the listening socket where it is bound, which tells what
// port 0 became.
func boundAddress(eng gnet.Engine, addr string) (string, error) {
	if strings.HasPrefix(addr, "unix://") {
		return addr, nil
	}
	fd, err := eng.Dup()
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(fd) }()
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return "", os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return "tcp://" + net.JoinHostPort(net.IP(sa.Addr[:]).String(), strconv.Itoa(sa.Port)), nil
	case *unix.SockaddrInet6:
		return "tcp://" + net.JoinHostPort(net.IP(sa.Addr[:]).String(), strconv.Itoa(sa.Port)), nil
	}
	return "", fmt.Errorf("bound to an address of type %T", sa)
}

// silent drops gnet's log lines; what matters comes back from gnet.Run.
type silent struct{}

func (silent) Debugf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
