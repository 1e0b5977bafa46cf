package engine

import "github.com/gannetmcp/gannet/ringbuf"

// Do has f called with the connection on its loop, inside a turn, unless the
// connection has ended by then. Safe from any goroutine. Allocates.
func (c *Conn) Do(f func(*Conn)) { c.NewErrand(f).Send() }

// Errand is a function that is called with a connection on its loop, each time
// that somebody asks for it.
type Errand struct {
	item ringbuf.Item[task]
	conn *Conn
	f    func(*Conn)
}

// NewErrand returns an errand to c, which is not on its way yet.
func (c *Conn) NewErrand(f func(*Conn)) *Errand {
	d := &Errand{conn: c, f: f}
	d.item.Value = d
	return d
}

// Send has the function called, inside a turn, behind what the same goroutine
// sent before; not if the connection has ended by then. It must not be called
// again until the function has been. Safe from any goroutine.
//
// Hot path: no allocation.
func (d *Errand) Send() {
	l := d.conn.loop
	if l.mail.Push(&d.item) {
		l.driver.Wake()
	}
}

func (d *Errand) runOnLoop(l *Loop) {
	defer func() {
		if r := recover(); r != nil {
			l.n.panics.add(1)
			l.e.logPanic("errand", nil, r)
		}
	}()
	if !d.conn.closed {
		d.f(d.conn)
	}
}
