package sse

import (
	"errors"
	"time"
)

// Defaults of ReplayOptions.
const (
	DefaultReplayEvents = 256
	DefaultReplayBytes  = 1 << 20
	DefaultReplayAge    = 5 * time.Minute
)

// slotsMin is how many slots a Replay begins with and may keep while empty.
const slotsMin = 8

// Errors of Replay.Since.
var (
	ErrTooOld     = errors.New("sse: events after this one have been dropped")
	ErrUnknownSeq = errors.New("sse: there has been no event of this sequence number")
	ErrClosed     = errors.New("sse: replay is closed")
)

// ReplayOptions bounds what a Replay keeps; the oldest goes first. Zero, or
// less, is the default.
type ReplayOptions struct {
	// MaxEvents is how many events are kept. Zero: 256.
	MaxEvents int
	// MaxBytes bounds the memory of their buffers, each counted in full however
	// many others share it. An event beyond it alone is not kept. Zero: 1 MiB.
	MaxBytes int
	// MaxAge is how long an event is kept. Zero: 5 min.
	MaxAge time.Duration
}

func (o ReplayOptions) withDefaults() ReplayOptions {
	if o.MaxEvents <= 0 {
		o.MaxEvents = DefaultReplayEvents
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultReplayBytes
	}
	if o.MaxAge <= 0 {
		o.MaxAge = DefaultReplayAge
	}
	return o
}

// Replay keeps the last events of one stream for clients that come back. It
// numbers them from 1, without gaps. The zero Replay is not ready; call Init.
//
// Times are nanoseconds of a clock of the caller's that does not go back.
//
// Not safe for concurrent use: one loop's, or under its session's lock. No
// method blocks or calls back.
//
// Invariants: the events kept are those after last-n up to last;
// slots[(head+i) % len(slots)] is the i-th of them; n <= MaxEvents, bytes <=
// MaxBytes; one reference is held for each.
type Replay struct {
	o      ReplayOptions
	slots  []slot
	head   int // slot of the oldest
	n      int // events kept
	bytes  int // sum of their footprints
	last   uint64
	closed bool
}

type slot struct {
	at int64
	s  *Shared
}

// Init readies r, empty, at sequence number 0.
func (r *Replay) Init(o ReplayOptions) { *r = Replay{o: o.withDefaults()} }

// Append keeps s, which came about at time now, and returns its sequence
// number. It takes over one reference of the caller's; who goes on using s
// retains it before. What is beyond the bounds is dropped, s itself too if it
// alone is. After Close it drops s and returns 0.
//
// Hot path: no allocation once the slots have grown to what is kept.
func (r *Replay) Append(now int64, s *Shared) (seq uint64) {
	if r.closed {
		s.Release()
		return 0
	}
	r.last++
	r.expire(now)
	size := s.Footprint()
	for r.n > 0 && (r.n >= r.o.MaxEvents || r.bytes+size > r.o.MaxBytes) {
		r.drop()
	}
	if size > r.o.MaxBytes {
		s.Release() // nothing before it is kept either: there are no gaps
		return r.last
	}
	if r.n == len(r.slots) {
		r.grow()
	}
	i := r.head + r.n
	if i >= len(r.slots) {
		i -= len(r.slots)
	}
	r.slots[i] = slot{now, s}
	r.n++
	r.bytes += size
	return r.last
}

// Skip counts an event that is not kept. What came before it is not either:
// there are no gaps.
func (r *Replay) Skip() {
	r.Drop()
	r.last++
}

// Drop lets go of all that is kept.
func (r *Replay) Drop() {
	for r.n > 0 {
		r.drop()
	}
}

// grow doubles the slots.
func (r *Replay) grow() {
	bigger := make([]slot, min(max(slotsMin, 2*len(r.slots)), r.o.MaxEvents))
	k := copy(bigger, r.slots[r.head:])
	copy(bigger[k:], r.slots[:r.head])
	r.slots, r.head = bigger, 0
}

// drop lets the oldest go.
func (r *Replay) drop() {
	e := &r.slots[r.head]
	r.bytes -= e.s.Footprint()
	e.s.Release()
	*e = slot{}
	if r.head++; r.head == len(r.slots) {
		r.head = 0
	}
	r.n--
}

// Expire drops what is older than MaxAge at time now. Append and Since do so
// too; it is for streams on which nothing happens. A Replay that it leaves empty
// holds next to no memory.
func (r *Replay) Expire(now int64) {
	r.expire(now)
	if r.n == 0 && len(r.slots) > slotsMin {
		r.slots, r.head = nil, 0
	}
}

func (r *Replay) expire(now int64) {
	for r.n > 0 && now-r.slots[r.head].at > int64(r.o.MaxAge) {
		r.drop()
	}
}

// Since returns what came after event seq, in order; that may be nothing. 0 is
// before the first event. It fails with ErrTooOld if some of it has been
// dropped, with ErrUnknownSeq if there has been no event seq yet, and with
// ErrClosed.
//
// Hot path: no allocation; the time does not depend on how much is kept.
func (r *Replay) Since(now int64, seq uint64) (Cursor, error) {
	if r.closed {
		return Cursor{}, ErrClosed
	}
	r.expire(now)
	if seq > r.last {
		return Cursor{}, ErrUnknownSeq
	}
	if seq < r.last-uint64(r.n) {
		return Cursor{}, ErrTooOld
	}
	return Cursor{r, seq}, nil
}

// Last returns the sequence number of the last event, 0 before the first.
func (r *Replay) Last() uint64 { return r.last }

// Len returns how many events are kept.
func (r *Replay) Len() int { return r.n }

// Bytes returns the memory of their buffers, each counted in full.
func (r *Replay) Bytes() int { return r.bytes }

// Close drops everything. It may be called twice.
func (r *Replay) Close() {
	for r.n > 0 {
		r.drop()
	}
	r.slots, r.head, r.closed = nil, 0, true
}

// Cursor goes over events of a Replay. It is good until the Replay's next
// Append, Expire, Since or Close; who has to stop in between, because the peer
// reads no more, goes on later by Since with the number that it came to.
type Cursor struct {
	r   *Replay
	seq uint64 // the last that was returned
}

// Next returns the next event and its sequence number, or false after the last.
// The Replay holds the reference: who uses the event after the Replay's next
// change, or without its lock, retains it.
func (c *Cursor) Next() (s *Shared, seq uint64, ok bool) {
	r := c.r
	if r == nil || c.seq >= r.last {
		return nil, 0, false
	}
	i := c.seq - (r.last - uint64(r.n))
	if i >= uint64(r.n) {
		panic("sse: Cursor used after its events were dropped")
	}
	i += uint64(r.head)
	if i >= uint64(len(r.slots)) {
		i -= uint64(len(r.slots))
	}
	c.seq++
	return r.slots[i].s, c.seq, true
}
