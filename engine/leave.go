package engine

import "time"

// CloseFlushed is Close behind the output that there is. How long its peer may
// take for that is for the caller to bound, beside WriteStallTimeout.
func (c *Conn) CloseFlushed(reason CloseReason) {
	if c.closed {
		return
	}
	c.ending = reason
	c.markDirty()
}

// TakeLeave makes the end of the connection an affair of its framing, an Upkeep,
// which is called when d has passed. What would end a connection that is silent
// no longer counts.
func (c *Conn) TakeLeave(d time.Duration) {
	c.leaving = true
	c.TickAfter(d)
}

// leave ends the connection, or has its framing do so.
func (c *Conn) leave(reason CloseReason) {
	if u, ok := c.framing.(Upkeep); ok && c.lost == CloseNone {
		if u.Leave(reason) {
			return
		}
		c.flush()
	}
	c.Close(reason)
}

// leaveNow ends the connection at once, behind last words that the wire takes at
// once.
func (c *Conn) leaveNow(reason CloseReason) {
	if u, ok := c.framing.(Upkeep); ok && c.lost == CloseNone && !c.blocked && !c.closed {
		u.Leave(reason)
		c.flush()
	}
	c.Close(reason)
}
