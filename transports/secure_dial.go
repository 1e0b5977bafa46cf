package transports

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// secure makes TLS of a connection that was just dialled: what to read from it and
// write to it. It waits for the handshake, and reading waits; writing does not.
func (o *DialOptions) secure(ctx context.Context, rawURL string, conn net.Conn, rc syscall.RawConn) (*sealedConn, error) {
	wire := &clientWire{Conn: conn}
	c := &sealedConn{Conn: tls.Client(wire, o.TLS), wire: wire, rc: rc}
	ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, secureError(rawURL, err)
	}
	wire.mu.Lock()
	wire.kept = true
	wire.mu.Unlock()
	return c, nil
}

// clientTLS returns the configuration of all connections of a session, with one
// cache of tickets, so that redialling resumes.
func clientTLS(c *tls.Config, addr string) *tls.Config {
	if c == nil {
		c = &tls.Config{}
	}
	c = c.Clone()
	if c.ServerName == "" && !c.InsecureSkipVerify {
		c.ServerName, _, _ = net.SplitHostPort(addr)
	}
	if c.ClientSessionCache == nil {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	c.DynamicRecordSizingDisabled = true // a message is of use only when it is whole
	return c
}

// secureError says what to do about a handshake that failed.
func secureError(u string, err error) error {
	var header tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &header):
		return fmt.Errorf("transports: %s: what answers there does not speak TLS; is it tcp://? %w", u, err)
	case errors.As(err, &unknown):
		return fmt.Errorf("transports: %s: no authority that is trusted here has signed the server's certificate; set DialOptions.TLS.RootCAs: %w", u, err)
	case errors.As(err, &name):
		return fmt.Errorf("transports: %s: the server's certificate is for another name; dial that, or set DialOptions.TLS.ServerName: %w", u, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("transports: %s: the handshake of TLS was not over in time: %w", u, err)
	}
	return fmt.Errorf("transports: %s: %w", u, err)
}

// sealedConn is a client's connection with TLS.
type sealedConn struct {
	*tls.Conn
	wire     *clientWire
	rc       syscall.RawConn
	owed     int
	progress bool // the kernel has taken something since it was last set to false
}

// Write is what ends.out wants: it takes what it can.
func (c *sealedConn) Write(p []byte) (n int, err error) {
	cerr := c.rc.Write(func(fd uintptr) bool {
		n, c.progress, err = writeSealed(c, int(fd), &c.owed, p)
		return true
	})
	if err == nil {
		err = cerr
	}
	return n, err
}

// Seal encrypts into the output.
func (c *sealedConn) Seal(p []byte) error {
	_, err := c.Conn.Write(p)
	return err
}

// Output returns ciphertext that is not sent.
func (c *sealedConn) Output() []byte {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	return c.wire.out[c.wire.sent:]
}

// Sent notes what is.
func (c *sealedConn) Sent(n int) {
	w := c.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sent += n; w.sent < len(w.out) {
		return
	}
	w.sent = 0
	if w.out = w.out[:0]; cap(w.out) > sealBelow {
		w.out = nil
	}
}

// hangUp says goodbye, if the kernel takes that, and closes.
func (c *sealedConn) hangUp() {
	_ = c.CloseWrite()
	_ = c.rc.Write(func(fd uintptr) bool {
		_, _ = writeFD(int(fd), c.Output())
		return true
	})
	_ = c.wire.Conn.Close()
}

// clientWire is the connection under a client's tls.Conn. When the handshake is
// over it keeps what is written, so that writing never waits; not the goroutine
// that reads either, when the server has it change its key.
type clientWire struct {
	net.Conn
	mu   sync.Mutex // protects what follows
	kept bool
	out  []byte
	sent int
}

// clientOutput bounds what is kept, in bytes: a server that has us answer without
// end reads nothing.
const clientOutput = 256 << 10

// Write is called by crypto/tls.
func (w *clientWire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.kept:
		return w.Conn.Write(b)
	case len(w.out)-w.sent+len(b) > clientOutput:
		return 0, tlsconn.ErrOutput
	}
	if w.sent > 0 && cap(w.out)-len(w.out) < len(b) { // what has gone makes room first
		w.out, w.sent = append(w.out[:0:0], w.out[w.sent:]...), 0
	}
	w.out = append(w.out, b...)
	return len(b), nil
}

// SetWriteDeadline is called by crypto/tls around close_notify.
func (w *clientWire) SetWriteDeadline(time.Time) error { return nil }
