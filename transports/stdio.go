package transports

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/engine"
)

// stdioRead is the size of the read buffer: what a pipe holds by default.
const stdioRead = 64 << 10

// stdio serves one peer on a pair of descriptors, blocking ones as a rule:
// standard input and output.
//
// One goroutine reads, serves and writes, so that a message is handed to
// nobody. While it waits for input, answers from the worker pool must go out
// all the same: whoever holds mu owns the engine's loop, the reader for the
// time between two reads, or the goroutine that wakes it. A goroutine that
// finds mu taken leaves a note, which the owner reads after it has unlocked,
// so that no wake-up is lost.
type stdio struct {
	input
	srv     *Server
	in, out *os.File
	inFD    int
	outFD   int

	mu     sync.Mutex
	noted  atomic.Bool // somebody wants a turn
	loop   *engine.Loop
	timer  *time.Timer
	closed bool          // by the engine; under mu
	over   chan struct{} // closed when the connection has ended
	stop   atomic.Bool   // accept no more input
}

func newStdio(s *Server) *stdio {
	d := &stdio{srv: s, in: s.opts.Stdin, out: s.opts.Stdout, over: make(chan struct{})}
	d.inFD, d.outFD = int(d.in.Fd()), int(d.out.Fd()) // Fd also makes them blocking
	d.init(s.engine)
	d.timer = time.AfterFunc(time.Hour, d.Wake)
	d.timer.Stop()
	d.loop = s.engine.NewLoop(d)
	return d
}

// start opens the connection and reads it until its end.
func (d *stdio) start() {
	d.mu.Lock()
	d.loop.Begin()
	d.conn = d.loop.Open(d, nil)
	d.loop.End()
	refused := d.conn == nil
	d.mu.Unlock()
	d.catchUp()
	go func() {
		if !refused {
			d.read()
		}
		<-d.over
		d.timer.Stop()
		if len(d.srv.listeners) > 0 {
			return // the sockets go on
		}
		ctx, cancel := context.WithTimeout(context.Background(), d.srv.opts.Grace)
		defer cancel()
		_ = d.srv.stop(ctx, errInputEnded)
	}()
}

// read feeds what comes in until the end of the input or of the connection.
func (d *stdio) read() {
	buf := make([]byte, stdioRead)
	for {
		n, err := readFD(d.inFD, buf)
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
		d.mu.Unlock()
		d.catchUp()
		if n <= 0 {
			return
		}
		if handedOver {
			// The read below keeps this P until the scheduler notices; the
			// workers just woken would wait for it.
			runtime.Gosched()
		}
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

// Wake runs a turn if nobody is inside the loop, and leaves a note otherwise.
// Safe from any goroutine.
func (d *stdio) Wake() {
	d.noted.Store(true)
	d.catchUp()
}

// catchUp runs turns as long as notes are left and nobody else is at it.
func (d *stdio) catchUp() {
	for d.noted.Load() && d.mu.TryLock() {
		if d.noted.Swap(false) {
			d.loop.Turn()
		}
		d.mu.Unlock()
	}
}

// WakeAt sets the one runtime timer.
func (d *stdio) WakeAt(at int64) {
	d.timer.Reset(time.Duration(at - d.srv.engine.Options().Clock.Now()))
}

// Write writes all of p. Where the descriptor blocks, it waits for the peer:
// there is no other to be served. Where it does not, what is not taken is
// left to the engine.
func (d *stdio) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := syscall.Write(d.outFD, p[done:])
		switch err {
		case nil:
			done += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return done, nil
		default:
			return done, err
		}
	}
	return done, nil
}

// Resume feeds what was held back.
func (d *stdio) Resume() { d.resume() }

// Close notes that the connection has ended. The descriptors stay open: they
// are the process's.
func (d *stdio) Close(engine.CloseReason) {
	d.closed = true
	d.release()
	close(d.over)
}

// Peer describes the other end.
func (d *stdio) Peer() engine.Peer { return engine.Peer{Transport: "stdio"} }

// interrupt stops reading: what is in flight is answered, what still comes in
// is not looked at. A read that is waiting goes on waiting until its input
// ends or the process does.
func (d *stdio) interrupt() { d.stop.Store(true) }
