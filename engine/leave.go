package engine

// Close ends a connection at once. These end it later, so that its peer gets to
// read why.

// CloseFlushed is Close behind the output that there is. How long its peer may
// take for that, CloseBy bounds, beside WriteStallTimeout.
func (c *Conn) CloseFlushed(reason CloseReason) {
	if c.closed {
		return
	}
	c.closeReason, c.closeSent = reason, true
	c.markDirty()
}

// CloseBy has the connection closed at a time of Loop.Now, if its peer or its
// transport has not ended it before: for a peer that was told that this is the end,
// and is given time to read that, or to answer; or for a part that may not be needed
// any more. What else would end a connection that is silent or drains does not count
// meanwhile, and an Upkeep gets no Tick. 0 takes that back.
func (c *Conn) CloseBy(at int64, reason CloseReason) {
	if c.closed {
		return
	}
	c.closeAt, c.closeReason = at, reason
	c.armDeadline()
	if at == 0 {
		c.markDirty() // it may have drained
	}
}

// leave ends the connection, behind its framing's last words.
func (c *Conn) leave(reason CloseReason) {
	if u := c.upkeep(); u != nil && c.closeAt == 0 {
		u.Leave(reason)
		if c.closeAt != 0 || c.closeSent {
			return
		}
		c.flush()
	}
	c.Close(reason)
}

// leaveNow ends the connection at once, behind last words that the wire takes at
// once.
func (c *Conn) leaveNow(reason CloseReason) {
	if u := c.upkeep(); u != nil && !c.blocked && !c.closed {
		u.Leave(reason)
		c.flush()
	}
	c.Close(reason)
}

// upkeep returns the connection's framing if that is an Upkeep with a peer, or nil.
func (c *Conn) upkeep() Upkeep {
	if u, ok := c.framing.(Upkeep); ok && c.lost == CloseNone {
		return u
	}
	return nil
}
