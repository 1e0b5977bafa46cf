package http1

import (
	"bytes"
	"math"
)

// parse notes in r where the parts of the head at the front of b are, and
// returns the length of the head. It stops at the first thing wrong. errShort:
// b ends before the head does.
func (r *Request) parse(b []byte, l *Limits) (int, *Error) {
	r.reset()
	i, err := r.parseLine(b)
	if err != nil {
		return 0, err
	}
	if i-2 > l.Line {
		return 0, ErrLineTooLong
	}
	for {
		if i+1 >= len(b) {
			return 0, errShort
		}
		if b[i] == '\r' {
			if b[i+1] != '\n' {
				return 0, ErrLineEnd
			}
			break
		}
		if len(r.fields) == l.Fields {
			return 0, ErrTooManyFields
		}
		if i, err = r.parseField(b, i); err != nil {
			return 0, err
		}
	}
	if err := r.judge(b); err != nil {
		return 0, err
	}
	r.head = b[: i+2 : i+2]
	return i + 2, nil
}

// parseLine parses the request line (RFC 9112 §3): three parts with one space
// between them. It returns the offset behind it.
func (r *Request) parseLine(b []byte) (int, *Error) {
	i := 0
	for i < len(b) && class[b[i]]&isToken != 0 {
		i++
	}
	if i == len(b) {
		return 0, errShort
	}
	if i == 0 || b[i] != ' ' {
		return 0, ErrRequestLine
	}
	r.method = span{0, uint16(i)}
	connect := string(b[:i]) == "CONNECT"
	i++
	from, query := i, 0
	for ; i < len(b); i++ {
		c := b[i]
		if class[c]&isTarget != 0 {
			if c == '?' && query == 0 {
				query = i
			}
			continue
		}
		if c != '%' {
			break
		}
		if i+2 >= len(b) {
			return 0, errShort
		}
		if hexValue[b[i+1]] == notHex || hexValue[b[i+2]] == notHex {
			return 0, ErrTarget
		}
	}
	if i == len(b) {
		return 0, errShort
	}
	if b[i] != ' ' {
		if b[i] == '\r' || b[i] == '\t' {
			return 0, ErrRequestLine // no version, as in HTTP/0.9
		}
		return 0, ErrTarget
	}
	r.target = span{uint16(from), uint16(i)}
	i++
	if i+len("HTTP/1.1\r\n") > len(b) {
		return 0, errShort
	}
	v := b[i : i+8]
	if string(v[:5]) != "HTTP/" || class[v[5]]&isDigit == 0 || v[6] != '.' || class[v[7]]&isDigit == 0 {
		return 0, ErrRequestLine
	}
	i += 8
	if b[i] != '\r' {
		return 0, ErrRequestLine
	}
	if b[i+1] != '\n' {
		return 0, ErrLineEnd
	}
	if v[5] != '1' {
		return 0, ErrVersion
	}
	r.minor = v[7] - '0'
	if connect {
		return 0, ErrConnect
	}
	if !r.parseTarget(b, query) {
		return 0, ErrTarget
	}
	return i + 2, nil
}

// parseTarget finds the parts of the target (RFC 9112 §3.2), whose characters
// have been judged; query is the offset of its question mark or 0.
func (r *Request) parseTarget(b []byte, query int) bool {
	from, to := int(r.target.from), int(r.target.to)
	pathEnd := to
	if query > 0 {
		pathEnd = query
		r.query = span{uint16(query + 1), uint16(to)}
	}
	if from == to {
		return false
	}
	if b[from] == '/' {
		r.path = span{uint16(from), uint16(pathEnd)}
		return true
	}
	if string(b[from:to]) == "*" {
		r.path = r.target
		return string(b[:r.method.to]) == "OPTIONS"
	}
	authority := from
	for _, scheme := range [...]string{"http://", "https://"} {
		if to-from >= len(scheme) && sameFold(b[from:from+len(scheme)], scheme) {
			authority = from + len(scheme)
		}
	}
	if authority == from {
		return false
	}
	end := authority
	for end < pathEnd && b[end] != '/' {
		end++
	}
	r.absolute = true
	r.authority = span{uint16(authority), uint16(end)}
	r.path = span{uint16(end), uint16(pathEnd)}
	r.bare = end == pathEnd
	return end > authority && validHost(b[authority:end])
}

