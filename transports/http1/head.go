package http1

import "github.com/gannetmcp/gannet/transports/httpfield"

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
	for i < len(b) && httpfield.Token.Has(b[i]) {
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
		if httpfield.Target.Has(c) {
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
		if !httpfield.HexDigit.Has(b[i+1]) || !httpfield.HexDigit.Has(b[i+2]) {
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
	if string(v[:5]) != "HTTP/" || !httpfield.Digit.Has(v[5]) || v[6] != '.' || !httpfield.Digit.Has(v[7]) {
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
		if to-from >= len(scheme) && httpfield.EqualFold(b[from:from+len(scheme)], scheme) {
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
	return end > authority && httpfield.ValidHost(b[authority:end])
}

// parseField parses the field line at i (RFC 9112 §5) and returns the offset
// behind it.
func (r *Request) parseField(b []byte, i int) (int, *Error) {
	from := i
	for i < len(b) && httpfield.Token.Has(b[i]) {
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
	i = httpfield.IndexControl(b, i)
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
		if httpfield.EqualFold(name, "host") {
			r.hosts = min(r.hosts+1, 2)
			r.host = f.value
		}
	case len("Expect"):
		if httpfield.EqualFold(name, "expect") {
			r.expect = true
			r.badExpect = r.badExpect || !httpfield.EqualFold(value, "100-continue")
		}
	case len("Connection"):
		if httpfield.EqualFold(name, "connection") {
			for more := true; more; {
				var option []byte
				option, value, more = httpfield.Element(value)
				r.closes = r.closes || httpfield.EqualFold(option, "close")
				r.keeps = r.keeps || httpfield.EqualFold(option, "keep-alive")
				r.upgrade = r.upgrade || httpfield.EqualFold(option, "upgrade")
			}
		}
	case len("Content-Length"):
		if httpfield.EqualFold(name, "content-length") {
			n, ok := httpfield.ContentLength(value)
			if !ok || r.hasLength {
				return ErrContentLength
			}
			r.length, r.hasLength = n, true
		}
	case len("Transfer-Encoding"):
		if httpfield.EqualFold(name, "transfer-encoding") {
			r.encodings = min(r.encodings+1, 2)
			r.encoding = f.value
		}
	}
	return nil
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
		if v := r.encoding.of(b); !httpfield.EqualFold(v, "chunked") {
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
		coding, rest, more := httpfield.Element(list)
		last := httpfield.EqualFold(coding, "chunked")
		switch {
		case len(coding) == 0 || last == more:
			return ErrTransferEncoding
		case !more:
			return ErrCoding
		}
		list = rest
	}
}

// validHost reports whether b may be the field Host: it is empty where the target
// has no authority (RFC 9112 §3.2).
func validHost(b []byte) bool { return len(b) == 0 || httpfield.ValidHost(b) }
