package load

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// checkEvery is how often connections are looked at for a lack of progress.
const checkEvery = 100 * time.Millisecond

// A loop drives the connections of a run from one goroutine.
type loop struct {
	*stage
	epoll   int
	conns   []*conn // by the number that epoll returns
	live    int     // those not dead
	events  []unix.EpollEvent
	timeout int64 // ns without progress after which a connection is given up
	checked int64 // when that was last looked at
}

// newLoop watches the connections, which it closes in close.
func newLoop(s *stage, conns []*conn, timeout time.Duration) (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	l := &loop{stage: s, epoll: fd, conns: conns, live: len(conns), timeout: int64(timeout),
		events: make([]unix.EpollEvent, 512)}
	for i, c := range conns {
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, c.r, &ev); err != nil {
			l.close()
			return nil, os.NewSyscallError("epoll_ctl", err)
		}
	}
	return l, nil
}

// close closes the connections and the loop.
func (l *loop) close() {
	for _, c := range l.conns {
		c.close()
	}
	_ = unix.Close(l.epoll)
}

// run sends up to budget requests (without end if negative) until the deadline
// on the stage's clock (none if 0). Without a deadline it returns when
// everything sent is answered or given up. It returns as well when no
// connection is left.
func (l *loop) run(budget, deadline int64) error {
	l.budget = budget
	now := l.now()
	for _, c := range l.conns {
		if !c.dead {
			l.after(c, c.fill(l.stage, now))
		}
	}
	for l.live > 0 {
		wait := int64(checkEvery)
		if deadline > 0 {
			wait = min(wait, deadline-l.now())
			if wait <= 0 {
				break
			}
		} else if l.budget == 0 && l.idle() {
			break
		}
		if err := l.step(int((wait + 999_999) / 1_000_000)); err != nil {
			return err
		}
	}
	l.tally.settle()
	return nil
}

// idle says that nothing is in flight.
func (l *loop) idle() bool {
	for _, c := range l.conns {
		if c.window.inFlight > 0 {
			return false
		}
	}
	return true
}

// step handles what is ready, after waiting ms milliseconds at most.
// Hot path: no allocation.
func (l *loop) step(ms int) error {
	n, err := unix.EpollWait(l.epoll, l.events, ms)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return os.NewSyscallError("epoll_wait", err)
	}
	for i := range max(n, 0) {
		ev := &l.events[i]
		c := l.conns[ev.Fd]
		if c.dead {
			continue // by an event of its other pipe
		}
		l.after(c, l.ready(c, ev.Events))
	}
	if now := l.now(); now-l.checked > int64(checkEvery) {
		l.checked = now
		for _, c := range l.conns {
			if c.window.inFlight > 0 && now-c.progress > l.timeout {
				l.after(c, errStalled)
			}
		}
	}
	return nil
}

// ready sends what was left unsent, takes replies in, and asks anew.
func (l *loop) ready(c *conn, events uint32) error {
	if err := c.flush(l.stage); err != nil {
		return err
	}
	if events&^unix.EPOLLOUT == 0 {
		return c.fill(l.stage, l.now())
	}
	now, err := c.receive(l.stage)
	if err != nil {
		return err
	}
	return c.fill(l.stage, now)
}

// after ends a connection that failed, and else sees to it that the loop hears
// of its writability exactly while something is unsent.
func (l *loop) after(c *conn, err error) {
	if err == nil && (len(c.unsent) > 0) != c.polled {
		c.polled = !c.polled
		err = l.watch(c)
	}
	if err != nil && !c.dead {
		c.fail(l.stage, err)
		l.live--
	}
}

// watch tells epoll whether to report that c can be written to.
func (l *loop) watch(c *conn) error {
	// Linear, but only when a peer's buffer runs full.
	number := 0
	for l.conns[number] != c {
		number++
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(number)}
	op := unix.EPOLL_CTL_MOD
	if c.r != c.w {
		ev.Events = 0
		op = unix.EPOLL_CTL_DEL
	}
	if c.polled {
		ev.Events |= unix.EPOLLOUT
		if c.r != c.w {
			op = unix.EPOLL_CTL_ADD
		}
	}
	return unix.EpollCtl(l.epoll, op, c.w, &ev)
}
