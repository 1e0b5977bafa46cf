package load

import (
	"net"
	"net/url"
	"strings"
)

// A target is where the server is.
type target struct {
	scheme  string // as it was written
	network string // tcp, unix or stdio: what is dialled
	address string // HOST:PORT, a path, or ""
	secure  bool   // TLS lies between
	name    string // of TLS: the host alone
	// Of HTTP and WebSocket.
	http bool   // requests are POSTs
	sse  bool   // replies come on an event stream of their own (HTTP with SSE, 2024-11-05)
	ws   bool   // messages are frames of a WebSocket
	host string // the header Host
	path string // with its query
}

// Schemes of URLs of HTTP, and what they say beside that.
var webSchemes = map[string]struct {
	secure, sse, ws bool
	port            string
}{
	"http": {port: "80"}, "https": {secure: true, port: "443"},
	"sse+http": {sse: true, port: "80"}, "sse+https": {secure: true, sse: true, port: "443"},
	"ws": {ws: true, port: "80"}, "wss": {secure: true, ws: true, port: "443"},
}

// Targets says what a target may be, for messages.
const Targets = "tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH, http://HOST:PORT/PATH, https://…, sse+http://HOST:PORT/PATH, sse+https://…, ws://HOST:PORT/PATH, wss://…, stdio"

// parseTarget reads one of Targets.
func parseTarget(s string) (target, error) {
	if s == "stdio" {
		return target{scheme: s, network: s}, nil
	}
	scheme, rest, found := strings.Cut(s, "://")
	web, isWeb := webSchemes[scheme]
	switch {
	case !found:
	case scheme == "tcp", scheme == "tls":
		host, port, err := net.SplitHostPort(rest)
		if err != nil || host == "" || port == "" {
			return target{}, usagef("target %.100q is not %s://HOST:PORT", s, scheme)
		}
		return target{scheme: scheme, network: "tcp", address: rest, secure: scheme == "tls", name: host}, nil
	case scheme == "unix":
		if !strings.HasPrefix(rest, "/") {
			return target{}, usagef("target %.100q is not unix:///PATH", s)
		}
		return target{scheme: scheme, network: "unix", address: rest}, nil
	case isWeb:
		u, err := url.Parse("http://" + rest)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			return target{}, usagef("target %.100q is not %s://HOST:PORT/PATH", s, scheme)
		}
		t := target{scheme: scheme, network: "tcp", http: !web.ws, secure: web.secure, sse: web.sse, ws: web.ws, name: u.Hostname(), host: u.Host, path: u.RequestURI()}
		port := u.Port()
		if port == "" {
			port = web.port
		}
		t.address = net.JoinHostPort(u.Hostname(), port)
		if u.Path == "" || u.Path == "/" {
			switch t.path = "/mcp"; {
			case web.sse:
				t.path = "/sse"
			case web.ws:
				t.path = "/ws"
			}
		}
		return t, nil
	}
	return target{}, usagef("target %.100q is none of %s", s, Targets)
}

// web is the scheme of its URLs.
func (t *target) web() string {
	if t.secure {
		return "https"
	}
	return "http"
}
