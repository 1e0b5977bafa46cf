package engine

import (
	"iter"
	"time"
	"unsafe"

	"github.com/gannetmcp/gannet/ringbuf"
)

// visit is a function on its way to a loop.
type visit struct {
	item  ringbuf.Item[task]
	timer timer // timerVisit
	after int64 // nanoseconds
	f     func(*Loop)
}

// EachLoop has f called on each loop, inside a turn of it, once d has passed
// there: for what concerns all connections, which costs none of them anything
// meanwhile. It returns at once; a loop that ends before leaves f out. f must
// not block, nor be called from outside the turn. Safe from any goroutine.
// Allocates for each loop.
func (e *Engine) EachLoop(d time.Duration, f func(*Loop)) {
	e.mu.Lock()
	loops := e.loops
	e.mu.Unlock()
	for _, l := range loops {
		v := &visit{after: int64(d), f: f}
		v.item.Value, v.timer.kind = v, timerVisit
		if l.mail.Push(&v.item) {
			l.driver.Wake()
		}
	}
}

func (v *visit) runOnLoop(l *Loop) {
	if v.after > 0 {
		l.armAt(&v.timer, l.now+v.after)
		return
	}
	v.call(l)
}

func (v *visit) call(l *Loop) {
	defer func() {
		if r := recover(); r != nil {
			l.n.panics.add(1)
			l.e.logPanic("visit", nil, r)
		}
	}()
	v.f(l)
}

// Conns returns the connections of the loop, the newest first. A connection may
// be closed while they are gone through, and no other.
func (l *Loop) Conns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		for c := l.conns; c != nil; {
			next := c.next
			if !yield(c) {
				return
			}
			c = next
		}
	}
}

func visitOfTimer(t *timer) *visit {
	return (*visit)(unsafe.Add(unsafe.Pointer(t), -int(unsafe.Offsetof(visit{}.timer))))
}
