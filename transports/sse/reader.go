package sse

import (
	"bytes"
	"math"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
)

// Defaults of ReaderOptions.
const (
	DefaultReaderData  = 16 << 20
	DefaultReaderField = 4 << 10
)

// ReaderOptions bounds what a Reader takes. Zero, or less, is the default.
type ReaderOptions struct {
	// MaxDataBytes bounds an event's data, its lines joined. Zero: 16 MiB.
	MaxDataBytes int
	// MaxFieldBytes bounds an id and a name. Zero: 4 KiB. Comments, and fields
	// of other names, are not kept and have no bound.
	MaxFieldBytes int
}

func (o ReaderOptions) withDefaults() ReaderOptions {
	if o.MaxDataBytes <= 0 {
		o.MaxDataBytes = DefaultReaderData
	}
	if o.MaxFieldBytes <= 0 {
		o.MaxFieldBytes = DefaultReaderField
	}
	return o
}

// Step says what Reader.Next came to.
type Step uint8

// The steps.
const (
	More     Step = iota // all that was fed is taken in, no event is complete
	Dispatch             // an event
	TooLong              // an event has passed a limit; the rest of it is skipped
)

// maxRetry is the longest wait that a time.Duration holds, in milliseconds.
const maxRetry = math.MaxInt64 / int64(time.Millisecond)

// place is where in a line a Reader is.
type place uint8

const (
	atStart place = iota // nothing of the line has come
	inName               // in the name of a field
	atValue              // after the colon; a space here is not part of the value
	inValue
)

// field is what a line is about.
type field uint8

const (
	none field = iota // a comment, or a name that means nothing
	fieldData
	fieldEvent
	fieldID
	fieldRetry
)

// Reader reads an event stream by the rules of WHATWG HTML 9.2.5 and 9.2.6,
// fed in pieces of any size. The zero Reader is not ready; call Init. Not safe
// for concurrent use.
//
// It works on bytes: ill-formed UTF-8, which the standard would have replaced,
// is passed on as it came.
type Reader struct {
	pool *ringbuf.Pool
	o    ReaderOptions

	// The stream.
	bom    uint8 // bytes of a byte order mark seen; bomDone afterwards
	cr     bool  // the last byte was a CR: an LF now belongs to it
	retry  int64 // ms in force
	hasTry bool
	id     []byte // of the last event that is complete

	// The line.
	at     place
	field  field
	nname  int     // bytes in name; len(name) if there were more
	name   [6]byte // one more than any name that means something
	idLine []byte
	idBad  bool // a NUL, or too long
	digits int64
	noTry  bool // a byte that is no digit
	anyTry bool

	// The event.
	event  []byte
	idNext []byte
	idSet  bool
	wait   int64 // ms, of this event
	lines  int   // data lines
	data   []byte
	owned  bool // data lies in a buffer of the pool; else in what is being fed
	given  bool // the event was returned; what it holds is free at the next call
	skip   bool // inside an event that was refused
	tell   bool // which the caller does not know yet
}

const byteOrderMark = "\xEF\xBB\xBF"

const bomDone = uint8(len(byteOrderMark))

// Init readies r for the beginning of a stream. Data that comes in pieces is
// gathered in a buffer of the pool, held until the event is over.
func (r *Reader) Init(pool *ringbuf.Pool, o ReaderOptions) {
	*r = Reader{pool: pool, o: o.withDefaults()}
}

// Next takes bytes from the front of p and returns the first step in them and
// how many it took. Call it again with the rest, until it returns More: then
// all of p is taken. What a stream has begun when it ends is no event.
//
// The event's Data aliases p or a buffer of r's, its other bytes are r's; all
// are valid until the next call of a method of r or until p is written to. Its
// ID is the one in force, its Retry that of this event, 0 if it has none.
//
// Of an event that is TooLong, id and retry still count, so that a client
// does not resume before it; an id that is itself too long is dropped.
//
// Hot path: no allocation once the id and the name have had their sizes; no
// copy of data that lies in p in one line.
func (r *Reader) Next(p []byte) (ev Event, n int, step Step) {
	if r.given {
		r.reset()
	}
	if r.bom < bomDone {
		n = r.mark(p)
	}
	for n < len(p) {
		if r.cr {
			r.cr = false
			if p[n] == '\n' {
				n++
				continue
			}
		}
		s := p[n:]
		i := lineEnd(s)
		if i >= 0 {
			s = s[:i]
		}
		n += len(s)
		r.feed(s)
		if i >= 0 && !r.tell {
			r.cr = p[n] == '\r'
			n++
			if r.at == atStart && r.blank() {
				return r.dispatched(), n, Dispatch
			}
			r.endLine()
		}
		if r.tell {
			r.tell = false
			return Event{}, n, TooLong
		}
	}
	if len(r.data) > 0 && !r.owned {
		r.own(0) // p is the caller's again
	}
	return Event{}, n, More
}

// mark passes over a byte order mark at the beginning of the stream. Part of
// one is part of a name, and of none that means something.
func (r *Reader) mark(p []byte) (n int) {
	for n < len(p) && r.bom < bomDone {
		if p[n] != byteOrderMark[r.bom] {
			if r.bom > 0 {
				r.at, r.field = inValue, none
			}
			r.bom = bomDone
			return n
		}
		n++
		r.bom++
	}
	return n
}

