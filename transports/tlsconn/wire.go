package tlsconn

import (
	"net"
	"time"
)

// wire is the net.Conn of a Session's tls.Conn. During the handshake it may wait;
// afterwards it has what Loop.src holds and then says that there is no more for now.
type wire struct{ s *Session }

// again is the one error that crypto/tls does not keep: a net.Error that is
// temporary.
type again struct{}

func (again) Error() string   { return "tlsconn: no more for now" }
func (again) Timeout() bool   { return false }
func (again) Temporary() bool { return true }

var errAgain net.Error = again{}

// Read is called by crypto/tls.
func (w wire) Read(b []byte) (int, error) {
	s := w.s
	if h := s.hs; h != nil {
		return h.read(b)
	}
	src := s.l.src
	if len(src) == 0 {
		return 0, errAgain
	}
	n := copy(b, src)
	s.l.src = src[n:]
	return n, nil
}

// Write is called by crypto/tls. It never waits.
func (w wire) Write(b []byte) (int, error) {
	s := w.s
	if h := s.hs; h != nil {
		return h.write(b)
	}
	if len(s.out)-s.sent+len(b) > outputMax {
		s.err = ErrOutput // crypto/tls passes over it where it answers a key update
		return 0, ErrOutput
	}
	if s.sent > 0 && cap(s.out)-len(s.out) < len(b) {
		// What has gone makes room first: a peer that reads all the time, and never
		// all there is, would make the buffer grow for ever.
		s.out, s.sent = s.out[:copy(s.out, s.out[s.sent:])], 0
	}
	s.out = append(s.l.grow(s.out, len(b)), b...)
	return len(b), nil
}

// Close is called by crypto/tls when a handshake's context ends, which ours has
// not.
func (wire) Close() error { return nil }

// SetWriteDeadline is called by crypto/tls around close_notify, which is not
// sent if this fails.
func (wire) SetWriteDeadline(time.Time) error { return nil }

// SetReadDeadline and SetDeadline are for net.Conn.
func (wire) SetReadDeadline(time.Time) error { return nil }

// SetDeadline is for net.Conn.
func (wire) SetDeadline(time.Time) error { return nil }

// LocalAddr is what the functions of a tls.Config may ask for.
func (w wire) LocalAddr() net.Addr {
	if h := w.s.hs; h != nil {
		return h.local
	}
	return forgotten{}
}

// RemoteAddr is what the functions of a tls.Config may ask for.
func (w wire) RemoteAddr() net.Addr {
	if h := w.s.hs; h != nil {
		return h.remote
	}
	return forgotten{}
}

// forgotten is the address of one that a function of a tls.Config has kept until its
// handshake was over.
type forgotten struct{}

// Network is for net.Addr.
func (forgotten) Network() string { return "" }

func (forgotten) String() string { return "" }
