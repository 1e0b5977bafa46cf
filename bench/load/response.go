package load

import (
	"bytes"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/sse"
)

// maxHead bounds the head of a response and the line of a chunk's size, in bytes.
const maxHead = 64 << 10

// A head is what matters of the head of a response.
type head struct {
	status  int
	length  int64 // of the body; -1 where it is chunked or ends with the connection
	chunked bool
	stream  bool // an event stream
	last    bool // the connection ends behind this response
	session string
}

// How far a response has come.
type responseStep uint8

const (
	responseMore    responseStep = iota // all that can be taken in is; more bytes are needed
	responseMessage                     // a message; the response may go on
	responseEnd                         // the response is over
	responseBad                         // what came is no HTTP response
)

// A responseReader takes the responses of one HTTP/1.1 connection (RFC 9112)
// apart: bodies with a length, in chunks, and event streams in either. It keeps
// the state between chunks; bytes of a head, a chunk or a body with a length are
// kept by the caller until they are whole. Not safe for concurrent use.
//
// It is made for servers that are measured, not for hostile ones: what it cannot
// frame is responseBad, and that ends the connection.
type responseReader struct {
	head   head
	inBody bool
	known  []byte // the bytes of the last head, which the next mostly repeats
	parsed head   // of known
	told   bool   // the message of a JSON body was returned, its end was not
	body   []byte // a JSON body that came in chunks
	pool   *ringbuf.Pool
	events sse.Reader
	event  []byte // name of the last event; "" is message
}

// next takes bytes from the front of b and returns the message in them, if step
// is responseMessage, valid until the next call or until b is written to. The
// rest of b is to be given again, with more behind it after responseMore.
// Hot path: no allocation once buffers have their sizes.
func (r *responseReader) next(b []byte) (msg []byte, n int, step responseStep) {
	if r.told {
		r.told, r.inBody = false, false
		return nil, 0, responseEnd
	}
	if !r.inBody {
		i := len(r.known)
		if i == 0 || len(b) < i || !bytes.Equal(b[:i], r.known) {
			i = bytes.Index(b[:min(len(b), maxHead)], headEnd)
			if i < 0 {
				if len(b) >= maxHead {
					return nil, 0, responseBad
				}
				return nil, 0, responseMore
			}
			i += len(headEnd)
			h, ok := parseHead(b[:i])
			if !ok {
				return nil, 0, responseBad
			}
			r.known, r.parsed = append(r.known[:0], b[:i]...), h
		}
		r.head = r.parsed
		if r.head.status/100 == 1 {
			return r.rest(b, i)
		}
		if !r.head.chunked && !r.head.stream && r.head.length >= 0 {
			// The usual case: one message, whole.
			end := int64(i) + r.head.length
			if int64(len(b)) < end {
				return nil, 0, responseMore
			}
			if r.head.length == 0 {
				return nil, i, responseEnd
			}
			r.told = true
			return b[i:end], int(end), responseMessage
		}
		r.begin()
		msg, n, step = r.next(b[i:])
		return msg, i + n, step
	}
	switch {
	case r.head.chunked:
		return r.chunk(b)
	case r.head.length >= 0:
		return r.sized(b)
	case r.head.stream:
		return r.feed(b, len(b))
	}
	return nil, 0, responseBad // a JSON body without a length: nobody knows where it ends
}

// rest goes on behind an interim response.
func (r *responseReader) rest(b []byte, i int) ([]byte, int, responseStep) {
	msg, n, step := r.next(b[i:])
	return msg, i + n, step
}

// begin starts a body that comes in pieces.
func (r *responseReader) begin() {
	r.inBody = true
	r.body = r.body[:0]
	if r.head.stream {
		if r.pool == nil {
			r.pool = ringbuf.NewPool(ringbuf.PoolOptions{})
		}
		r.events.Init(r.pool, sse.ReaderOptions{MaxDataBytes: maxReadBuffer})
	}
}

// sized takes from an event stream with a length.
func (r *responseReader) sized(b []byte) (msg []byte, n int, step responseStep) {
	if r.head.length == 0 {
		r.inBody = false
		return nil, 0, responseEnd
	}
	msg, n, step = r.feed(b, int(min(int64(len(b)), r.head.length)))
	r.head.length -= int64(n)
	if step == responseMore && r.head.length == 0 {
		r.inBody = false
		return nil, n, responseEnd
	}
	return msg, n, step
}

