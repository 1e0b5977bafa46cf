package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// connect opens a socket to the target from an address, with TLS if the target has
// it. The caller closes it.
func (p *opening) connect(from net.IP, deadline time.Time) (*socket, error) {
	k, err := p.dial(from, deadline)
	if err != nil || p.secure == nil {
		return k, err
	}
	if err := k.handshake(p.secure, deadline); err != nil {
		_ = unix.Close(k.fd)
		return nil, fmt.Errorf("load: TLS handshake with %s: %w", p.where.address, err)
	}
	return k, nil
}

// handshake lays TLS over the socket.
func (k *socket) handshake(s *security, deadline time.Time) error {
	t := &secured{}
	conn := tls.Client(t, s.config)
	t.conn = conn
	begin := time.Now()
	err := k.directly(t, deadline, conn.Handshake)
	if err != nil {
		return endOfTLS(err)
	}
	state := conn.ConnectionState()
	if p := s.config.NextProtos; len(p) > 0 && p[0] == alpnHTTP2 && state.NegotiatedProtocol != alpnHTTP2 {
		return errors.New("the server does not speak HTTP/2 there: it does not answer to its name (ALPN)")
	}
	s.note(&state, int64(time.Since(begin)))
	k.tls = t
	return nil
}

// directly runs f, whose reads of t wait for the socket, and sends what it left.
func (k *socket) directly(t *secured, deadline time.Time, f func() error) error {
	t.direct = func(p []byte) (int, error) {
		if err := k.writeRaw(t.taken(), deadline); err != nil {
			return 0, err
		}
		return k.readRaw(p, deadline)
	}
	err := f()
	t.direct = nil
	if flush := k.writeRaw(t.taken(), deadline); err == nil {
		err = flush // else it only told the server why
	}
	return err
}

// writeAll writes b before the deadline.
func (k *socket) writeAll(b []byte, deadline time.Time) error {
	if k.tls == nil {
		return k.writeRaw(b, deadline)
	}
	return k.directly(k.tls, deadline, func() error {
		_, err := k.tls.conn.Write(b)
		return err
	})
}

// readMore reads at least one byte behind what tail holds.
func (k *socket) readMore(tail *[]byte, deadline time.Time) error {
	var buf [4096]byte
	if k.tls == nil {
		n, err := k.readRaw(buf[:], deadline)
		*tail = append(*tail, buf[:n]...)
		return err
	}
	return k.directly(k.tls, deadline, func() error {
		n, err := k.tls.conn.Read(buf[:])
		*tail = append(*tail, buf[:n]...)
		if n > 0 {
			return nil // an error comes again
		}
		return endOfTLS(err)
	})
}

// writeRaw writes b as it is.
func (k *socket) writeRaw(b []byte, deadline time.Time) error {
	for len(b) > 0 {
		n, err := unix.Write(k.fd, b)
		switch {
		case err == nil:
			b = b[n:]
		case errors.Is(err, unix.EAGAIN):
			if err := k.await(unix.POLLOUT, deadline); err != nil {
				return err
			}
		case !errors.Is(err, unix.EINTR):
			return err
		}
	}
	return nil
}

// readRaw reads at least one byte as it is.
func (k *socket) readRaw(p []byte, deadline time.Time) (int, error) {
	for {
		n, err := unix.Read(k.fd, p)
		switch {
		case err == nil && n == 0:
			return 0, errClosed
		case err == nil:
			return n, nil
		case errors.Is(err, unix.EAGAIN):
			if err := k.await(unix.POLLIN, deadline); err != nil {
				return 0, err
			}
		case !errors.Is(err, unix.EINTR):
			return 0, err
		}
	}
}

// await waits until the socket is ready for the events, or errSlow. It may return
// early.
func (k *socket) await(events int16, deadline time.Time) error {
	if k.wait != nil {
		return k.wait(k, events, deadline)
	}
	left := time.Until(deadline)
	if left <= 0 {
		return errSlow
	}
	p := []unix.PollFd{{Fd: int32(k.fd), Events: events}}
	if _, err := unix.Poll(p, int(left.Milliseconds())+1); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	return nil
}

// pause waits for d, or returns errSlow where that is beyond the deadline.
func (k *socket) pause(d time.Duration, deadline time.Time) error {
	switch {
	case time.Until(deadline) <= d:
		return errSlow
	case k.wait != nil:
		return k.wait(nil, 0, time.Now().Add(d))
	}
	time.Sleep(d)
	return nil
}
