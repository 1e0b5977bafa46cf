package engine

import "time"

// Of a connection's deadlines, one timer serves for whichever is next. It is armed
// lazily: it is moved only to an earlier moment, and what it finds when it fires
// decides.

// deadline returns the moment at which the connection is to be closed if
// nothing happens until then, and the reason; CloseNone means that its framing is
// to be called then.
func (c *Conn) deadline() (at int64, reason CloseReason) {
	if c.closeAt != 0 {
		return c.closeAt, c.closeReason
	}
	o := &c.loop.e.opts
	at = noDeadline
	if c.tickAt != 0 {
		at = c.tickAt
	}
	if begun := oldest(c.partialAt, c.fragmentAt); begun != 0 && o.ReadTimeout > 0 && !c.held && begun+int64(o.ReadTimeout) < at {
		at, reason = begun+int64(o.ReadTimeout), CloseReadTimeout
	}
	switch {
	case c.keepIdle || c.inFlight > 0 || c.busy > 0 || c.blocked:
	case !c.served:
		if o.HandshakeTimeout > 0 && c.openedAt+int64(o.HandshakeTimeout) < at {
			at, reason = c.openedAt+int64(o.HandshakeTimeout), CloseHandshake
		}
	case o.IdleTimeout > 0 && c.lastIn+int64(o.IdleTimeout) < at:
		at, reason = c.lastIn+int64(o.IdleTimeout), CloseIdle
	}
	return at, reason
}

func (c *Conn) armDeadline() {
	if at, _ := c.deadline(); at != noDeadline {
		c.armNoLater(at)
	}
}

func (c *Conn) armNoLater(at int64) {
	if !c.timer.armed() || tickOf(at) < c.timer.tick {
		c.loop.armAt(&c.timer, at)
	}
}

func (c *Conn) deadlinePassed() {
	at, reason := c.deadline()
	switch {
	case at == noDeadline:
	case at <= c.loop.now && reason == CloseNone:
		c.tickAt = 0
		if u, ok := c.framing.(Upkeep); ok {
			u.Tick()
		}
		if !c.closed {
			c.armDeadline()
		}
	case at <= c.loop.now:
		c.leave(reason)
		if !c.closed {
			c.armDeadline()
		}
	default:
		c.loop.armAt(&c.timer, at)
	}
}

// TickAfter has the connection's framing, which is an Upkeep, called when d has
// passed, instead of when it was to be called before.
func (c *Conn) TickAfter(d time.Duration) {
	if c.closed {
		return
	}
	c.tickAt = c.loop.now + int64(d)
	c.armNoLater(c.tickAt)
}
