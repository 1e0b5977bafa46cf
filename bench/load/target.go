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
	// Of HTTP.
	http  bool   // requests are POSTs
	ws    bool   // WebSocket, which begins as HTTP
	h2    bool   // POSTs too, by HTTP/2
	sse   bool   // replies come on an event stream of their own (HTTP with SSE, 2024-11-05)
	aside bool   // each session has an event stream beside, by GET (Streamable HTTP)
	host  string // the header Host
	path  string // with its query
}

// Schemes of URLs of HTTP, and what they say beside that.
var webSchemes = map[string]struct {
	secure, sse, aside, ws, h2 bool
	port                       string
	path                       string // where none is named
}{
	"http":         {port: "80", path: "/mcp"},
	"https":        {secure: true, port: "443", path: "/mcp"},
	"sse+http":     {sse: true, port: "80", path: "/sse"},
	"sse+https":    {secure: true, sse: true, port: "443", path: "/sse"},
	"stream+http":  {aside: true, port: "80", path: "/mcp"},
	"stream+https": {secure: true, aside: true, port: "443", path: "/mcp"},
	"ws":           {ws: true, port: "80", path: "/ws"},
	"wss":          {secure: true, ws: true, port: "443", path: "/ws"},
	"h2c":          {h2: true, port: "80", path: "/mcp"},
	"h2":           {secure: true, h2: true, port: "443", path: "/mcp"},
}

// Targets says what a target may be, for messages.
const Targets = "tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH, http://HOST:PORT/PATH, https://…, sse+http://… (HTTP with SSE), stream+http://… (http with a GET stream for each session), sse+https://…, stream+https://…, ws://HOST:PORT/PATH, wss://…, h2c://HOST:PORT/PATH (HTTP/2 by prior knowledge), h2://… (HTTP/2 over TLS, by ALPN), stdio"

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
		t := target{scheme: scheme, network: "tcp", http: !web.ws && !web.h2, ws: web.ws, h2: web.h2, secure: web.secure, sse: web.sse, aside: web.aside, name: u.Hostname(), host: u.Host, path: u.RequestURI()}
		port := u.Port()
		if port == "" {
			port = web.port
		}
		t.address = net.JoinHostPort(u.Hostname(), port)
		if u.Path == "" || u.Path == "/" {
			t.path = web.path
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

// A Where is what the URL of a target says of its sockets.
type Where struct {
	Network string // tcp, unix or stdio
	Address string // HOST:PORT, a path, or ""
	Sockets int    // of each connection
}

// Locate reads a target. An error is a UsageError.
func Locate(s string) (Where, error) {
	t, err := parseTarget(s)
	if err != nil {
		return Where{}, err
	}
	w := Where{t.network, t.address, 1}
	if t.sse || t.aside {
		w.Sockets = 2
	}
	return w, nil
}
