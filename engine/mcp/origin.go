package mcp

import (
	"crypto/tls"

	"github.com/gannetmcp/gannet/engine"
)

// origin is what is kept of a request's HTTP fields for when the request is no
// longer there: the values of HTTPOptions.KeepHeaders, in their order.
type origin []string

// Header returns the value of the first header field of this name, whatever
// its case, of the HTTP request that the call came by, without white space at
// its ends; empty if there is none, and on transports that are not HTTP.
//
// In an inline handler, a middleware or a filter, which run while the request
// is there, it may be asked for any field. Off the loop, and in a task, the
// request has gone: only the fields in HTTPOptions.KeepHeaders are known, as
// copies. The same holds for messages of HTTP with SSE (2024-11-05), which
// reach their stream after their request. Allocates the string.
func (c *Call) Header(name string) string {
	if !c.engine.OffLoop() {
		if x := c.engine.Conn().Exchange(); x != nil && x.Request != nil {
			v, _ := x.Request.Header(name)
			return string(v)
		}
	}
	for i, v := range c.origin {
		if k := c.server.opts.HTTP.KeepHeaders[i]; len(k) == len(name) && equalFold(viewBytes(name), k) {
			return v
		}
	}
	return ""
}

// RemoteAddr returns the address of the peer as its transport writes it, such as
// "192.0.2.1:40312": that of a proxy where one is between. Empty on stdio and
// Unix sockets. It may be asked on and off the loop.
func (c *Call) RemoteAddr() string { return c.from().Remote }

// TLS returns what the TLS handshake of the call's connection has settled, such
// as the certificates of its client; nil without TLS. It must not be changed,
// and may be kept. It may be asked on and off the loop.
func (c *Call) TLS() *tls.ConnectionState { return c.from().TLS }

// from returns the peer of the connection that the call came by.
func (c *Call) from() *engine.Peer {
	if c.peer != nil {
		return c.peer
	}
	if c.engine.OffLoop() {
		return &engine.Peer{}
	}
	return peerOf(c.engine.Conn())
}

// peerOf returns the peer of a connection, found out once: a transport makes its
// texts anew each time. It must be called on the connection's loop.
func peerOf(conn *engine.Conn) *engine.Peer {
	own, ok := conn.State().(*session)
	if !ok {
		p := conn.Peer()
		return &p
	}
	if own.peer == nil {
		p := conn.Peer()
		own.peer = &p
	}
	return own.peer
}

// keepOrigin copies of a request what its call may ask for off the loop.
func (c *Call) keepOrigin() {
	c.peer = peerOf(c.engine.Conn())
	if len(c.server.opts.HTTP.KeepHeaders) == 0 || c.origin != nil {
		return
	}
	if x := c.engine.Conn().Exchange(); x != nil && x.Request != nil {
		c.origin = c.server.originOf(x.Request)
	}
}

// originOf copies the fields to be kept, nil if there are none.
func (s *Server) originOf(r engine.RequestView) origin {
	names := s.opts.HTTP.KeepHeaders
	if len(names) == 0 {
		return nil
	}
	o := make(origin, len(names))
	for i, name := range names {
		v, _ := r.Header(name)
		o[i] = string(v)
	}
	return o
}
