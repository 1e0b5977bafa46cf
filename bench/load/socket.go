package load

import (
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// A socket is a descriptor that does not block, and the TLS over it. One
// goroutine owns it.
type socket struct {
	fd      int
	tls     *secured // nil where bytes go as they are
	unsent  []byte   // what the kernel did not take: pending[from:]
	pending []byte   // memory of unsent
	// interest is what the loop's epoll is asked for of it, and side what marks its
	// events; 0 is that epoll does not know it.
	interest uint32
	side     int32
	// wait is who waits for it while a session is opened: nil the thread, by poll;
	// else the loop, which does other things meanwhile. Of no socket it waits for
	// the time alone.
	wait func(k *socket, events int16, deadline time.Time) error
}

// send sends b and keeps what the kernel does not take: a copy, or under TLS its
// records. The caller has seen to it that nothing is unsent, and b is its own
// again. Hot path.
func (k *socket) send(s *stage, b []byte) error {
	if k.tls != nil {
		var err error
		if b, err = k.tls.seal(s, b); err != nil {
			return err
		}
	}
	return k.push(s, b)
}

// push sends bytes that are as the wire wants them, behind what is unsent.
func (k *socket) push(s *stage, b []byte) error {
	took := 0
	if len(k.unsent) == 0 {
		var err error
		if took, err = k.write(s, b); err != nil {
			return err
		}
		if took == len(b) {
			return nil
		}
		k.pending = k.pending[:0]
	}
	done := len(k.pending) - len(k.unsent)
	k.pending = append(k.pending, b[took:]...)
	k.unsent = k.pending[done:]
	return nil
}

// flush sends what the kernel did not take before.
func (k *socket) flush(s *stage) error {
	if len(k.unsent) == 0 {
		return nil
	}
	n, err := k.write(s, k.unsent)
	k.unsent = k.unsent[n:]
	return err
}

// write returns how many bytes of b the kernel took: 0 where it is full.
func (k *socket) write(s *stage, b []byte) (int, error) {
	for {
		n, err := unix.Write(k.fd, b)
		switch {
		case err == nil:
			s.tally.writes++
			return n, nil
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		case !errors.Is(err, unix.EINTR):
			return 0, err
		}
	}
}

// receive reads once into s.in[held:], where what is held stays; s.in may be
// another afterwards. 0 bytes and no error are nothing for now. Hot path.
func (k *socket) receive(s *stage, held int) (n int, err error) {
	if k.tls != nil {
		n, err = k.tls.receive(s, k.fd, held)
		if err == nil && len(k.tls.out) > 0 { // the answer to what is TLS's own
			err = k.push(s, k.tls.taken())
		}
	} else {
		n, err = readOutcome(unix.Read(k.fd, s.in[held:]))
	}
	if n > 0 {
		s.tally.reads++
	}
	return n, err
}

// readOutcome turns what read returned into bytes, nothing for now, or the end.
func readOutcome(n int, err error) (int, error) {
	switch {
	case err != nil && (errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)):
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, errClosed
	}
	return n, nil
}

// parting sends a last word, if the kernel takes it, and forgets it if not.
func (k *socket) parting(b []byte) {
	if k.tls != nil {
		return // what ends it there is TLS's own
	}
	_, _ = unix.Write(k.fd, b)
}

// close gives the descriptor back. Under TLS the server is told before, if the
// kernel takes it.
func (k *socket) close() {
	if k.tls != nil && len(k.unsent) == 0 {
		if b := k.tls.farewell(); len(b) > 0 {
			_, _ = unix.Write(k.fd, b)
		}
	}
	_ = unix.Close(k.fd)
	k.unsent = nil
}

// errSlow is a wait that takes too long.
var errSlow = errors.New("load: no answer within the timeout; a server that starts slowly wants a longer one")

// maxRecord is the longest TLS record, in bytes (RFC 5246, section 6.2.3).
const maxRecord = 5 + 16<<10 + 2<<10

// errAgain is a read of records when there are none. crypto/tls goes on behind
// an error that says Temporary, with the part of a record that it has.
var errAgain net.Error = again{}

type again struct{}

func (again) Error() string   { return "load: no more has come" }
func (again) Timeout() bool   { return false }
func (again) Temporary() bool { return true }

