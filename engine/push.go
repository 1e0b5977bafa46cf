package engine

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/registry"
	"github.com/gannetmcp/gannet/ringbuf"
)

// pushGauge counts the pushes on their way to one loop.
type pushGauge struct{ n atomic.Int64 }

// Push is a message of the server's own on its way to a connection: a
// notification, or a request to the client. Append one JSON-RPC message to Buf
// and Send it. Pushes are reused, so a steady flow allocates nothing.
type Push struct {
	item   ringbuf.Item[task]
	conn   *Conn
	urgent bool
	answer bool
	event  bool
	// exchange is the one that the message belongs to: it is dropped when that
	// has ended. 0: whichever it meets.
	exchange uint64
	next     *Push

	// Buf is the message, without framing. It is the push's until Send, and
	// nobody else's afterwards.
	Buf []byte

	room [pushRoom]byte // what Buf is at first
}

const (
	idlePushesMax = 4096
	// pushRoom is the size of a message that needs no buffer of the pool.
	pushRoom = 384
)

// NewPush returns an empty message to c. Safe from any goroutine.
func (c *Conn) NewPush() *Push {
	e := c.loop.e
	e.pushMu.Lock()
	p := e.pushFree
	if p != nil {
		e.pushFree = p.next
		e.pushIdle--
	}
	e.pushMu.Unlock()
	if p == nil {
		p = &Push{}
		p.item.Value = p
	}
	p.next, p.conn, p.urgent, p.answer, p.event, p.exchange = nil, c, false, false, false, 0
	p.Buf = p.room[:0]
	return p
}

// Grow makes room in Buf for n more bytes, in a buffer of the pool if need be.
func (p *Push) Grow(n int) { p.Buf = p.grow(p.Buf, n) }

// grow returns dst, which began as p.Buf, with room for n more bytes.
func (p *Push) grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	pool := p.conn.loop.e.buffers
	if !p.inRoom(dst) {
		return pool.Grow(dst, n)
	}
	return append(pool.Get(len(dst)+n), dst...)
}

// inRoom reports whether b is p.room.
func (p *Push) inRoom(b []byte) bool { return unsafe.SliceData(b) == &p.room[0] }

// Send hands the message to the connection's loop, behind what the same
// goroutine sent before it. A connection that has ended drops it. Safe from
// any goroutine; p must not be used afterwards.
//
// Errors: ErrPushQueueFull.
func (p *Push) Send() error { return p.send(false) }

// SendAnswer is Send for the answer to a request that was left open (Call.Leave).
func (p *Push) SendAnswer() error {
	p.answer = true
	return p.send(false)
}

// SendEvent is Send for whole blocks of an event stream (Conn.Event), instead
// of a message, to the exchange of a number.
func (p *Push) SendEvent(exchange uint64) error {
	p.event, p.exchange = true, exchange
	return p.send(false)
}

// SendUrgent is Send by the urgent lane.
func (p *Push) SendUrgent() error { return p.send(true) }

func (p *Push) send(urgent bool) error {
	l := p.conn.loop
	if l.pushes.n.Add(1) > int64(l.e.opts.MaxQueuedPushes) {
		l.pushes.n.Add(-1)
		l.e.pushesRefused.Add(1)
		p.Discard()
		return ErrPushQueueFull
	}
	p.urgent = urgent
	var wake bool
	if urgent {
		wake = l.mail.PushUrgent(&p.item)
	} else {
		wake = l.mail.Push(&p.item)
	}
	if wake {
		l.driver.Wake()
	}
	return nil
}

var _ registry.Target = (*Conn)(nil)

// errGone is both of its parts to errors.Is.
var errGone = fmt.Errorf("%w: %w", ErrConnClosed, registry.ErrGone)

// Deliver sends one JSON-RPC message, without framing, to the connection from
// any goroutine: it makes a connection a registry.Target. message is copied.
//
// Errors: ErrConnClosed (which is registry.ErrGone too), ErrPushQueueFull. nil
// says that the message is on its way; a connection that ends meanwhile drops
// it.
//
// Hot path: no allocation.
func (c *Conn) Deliver(message []byte) error { return c.DeliverIn(0, message) }

