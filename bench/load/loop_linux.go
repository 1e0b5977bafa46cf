package load

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

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
	timeout int64 // ns without progress after which a connection is given up, or a request counts as lost
	checked int64 // when that was last looked at

	// Of an open loop.
	pace     pace
	open     bool
	spin     bool
	limit    int     // requests in flight beyond which starts are skipped; 0 is none
	room     []int32 // connections with room: a queue in a ring of length len(conns)
	roomAt   int
	roomLen  int
	hindered bool // starts were due, and no connection had room

	// Of connections that are opened again and again.
	opening *opening
	renew   bool  // those that are over are followed by others
	soonest int64 // when a life's wait may be over; 0 is that none waits
	turn    int   // of the addresses that connections come from

	series *series
	halted atomic.Bool // the phase in hand is to end, unless it is a drain
	old    bool        // the kernel has no epoll_pwait2
}

// newLoop watches the connections, which it closes in close.
func newLoop(s *stage, conns []*conn, timeout time.Duration) (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	l := &loop{stage: s, epoll: fd, conns: conns, live: len(conns), timeout: int64(timeout),
		events: make([]unix.EpollEvent, 512), room: make([]int32, len(conns))}
	for i, c := range conns {
		c.number = int32(i)
		if c.dead {
			continue // it is yet to be opened
		}
		err := l.interest(c, c.r, unix.EPOLLIN)
		if err == nil && c.acks != nil {
			err = l.interest(c, c.w, unix.EPOLLIN)
		}
		if err == nil && c.aside != nil {
			err = l.interest(c, c.aside, unix.EPOLLIN)
		}
		if err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

// interest has epoll report what is asked for of a socket of c, 0 for nothing.
func (l *loop) interest(c *conn, k *socket, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: c.number}
	switch {
	case k == c.w && c.acks != nil:
		ev.Pad = sideW
	case k == c.aside:
		ev.Pad = sideAside
	}
	if events == k.interest && ev.Pad == k.side {
		return nil
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case k.interest == 0 && events == 0:
		return nil
	case k.interest == 0:
		op = unix.EPOLL_CTL_ADD
	case events == 0:
		op = unix.EPOLL_CTL_DEL
	}
	k.interest, k.side = events, ev.Pad
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(l.epoll, op, k.fd, &ev))
}

// Marks of events: sideW of the descriptor that a connection writes to, where
// answers come on it too, sideAside of the event stream beside.
const (
	sideW     = 1
	sideAside = 2
)

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
// connection is left, and but for a drain, which has neither, when halted.
func (l *loop) run(budget, deadline int64) error {
	l.budget = budget
	if l.opening != nil && budget != 0 {
		l.awaken()
	}
	now := l.now()
	for _, c := range l.conns {
		if !c.dead {
			if c.window.inFlight == 0 {
				c.progress = now
			}
			l.after(c, c.fill(l.stage, now))
		}
	}
	drain := budget == 0 && deadline == 0
	for l.live > 0 && (drain || !l.halted.Load()) {
		wait := int64(checkEvery)
		if deadline > 0 {
			wait = min(wait, deadline-l.now())
			if wait <= 0 {
				break
			}
		} else if l.budget == 0 && l.flying == 0 {
			break
		}
		if err := l.step(wait); err != nil {
			return err
		}
	}
	l.tally.settle()
	return nil
}

// runPlan sends by the plan, whatever the server does, until its time is over,
// no connection is left, or it is halted. What is in flight then is left to a drain. A seed is of
// arrivals that chance decides, nil of those at even distances.
func (l *loop) runPlan(p Plan, seed *uint64) error {
	l.budget, l.open = 0, true
	// A thread's timers may be 50 µs late unless it says otherwise; latency is
	// from the time meant. A kernel that refuses makes starts late, which shows.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	defer func() {
		l.open = false
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // what it was before
	}()
	now := l.now()
	end := now + int64(p.Duration())
	l.pace = newPace(p, seed, now)
	l.roomLen, l.hindered = 0, false
	for _, c := range l.conns {
		c.queued = false
	}
	if l.opening != nil {
		l.awaken()
	}
	for _, c := range l.conns {
		l.offer(c)
	}
	for l.live > 0 {
		now := l.now()
		if l.halted.Load() {
			end = min(end, now) // what was yet to come was never meant
		}
		if now >= end {
			// What was due while this thread slept is sent late, not skipped.
			l.pump(end - 1)
			break
		}
		l.pump(now)
		wait := min(int64(checkEvery), end-now)
		if !l.hindered {
			wait = min(wait, l.pace.next-now)
		}
		if l.spin {
			wait = 0
		}
		if err := l.step(max(wait, 0)); err != nil {
			return err
		}
	}
	// What was due and found no room was not sent: it is said, not forgotten. Where no
	// connection is left, what was yet to come is skipped too, and has not waited.
	now = l.now()
	for ; l.pace.next < end; l.pace.advance() {
		l.tally.skip(now - l.pace.next)
	}
	l.tally.settle()
	return nil
}

