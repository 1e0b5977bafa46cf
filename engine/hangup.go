package engine

import "github.com/gannetmcp/gannet/ringbuf"

// hangup is the wish of another goroutine that a connection end.
type hangup struct {
	item   ringbuf.Item[task]
	conn   *Conn
	reason CloseReason
}

// Hangup has the connection closed soon, behind what the same goroutine sent
// before: output that the wire takes at once still goes out, the rest is
// dropped, calls in flight are cancelled (ErrConnClosed). A connection that has
// ended is left alone. Safe from any goroutine.
func (c *Conn) Hangup(reason CloseReason) {
	h := &hangup{conn: c, reason: reason}
	h.item.Value = h
	if c.loop.mail.Push(&h.item) {
		c.loop.driver.Wake()
	}
}

func (h *hangup) runOnLoop(*Loop) {
	if h.conn.closed {
		return
	}
	h.conn.flush()
	h.conn.leaveNow(h.reason)
}