// DeliverIn is Deliver for a message that belongs to one exchange of HTTP, by
// its number (ExchangeNumber): when that has ended, the message is dropped. 0 is
// whichever it meets.
func (c *Conn) DeliverIn(exchange uint64, message []byte) error {
	if c.gone.Load() {
		return errGone
	}
	p := c.NewPush()
	p.exchange = exchange
	p.Buf = append(p.grow(p.Buf, len(message)), message...)
	return p.Send()
}

// Discard gives the message up unsent.
func (p *Push) Discard() {
	e := p.conn.loop.e
	p.clear(e)
	e.freePushes(p, p, 1)
}

func (p *Push) runOnLoop(l *Loop) {
	c := p.conn
	switch {
	case c.closed, p.exchange != 0 && p.exchange != c.exchange.Load():
	case p.event:
		c.Event(p.Buf)
	default:
		dst, at := c.begin(len(p.Buf), p.answer)
		c.end(append(dst, p.Buf...), at, 0, p.urgent)
	}
	p.clear(l.e)
	if l.pushed == nil {
		l.pushedLast = p
	}
	p.next = l.pushed
	l.pushed = p
	l.pushedN++
}

// clear lets go of what the push holds.
func (p *Push) clear(e *Engine) {
	if !p.inRoom(p.Buf) {
		e.buffers.Put(p.Buf)
	}
	p.Buf, p.conn = nil, nil
}

// releasePushes gives the pushes of a turn back together: what their senders
// look at is written to once, not once for each.
func (l *Loop) releasePushes() {
	if l.pushedN == 0 {
		return
	}
	l.pushes.n.Add(-int64(l.pushedN))
	l.e.freePushes(l.pushed, l.pushedLast, l.pushedN)
	l.pushed, l.pushedLast, l.pushedN = nil, nil, 0
}

// freePushes keeps n pushes, chained from first to last, for further use.
func (e *Engine) freePushes(first, last *Push, n int) {
	e.pushMu.Lock()
	if e.pushIdle < idlePushesMax {
		last.next = e.pushFree
		e.pushFree = first
		e.pushIdle += n
	}
	e.pushMu.Unlock()
}

// Deliver is Conn.Deliver for a message that belongs to the call, which is off
// the loop: on HTTP it is dropped when the exchange of the call has ended.
func (c *Call) Deliver(message []byte) error { return c.conn.DeliverIn(c.exchange, message) }

// BeginNotification begins a message of the server's own that goes out before
// the call's answer, such as notifications/progress, and returns a buffer to
// append the params to, one JSON object, which is then given to
// EndNotification.
func (c *Call) BeginNotification(method string) []byte {
	if c.phase != callOpen || c.noting {
		panic("engine: notification of a call that is answered or being answered, or inside another")
	}
	c.noting = true
	if c.detached {
		c.push = c.conn.NewPush()
		c.push.exchange = c.exchange
		return codec.AppendNotificationHead(c.push.Buf, method)
	}
	c.dst, c.at = c.conn.begin(len(method)+outMin, false)
	return codec.AppendNotificationHead(c.dst, method)
}

// EndNotification sends what BeginNotification began. A call that has ended
// sends nothing.
//
// Errors: ErrPushQueueFull.
func (c *Call) EndNotification(dst []byte) error {
	if !c.noting {
		panic("engine: EndNotification without BeginNotification")
	}
	dst = append(dst, '}')
	c.notified, c.noting = true, false
	if !c.detached {
		c.conn.end(dst, c.at, 0, false)
		c.dst = nil
		return nil
	}
	p := c.push
	c.push = nil
	p.Buf = dst
	if c.ended.Load() {
		p.Discard()
		return nil
	}
	return p.Send()
}

// abandonNotification takes back what BeginNotification began, of a handler that
// has panicked or returned before it came to EndNotification.
func (c *Call) abandonNotification() {
	if !c.noting {
		return
	}
	c.noting = false
	if !c.detached {
		c.conn.abandon(c.dst, c.at)
		c.dst = nil
		return
	}
	c.push.Discard()
	c.push = nil
}
