package engine

import (
	"sync/atomic"

	"github.com/gannetmcp/gannet/codec"
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
	next   *Push

	// Buf is the message, without framing. It is the push's until Send, and
	// nobody else's afterwards.
	Buf []byte
}

const idlePushesMax = 4096

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
	p.next, p.conn, p.urgent = nil, c, false
	p.Buf = e.buffers.Get(outMin)
	return p
}

// Send hands the message to the connection's loop, behind what the same
// goroutine sent before it. A connection that has ended drops it. Safe from
// any goroutine; p must not be used afterwards.
//
// Errors: ErrPushQueueFull.
func (p *Push) Send() error { return p.send(false) }

// SendUrgent is Send by the urgent lane.
func (p *Push) SendUrgent() error { return p.send(true) }

func (p *Push) send(urgent bool) error {
	l := p.conn.loop
	if l.pushes.n.Add(1) > int64(l.e.opts.MaxQueuedPushes) {
		l.pushes.n.Add(-1)
		l.e.pushesRefused.Add(1)
		p.free(l.e)
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

// Discard gives the message up unsent.
func (p *Push) Discard() { p.free(p.conn.loop.e) }

func (p *Push) runOnLoop(l *Loop) {
	l.pushes.n.Add(-1)
	c := p.conn
	if !c.closed {
		dst, at := c.begin(len(p.Buf))
		c.end(append(dst, p.Buf...), at, p.urgent)
	}
	p.free(l.e)
}

func (p *Push) free(e *Engine) {
	e.buffers.Put(p.Buf)
	p.Buf, p.conn = nil, nil
	e.pushMu.Lock()
	if e.pushIdle < idlePushesMax {
		p.next = e.pushFree
		e.pushFree = p
		e.pushIdle++
	}
	e.pushMu.Unlock()
}

// BeginNotification begins a message of the server's own that goes out before
// the call's answer, such as notifications/progress, and returns a buffer to
// append the params to, one JSON object, which is then given to
// EndNotification.
func (c *Call) BeginNotification(method string) []byte {
	if c.phase != callOpen {
		panic("engine: notification of a call that is answered or being answered")
	}
	if c.detached {
		c.push = c.conn.NewPush()
		return codec.AppendNotificationHead(c.push.Buf, method)
	}
	c.dst, c.at = c.conn.begin(len(method) + outMin)
	return codec.AppendNotificationHead(c.dst, method)
}

// EndNotification sends what BeginNotification began. A call that has ended
// sends nothing.
//
// Errors: ErrPushQueueFull.
func (c *Call) EndNotification(dst []byte) error {
	dst = append(dst, '}')
	if !c.detached {
		c.conn.end(dst, c.at, false)
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
