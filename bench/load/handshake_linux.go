package load

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// errSlow is a handshake that takes too long.
var errSlow = errors.New("load: no answer within the timeout")

// handshake opens the MCP session of c. What arrives behind the answer stays in
// c.tail.
func (c *conn) handshake(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	if err := c.writeAll([]byte(initializeLine), deadline); err != nil {
		return err
	}
	for {
		line, err := c.readLine(deadline)
		if err != nil {
			return fmt.Errorf("initialize: %w", err)
		}
		if done, err := checkInitialize(line); err != nil || done {
			if err != nil {
				return err
			}
			return c.writeAll([]byte(initializedLine), deadline)
		}
	}
}

// probe asks once and learns from the reply what replies look like.
func (c *conn) probe(t *template, timeout time.Duration) (*shape, error) {
	deadline := time.Now().Add(timeout)
	id := c.window.give(0)
	line := bytes.Clone(t.line)
	putID(line[t.idAt:], id)
	if err := c.writeAll(line, deadline); err != nil {
		return nil, err
	}
	for {
		reply, err := c.readLine(deadline)
		if err != nil {
			return nil, fmt.Errorf("first reply: %w", err)
		}
		if t.judge(reply).kind == replyNotification {
			continue
		}
		c.window.take(id)
		return learnShape(t, reply, id)
	}
}

// writeAll writes b before the deadline.
func (c *conn) writeAll(b []byte, deadline time.Time) error {
	for len(b) > 0 {
		n, err := unix.Write(c.w, b)
		switch {
		case err == nil:
			b = b[n:]
		case errors.Is(err, unix.EAGAIN):
			if err := await(c.w, unix.POLLOUT, deadline); err != nil {
				return err
			}
		case !errors.Is(err, unix.EINTR):
			return err
		}
	}
	return nil
}

// readLine returns the next line, newline included, for the caller to keep.
func (c *conn) readLine(deadline time.Time) ([]byte, error) {
	var buf [4096]byte
	seen := 0
	for {
		if i := bytes.IndexByte(c.tail[seen:], '\n'); i >= 0 {
			line := bytes.Clone(c.tail[:seen+i+1])
			c.tail = append(c.tail[:0], c.tail[seen+i+1:]...)
			return line, nil
		}
		if seen = len(c.tail); seen > maxReadBuffer {
			return nil, errOversize
		}
		n, err := unix.Read(c.r, buf[:])
		switch {
		case err == nil && n == 0:
			return nil, errClosed
		case err == nil:
			c.tail = append(c.tail, buf[:n]...)
		case errors.Is(err, unix.EAGAIN):
			if err := await(c.r, unix.POLLIN, deadline); err != nil {
				return nil, err
			}
		case !errors.Is(err, unix.EINTR):
			return nil, err
		}
	}
}

// await waits until fd is ready for the events, or errSlow.
func await(fd int, events int16, deadline time.Time) error {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return errSlow
		}
		p := []unix.PollFd{{Fd: int32(fd), Events: events}}
		n, err := unix.Poll(p, int(left.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if n > 0 {
			return nil
		}
	}
}