// A stream is what a secured socket's bytes go through: *tls.Conn.
type stream interface {
	io.Reader
	io.Writer
	CloseWrite() error
}

// A secured is the TLS of a socket. crypto/tls is given it as the connection
// below: it takes records from memory and leaves records in memory, and the
// socket moves them. Only while a session is opened does it wait for the socket
// itself.
type secured struct {
	conn  stream
	in    []byte // records that the kernel gave, which crypto/tls takes all of before receive returns
	out   []byte // records for the kernel
	ended error  // what crypto/tls said last
	// direct waits for the socket: records are read as they are asked for, after
	// those for the kernel have gone. nil in the loop.
	direct func(p []byte) (int, error)
}

// Read gives crypto/tls records. It is part of net.Conn.
func (t *secured) Read(p []byte) (int, error) {
	if t.direct != nil {
		return t.direct(p)
	}
	if len(t.in) == 0 {
		return 0, errAgain
	}
	n := copy(p, t.in)
	t.in = t.in[n:]
	return n, nil
}

// Write keeps records for the kernel. It never fails: crypto/tls would not go on.
func (t *secured) Write(p []byte) (int, error) {
	t.out = append(t.out, p...)
	return len(p), nil
}

// The rest of net.Conn, which crypto/tls does not need here.

// Close does nothing: the socket is closed by its owner.
func (t *secured) Close() error { return nil }

// LocalAddr says nothing.
func (t *secured) LocalAddr() net.Addr { return nil }

// RemoteAddr says nothing.
func (t *secured) RemoteAddr() net.Addr { return nil }

// SetDeadline does nothing: who waits has a deadline.
func (t *secured) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (t *secured) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (t *secured) SetWriteDeadline(time.Time) error { return nil }

// seal returns the records of b, in s.sealed: valid until the next call with the
// same stage. Hot path.
func (t *secured) seal(s *stage, b []byte) ([]byte, error) {
	t.out = s.sealed[:0]
	_, err := t.conn.Write(b)
	s.sealed, t.out = t.out, nil
	if err != nil {
		return nil, &tlsError{err}
	}
	return s.sealed, nil
}

// taken returns the records that are for the kernel, for the caller to keep.
func (t *secured) taken() []byte {
	b := t.out
	t.out = nil
	return b
}

// receive reads records once and puts what is in them into s.in[held:]. Hot path;
// crypto/tls allocates a few bytes for each read of its own.
func (t *secured) receive(s *stage, fd, held int) (n int, err error) {
	if t.ended != nil {
		return 0, t.ended
	}
	// What is in a record is shorter than the record, and crypto/tls holds less
	// than one: all of what is read has room.
	for len(s.in)-held < 2*maxRecord {
		if err := s.grow(); err != nil {
			return 0, err
		}
	}
	if s.records == nil {
		s.records = make([]byte, minReadBuffer)
	}
	k, err := readOutcome(unix.Read(fd, s.records[:min(len(s.records), len(s.in)-held-maxRecord)]))
	if k == 0 {
		return 0, err
	}
	t.in = s.records[:k]
	for held+n < len(s.in) {
		m, err := t.conn.Read(s.in[held+n:])
		n += m
		if err == nil {
			continue
		}
		if !errors.Is(err, errAgain) {
			t.ended = endOfTLS(err)
		}
		break
	}
	t.in = nil
	if n == 0 {
		return 0, t.ended
	}
	return n, nil
}

// farewell returns the records that tell the server of the end.
func (t *secured) farewell() []byte {
	if err := t.conn.CloseWrite(); err != nil {
		return nil
	}
	return t.taken()
}

// A tlsError is a fault of TLS, as against one of the socket below.
type tlsError struct{ err error }

// Error is that of crypto/tls.
func (e *tlsError) Error() string { return e.err.Error() }

// Unwrap returns what crypto/tls said.
func (e *tlsError) Unwrap() error { return e.err }

// endOfTLS tells an end from a fault.
func endOfTLS(err error) error {
	var errno unix.Errno
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errClosed):
		return errClosed
	case errors.Is(err, errSlow), errors.As(err, &errno):
		return err
	}
	return &tlsError{err}
}

// end is what the bytes received are the last before, nil if more may come.
func (k *socket) end() error {
	if k.tls != nil {
		return k.tls.ended
	}
	return nil
}
