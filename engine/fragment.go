package engine

// Fragment tells that the transport holds the beginning of what bytes of messages
// come in, such as a record of TLS, or that it does not any more. The read timeout
// counts from the first such call, whatever messages do.
func (c *Conn) Fragment(held bool) {
	switch {
	case c.closed:
	case !held:
		c.fragmentAt = 0
	case c.fragmentAt == 0:
		c.fragmentAt = c.loop.now
		if t := c.loop.e.opts.ReadTimeout; t > 0 {
			c.armNoLater(c.loop.now + int64(t))
		}
	}
}

// Progressed tells that the peer has taken something of what the wire had accepted
// before: it does not stall, though Write takes no more.
func (c *Conn) Progressed() { c.lastProgress = c.loop.now }

// oldest returns the earlier of two times, of which 0 is none.
func oldest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
