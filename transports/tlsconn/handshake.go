package tlsconn

import (
	"fmt"
	"io"
	"math/bits"
	"net"
	"runtime/debug"
	"sync"
	"time"
)

// handshake is what a Session has until its handshake is over. From the first
// record on it has it in common with the goroutine that runs that.
type handshake struct {
	s             *Session
	gate          *Gate
	notify        func()
	local, remote net.Addr
	first         byte          // that has come
	begun         time.Time     // the first record is whole
	next          *handshake    // of a queue of the Gate
	wake          chan struct{} // room for one: there is something to read, or a CPU

	// The Gate's.
	since          time.Time // it waits for its peer
	before, behind *handshake
	parked         bool // it is one of those that do

	// The goroutine's.
	computing bool   // has a CPU of the Gate
	hello     []byte // the first record, lent to crypto/tls; nobody's but the goroutine's until over

	mu      sync.Mutex // protects what follows
	in      []byte     // what the peer has sent, of which in[:at] was read; from the Loop's buffers
	at      int
	left    int    // of the record at in[at], if reading it has begun
	out     []byte // for the peer; from the pool
	spoken  bool   // there was some
	waiting bool   // the goroutine waits for a whole record
	eof     bool   // nothing more will come
	closed  bool   // nobody wants to know how it ends
	yielded bool   // it gives way to another
	over    bool   // and nothing of it runs any more
	err     error  // of the handshake, once over
	charged int    // of in, to the budget
	took    time.Duration
}

// run is the goroutine. It has a CPU of the Gate when it begins.
func (h *handshake) run() {
	h.computing = true
	err := h.shake()
	if h.computing {
		h.gate.leave()
	}
	h.mu.Lock()
	h.err, h.over = err, true
	h.took = time.Since(h.begun)
	if h.closed {
		h.putHello()
	}
	h.mu.Unlock()
	h.notify()
	h.gate.end()
}

// shake runs the handshake. What the functions of a tls.Config panic with is
// contained, as net/http does with handlers.
func (h *handshake) shake() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanic, r, debug.Stack())
		}
	}()
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	return h.s.conn.Handshake()
}

// lendHello has crypto/tls read the first record, at in[0], where it lies, and what
// comes later into the same buffer. There is no goroutine yet.
func (h *handshake) lendHello() {
	n := recordAt(h.in)
	record := h.in
	if n < len(h.in) {
		record = append(h.s.l.bufs.Get(n), h.in[:n]...)
	}
	switch {
	case !lend(h.s.conn, record):
		if n < len(h.in) {
			h.s.l.bufs.Put(record)
		}
	case n < len(h.in):
		h.hello, h.at = record, n
	default:
		h.hello, h.in = record, nil
	}
}

// putHello gives back its buffer, once crypto/tls is never used again. h is locked.
func (h *handshake) putHello() {
	if h.hello != nil {
		h.s.l.pool.Put(h.hello)
		h.hello = nil
	}
}

// read is Read of crypto/tls during the handshake. It waits for a whole record,
// without a CPU of the Gate, and hands out no more than one at a time.
func (h *handshake) read(b []byte) (int, error) {
	h.mu.Lock()
	for {
		if h.closed {
			h.mu.Unlock()
			return 0, net.ErrClosed
		}
		if h.yielded {
			h.mu.Unlock()
			return 0, ErrBusy
		}
		if h.left == 0 {
			h.left = recordAt(h.in[h.at:])
		}
		if h.left > 0 {
			n := copy(b, h.in[h.at:h.at+h.left])
			h.at += n
			h.left -= n
			h.mu.Unlock()
			return n, nil
		}
		if h.eof {
			h.mu.Unlock()
			return 0, io.EOF
		}
		h.waiting = true
		h.mu.Unlock()
		h.computing = false
		h.gate.park(h)
		h.notify() // what was written goes out
		<-h.wake
		h.gate.enter(h)
		h.computing = true
		h.mu.Lock()
	}
}

// write is Write of crypto/tls during the handshake.
func (h *handshake) write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, net.ErrClosed
	}
	h.spoken = true
	if h.out == nil {
		h.out = h.s.l.pool.Get(len(b))
	}
	h.out = append(h.s.l.pool.Grow(h.out, len(b)), b...)
	return len(b), nil
}

// feed keeps p for the goroutine. It reports false when that would be too much.
func (h *handshake) feed(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	if h.at > 0 {
		h.in = h.in[:copy(h.in, h.in[h.at:])]
		h.at = 0
	}
	need := len(h.in) + len(p)
	if need > h.s.o.maxHandshakeBytes() {
		return false
	}
	if need > cap(h.in) {
		if !h.charge(max(need, 2*cap(h.in))) {
			return false
		}
		h.in = h.s.l.grow(h.in, len(p))
	}
	h.in = append(h.in, p...)
	if h.waiting && recordAt(h.in) > 0 {
		h.waiting = false
		h.wake <- struct{}{}
	}
	return true
}

// end notes that nothing more will come. It reports whether the handshake may be
// completed by what has: not if the peer was sent nothing that it could answer.
func (h *handshake) end() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.eof = true
	if h.waiting {
		h.waiting = false
		h.wake <- struct{}{}
	}
	return h.spoken
}

// yield ends a handshake that waits for its peer, if it still does.
func (h *handshake) yield() {
	h.mu.Lock()
	if h.waiting {
		h.waiting, h.yielded = false, true
		h.wake <- struct{}{}
	}
	h.mu.Unlock()
}

// charge reserves room for a buffer of n bytes where that is worth it; the pool
// rounds up to powers of two.
func (h *handshake) charge(n int) bool {
	n = 1 << bits.Len(uint(n-1))
	if n <= chargeFrom || n <= h.charged || h.s.o.Budget == nil {
		return true
	}
	if !h.s.o.Budget.Reserve(n - h.charged) {
		return false
	}
	h.charged = n
	return true
}

// close tells the goroutine, or the one that would become it, that it is not
// wanted any more, and gives back the buffers.
func (h *handshake) close() {
	h.mu.Lock()
	h.closed = true
	if h.waiting {
		h.waiting = false
		h.wake <- struct{}{}
	}
	in, out := h.in, h.out
	h.in, h.out, h.at, h.left = nil, nil, 0, 0
	if h.over || h.s.conn == nil {
		h.putHello()
	}
	h.release()
	h.mu.Unlock()
	if in != nil {
		h.s.l.bufs.Put(in)
	}
	if out != nil {
		h.s.l.bufs.Put(out)
	}
}

// release gives back what was charged.
func (h *handshake) release() {
	if h.charged > 0 {
		h.s.o.Budget.Release(h.charged)
		h.charged = 0
	}
}
