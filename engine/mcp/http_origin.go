package mcp

import (
	"bytes"
	"net"
	"net/url"
	"slices"
	"strings"
)

// allowed judges Origin and Host: a web page must not reach a server on its
// reader's machine, be it by a name that leads there (DNS rebinding). It says in
// the response what browsers of allowed origins want to read.
func (h *httpConn) allowed() bool {
	o := &h.server.opts.HTTP
	origin, n := h.x.Request.Header("Origin")
	if !o.AnyOrigin {
		if n > 1 || n == 1 && !h.originAllowed(string(origin)) {
			return false
		}
		if host := h.x.Request.Host(); h.host == nil || !bytes.Equal(host, h.host) {
			if !h.hostAllowed(string(host)) {
				return false
			}
			h.host = append(h.host[:0:0], host...)
		}
	}
	if n == 1 && !bytes.ContainsAny(origin, "\r\n") {
		h.header("Access-Control-Allow-Origin", string(origin))
		h.header("Access-Control-Expose-Headers", headerSession+", "+headerVersion+", WWW-Authenticate")
		h.header("Vary", "Origin")
	}
	return true
}

func (h *httpConn) originAllowed(origin string) bool {
	if slices.Contains(h.server.opts.HTTP.AllowedOrigins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && isLoopback(u.Hostname())
}

func (h *httpConn) hostAllowed(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if slices.Contains(h.server.opts.HTTP.AllowedHosts, host) || isLoopback(host) {
		return true
	}
	if len(h.server.opts.HTTP.AllowedHosts) > 0 {
		return false
	}
	local, _, err := net.SplitHostPort(h.conn.Peer().Local)
	return err == nil && !isLoopback(local) // a Unix socket, or a test, is this machine
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// preflight answers what browsers ask before they send (CORS).
func (h *httpConn) preflight(methods string) {
	h.header("Allow", methods)
	h.header("Access-Control-Allow-Methods", methods)
	h.header("Access-Control-Allow-Headers", h.allowedHeaders())
	h.header("Access-Control-Max-Age", "86400")
	h.conn.Respond(204, "", nil)
}

// allowedHeaders are the fields that a browser may send: those of MCP, and of
// those it asks for the arguments of tools (Mcp-Param-*).
func (h *httpConn) allowedHeaders() string {
	const fields = "Content-Type, Accept, Authorization, Last-Event-ID, " + headerVersion + ", " + headerSession + ", " + headerMethod + ", " + headerName
	asked, _ := h.x.Request.Header("Access-Control-Request-Headers")
	all := fields
	for _, name := range strings.Split(string(asked), ",") {
		if name = strings.TrimSpace(name); len(name) > len(paramPrefix) && strings.EqualFold(name[:len(paramPrefix)], paramPrefix) && !strings.ContainsFunc(name, func(c rune) bool { return !isTchar(c) }) {
			all += ", " + name
		}
	}
	return all
}
