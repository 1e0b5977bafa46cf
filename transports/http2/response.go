package http2

import (
	"bytes"

	"github.com/gannetmcp/gannet/transports/httpfield"
)

// StreamLength is the length of a Response whose body is not of known length.
const StreamLength int64 = -1

// tableSizeZero is the dynamic table size update to 0 (RFC 7541 §6.3).
const tableSizeZero = 0x20

// Response is the head of an answer.
type Response struct {
	Status      int    // three digits, otherwise 500 is written
	Date        []byte // by httpfield.AppendDate, which the caller keeps for a second; empty: no Date
	ContentType string // empty: no Content-Type
	Length      int64  // of the body in bytes, or StreamLength
	// Extra are more fields, each a line "Name: value" ended by CR LF, as in
	// HTTP/1.1. Those that are about a connection are left out (RFC 9113 §8.2.2),
	// and so is what is no such line.
	Extra []byte
}

// jsonType is the field Content-Type of nearly all responses, encoded.
const jsonType = "\x0f\x10\x10application/json"

// size returns more bytes than AppendBlock appends.
func (r *Response) size() int {
	return 64 + len(r.Date) + len(r.ContentType) + len(r.Extra) + len(r.Extra)/4
}

// AppendBlock appends the header block. It uses no dynamic table and no Huffman
// code: blocks depend on nothing, and cost what copying them does.
//
// Hot path: no allocation if dst has the room.
func (r *Response) AppendBlock(dst []byte) []byte {
	status := r.Status
	if status < 100 || status > 999 {
		status = 500
	}
	dst = appendStatus(dst, status)
	if len(r.Date) > 0 {
		dst = appendIndexedName(dst, indexDate, r.Date)
	}
	switch r.ContentType {
	case "":
	case "application/json":
		dst = append(dst, jsonType...)
	default:
		dst = appendIndexedName(dst, indexContentType, r.ContentType)
	}
	if r.Length >= 0 && status >= 200 && status != 204 && (status != 304 || r.Length > 0) {
		dst = appendLength(dst, r.Length)
	}
	for rest := r.Extra; len(rest) > 0; {
		line := rest
		if i := bytes.Index(rest, []byte("\r\n")); i >= 0 {
			line, rest = rest[:i], rest[i+2:]
		} else {
			rest = nil
		}
		if i := bytes.IndexByte(line, ':'); i > 0 {
			dst = appendField(dst, line[:i], bytes.Trim(line[i+1:], " \t"))
		}
	}
	return dst
}

// appendStatus appends :status: indexed, where the static table has it.
func appendStatus(dst []byte, status int) []byte {
	i := 0
	switch status {
	case 200:
		i = indexStatus200
	case 204:
		i = indexStatus200 + 1
	case 206:
		i = indexStatus200 + 2
	case 304:
		i = indexStatus200 + 3
	case 400:
		i = indexStatus200 + 4
	case 404:
		i = indexStatus200 + 5
	case 500:
		i = indexStatus200 + 6
	}
	if i > 0 {
		return append(dst, 0x80|byte(i))
	}
	return append(dst, indexStatus200, 3, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10))
}

// appendLength appends content-length.
func appendLength(dst []byte, n int64) []byte {
	var digits [20]byte
	i := len(digits)
	for ok := true; ok; ok = n > 0 {
		i--
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return appendIndexedName(dst, indexContentLength, digits[i:])
}

// appendIndexedName appends a field whose name is in the static table.
func appendIndexedName[T ~string | ~[]byte](dst []byte, i int, value T) []byte {
	dst = appendInteger(dst, 0, 4, i)
	return append(appendInteger(dst, 0, 7, len(value)), value...)
}

// appendField appends a field with its name, which is made of small letters. One
// that cannot be sent is left out.
func appendField(dst, name, value []byte) []byte {
	if !httpfield.Token.All(name) || !httpfield.ValidValue(value) {
		return dst
	}
	at := len(dst)
	dst = appendInteger(append(dst, 0), 0, 7, len(name))
	from := len(dst)
	for _, c := range name {
		dst = append(dst, httpfield.Lower(c))
	}
	switch string(dst[from:]) {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return dst[:at]
	}
	return append(appendInteger(dst, 0, 7, len(value)), value...)
}

// appendContinue appends the interim response 100 (RFC 9110 §15.2.1) in a frame;
// sized is as Conn.tableSize says.
func appendContinue(dst []byte, id uint32, sized bool) []byte {
	n := 5
	if sized {
		n++
	}
	dst = appendFrameHead(dst, n, frameHeaders, flagEndHeaders, id)
	if sized {
		dst = append(dst, tableSizeZero)
	}
	return appendStatus(dst, 100)
}