// feed takes the next bytes of a line, which have no line end.
func (r *Reader) feed(s []byte) {
	if len(s) == 0 {
		return
	}
	switch r.at {
	case atStart:
		r.nname, r.at = 0, inName
		fallthrough
	case inName:
		i := bytes.IndexByte(s, ':')
		if i < 0 {
			r.gather(s)
			return
		}
		r.gather(s[:i])
		r.begin()
		if s = s[i+1:]; len(s) == 0 {
			return
		}
		fallthrough
	case atValue:
		r.at = inValue
		if s[0] == ' ' {
			s = s[1:]
		}
	}
	r.value(s)
}

// gather keeps as much of a name as can mean something.
func (r *Reader) gather(s []byte) {
	r.nname += copy(r.name[r.nname:], s)
}

// begin is at the end of a field's name. A comment is a field without a name.
func (r *Reader) begin() {
	r.at, r.field = atValue, none
	switch string(r.name[:r.nname]) {
	case "data":
		if !r.skip {
			r.field = fieldData
			if r.lines++; r.lines > 1 {
				r.join()
			}
		}
	case "event":
		r.field, r.event = fieldEvent, r.event[:0]
	case "id":
		r.field, r.idLine, r.idBad = fieldID, r.idLine[:0], false
	case "retry":
		r.field, r.digits, r.noTry, r.anyTry = fieldRetry, 0, false, false
	}
}

// value takes bytes of a field's value.
func (r *Reader) value(s []byte) {
	switch r.field {
	case fieldData:
		r.add(s)
	case fieldEvent:
		if len(r.event)+len(s) > r.o.MaxFieldBytes {
			r.refuse()
			return
		}
		r.event = append(r.event, s...)
	case fieldID:
		if r.idBad {
			return
		}
		if i := bytes.IndexByte(s, 0); i >= 0 {
			s, r.idBad = s[:i], true
		}
		if len(r.idLine)+len(s) > r.o.MaxFieldBytes {
			r.idBad = true
			r.refuse()
			return
		}
		r.idLine = append(r.idLine, s...)
	case fieldRetry:
		for _, c := range s {
			if c < '0' || c > '9' {
				r.noTry = true
				return
			}
			r.digits, r.anyTry = min(10*r.digits+int64(c-'0'), maxRetry), true
		}
	}
}

// endLine is at the end of a line.
func (r *Reader) endLine() {
	if r.at == inName {
		r.begin() // a name without a colon has an empty value
	}
	if r.at == atStart {
		return
	}
	r.at = atStart
	switch {
	case r.field == fieldID && !r.idBad:
		r.idLine, r.idNext, r.idSet = r.idNext, r.idLine, true
	case r.field == fieldRetry && r.anyTry && !r.noTry:
		r.retry, r.wait, r.hasTry = r.digits, r.digits, true
	}
}

// add adds to the data. The first piece of it is not copied.
func (r *Reader) add(s []byte) {
	if len(s) == 0 {
		return
	}
	if len(s) > r.o.MaxDataBytes-len(r.data) {
		r.refuse()
		return
	}
	if len(r.data) == 0 && !r.owned {
		r.data = s[:len(s):len(s)]
		return
	}
	r.own(len(s))
	r.data = append(r.data, s...)
}

// join ends a line of the data that another follows.
func (r *Reader) join() {
	if len(r.data) >= r.o.MaxDataBytes {
		r.refuse()
		return
	}
	r.own(1)
	r.data = append(r.data, '\n')
}

// own sees to it that data lies in a buffer with room for n bytes more.
func (r *Reader) own(n int) {
	if r.owned {
		r.data = r.pool.Grow(r.data, n)
		return
	}
	r.data = append(r.pool.Get(len(r.data)+n), r.data...)
	r.owned = true
}

// refuse gives the event up.
func (r *Reader) refuse() {
	if r.skip {
		return
	}
	r.drop()
	r.field, r.skip, r.tell = none, true, true
}

// blank is at the end of an event. It reports whether there is one to return;
// a block without data is none.
func (r *Reader) blank() bool {
	if r.idSet {
		r.id, r.idNext, r.idSet = r.idNext, r.id, false
	}
	if r.lines == 0 || r.skip {
		r.reset()
		return false
	}
	return true
}

func (r *Reader) dispatched() Event {
	r.given = true
	return Event{Name: r.event, ID: r.id, Retry: time.Duration(r.wait) * time.Millisecond, Data: r.data}
}

// reset is between two events.
func (r *Reader) reset() {
	r.drop()
	r.event, r.wait, r.lines = r.event[:0], 0, 0
	r.given, r.skip = false, false
}

func (r *Reader) drop() {
	if r.owned {
		r.pool.Put(r.data)
	}
	r.data, r.owned = nil, false
}

// LastEventID returns the id to resume from: that of the last complete block
// with one, an event or not. It is valid until the next call of Next. Empty if
// there was none.
func (r *Reader) LastEventID() []byte { return r.id }

// Retry returns how long to wait before connecting again, and whether the
// stream has said so. Waits that a time.Duration cannot hold are its longest.
func (r *Reader) Retry() (d time.Duration, said bool) {
	return time.Duration(r.retry) * time.Millisecond, r.hasTry
}

// Pending reports whether an event has begun and is not complete.
func (r *Reader) Pending() bool {
	return !r.given && (r.at != atStart || r.lines > 0 || r.skip || r.idSet || r.wait > 0 || len(r.event) > 0)
}

// Release ends the stream: it gives up the event so far, returns its buffer to
// the pool and readies r for the beginning of the stream that resumes this one.
// LastEventID and Retry stay. A Reader needs nothing else when it is done with.
func (r *Reader) Release() {
	r.reset()
	r.bom, r.cr, r.at, r.idSet, r.tell = 0, false, atStart, false, false
}
