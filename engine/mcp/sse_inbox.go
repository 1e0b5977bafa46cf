package mcp

import (
	"sync"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/ringbuf"
)

// inbox are the messages that came for a connection of HTTP with SSE (2024-11-05) by
// other connections, until its own loop serves them. It is bounded as input that a
// connection cannot take is (engine.Options.HeldInputBytes); one message always may.
//
// put is safe from any goroutine; all else is its loop's.
type inbox struct {
	to      *httpConn
	errand  *engine.Errand // serves what is there
	buffers *ringbuf.Pool
	most    int // bytes

	mu      sync.Mutex // protects what follows
	letters []letter
	bytes   int  // of letters, what each takes beside its message included
	told    bool // the errand is on its way
	closed  bool

	served []letter // what letters is exchanged with; empty
}

// letter is a message, in a buffer of the pool, and what came with it.
type letter struct {
	message []byte
	from    origin
}

// What a letter takes beside its message, and how many an inbox has room for while
// it is empty.
const (
	letterCost  = 256
	keptLetters = 64
)

func newInbox(to *httpConn) *inbox {
	e := to.conn.Loop().Engine()
	b := &inbox{to: to, buffers: e.Buffers(), most: e.Options().HeldInputBytes}
	b.errand = to.conn.NewErrand(b.serve)
	return b
}

// put has a message served, which is copied. full is that there is no room for it
// now, ok that neither this nor the end of the connection kept it from going there.
//
// Hot path: no allocation once the buffers and letters of such loads are there.
func (b *inbox) put(message []byte, from origin) (ok, full bool) {
	b.mu.Lock()
	n := len(message) + letterCost
	full = len(b.letters) > 0 && b.bytes+n > b.most
	if b.closed || full {
		b.mu.Unlock()
		return false, full
	}
	b.bytes += n
	b.letters = append(b.letters, letter{append(b.buffers.Get(len(message)), message...), from})
	tell := !b.told
	b.told = true
	b.mu.Unlock()
	if tell {
		b.errand.Send()
	}
	return true, false
}

// serve serves what has come so far.
func (b *inbox) serve(c *engine.Conn) {
	b.mu.Lock()
	letters := b.letters
	b.letters, b.bytes, b.told = b.served[:0], 0, false
	b.mu.Unlock()
	b.served = nil
	done := 0
	defer func() { // a handler's panic has been dealt with; whatever else it is, buffers go back
		b.drop(letters[done:])
		if cap(letters) > keptLetters {
			letters = nil
		}
		b.served = letters[:0]
	}()
	for i := range letters {
		b.to.own.origin = letters[i].from
		c.Receive(letters[i].message)
		b.drop(letters[i : i+1])
		done = i + 1
	}
}

// close gives back what was not served. What comes later is refused.
func (b *inbox) close() {
	b.mu.Lock()
	letters := b.letters
	b.letters, b.bytes, b.closed = nil, 0, true
	b.mu.Unlock()
	b.drop(letters)
}

// drop gives back the buffers of letters, and forgets what came with them.
func (b *inbox) drop(letters []letter) {
	for i := range letters {
		b.buffers.Put(letters[i].message)
	}
	clear(letters)
}
