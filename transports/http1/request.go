package http1

import "github.com/gannetmcp/gannet/transports/httpfield"

// span is a piece of a head.
type span struct{ from, to uint16 }

func (s span) of(b []byte) []byte { return b[s.from:s.to:s.to] }

type field struct{ name, value span }

// Request is a view of one request's head: where its parts are. A Parser lends
// it from the event Head until the first call of Next after Done or Failed.
//
// Slices that its methods return alias the buffer that was fed or one of the
// Parser's and are valid until the next call of Next; after that call the
// methods return the same bytes from where they are then. They are read-only.
//
// Used by one goroutine at a time, that of its Parser.
type Request struct {
	head   []byte
	fields []field

	method, target, path, query span
	authority                   span // of a target in absolute-form
	host                        span
	length                      int64
	minor                       uint8
	hosts, encodings            uint8 // how many there are, 2 meaning more than one
	encoding                    span
	absolute, bare              bool // target in absolute-form; that without a path
	hasLength, chunked          bool
	closes, keeps, upgrade      bool
	expect, badExpect           bool
}

// reset forgets the request before.
func (r *Request) reset() {
	*r = Request{fields: r.fields[:0]}
}

// Method returns the method, a token; methods are case-sensitive.
func (r *Request) Method() []byte { return r.method.of(r.head) }

// Target returns the request target as it came.
func (r *Request) Target() []byte { return r.target.of(r.head) }

var (
	slash = []byte("/")
	star  = []byte("*")
)

// Path returns the path of the target without the query. It begins with a
// slash, or is "*" (OPTIONS only). Percent-encoding is well-formed and left as
// it is.
func (r *Request) Path() []byte {
	switch {
	case !r.bare:
		return r.path.of(r.head)
	case r.query == span{} && string(r.Method()) == "OPTIONS":
		return star[:1:1] // RFC 9112 §3.2.4
	}
	return slash[:1:1]
}

// Query returns what follows the question mark of the target, as it came.
func (r *Request) Query() []byte { return r.query.of(r.head) }

// Host returns host and port that the request is for: of the target, if that is
// in absolute-form (RFC 9112 §3.2.2), or else of the field Host. It is well-formed or
// empty. It is empty without Host in HTTP/1.0, and where a client says so.
func (r *Request) Host() []byte {
	if r.absolute {
		return r.authority.of(r.head)
	}
	return r.host.of(r.head)
}

// Minor returns the y of HTTP/1.y. From 1 on, all are treated as HTTP/1.1
// (RFC 9110 §2.5).
func (r *Request) Minor() int { return int(r.minor) }

// KeepAlive reports whether the connection goes on after this request as far as
// the peer is concerned (RFC 9112 §9.3). Otherwise the Parser takes no other.
func (r *Request) KeepAlive() bool { return !r.closes && (r.minor > 0 || r.keeps) }

// Upgrade reports whether Connection names upgrade; what to, the field Upgrade
// says. Always false in HTTP/1.0 (RFC 9110 §7.8).
func (r *Request) Upgrade() bool { return r.upgrade && r.minor > 0 }

// Chunked reports whether the body comes in chunks.
func (r *Request) Chunked() bool { return r.chunked }

// ContentLength returns the bytes of the body, 0 without one, -1 if it comes in
// chunks.
func (r *Request) ContentLength() int64 {
	if r.chunked {
		return -1
	}
	return r.length
}

// HasBody reports whether there is a body, be it empty.
func (r *Request) HasBody() bool { return r.chunked || r.hasLength }

// ExpectContinue reports whether the peer waits with a body until it is told to
// go on (RFC 9110 §10.1.1). See Parser.ContinueDue.
func (r *Request) ExpectContinue() bool {
	return r.expect && r.minor > 0 && (r.chunked || r.length > 0)
}

// Header returns the value of the first field of this name, without white space
// at its ends, and how many fields have the name. Names are compared without
// regard to the case of ASCII letters. Whoever takes a decision by a field that
// must come once has to look at the number.
//
// Hot path: no allocation, no lock.
func (r *Request) Header(name string) (value []byte, times int) {
	for i := range r.fields {
		f := &r.fields[i]
		if int(f.name.to-f.name.from) == len(name) && httpfield.EqualFold(f.name.of(r.head), name) {
			if times++; times == 1 {
				value = f.value.of(r.head)
			}
		}
	}
	return value, times
}

// Fields returns the number of header fields.
func (r *Request) Fields() int { return len(r.fields) }

// Field returns name and value of field i, 0 <= i < Fields(), in the order in
// which they came. The name is as it came.
func (r *Request) Field(i int) (name, value []byte) {
	f := r.fields[i]
	return f.name.of(r.head), f.value.of(r.head)
}
