package engine

import "crypto/tls"

// Peer describes the other end of a connection.
type Peer struct {
	Transport string // "stdio", "tcp", "unix", …
	Local     string // address on our side, as the transport writes it
	Remote    string
	// TLS is what its handshake has settled, nil without TLS. It must not be
	// changed; any goroutine may read it, also when the connection has ended.
	TLS *tls.ConnectionState
}

// Peer describes the other end, where the transport tells.
func (c *Conn) Peer() Peer {
	if p, ok := c.wire.(interface{ Peer() Peer }); ok {
		return p.Peer()
	}
	return Peer{}
}

// TLS is Peer().TLS without the texts beside it.
func (c *Conn) TLS() *tls.ConnectionState {
	if p, ok := c.wire.(interface{ TLS() *tls.ConnectionState }); ok {
		return p.TLS()
	}
	return nil
}
