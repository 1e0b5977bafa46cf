package load

import "encoding/binary"

// The bytes of WebSocket frames (RFC 6455, section 5.2) that matter here.
const (
	frameText  = 0x81 // whole
	frameClose = 0x88
	framePing  = 0x89
	framePong  = 0x8A
	frameFin   = 0x80
	frameOp    = 0x0F
	frameMask  = 0x80
)

// appendFrame appends the header of a frame of n bytes, masked by a key of zeros,
// by which the payload stays as it is: the server unmasks it all the same.
func appendFrame(b []byte, first byte, n int) []byte {
	switch {
	case n > 0xFFFF:
		b = binary.BigEndian.AppendUint64(append(b, first, frameMask|127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, first, frameMask|126), uint16(n))
	default:
		b = append(b, first, frameMask|byte(n))
	}
	return append(b, 0, 0, 0, 0)
}

// frame is a frame of text that is whole.
func frame(text []byte) []byte { return append(appendFrame(nil, frameText, len(text)), text...) }

// A frameStep is what a frame of the server turns out to be.
type frameStep uint8

const (
	frameMore    frameStep = iota // it is not whole yet
	frameMessage                  // a message, or the last part of one
	framePart                     // part of a message, or a pong
	framePinged                   // a ping
	frameClosed                   // the server closes
	frameBad                      // what came is no frame for a client
)

// A frameReader takes the frames of a server apart. Messages in fragments, which
// are rare, it gathers; frames that are not whole the caller keeps. Compression is
// not offered, so a frame that is marked for it is bad.
type frameReader struct {
	open  bool   // a message has begun
	parts []byte // of it
}

// next takes a frame from the front of b and returns its length, and its payload or
// the message that it completes: valid until the next call or until b is written to.
// Hot path.
func (r *frameReader) next(b []byte) (msg []byte, n int, step frameStep) {
	if len(b) < 2 {
		return nil, 0, frameMore
	}
	size, head := uint64(b[1]), 2
	switch {
	case b[1]&frameMask != 0 || b[0]&0x70 != 0:
		return nil, 0, frameBad
	case size == 126:
		if head += 2; len(b) >= head {
			size = uint64(binary.BigEndian.Uint16(b[2:]))
		}
	case size == 127:
		if head += 8; len(b) >= head {
			size = binary.BigEndian.Uint64(b[2:])
		}
	}
	if len(b) < head || uint64(len(b)-head) < size {
		if len(b) >= head && size > maxReadBuffer {
			return nil, 0, frameBad
		}
		return nil, 0, frameMore
	}
	n = head + int(size)
	msg = b[head:n]
	fin := b[0]&frameFin != 0
	switch op := b[0] & frameOp; {
	case op == frameText&frameOp && fin && !r.open:
		return msg, n, frameMessage
	case op == frameText&frameOp && !r.open, op == 0 && r.open:
		r.parts = append(r.parts, msg...)
		if r.open = !fin; r.open {
			return nil, n, framePart
		}
		msg, r.parts = r.parts, r.parts[:0]
		return msg, n, frameMessage
	case op == framePing&frameOp && fin:
		return msg, n, framePinged
	case op == framePong&frameOp && fin:
		return nil, n, framePart
	case op == frameClose&frameOp && fin:
		return msg, n, frameClosed
	}
	return nil, 0, frameBad
}

// consumeFrames is consume for a WebSocket. Hot path.
func (c *conn) consumeFrames(s *stage, b []byte, now int64) (done int, err error) {
	for {
		msg, n, step := c.frames.next(b[done:])
		switch step {
		case frameMore:
			return done, nil
		case frameBad:
			return done, errFraming
		case frameClosed:
			return done, errClosed
		case framePinged:
			if err := c.pong(s, msg); err != nil {
				return done, err
			}
		case frameMessage:
			if k, id, ok := c.match(s, msg); ok && k == len(msg) {
				c.accept(s, id, now)
			} else {
				c.differs(s, msg, now)
			}
		}
		done += n
	}
}

// pong answers a ping.
func (c *conn) pong(s *stage, data []byte) error {
	b := append(appendFrame(make([]byte, 0, 131), framePong, len(data)), data...)
	if c.w.tls != nil {
		var err error
		if b, err = c.w.tls.seal(s, b); err != nil {
			return err
		}
	}
	return c.w.push(s, b)
}
