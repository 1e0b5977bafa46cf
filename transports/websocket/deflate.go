package websocket

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/flate"
)

// flushTail is what the sender of a compressed message has cut off (RFC 7692
// §7.2.1), and a last block behind it, by which the inflater sees the end.
const flushTail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

// cutTail is the length of the first of these.
const cutTail = 4

// maxStreams bounds the deflate streams of one message: a sender may end one
// within it (RFC 7692 §7.2.3.4), and need not.
const maxStreams = 16

// inflater undoes the compression of one message after the other.
type inflater struct {
	src bytes.Reader
	r   io.ReadCloser
}

// newInflater makes one, about 40 KB.
func newInflater() *inflater {
	f := &inflater{}
	f.r = flate.NewReader(&f.src)
	return f
}

// inflate undoes the compression of the payload, which is complete. It returns
// Message, NoRoom, NoTime or Failed.
func (p *Parser) inflate() Event {
	l := p.loop
	if len(p.payload) == 0 {
		return Message
	}
	if p.buf == nil {
		if n := len(p.payload) + len(flushTail); n > chargeFrom && !p.charge(n) {
			return p.giveUp(NoRoom, true)
		}
		p.buf = append(l.pool.Get(len(p.payload)+len(flushTail)), p.payload...)
	}
	p.buf = append(l.pool.Grow(p.buf, len(flushTail)), flushTail...)
	if l.inflater == nil {
		l.inflater = newInflater()
	}
	out, ev := p.inflateTo(l.pool.Get(min(4*len(p.buf), chargeFrom)))
	l.pool.Put(p.buf)
	p.buf = out
	switch ev {
	case Message:
		p.payload, p.lent = out, gathered
	case NoRoom, NoTime:
		return p.giveUp(ev, true)
	}
	return ev
}

// inflateTo appends to dst, of the pool, what p.buf becomes, and returns dst as it
// is then.
func (p *Parser) inflateTo(dst []byte) ([]byte, Event) {
	l, f := p.loop, p.loop.inflater
	most, paid := l.opts.MaxMessageBytes, FreeRatio*len(p.buf)
	now := most
	if m := l.opts.Meter; m != nil && paid < most && !m.Spend(0) {
		now = paid
	}
	f.src.Reset(p.buf)
	defer f.src.Reset(nil)
	for streams := 1; ; streams++ {
		_ = f.r.(flate.Resetter).Reset(&f.src, nil) // never fails
		for {
			if len(dst) == cap(dst) {
				size := min(2*cap(dst), now+1)
				if !l.spend(len(dst), &paid) {
					return dst, NoTime
				}
				if size > chargeFrom && !p.charge(cap(p.buf)+size) {
					return dst, NoRoom
				}
				dst = l.pool.Grow(dst, size-len(dst))
			}
			n, err := f.r.Read(dst[len(dst):min(cap(dst), now+1)])
			if dst = dst[:len(dst)+n]; len(dst) > now {
				if now < most {
					return dst, NoTime
				}
				l.spend(len(dst), &paid)
				return dst, p.fail(ErrTooLong)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return dst, p.fail(ErrDeflate)
			}
		}
		switch {
		case f.src.Len() == 0:
			l.spend(len(dst), &paid)
			return dst, Message
		case streams == maxStreams:
			return dst, p.fail(ErrDeflate)
		}
	}
}

// spend tells the meter what a message of n bytes so far has become beyond those
// that are paid, and reports whether it may become more.
func (l *Loop) spend(n int, paid *int) bool {
	more := n - *paid
	if l.opts.Meter == nil || more <= 0 {
		return true
	}
	*paid = n
	return l.opts.Meter.Spend(more)
}

// sink is an io.Writer to a buffer that is not to grow.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	if len(p) > cap(s.b)-len(s.b) {
		return 0, io.ErrShortWrite
	}
	s.b = append(s.b, p...)
	return len(p), nil
}

// deflate returns b compressed, in a buffer of the pool that the caller puts back, or
// nil if it would not get shorter.
//
// Each piece of at most a window is compressed by itself, and ends at a byte
// (RFC 7692 §7.2.1), so that nothing refers back further than the window.
func (l *Loop) deflate(b []byte, a Agreed) []byte {
	piece := len(b)
	if a.WindowBits != 0 && a.WindowBits < maxWindowBits {
		piece = 1 << a.WindowBits
	}
	s := &l.out
	s.b = l.pool.Get(len(b) + cutTail)
	var err error
	for len(b) > 0 && err == nil {
		n := min(piece, len(b))
		err = flate.StatelessDeflate(s, b[:n], false, nil)
		b = b[n:]
	}
	out := s.b
	s.b = nil
	if err != nil { // there was no room for more than b
		l.pool.Put(out)
		return nil
	}
	return out[:len(out)-cutTail]
}
