package engine

// PartWire is the Wire of a connection opened by Conn.OpenPart.
type PartWire interface {
	Wire
	// Ended is called once, behind Close: when no call of the connection is in
	// flight any more.
	Ended()
}

// OpenPart adds a connection for one of several exchanges at a time that c
// carries, such as those of the streams of HTTP/2. It is served like any other,
// and may serve one exchange after another, but it is not counted as a connection
// of its own, nor is the Observer told of it. It does not end with c: its wire
// sees to that. It returns nil when the service refuses it, or is none for HTTP;
// the wire is then closed.
func (c *Conn) OpenPart(w PartWire, f ExchangeFraming) *Conn {
	l := c.loop
	svc, ok := l.e.svc.(ExchangeService)
	if !ok {
		w.Close(CloseRefused)
		w.Ended()
		return nil
	}
	return l.open(&Conn{part: w, wire: w, framing: f}, exchanges(svc))
}

// Carry makes c what parts are carried by, for a connection with HTTP that turns
// out to have several exchanges at a time. The handler that it had is told that the
// connection has ended, which it has for what that could serve; h takes its place.
func (c *Conn) Carry(h Handler) {
	if c.handler != nil {
		c.handler.CloseConn(c, CloseNone)
	}
	c.handler, c.state = h, nil
}

// endPart tells the wire of a part that has closed that its calls are home.
func (c *Conn) endPart() {
	if w := c.part; w != nil && c.inFlight == 0 {
		c.part = nil
		w.Ended()
	}
}

// Busy changes by n the number of things that the transport has at work for the
// peer beside calls of c, such as parts that are being served. While there are
// any, c is neither idle nor done.
func (c *Conn) Busy(n int) {
	if c.closed {
		return
	}
	c.busy += n
	c.lastIn = c.loop.now
	if !c.served {
		c.served = true
	}
	if c.busy == 0 {
		c.armDeadline()
		if c.inputEnded || c.draining {
			c.markDirty()
		}
	}
}

// PartialSince is Partial for a transport that has several messages on their way:
// the oldest has begun at a time of Loop.Now, 0 meaning that there is none. The
// read timeout counts from there.
func (c *Conn) PartialSince(at int64, reserved int) {
	if c.closed {
		return
	}
	c.partialAt, c.partialHeld = at, reserved
	if t := c.loop.e.opts.ReadTimeout; t > 0 && at != 0 {
		c.armNoLater(at + int64(t))
	}
}

// Unsent returns how many bytes of output the wire has not taken.
func (c *Conn) Unsent() int { return len(c.out) - c.sent }

// Cut reports whether the connection has ended with output that the wire had not
// taken.
func (c *Conn) Cut() bool { return c.cut }

// Revisit has Wire.Resume called behind this turn's output, or later, when the
// peer has read enough of it: for a transport that has more to send then.
func (c *Conn) Revisit() {
	if !c.closed {
		c.revisit = true
		c.markDirty()
	}
}

// SendFrom sends what src appends, n bytes or more, past the framing, with this
// turn's output.
//
// Hot path: no allocation.
func (c *Conn) SendFrom(src interface{ AppendOutput(dst []byte) []byte }, n int) {
	if c.closed {
		return
	}
	if cap(c.out)-len(c.out) < n {
		c.out = c.growOut(n)
	}
	c.out = src.AppendOutput(c.out)
	c.sentOne()
}