// feed gives the first n bytes of b to the event stream.
func (r *responseReader) feed(b []byte, n int) (msg []byte, taken int, step responseStep) {
	for taken < n {
		ev, k, s := r.events.Next(b[taken:n])
		taken += k
		switch {
		case s == sse.TooLong:
			return nil, taken, responseBad
		case s == sse.Dispatch && len(ev.Data) > 0:
			r.event = append(r.event[:0], ev.Name...)
			return ev.Data, taken, responseMessage
		}
	}
	return nil, taken, responseMore
}

// chunk takes from a body in chunks. A chunk in hand is what is left of it in
// head.length, -1 between chunks.
func (r *responseReader) chunk(b []byte) (msg []byte, n int, step responseStep) {
	for {
		if r.head.length < 0 {
			i := bytes.IndexByte(b[n:], '\n')
			if i < 0 {
				if len(b)-n > maxHead {
					return nil, n, responseBad
				}
				return nil, n, responseMore
			}
			size, ok := chunkSize(b[n : n+i])
			if !ok {
				return nil, n, responseBad
			}
			if size == 0 {
				return r.trailer(b, n, n+i+1)
			}
			n += i + 1
			r.head.length = size
		}
		if r.head.length > 0 {
			have := int(min(int64(len(b)-n), r.head.length))
			if have == 0 {
				return nil, n, responseMore
			}
			if r.head.stream {
				m, k, s := r.feed(b[n:], have)
				n += k
				r.head.length -= int64(k)
				if s != responseMore {
					return m, n, s
				}
			} else {
				if len(r.body)+have > maxReadBuffer {
					return nil, n, responseBad
				}
				r.body = append(r.body, b[n:n+have]...)
				n += have
				r.head.length -= int64(have)
			}
			if r.head.length > 0 {
				return nil, n, responseMore
			}
		}
		if len(b)-n < 2 {
			return nil, n, responseMore
		}
		if b[n] != '\r' || b[n+1] != '\n' {
			return nil, n, responseBad
		}
		n += 2
		r.head.length = -1
	}
}

// trailer ends a body in chunks whose last chunk's size stands in b[from:to].
func (r *responseReader) trailer(b []byte, from, to int) (msg []byte, n int, step responseStep) {
	n = to
	for {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			if len(b)-from > maxHead {
				return nil, from, responseBad
			}
			return nil, from, responseMore // from the last chunk again
		}
		blank := i == 0 || i == 1 && b[n] == '\r'
		n += i + 1
		if !blank {
			continue
		}
		if !r.head.stream && len(r.body) > 0 {
			r.told = true
			return r.body, n, responseMessage
		}
		r.inBody = false
		return nil, n, responseEnd
	}
}

var headEnd = []byte("\r\n\r\n")

// parseHead reads a head, its empty line included. It may allocate: heads mostly
// repeat.
func parseHead(b []byte) (h head, ok bool) {
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return h, false
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return h, false
		}
		h.status = h.status*10 + int(c-'0')
	}
	h.last = line[7] == '0'
	h.length = -1
	for {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if len(line) == 0 {
			break
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return h, false
		}
		value = bytes.TrimSpace(value)
		switch string(bytes.ToLower(name)) {
		case "content-length":
			h.length = 0
			for _, c := range value {
				if c < '0' || c > '9' || h.length > maxReadBuffer {
					return h, false
				}
				h.length = h.length*10 + int64(c-'0')
			}
		case "transfer-encoding":
			if !bytes.EqualFold(value, []byte("chunked")) {
				return h, false
			}
			h.chunked = true
		case "content-type":
			h.stream = len(value) >= len(sse.MediaType) && bytes.EqualFold(value[:len(sse.MediaType)], []byte(sse.MediaType))
		case "connection":
			h.last = bytes.EqualFold(value, []byte("close"))
		case "mcp-session-id":
			h.session = string(value)
		}
	}
	switch {
	case h.chunked:
		h.length = -1
	case h.status == 204 || h.status == 304:
		h.length = 0
	}
	return h, true
}

// chunkSize reads the line of a chunk's size, without its LF; extensions are
// passed over.
func chunkSize(b []byte) (n int64, ok bool) {
	digits := 0
	for _, c := range b {
		var d byte
		switch {
		case c >= '0' && c <= '9':
			d = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			d = c | 0x20 - 'a' + 10
		default:
			return n, digits > 0 && (c == ';' || c == '\r' || c == ' ')
		}
		if digits++; digits > 8 {
			return 0, false
		}
		n = n<<4 | int64(d)
	}
	return n, digits > 0
}