// parseField parses the field line at i (RFC 9112 §5) and returns the offset
// behind it.
func (r *Request) parseField(b []byte, i int) (int, *Error) {
	from := i
	for i < len(b) && class[b[i]]&isToken != 0 {
		i++
	}
	if i == len(b) {
		return 0, errShort
	}
	if b[i] != ':' || i == from {
		if i == from && (b[i] == ' ' || b[i] == '\t') {
			return 0, ErrFold
		}
		return 0, ErrFieldName
	}
	f := field{name: span{uint16(from), uint16(i)}}
	i++
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	from = i
	i = control(b, i)
	if i+1 >= len(b) {
		return 0, errShort
	}
	if b[i] != '\r' {
		return 0, ErrFieldValue
	}
	if b[i+1] != '\n' {
		return 0, ErrLineEnd
	}
	to := i
	for to > from && (b[to-1] == ' ' || b[to-1] == '\t') {
		to--
	}
	f.value = span{uint16(from), uint16(to)}
	r.fields = append(r.fields, f)
	return i + 2, r.note(b, f)
}

// note keeps what a field says about the framing of the message and the fate of
// the connection.
func (r *Request) note(b []byte, f field) *Error {
	name, value := f.name.of(b), f.value.of(b)
	switch len(name) {
	case len("Host"):
		if sameFold(name, "host") {
			r.hosts = min(r.hosts+1, 2)
			r.host = f.value
		}
	case len("Expect"):
		if sameFold(name, "expect") {
			r.expect = true
			r.badExpect = r.badExpect || !sameFold(value, "100-continue")
		}
	case len("Connection"):
		if sameFold(name, "connection") {
			for more := true; more; {
				var option []byte
				option, value, more = element(value)
				r.closes = r.closes || sameFold(option, "close")
				r.keeps = r.keeps || sameFold(option, "keep-alive")
				r.upgrade = r.upgrade || sameFold(option, "upgrade")
			}
		}
	case len("Content-Length"):
		if sameFold(name, "content-length") {
			n, ok := parseLength(value)
			if !ok || r.hasLength {
				return ErrContentLength
			}
			r.length, r.hasLength = n, true
		}
	case len("Transfer-Encoding"):
		if sameFold(name, "transfer-encoding") {
			r.encodings = min(r.encodings+1, 2)
			r.encoding = f.value
		}
	}
	return nil
}

// parseLength reads a Content-Length (RFC 9110 §8.6): digits and nothing else, no
// list, no more than an int64 holds.
func parseLength(b []byte) (n int64, ok bool) {
	for _, c := range b {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(b) > 0
}

// judge is what can be said of a head when all of it is known.
func (r *Request) judge(b []byte) *Error {
	if r.encodings > 0 {
		if r.minor == 0 {
			return ErrTransferEncoding // RFC 9112 §6.1: framing to be treated as faulty
		}
		if r.hasLength {
			return ErrLengthAndEncoding
		}
		if r.encodings > 1 {
			return ErrTransferEncoding
		}
		if v := r.encoding.of(b); !sameFold(v, "chunked") {
			return judgeEncoding(v)
		}
		r.chunked = true
	}
	if r.hosts > 1 || r.hosts == 0 && r.minor > 0 || !validHost(r.host.of(b)) {
		return ErrHost
	}
	if r.badExpect && r.minor > 0 {
		return ErrExpect
	}
	return nil
}

// judgeEncoding says what is wrong with codings other than chunked alone
// (RFC 9112 §6.1, §6.3): the end of the body is unknown unless chunked comes
// last, and only once; otherwise it is a coding that is not spoken here.
func judgeEncoding(list []byte) *Error {
	for {
		coding, rest, more := element(list)
		last := sameFold(coding, "chunked")
		switch {
		case len(coding) == 0 || last == more:
			return ErrTransferEncoding
		case !more:
			return ErrCoding
		}
		list = rest
	}
}

// validHost reports whether b is uri-host [ ":" port ] (RFC 9112 §3.2, RFC 3986
// §3.2) or empty. No percent-encoding, no zone: no name that is to be resolved
// has them, and what compares hosts would have to decode them.
func validHost(b []byte) bool {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 3 {
			return false
		}
		for _, c := range b[1:end] {
			if hexValue[c] == notHex && c != ':' && c != '.' {
				return false
			}
		}
		i = end + 1
	} else {
		for i < len(b) && class[b[i]]&isHost != 0 {
			i++
		}
		if i == 0 && len(b) > 0 {
			return false
		}
	}
	if i == len(b) {
		return true
	}
	if b[i] != ':' || len(b)-i > len(":65535") {
		return false
	}
	port := 0
	for _, c := range b[i+1:] {
		if class[c]&isDigit == 0 {
			return false
		}
		port = port*10 + int(c-'0')
	}
	return port <= math.MaxUint16
}
