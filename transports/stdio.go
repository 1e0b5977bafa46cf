package transports

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/engine"
)

// stdioRead is the size of the read buffer: what a pipe holds by default.
const stdioRead = 64 << 10

// stdio serves one peer on a pair of descriptors, blocking ones as a rule:
// standard input and output.
//
// One goroutine reads, serves and writes, so that a message is handed to
// nobody.
type stdio struct {
	input
	turns
	srv   *Server
	inFD  int // duplicates of ours: a read that waits may outlive the server,
	outFD int // and the number of a descriptor that others close is soon another's

	closed bool          // by the engine; under mu
	over   chan struct{} // closed when the connection has ended
	stop   atomic.Bool   // accept no more input
}

func newStdio(s *Server) (*stdio, error) {
	d := &stdio{srv: s, over: make(chan struct{})}
	var err error
	if d.inFD, err = dupFD(int(s.opts.Stdin.Fd())); err != nil { // Fd also makes it blocking
		return nil, fmt.Errorf("transports: stdio: standard input: %w", err)
	}
	if d.outFD, err = dupFD(int(s.opts.Stdout.Fd())); err != nil {
		_ = unix.Close(d.inFD)
		return nil, fmt.Errorf("transports: stdio: standard output: %w", err)
	}
	d.init(s.engine)
	d.drive(s.engine)
	return d, nil
}

// start opens the connection and reads it until its end.
func (d *stdio) start() {
	refused := false
	d.turn(func() {
		if d.conn = d.loop.Open(d, nil); d.conn != nil {
			d.conn.KeepIdle(true) // the client that started the process ends it, by closing its input
		}
		refused = d.conn == nil
	})
	eof := make(chan struct{})
	go func() {
		if !refused {
			d.read()
		}
		_ = unix.Close(d.inFD)
		close(eof)
	}()
	go d.supervise(eof)
}

// supervise waits for the end of the connection, after the end of the input no
// longer than the grace, and then ends the server where it has no other
// listener. It does not wait for a read to return: when the output has failed,
// or at Shutdown, the input may never end.
func (d *stdio) supervise(eof <-chan struct{}) {
	select {
	case <-d.over:
	case <-d.srv.stopped:
	case <-eof:
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.srv.opts.Grace)
	defer cancel()
	select {
	case <-d.over:
	case <-ctx.Done():
	case <-d.srv.stopped:
	}
	if len(d.srv.listeners) == 0 {
		_ = d.srv.stop(ctx, errInputEnded)
	} else {
		d.cut() // the sockets go on
	}
	d.timer.Stop()
}

// cut ends the connection if it has not ended.
func (d *stdio) cut() {
	d.turn(func() {
		if d.conn != nil {
			d.conn.Close(engine.CloseForced)
		}
	})
}

// read feeds what comes in until the end of the input or of the connection.
func (d *stdio) read() {
	buf := make([]byte, stdioRead)
	mayHold := len(d.srv.listeners) == 0 && !d.srv.opts.StdioPark && canHold()
	hold := false // the first message may be long in coming
	for {
		var n int
		var err error
		if hold {
			holdForInput(d.inFD)
		}
		if !d.stop.Load() {
			n, err = readFD(d.inFD, buf)
		}
		if d.stop.Load() {
			n = 0
		}
		d.mu.Lock()
		if d.closed {
			d.mu.Unlock()
			return
		}
		d.loop.Begin()
		if n > 0 {
			d.feed(buf[:n])
		} else {
			d.end()
			if err != nil {
				d.conn.Close(engine.CloseReset)
			}
		}
		d.loop.End()
		handedOver := d.conn.InFlight() > 0
		closed := d.closed
		d.mu.Unlock()
		d.catchUp()
		if n <= 0 || closed {
			return
		}
		// A read that waits keeps this P until the scheduler notices; whoever
		// is ready to run, such as workers just woken, goes first.
		runtime.Gosched()
		hold = mayHold && !handedOver
	}
}

// readFD reads from fd, waiting if it is non-blocking.
func readFD(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			if err := waitFD(fd, unix.POLLIN, -1); err != nil {
				return 0, err
			}
		default:
			return 0, err
		}
	}
}

// waitFD waits until fd is ready for events, at most ms milliseconds.
func waitFD(fd int, events int16, ms int) error {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
	_, err := unix.Poll(fds[:], ms)
	if err == unix.EINTR {
		return nil
	}
	return err
}

// Write writes all of p and waits for the peer meanwhile: there is no other to
// be served, and not reading on is what holds this one back. Where the
// descriptor is non-blocking, the wait ends with the server's grace.
func (d *stdio) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := syscall.Write(d.outFD, p[done:])
		switch err {
		case nil:
			done += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			select {
			case <-d.srv.cut:
				return done, nil
			default:
			}
			if err := waitFD(d.outFD, unix.POLLOUT, 100); err != nil {
				return done, err
			}
		default:
			return done, err
		}
	}
	return done, nil
}

// Resume feeds what was held back.
func (d *stdio) Resume() { d.resume() }

// Close notes that the connection has ended. What it closes is our duplicate:
// the process's descriptors stay open.
func (d *stdio) Close(engine.CloseReason) {
	d.closed = true
	d.release()
	_ = unix.Close(d.outFD)
	close(d.over)
}

// Peer describes the other end.
func (d *stdio) Peer() engine.Peer { return engine.Peer{Transport: "stdio"} }

// interrupt stops reading: what is in flight is answered, what still comes in
// is not looked at. A read that is waiting goes on waiting until its input
// ends or the process does.
func (d *stdio) interrupt() { d.stop.Store(true) }
