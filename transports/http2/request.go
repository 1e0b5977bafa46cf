package http2

import "github.com/gannetmcp/gannet/transports/httpfield"

// span is a piece of a request's buffer.
type span struct{ from, to uint32 }

func (s span) of(b []byte) []byte { return b[s.from:s.to:s.to] }

func (s span) len() int { return int(s.to - s.from) }

type field struct{ name, value span }

// pseudo are the pseudo-header fields of a request, as bits (RFC 9113 §8.3.1).
type pseudo uint8

const (
	hasMethod pseudo = 1 << iota
	hasScheme
	hasAuthority
	hasPath
)

// Request is the head of one request. A Conn lends it from the event Head until
// the first call of Next after Done, or until Release or a Reset before that.
//
// Slices that its methods return are views of a buffer of the Conn's, valid for
// as long as the Request. They are read-only.
//
// Used by one goroutine at a time, that of its Conn.
type Request struct {
	buf    []byte // of the loop's buffers, nil if none
	fields []field
	limits *Limits

	method, scheme, authority, target span
	query                             int // in target, behind the question mark; 0: there is none
	host                              span
	length                            int64
	size                              int // of the list, by RFC 9113 §6.5.2
	crumbs                            int // fields Cookie
	number                            int // regular fields, as they came

	err       *Error // the first thing wrong
	seen      pseudo
	trailers  bool // it is a trailer section
	regular   bool // a regular field has come
	hasHost   bool
	hasLength bool
	expect    bool
	badExpect bool
}

// begin readies r for another block.
func (r *Request) begin(l *Limits, trailers bool) {
	*r = Request{buf: r.buf[:0], fields: r.fields[:0], limits: l, trailers: trailers}
}

// release gives back what r holds.
func (r *Request) release(l *Loop) {
	if r.buf != nil {
		l.bufs.Put(r.buf)
	}
	*r = Request{fields: r.fields[:0]}
}

// room makes room for n bytes more.
func (r *Request) room(l *Loop, n int) {
	if len(r.buf)+n <= cap(r.buf) {
		return
	}
	bigger := append(l.bufs.Get(max(len(r.buf)+n, 2*cap(r.buf), firstHead)), r.buf...)
	if r.buf != nil {
		l.bufs.Put(r.buf)
	}
	r.buf = bigger
}

// firstHead is the buffer that a request begins with.
const firstHead = 1 << 10

// add takes in the field whose name is r.buf[from:mid] and whose value is the
// rest. What is refused, and what nobody asks for, is cut off the buffer again.
func (r *Request) add(from, mid int) {
	name, value := r.buf[from:mid], r.buf[mid:]
	r.size += len(name) + len(value) + entryCost
	f := field{span{uint32(from), uint32(mid)}, span{uint32(mid), uint32(len(r.buf))}}
	err := r.err
	if err == nil {
		switch {
		case r.size > r.limits.HeaderList:
			err = ErrHeadTooLarge
		case len(name) > 0 && name[0] == ':':
			err = r.addPseudo(name, value, f.value)
		default:
			err = r.addField(name, value, f)
		}
	}
	if r.err = err; err != nil || r.trailers {
		r.buf = r.buf[:from]
	}
}

// addPseudo takes in a pseudo-header field (RFC 9113 §8.3).
func (r *Request) addPseudo(name, value []byte, v span) *Error {
	if r.regular || r.trailers {
		return ErrPseudoHeader
	}
	var which pseudo
	switch string(name) {
	case ":method":
		which, r.method = hasMethod, v
		if len(value) == 0 || !httpfield.Token.All(value) {
			return ErrMethod
		}
	case ":scheme":
		which, r.scheme = hasScheme, v
		if !validScheme(value) {
			return ErrScheme
		}
	case ":authority":
		which, r.authority = hasAuthority, v
		if !httpfield.ValidHost(value) {
			return ErrHost
		}
	case ":path":
		which, r.target = hasPath, v
		if !r.parsePath(value) {
			return ErrTarget
		}
	}
	if which == 0 || r.seen&which != 0 {
		return ErrPseudoHeader
	}
	r.seen |= which
	return nil
}

