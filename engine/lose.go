package engine

import "crypto/tls"

// Lose tells that the peer is out of reach: its socket has failed, or is taken
// from it. That ends the connection as Close does, with one exception: calls of
// an HTTP exchange whose client may come back for the answer
// (Exchange.EndsWithPeer is false) go on without it. The Wire is closed and what
// waits in the output is dropped; what the calls still say goes to the
// exchange's Events, and the connection closes, with reason, when the last of
// them is done.
func (c *Conn) Lose(reason CloseReason) {
	if c.closed || c.lost != CloseNone {
		return
	}
	x := c.Exchange()
	if x == nil || x.Done || x.EndsWithPeer || c.inFlight == 0 || c.loop.e.closed.Load() {
		c.Close(reason)
		return
	}
	w := c.wire
	c.wire = lostWire{c.Peer()}
	c.lost, c.draining = reason, true
	if c.blocked {
		c.blocked = false
		c.loop.wheel.disarm(&c.flushTimer)
	}
	c.releaseOut()
	c.setHeld(0)
	c.partialAt, c.fragmentAt, c.partialHeld = 0, 0, 0
	c.loop.n.connsOutlived.add(1)
	c.markDirty()
	w.Close(reason)
}

// lostWire is the Wire of a connection without a peer: it takes everything.
type lostWire struct{ peer Peer }

func (lostWire) Write(p []byte) (int, error) { return len(p), nil }
func (lostWire) Resume()                     {}
func (lostWire) Close(CloseReason)           {}

// Peer describes the end that was there.
func (w lostWire) Peer() Peer { return w.peer }

// TLS is what its handshake had settled.
func (w lostWire) TLS() *tls.ConnectionState { return w.peer.TLS }
