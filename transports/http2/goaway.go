package http2

import "encoding/binary"

// drainPing is the PING behind the first GOAWAY: when it comes back, the peer has
// read that.
const drainPing = "goodbye."

// appendGoAway appends GOAWAY (RFC 9113 §6.8).
func appendGoAway(dst []byte, last uint32, code Code, debug string) []byte {
	dst = appendFrameHead(dst, 8+len(debug), frameGoAway, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, debug...)
}

// Drain has the peer open no more streams (RFC 9113 §6.8). While some are open it
// is warned first, so that requests on their way still get answers: those that
// come before it has read the warning, which a PING tells. Where none is open it is
// told the last at once, and may ask another connection for what it has sent since
// (§8.7). Over reports when the last stream is done with.
func (c *Conn) Drain() {
	if c.state >= atFailure || c.draining {
		return
	}
	c.draining = true
	if len(c.streams) == 0 {
		c.goAway()
		return
	}
	c.room(2*frameHead + 8 + pingLen)
	c.out = appendGoAway(c.out, maxStreamID, CodeNo, "")
	c.out = append(appendFrameHead(c.out, pingLen, framePing, 0, 0), drainPing...)
}

// goAway says which request was the last.
func (c *Conn) goAway() {
	if c.goingAway {
		return
	}
	c.goingAway = true
	c.room(frameHead + 8)
	c.out = appendGoAway(c.out, c.acted, CodeNo, "")
}
