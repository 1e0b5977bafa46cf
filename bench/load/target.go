package load

import (
	"net"
	"net/url"
	"strings"
)

// A target is where the server is.
type target struct {
	network string // tcp, unix or stdio: what is dialled
	address string // HOST:PORT, a path, or ""
	// Of HTTP.
	http bool   // requests are POSTs
	sse  bool   // replies come on an event stream of their own (HTTP with SSE, 2024-11-05)
	host string // the header Host
	path string // with its query
}

// parseTarget reads tcp://HOST:PORT, unix:///PATH, http://HOST:PORT/PATH,
// sse+http://HOST:PORT/PATH and stdio.
func parseTarget(s string) (target, error) {
	if s == "stdio" {
		return target{network: "stdio"}, nil
	}
	if addr, ok := strings.CutPrefix(s, "tcp://"); ok {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" || port == "" {
			return target{}, usagef("target %.100q is not tcp://HOST:PORT", s)
		}
		return target{network: "tcp", address: addr}, nil
	}
	if path, ok := strings.CutPrefix(s, "unix://"); ok {
		if !strings.HasPrefix(path, "/") {
			return target{}, usagef("target %.100q is not unix:///PATH", s)
		}
		return target{network: "unix", address: path}, nil
	}
	plain, sse := strings.CutPrefix(s, "sse+")
	if strings.HasPrefix(plain, "http://") {
		u, err := url.Parse(plain)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			return target{}, usagef("target %.100q is not http://HOST:PORT/PATH", s)
		}
		t := target{network: "tcp", http: true, sse: sse, host: u.Host, path: u.RequestURI()}
		port := u.Port()
		if port == "" {
			port = "80"
		}
		t.address = net.JoinHostPort(u.Hostname(), port)
		if u.Path == "" || u.Path == "/" {
			t.path = map[bool]string{false: "/mcp", true: "/sse"}[sse]
		}
		return t, nil
	}
	return target{}, usagef("target %.100q is none of tcp://HOST:PORT, unix:///PATH, http://HOST:PORT/PATH, sse+http://HOST:PORT/PATH, stdio", s)
}
