package sse

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// Sizes of ids.
const (
	MaxStreamBytes = 64                      // bytes of a Stream
	MaxIDBytes     = MaxStreamBytes + 1 + 20 // bytes of an event id
)

// Errors of ParseStream and ParseID.
var (
	ErrIDTooLong   = errors.New("sse: event id is too long")
	ErrIDMalformed = errors.New("sse: event id is malformed")
)

// Stream is the name of a stream: 1 to 64 bytes of visible ASCII (0x21 to
// 0x7E), as the headers that bring it back allow. Whoever can name a stream can
// ask for its events, so the caller makes it unguessable, or checks whose it is.
// Streams are equal by ==.
type Stream struct {
	n    uint8 // 0 only in the zero Stream
	text [MaxStreamBytes]byte
}

// ParseStream makes a Stream of its bytes, which are copied. It fails with
// ErrIDTooLong or, where it is empty or has other bytes, ErrIDMalformed.
func ParseStream(b []byte) (s Stream, err error) {
	if len(b) > MaxStreamBytes {
		return Stream{}, ErrIDTooLong
	}
	if len(b) == 0 || !visible(b) {
		return Stream{}, ErrIDMalformed
	}
	s.n = uint8(copy(s.text[:], b))
	return s, nil
}

// String returns the stream's name.
func (s *Stream) String() string { return string(s.text[:s.n]) }

// AppendID appends the id of event seq: the stream, an underscore, seq in
// decimal. At most MaxIDBytes. The zero Stream has no ids and panics.
//
// Hot path: no allocation where dst has the room.
func (s *Stream) AppendID(dst []byte, seq uint64) []byte {
	if s.n == 0 {
		panic("sse: AppendID of the zero Stream")
	}
	dst = append(dst, s.text[:s.n]...)
	dst = append(dst, '_')
	return strconv.AppendUint(dst, seq, 10)
}

// AppendIDLine appends the line that makes seq the id of the event that
// follows, which has none of its own: a Shared. At most MaxIDBytes and 5.
func (s *Stream) AppendIDLine(dst []byte, seq uint64) []byte {
	dst = append(dst, "id: "...)
	return append(s.AppendID(dst, seq), '\n')
}

// ParseID takes an event id apart, as it comes back in Last-Event-ID. The
// stream aliases id. Only what AppendID writes is taken: a sequence number has
// no sign and no leading zeros, and each id is written in one way. It fails with
// ErrIDTooLong or ErrIDMalformed; whether there is such a stream is another
// question.
//
// Hot path: no allocation.
func ParseID(id []byte) (stream []byte, seq uint64, err error) {
	if len(id) > MaxIDBytes {
		return nil, 0, ErrIDTooLong
	}
	i := bytes.LastIndexByte(id, '_') // a stream may have some of its own
	if i > MaxStreamBytes {
		return nil, 0, ErrIDTooLong
	}
	if i <= 0 || !visible(id[:i]) {
		return nil, 0, ErrIDMalformed
	}
	digits := id[i+1:]
	if len(digits) == 0 || digits[0] == '0' && len(digits) > 1 {
		return nil, 0, ErrIDMalformed
	}
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || seq > (math.MaxUint64-d)/10 {
			return nil, 0, ErrIDMalformed
		}
		seq = 10*seq + d
	}
	return id[:i], seq, nil
}

// visible reports whether b is all visible ASCII.
func visible(b []byte) bool {
	for _, c := range b {
		if c < 0x21 || c > 0x7e {
			return false
		}
	}
	return true
}
