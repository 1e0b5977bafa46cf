package load

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes of the loop's read buffer, in bytes.
const (
	minReadBuffer = 256 << 10
	maxReadBuffer = 64 << 20 // the longest line accepted
)

// A stage is what all connections of a run share. One goroutine owns it.
//
//	0 <= budget, or budget < 0 for no end of requests
type stage struct {
	t      *template
	shape  *shape // of good replies
	tally  *tally
	start  time.Time // of the run; times are ns since
	depth  int
	budget int64  // requests that may still be sent in this phase
	batch  []byte // copies of the request, of which fill patches the ids
	in     []byte // the read buffer; grows to the longest line
}

// now is the time in ns since the start of the run.
func (s *stage) now() int64 { return int64(time.Since(s.start)) }

// newStage makes the stage of a run in which good replies have the given shape.
func newStage(t *template, sh *shape, ta *tally, depth int) *stage {
	return &stage{
		t: t, shape: sh, tally: ta, start: time.Now(), depth: depth,
		batch: t.batch(depth), in: make([]byte, max(minReadBuffer, 2*sh.size())),
	}
}

// A conn is one connection under load. Its descriptors do not block.
type conn struct {
	r, w     int // descriptors to read and write; one and the same for a socket
	window   window
	tail     []byte // a reply that came in part
	unsent   []byte // requests that the kernel did not take: pending[from:]
	pending  []byte // memory of unsent
	progress int64  // when a reply last came or the window was last empty, in ns
	polled   bool   // the loop asks for writability
	dead     bool   // descriptors closed
}

// fill sends as many requests as the depth, the budget and the kernel allow.
// now is their sending time. An error ends the connection.
// Hot path: no allocation once pending has its size.
func (c *conn) fill(s *stage, now int64) error {
	if c.window.inFlight == 0 {
		c.progress = now
	}
	line := len(s.t.line)
	for len(c.unsent) == 0 {
		n := min(s.depth-c.window.inFlight, c.window.room(), len(s.batch)/line)
		if s.budget >= 0 {
			n = int(min(int64(n), s.budget))
		}
		if n <= 0 {
			return nil
		}
		for i := range n {
			putID(s.batch[i*line+s.t.idAt:], c.window.give(now))
		}
		s.tally.sent += int64(n)
		if s.budget > 0 {
			s.budget -= int64(n)
		}
		b := s.batch[:n*line]
		took, err := c.write(s, b)
		if err != nil {
			return err
		}
		if took < len(b) {
			c.pending = append(c.pending[:0], b[took:]...)
			c.unsent = c.pending
		}
	}
	return nil
}

// flush sends what the kernel did not take before.
func (c *conn) flush(s *stage) error {
	if len(c.unsent) == 0 {
		return nil
	}
	n, err := c.write(s, c.unsent)
	c.unsent = c.unsent[n:]
	return err
}

// write returns how many bytes of b the kernel took: 0 where it is full.
func (c *conn) write(s *stage, b []byte) (int, error) {
	for {
		n, err := unix.Write(c.w, b)
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

// receive reads once and takes the replies in. The time it returns is that of
// the read. An error ends the connection.
// Hot path: no allocation once tail has its size.
func (c *conn) receive(s *stage) (now int64, err error) {
	held := copy(s.in, c.tail)
	n, err := unix.Read(c.r, s.in[held:])
	now = s.now()
	switch {
	case err != nil && (errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)):
		return now, nil
	case err != nil:
		return now, err
	case n == 0:
		return now, errClosed
	}
	s.tally.reads++
	b := s.in[:held+n]
	done := c.consume(s, b, now)
	if done == 0 && len(b) == len(s.in) {
		if len(s.in) >= maxReadBuffer {
			return now, errOversize
		}
		grown := make([]byte, 2*len(s.in))
		copy(grown, b)
		s.in = grown
	}
	c.tail = append(c.tail[:0], b[done:]...)
	return now, nil
}

// consume takes in the whole lines of b, which arrived at now, and returns
// their length in bytes. It keeps nothing of b. Hot path.
func (c *conn) consume(s *stage, b []byte, now int64) (done int) {
	for done < len(b) {
		if n, id, ok := s.shape.match(b[done:]); ok {
			c.accept(s, id, now)
			done += n
			continue
		}
		i := bytes.IndexByte(b[done:], '\n')
		if i < 0 {
			break
		}
		line := b[done : done+i+1]
		done += i + 1
		if len(bytes.TrimSpace(line)) > 0 {
			c.differs(s, line, now)
		}
	}
	return done
}

// accept counts a good reply, if it was asked for. Hot path.
func (c *conn) accept(s *stage, id uint64, now int64) (good bool) {
	sentAt, how := c.window.take(id)
	switch how {
	case takenUnknown:
		s.tally.errors.UnknownID++
		return false
	case takenDuplicate:
		s.tally.errors.DuplicateID++
		return false
	case takenLater:
		if s.t.method == MethodRaw {
			s.tally.errors.Order++
			return false
		}
		s.tally.reordered++
	}
	c.progress = now
	s.tally.record(now - sentAt)
	return true
}

// differs judges a line that has not the usual shape.
func (c *conn) differs(s *stage, line []byte, now int64) {
	v := s.t.judge(line)
	if v.kind == replyGood {
		if c.accept(s, v.id, now) {
			s.tally.slow++
		}
		return
	}
	if v.hasID {
		switch _, how := c.window.take(v.id); how {
		case takenUnknown:
			s.tally.errors.UnknownID++
			return
		case takenDuplicate:
			s.tally.errors.DuplicateID++
			return
		}
		c.progress = now
	}
	e := &s.tally.errors
	switch v.kind {
	case replyMalformed:
		e.Malformed++
	case replyRPCError:
		e.RPC++
	case replyToolError:
		e.Tool++
	case replyPayload:
		e.Payload++
	case replyServerRequest:
		e.Unexpected++
	case replyNotification:
		s.tally.notes++
	}
}

// fail ends the connection for the given reason and counts it.
func (c *conn) fail(s *stage, reason error) {
	if c.dead {
		return
	}
	e := &s.tally.errors
	switch {
	case errors.Is(reason, errClosed), errors.Is(reason, unix.EPIPE), errors.Is(reason, unix.ECONNRESET):
		e.Closed++
	case errors.Is(reason, errOversize):
		e.Oversize++
	case errors.Is(reason, errStalled): // what it lost says it
	default:
		e.IO++
	}
	e.Lost += int64(c.window.inFlight)
	c.close()
}

// close gives the descriptors back.
func (c *conn) close() {
	if c.dead {
		return
	}
	c.dead = true
	_ = unix.Close(c.w)
	if c.r != c.w {
		_ = unix.Close(c.r)
	}
	c.window.inFlight, c.unsent = 0, nil
}