// pump sends what is due at now. Hot path: no allocation once buffers have
// their sizes.
func (l *loop) pump(now int64) {
	waited := l.hindered
	for l.pace.next <= now {
		if l.limit > 0 && l.flying >= l.limit {
			l.tally.skip(0)
			l.pace.advance()
			continue
		}
		if late := now - l.pace.next; late > l.timeout {
			l.tally.skip(late)
			l.pace.advance()
			continue
		}
		if l.roomLen == 0 {
			break
		}
		c := l.conns[l.room[l.roomAt]]
		if l.roomAt++; l.roomAt == len(l.room) {
			l.roomAt = 0
		}
		l.roomLen--
		c.queued = false
		n := c.capacity(l.stage)
		l.out = l.out[:0]
		// One request each where there are others with room; several together
		// only once all have been given theirs.
		for first := true; n > 0 && l.pace.next <= now && (first || l.roomLen == 0) && len(l.out) < maxBatch; n-- {
			first = false
			if !waited && now-l.pace.next > behindAfter {
				l.tally.behind++
			}
			l.tally.starts++
			c.compose(l.stage, l.pace.next, now)
			l.pace.advance()
			if l.limit > 0 && l.flying >= l.limit {
				break
			}
		}
		if len(l.out) > 0 {
			l.after(c, c.w.send(l.stage, l.out))
		}
	}
	l.hindered = l.pace.next <= now
}

// offer puts a connection with room into the queue.
func (l *loop) offer(c *conn) {
	if c.queued || c.capacity(l.stage) <= 0 {
		return
	}
	at := l.roomAt + l.roomLen
	if at >= len(l.room) {
		at -= len(l.room)
	}
	l.room[at] = c.number
	l.roomLen++
	c.queued = true
}

// step handles what is ready, after waiting ns at most.
// Hot path: no allocation.
func (l *loop) step(ns int64) error {
	if l.soonest > 0 {
		ns = max(min(ns, l.soonest-l.now()), 0)
	}
	n, err := l.wait(ns)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return os.NewSyscallError("epoll_pwait2", err)
	}
	for i := range max(n, 0) {
		ev := &l.events[i]
		c := l.conns[ev.Fd]
		if c.busy {
			l.resume(c)
			continue
		}
		if c.dead {
			continue // by an event of its other descriptor
		}
		l.after(c, l.ready(c, ev.Events, ev.Pad))
	}
	now := l.now()
	if l.soonest > 0 && now >= l.soonest {
		l.wake(now)
	}
	if now-l.checked > int64(checkEvery) {
		l.checked = now
		l.check(now)
	}
	if l.series != nil && now >= l.series.next {
		l.series.take(l.stage, now)
	}
	return nil
}

// wait waits for events. Its time is exact where the kernel has epoll_pwait2
// (Linux 5.11); else it is rounded up to milliseconds.
func (l *loop) wait(ns int64) (int, error) {
	if l.epoll2() {
		ts := unix.NsecToTimespec(ns)
		n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])),
			uintptr(len(l.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
		switch e {
		case 0:
			return int(n), nil
		case unix.ENOSYS:
			l.old = true
		default:
			return -1, e
		}
	}
	return unix.EpollWait(l.epoll, l.events, int((ns+999_999)/1_000_000))
}

// epoll2 says whether a wait needs to be exact, which a closed loop does not.
func (l *loop) epoll2() bool { return l.open && !l.old }

// check looks for connections without progress and requests without replies.
func (l *loop) check(now int64) {
	for _, c := range l.conns {
		switch {
		case c.window.inFlight == 0:
			if !l.open && l.budget != 0 && !c.dead && !c.busy && c.capacity(l.stage) == 0 && now-c.progress > l.timeout {
				l.after(c, errBarred)
			}
		case !l.open && now-c.progress > l.timeout:
			l.after(c, errStalled)
		default:
			before := c.window.inFlight
			c.expire(l.stage, now, l.timeout)
			if c.window.inFlight < before {
				l.after(c, c.fill(l.stage, now))
			}
		}
	}
}

// ready sends what was left unsent, takes replies in, and asks anew.
func (l *loop) ready(c *conn, events uint32, side int32) error {
	if side == sideAside {
		return c.receiveAside(l.stage)
	}
	if err := c.w.flush(l.stage); err != nil {
		return err
	}
	if events&^unix.EPOLLOUT == 0 {
		return c.fill(l.stage, l.now())
	}
	if side == sideW {
		return c.receiveAcks(l.stage)
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
	if err == nil && (len(c.w.unsent) > 0) != c.polled {
		c.polled = !c.polled
		err = l.watch(c)
	}
	if err != nil && !c.dead {
		c.fail(l.stage, err)
		if c.life == nil {
			l.live--
			return
		}
		if l.renew {
			l.resume(c)
		}
		return
	}
	if l.renew && !c.busy && c.over() {
		l.resume(c)
		return
	}
	if l.open {
		l.offer(c)
	}
}

// watch tells epoll whether to report that c can be written to.
func (l *loop) watch(c *conn) error {
	var events uint32
	if c.acks != nil || c.r == c.w {
		events = unix.EPOLLIN
	}
	if c.polled {
		events |= unix.EPOLLOUT
	}
	return l.interest(c, c.w, events)
}