// validScheme reports whether b is a scheme (RFC 3986 §3.1).
func validScheme(b []byte) bool {
	for i, c := range b {
		letter := 'a' <= httpfield.Lower(c) && httpfield.Lower(c) <= 'z'
		if !letter && (i == 0 || !httpfield.Digit.Has(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(b) > 0
}

// parsePath judges the path with the query (RFC 9113 §8.3.1).
func (r *Request) parsePath(b []byte) bool {
	if len(b) == 0 || b[0] != '/' && string(b) != "*" {
		return false
	}
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '?' && r.query == 0:
			r.query = i + 1
		case c == '%':
			if i+2 >= len(b) || !httpfield.HexDigit.Has(b[i+1]) || !httpfield.HexDigit.Has(b[i+2]) {
				return false
			}
		case !httpfield.Target.Has(c):
			return false
		}
	}
	return true
}

// addField takes in a regular field.
func (r *Request) addField(name, value []byte, f field) *Error {
	r.regular = true
	switch {
	case len(name) == 0 || !httpfield.Name.All(name):
		return ErrFieldName
	case !httpfield.ValidValue(value):
		return ErrFieldValue
	}
	if r.number++; r.number > r.limits.Fields {
		return ErrTooManyField
	}
	switch string(name) {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return ErrConnectionField
	case "te":
		if string(value) != "trailers" {
			return ErrConnectionField
		}
	case "content-length":
		n, ok := httpfield.ContentLength(value)
		if !ok || r.hasLength {
			return ErrContentLength
		}
		r.length, r.hasLength = n, true
	case "host":
		if r.hasHost || !httpfield.ValidHost(value) {
			return ErrHost
		}
		r.host, r.hasHost = f.value, true
	case "expect":
		r.expect = true
		r.badExpect = r.badExpect || !httpfield.EqualFold(value, "100-continue")
	case "cookie":
		r.crumbs++
	}
	if !r.trailers {
		r.fields = append(r.fields, f)
	}
	return nil
}

// judge is what can be said of a head when all of it is known.
func (r *Request) judge(l *Loop) *Error {
	method := r.Method()
	switch {
	case r.err != nil:
		return r.err
	case string(method) == "CONNECT":
		if r.seen != hasMethod|hasAuthority { // RFC 9113 §8.5
			return ErrPseudoHeader
		}
		return ErrConnect
	case r.seen|hasAuthority != hasMethod|hasScheme|hasAuthority|hasPath:
		return ErrPseudoHeader
	case r.seen&hasAuthority == 0 && !r.hasHost:
		return ErrHost
	case r.seen&hasAuthority != 0 && r.hasHost && !httpfield.EqualFold(r.authority.of(r.buf), r.host.of(r.buf)):
		return ErrHost
	case r.buf[r.target.from] == '*' && string(method) != "OPTIONS":
		return ErrTarget
	case r.badExpect:
		return ErrExpect
	case r.length > int64(r.limits.Body):
		return ErrBodyTooLarge
	}
	if r.crumbs > 1 {
		r.joinCookies(l)
	}
	return nil
}

// joinCookies makes one field of the pieces that a client may cut Cookie into, to
// have them compressed (RFC 9113 §8.2.3).
func (r *Request) joinCookies(l *Loop) {
	size := 0
	for _, f := range r.fields {
		if string(f.name.of(r.buf)) == "cookie" {
			size += f.value.len() + len("; ")
		}
	}
	r.room(l, size)
	from := len(r.buf)
	first, kept := -1, 0
	for _, f := range r.fields {
		if string(f.name.of(r.buf)) == "cookie" {
			if first >= 0 {
				r.buf = append(append(r.buf, "; "...), f.value.of(r.buf)...)
				continue
			}
			r.buf = append(r.buf, f.value.of(r.buf)...)
			first = kept
		}
		r.fields[kept] = f
		kept++
	}
	r.fields = r.fields[:kept]
	r.fields[first].value = span{uint32(from), uint32(len(r.buf))}
}

// Method returns the method, a token; methods are case-sensitive.
func (r *Request) Method() []byte { return r.method.of(r.buf) }

// Scheme returns the scheme as the client says it; nothing is made of it here.
func (r *Request) Scheme() []byte { return r.scheme.of(r.buf) }

// Target returns path and query as they came.
func (r *Request) Target() []byte { return r.target.of(r.buf) }

// Path returns the path without the query. It begins with a slash, or is "*"
// (OPTIONS only). Percent-encoding is well-formed and left as it is.
func (r *Request) Path() []byte {
	t := r.Target()
	if r.query > 0 {
		t = t[: r.query-1 : r.query-1]
	}
	return t
}

// Query returns what follows the question mark, as it came.
func (r *Request) Query() []byte {
	if r.query == 0 {
		return nil
	}
	return r.Target()[r.query:]
}

// Host returns host and port that the request is for: :authority, or else the
// field Host; where there are both they say the same. It is well-formed and not
// empty.
func (r *Request) Host() []byte {
	if r.seen&hasAuthority != 0 {
		return r.authority.of(r.buf)
	}
	return r.host.of(r.buf)
}

// ContentLength returns what content-length says, -1 without it.
func (r *Request) ContentLength() int64 {
	if !r.hasLength {
		return -1
	}
	return r.length
}

// Header returns the value of the first field of this name and how many fields
// have the name; several fields Cookie are one (RFC 9113 §8.2.3). Names are
// compared without regard to the case of ASCII letters. Whoever takes a decision
// by a field that must come once has to look at the number.
//
// Hot path: no allocation, no lock.
func (r *Request) Header(name string) (value []byte, times int) {
	for i := range r.fields {
		f := &r.fields[i]
		if f.name.len() == len(name) && httpfield.EqualFold(f.name.of(r.buf), name) {
			if times++; times == 1 {
				value = f.value.of(r.buf)
			}
		}
	}
	return value, times
}

// Fields returns the number of fields, pseudo-header fields apart.
func (r *Request) Fields() int { return len(r.fields) }

// Field returns name and value of field i, 0 <= i < Fields(), in the order in
// which they came. Names are in small letters.
func (r *Request) Field(i int) (name, value []byte) {
	f := r.fields[i]
	return f.name.of(r.buf), f.value.of(r.buf)
}
