package websocket

// The bounds of a window's logarithm (RFC 7692 §7.1.2).
const (
	minWindowBits = 8
	maxWindowBits = 15
)

// offer is one element of Sec-WebSocket-Extensions, of permessage-deflate if it is
// any of use here: offered by a client, or chosen by a server.
type offer struct {
	deflate                          bool // it is permessage-deflate, with parameters that mean something
	serverNoContext, clientNoContext bool
	serverBits, clientBits           uint8 // 0: not given
	clientBitsAny                    bool  // client_max_window_bits without a value
}

// next reads an element of Sec-WebSocket-Extensions (RFC 6455 §9.1) from the front
// of b; more says that another follows, which rest begins with. Not ok: b does
// not keep to the grammar.
func (o *offer) next(b []byte) (rest []byte, more, ok bool) {
	*o = offer{}
	for len(b) > 0 && (isSpace(b[0]) || b[0] == ',') { // empty elements (RFC 9110 §5.6.1.2)
		b = b[1:]
	}
	if len(b) == 0 {
		return nil, false, true
	}
	name, b := token(b)
	if len(name) == 0 {
		return nil, false, false
	}
	o.deflate = sameFold(name, "permessage-deflate")
	for {
		b = skipSpace(b)
		switch {
		case len(b) == 0:
			return nil, false, true
		case b[0] == ',':
			return b[1:], true, true
		case b[0] != ';':
			return nil, false, false
		}
		var value []byte
		var given bool
		name, b = token(skipSpace(b[1:]))
		if len(name) == 0 {
			return nil, false, false
		}
		if b = skipSpace(b); len(b) > 0 && b[0] == '=' {
			if value, b, ok = tokenOrQuoted(skipSpace(b[1:])); !ok {
				return nil, false, false
			}
			given = true
		}
		o.deflate = o.param(name, value, given) && o.deflate
	}
}

// param takes in a parameter of permessage-deflate (RFC 7692 §7.1) and reports
// false if it has no meaning, or comes for the second time.
func (o *offer) param(name, value []byte, given bool) bool {
	bits := windowBits(value)
	var before bool
	switch {
	case sameFold(name, "server_no_context_takeover"):
		before, o.serverNoContext = o.serverNoContext, true
		return !before && !given
	case sameFold(name, "client_no_context_takeover"):
		before, o.clientNoContext = o.clientNoContext, true
		return !before && !given
	case sameFold(name, "server_max_window_bits"):
		before, o.serverBits = o.serverBits != 0, bits
		return !before && bits != 0
	case sameFold(name, "client_max_window_bits"):
		before = o.clientBits != 0 || o.clientBitsAny
		o.clientBits, o.clientBitsAny = bits, !given
		return !before && (bits != 0 || !given)
	}
	return false
}

// windowBits reads the logarithm of a window, without leading zeros; 0: it is none.
func windowBits(b []byte) uint8 {
	n := uint8(0)
	switch {
	case len(b) == 1:
		n = b[0] - '0'
	case len(b) == 2 && b[0] == '1':
		n = 10 + b[1] - '0'
		if b[1] < '0' {
			return 0
		}
	}
	if n < minWindowBits || n > maxWindowBits {
		return 0
	}
	return n
}

// appendAnswer appends what a server answers to the offer that it takes: no window
// is kept from one message to the next, whether that was asked for or not.
func (o *offer) appendAnswer(dst []byte) []byte {
	dst = append(dst, "permessage-deflate; server_no_context_takeover; client_no_context_takeover"...)
	if o.serverBits != 0 {
		dst = append(dst, "; server_max_window_bits="...)
		if o.serverBits >= 10 {
			dst = append(dst, '1')
		}
		dst = append(dst, '0'+o.serverBits%10)
	}
	return dst
}

// token splits the token (RFC 9110 §5.6.2) off the front of b; it may be empty.
func token(b []byte) (t, rest []byte) {
	i := 0
	for i < len(b) && isToken(b[i]) {
		i++
	}
	return b[:i], b[i:]
}

// tokenOrQuoted splits a token, or a quoted string with a token in it, off the front
// of b. A backslash has no business in either.
func tokenOrQuoted(b []byte) (t, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		t, rest = token(b)
		return t, rest, len(t) > 0
	}
	t, rest = token(b[1:])
	if len(t) == 0 || len(rest) == 0 || rest[0] != '"' {
		return nil, nil, false
	}
	return t, rest[1:], true
}

// element splits an element off a list that is separated by commas, without white
// space at its ends; more says that others follow.
func element(list []byte) (e, rest []byte, more bool) {
	i := 0
	for i < len(list) && list[i] != ',' {
		i++
	}
	if more = i < len(list); more {
		rest = list[i+1:]
	}
	e = skipSpace(list[:i])
	for len(e) > 0 && isSpace(e[len(e)-1]) {
		e = e[:len(e)-1]
	}
	return e, rest, more
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func skipSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

// isToken reports whether c is a tchar (RFC 9110 §5.6.2).
func isToken(c byte) bool {
	switch {
	case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// sameFold reports whether b is s, in small letters, without regard to the case of
// ASCII letters.
func sameFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
