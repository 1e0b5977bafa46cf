package load

import (
	"net"
	"strings"
)

// A target is where the server is.
type target struct {
	network string // tcp, unix or stdio
	address string // HOST:PORT, a path, or ""
}

// parseTarget reads tcp://HOST:PORT, unix:///PATH and stdio.
func parseTarget(s string) (target, error) {
	if s == "stdio" {
		return target{network: "stdio"}, nil
	}
	if addr, ok := strings.CutPrefix(s, "tcp://"); ok {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" || port == "" {
			return target{}, usagef("target %.100q is not tcp://HOST:PORT", s)
		}
		return target{"tcp", addr}, nil
	}
	if path, ok := strings.CutPrefix(s, "unix://"); ok {
		if !strings.HasPrefix(path, "/") {
			return target{}, usagef("target %.100q is not unix:///PATH", s)
		}
		return target{"unix", path}, nil
	}
	return target{}, usagef("target %.100q is none of tcp://HOST:PORT, unix:///PATH, stdio", s)
}
