package http1

import (
	"strconv"

	"github.com/gannetmcp/gannet/transports/httpfield"
)

// Lengths of a Response whose body is not of known length.
const (
	Stream int64 = -1 // chunks; to a peer of HTTP/1.0 all until the connection closes
	NoBody int64 = -2 // no Content-Length either: a 101, or one of the caller's in Extra
)

// Response is the head of an answer. The zero value but for Status is a
// response of HTTP/1.1 without a body that keeps the connection.
type Response struct {
	Status      int    // three digits, otherwise 500 is written
	Date        []byte // by httpfield.AppendDate, which the caller keeps for a second; empty: no Date
	ContentType string // empty: no Content-Type
	Length      int64  // of the body in bytes, or Stream, or NoBody
	Extra       []byte // more field lines, by AppendHeader
	Close       bool   // the connection is closed behind the body
	Old         bool   // the peer speaks HTTP/1.0: no chunks, and keep-alive is said
	Head        bool   // the request was a HEAD: the head is the same, the body is left out
}

// For sets what depends on the request: Close if the peer wants it, Old and Head.
func (r *Response) For(q *Request) {
	r.Close = r.Close || !q.KeepAlive()
	r.Old = q.Minor() == 0
	r.Head = string(q.Method()) == "HEAD"
}

// Chunks reports whether the body is to be written in chunks. For Stream
// otherwise it is written as it is, and its end is that of the connection.
func (r *Response) Chunks() bool { return r.Length == Stream && !r.Old && r.bodied() }

// Closes reports whether the connection is to be closed behind the body: Close
// asks for it, or nothing else would end it.
func (r *Response) Closes() bool { return r.Close || r.Length == Stream && r.Old && r.bodied() }

// bodied reports whether the status allows a body (RFC 9110 §6.4.1).
func (r *Response) bodied() bool {
	s := r.Status
	return s >= 200 && s != 204 && s != 304
}

// AppendHead appends the whole head, the empty line included (RFC 9112 §4). A 1xx
// and a 204 get neither length nor coding (RFC 9110 §8.6, RFC 9112 §6.1), a 304 no
// coding.
//
// Hot path: no allocation.
func (r *Response) AppendHead(dst []byte) []byte {
	status := r.Status
	if status < 100 || status > 999 {
		status = 500
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10), ' ')
	dst = append(append(dst, statusText(status)...), "\r\n"...)
	if len(r.Date) > 0 {
		dst = append(append(append(dst, "Date: "...), r.Date...), "\r\n"...)
	}
	if r.ContentType != "" {
		dst = AppendHeader(dst, "Content-Type", r.ContentType)
	}
	switch {
	case r.Length >= 0 && (r.bodied() || status == 304 && r.Length > 0):
		dst = strconv.AppendInt(append(dst, "Content-Length: "...), r.Length, 10)
		dst = append(dst, "\r\n"...)
	case r.Chunks():
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case r.Closes():
		dst = append(dst, "Connection: close\r\n"...)
	case r.Old:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	dst = append(dst, r.Extra...)
	return append(dst, "\r\n"...)
}

// AppendWhole appends head and body; Length becomes that of the body, which is
// left out where the request was a HEAD or the status allows none.
//
// Hot path: no allocation.
func (r *Response) AppendWhole(dst, body []byte) []byte {
	r.Length = int64(len(body))
	dst = r.AppendHead(dst)
	if r.Head || !r.bodied() {
		return dst
	}
	return append(dst, body...)
}

// AppendHeader appends a field line. The name is a token of the caller's; a line
// whose name is none is left out. In the value, which may come from a peer,
// control characters become spaces (RFC 9110 §5.5): it can neither end the line nor
// begin another.
//
// Hot path: no allocation.
func AppendHeader[T ~string | ~[]byte](dst []byte, name string, value T) []byte {
	for i := range len(name) {
		if !httpfield.Token.Has(name[i]) {
			return dst
		}
	}
	if name == "" {
		return dst
	}
	dst = append(append(dst, name...), ": "...)
	from := len(dst)
	dst = append(dst, value...)
	for i := httpfield.IndexControl(dst, from); i < len(dst); i = httpfield.IndexControl(dst, i) {
		dst[i] = ' '
	}
	return append(dst, "\r\n"...)
}

// AppendContinue appends the interim response that a peer with Expect waits for
// (RFC 9110 §15.2.1).
func AppendContinue(dst []byte) []byte {
	return append(dst, "HTTP/1.1 100 Continue\r\n\r\n"...)
}

// AppendError appends the answer to a request that was refused, with the reason
// as its body and Connection: close. q is the request if its head was accepted, or
// else nil; date is as Response.Date.
//
// Hot path: no allocation.
func AppendError(dst []byte, e *Error, q *Request, date []byte) []byte {
	r := Response{Status: e.Status, Date: date, ContentType: "text/plain; charset=utf-8", Close: true}
	if q != nil {
		r.For(q)
	}
	r.Length = int64(len(e.Reason) + 1)
	dst = r.AppendHead(dst)
	if r.Head {
		return dst
	}
	return append(append(dst, e.Reason...), '\n')
}
