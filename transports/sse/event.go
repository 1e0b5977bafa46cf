package sse

import (
	"bytes"
	"errors"
	"strconv"
	"time"
)

// MediaType is the media type of an event stream.
const MediaType = "text/event-stream"

// The names of events in MCP. An event without a name is a message too.
const (
	NameMessage  = "message"
	NameEndpoint = "endpoint" // first event of HTTP+SSE (2024-11-05): where to POST to
)

// Errors of Event.Append: what would end the line early and so write fields
// that nobody meant.
var (
	ErrName = errors.New("sse: a line break in an event's name")
	ErrID   = errors.New("sse: a line break or NUL in an event's id")
)

// Event is one event, to be written or as it was read.
type Event struct {
	// Name is the event's type; empty means "message". No CR, no LF.
	Name []byte
	// ID, as written: the event's id, none if empty; no CR, LF or NUL. As read:
	// the id in force, which may come from an event before.
	ID []byte
	// Retry is how long a client waits before it connects again, in whole
	// milliseconds; less than one is none.
	Retry time.Duration
	// Data is any bytes. A line break, be it CR, LF or CRLF, is read as LF.
	// JSON messages have none. An event without data has one empty line of it.
	Data []byte
}

// Size returns the bytes that Append appends: the room to set aside for it.
func (e *Event) Size() int {
	n := linesSize(len("data: "), e.Data) + len("\n")
	if len(e.Name) > 0 {
		n += len("event: \n") + len(e.Name)
	}
	if len(e.ID) > 0 {
		n += len("id: \n") + len(e.ID)
	}
	return n + retrySize(e.Retry)
}

// Append appends e to dst: name, id, retry, data and the empty line. It copies
// everything. With ErrName or ErrID, dst is returned as it was.
//
// Hot path: no allocation where dst has the room.
func (e *Event) Append(dst []byte) ([]byte, error) {
	if hasBreak(e.Name) {
		return dst, ErrName
	}
	if hasBreak(e.ID) || bytes.IndexByte(e.ID, 0) >= 0 {
		return dst, ErrID
	}
	if len(e.Name) > 0 {
		dst = append(dst, "event: "...)
		dst = append(dst, e.Name...)
		dst = append(dst, '\n')
	}
	if len(e.ID) > 0 {
		dst = append(dst, "id: "...)
		dst = append(dst, e.ID...)
		dst = append(dst, '\n')
	}
	dst = appendRetry(dst, e.Retry)
	dst = appendLines(dst, "data: ", e.Data)
	return append(dst, '\n'), nil
}

// AppendRetry appends a block that tells clients how long to wait before they
// connect again, and is no event: what a server sends before it closes a stream
// that is to be resumed. Less than a millisecond appends nothing.
func AppendRetry(dst []byte, d time.Duration) []byte {
	if retrySize(d) == 0 {
		return dst
	}
	return append(appendRetry(dst, d), '\n')
}

func appendRetry(dst []byte, d time.Duration) []byte {
	if ms := d.Milliseconds(); ms > 0 {
		dst = append(dst, "retry: "...)
		dst = strconv.AppendInt(dst, ms, 10)
		dst = append(dst, '\n')
	}
	return dst
}

// retrySize returns the bytes of a retry line.
func retrySize(d time.Duration) int {
	ms := d.Milliseconds()
	if ms <= 0 {
		return 0
	}
	n := len("retry: \n")
	for ; ms > 0; ms /= 10 {
		n++
	}
	return n
}

// hasBreak reports whether b has a CR or an LF.
func hasBreak(b []byte) bool {
	return bytes.IndexByte(b, '\n') >= 0 || bytes.IndexByte(b, '\r') >= 0
}

// linesSize returns the bytes that appendLines appends with a prefix of n bytes.
// What follows the last break of b is a line too.
func linesSize(n int, b []byte) int {
	lf, cr := bytes.Count(b, newline), bytes.Count(b, carriageReturn)
	lines := 1 + lf + cr
	if cr > 0 {
		lines -= bytes.Count(b, both)
	}
	return lines*(n+len("\n")) + len(b) - lf - cr
}

// appendLines appends b line by line, each after prefix.
func appendLines(dst []byte, prefix string, b []byte) []byte {
	for {
		dst = append(dst, prefix...)
		i := lineEnd(b)
		if i < 0 {
			dst = append(dst, b...)
			return append(dst, '\n')
		}
		dst = append(dst, b[:i]...)
		dst = append(dst, '\n')
		if b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n' {
			i++
		}
		b = b[i+1:]
	}
}

var newline, carriageReturn, both = []byte("\n"), []byte("\r"), []byte("\r\n")

// lineEnd returns the index of the first CR or LF in b, -1 if there is none.
//
// It looks for the one and then the other in windows that double: two passes
// at the speed of bytes.IndexByte, and linear too where only one of the two
// occurs in b, which looking for each in the whole of b is not.
func lineEnd(b []byte) int {
	const firstWindow = 128
	for at, w := 0, firstWindow; at < len(b); at, w = at+w, 2*w {
		win := b[at:min(len(b), at+w)]
		i := bytes.IndexByte(win, '\n')
		if i >= 0 {
			win = win[:i]
		}
		if j := bytes.IndexByte(win, '\r'); j >= 0 {
			return at + j
		}
		if i >= 0 {
			return at + i
		}
	}
	return -1
}
