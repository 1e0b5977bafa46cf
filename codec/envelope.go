package codec

// The members of an envelope.
const (
	seenVersion = 1 << iota
	seenID
	seenMethod
	seenParams
	seenResult
	seenError
	badVersion
	badID
	badMethod
	badParams
	badResult
	badError
)

// Names of the envelope's members with their closing quotes, as load64 reads
// them.
const (
	wordVersion = 'j' | 's'<<8 | 'o'<<16 | 'n'<<24 | 'r'<<32 | 'p'<<40 | 'c'<<48 | '"'<<56
	wordMethod  = 'm' | 'e'<<8 | 't'<<16 | 'h'<<24 | 'o'<<32 | 'd'<<40 | '"'<<48
	wordParams  = 'p' | 'a'<<8 | 'r'<<16 | 'a'<<24 | 'm'<<32 | 's'<<40 | '"'<<48
	wordResult  = 'r' | 'e'<<8 | 's'<<16 | 'u'<<24 | 'l'<<32 | 't'<<40 | '"'<<48
	wordError   = 'e' | 'r'<<8 | 'r'<<16 | 'o'<<24 | 'r'<<32 | '"'<<40
	wordID      = 'i' | 'd'<<8 | '"'<<16

	// wordTwo is the version, with both quotes.
	wordTwo = '"' | '2'<<8 | '.'<<16 | '0'<<24 | '"'<<32
)

// known returns the bit and the length of a member name by the eight bytes
// after its first quote, 0 for other names.
func known(w uint64) (bit uint32, n int) {
	switch {
	case w == wordVersion:
		return seenVersion, 7
	case w&(1<<24-1) == wordID:
		return seenID, 2
	case w&(1<<48-1) == wordError:
		return seenError, 5
	}
	switch w & (1<<56 - 1) {
	case wordMethod:
		return seenMethod, 6
	case wordParams:
		return seenParams, 6
	case wordResult:
		return seenResult, 6
	}
	return 0, 0
}

// envelope walks the members of the outermost object, whose first byte after
// the brace is b[i].
func (p *Parser) envelope(m *Message, s *scanner, b []byte, i int) (seen uint32, end int, f fault) {
	if i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	if i < len(b) && b[i] == '}' {
		return 0, i + 1, ok
	}
	for {
		// A name.
		if uint(i) >= uint(len(b)) {
			return seen, i, faultEnd
		}
		if b[i] != '"' {
			if i = space(b, i); i >= len(b) {
				return seen, i, faultEnd
			}
			if b[i] != '"' {
				return seen, i, faultKey
			}
		}
		if s.members--; s.members < 0 {
			return seen, i, faultMembers
		}
		key := i + 1
		var bit uint32
		if key+8 <= len(b) {
			var n int
			bit, n = known(load64(b, key))
			i = key + n
		}
		if bit == 0 {
			if i, f = str(b, key); f > escaped {
				return seen, i, f
			}
			bit = envelopeMember(b[key:i], f == escaped)
		}
		if i++; uint(i) < uint(len(b)) && b[i] == ':' {
			i++
		} else if i, f = colon(b, i); f != ok {
			return seen, i, f
		}
		if uint(i) >= uint(len(b)) {
			return seen, i, faultEnd
		}
		if b[i] <= ' ' {
			if i = space(b, i); i >= len(b) {
				return seen, i, faultEnd
			}
		}
		if bit&seen != 0 {
			return seen, key, faultDuplicate
		}
		seen |= bit

		// Its value.
		at := i
		switch bit {
		case seenVersion:
			if i+8 <= len(b) && load64(b, i)&(1<<40-1) == wordTwo {
				i += 5
				break
			}
			if i, f = s.value(b, i); f != ok {
				return seen, i, f
			}
			if string(b[at:i]) != `"2.0"` {
				seen |= badVersion
			}
		case seenMethod:
			if b[i] != '"' {
				if i, f = s.value(b, i); f != ok {
					return seen, i, f
				}
				seen |= badMethod
				break
			}
			n := 16
			if i+9 <= len(b) {
				n = short(load64(b, i+1))
			}
			if n < 8 {
				i, f = i+1+n, ok
			} else if i, f = str(b, i+1+n&8); f > escaped {
				return seen, i, f
			}
			m.method = span{uint32(at + 1), uint32(i)}
			if f == escaped {
				m.methodEsc = true
				m.decoded = unescape(m.decoded[:0], b[at+1:i])
			}
			i++
		case seenParams, seenResult:
			if b[i] == '{' && seen&(seenParams|seenResult) == bit {
				i, f = s.indexed(m, b, i+1)
			} else {
				i, f = s.value(b, i)
			}
			if f != ok {
				return seen, i, f
			}
			if bit == seenParams {
				m.params = span{uint32(at), uint32(i)}
			} else {
				m.result = span{uint32(at), uint32(i)}
			}
			if b[at] != '{' {
				seen |= bit * (badParams / seenParams)
			}
		default:
			if i, f = s.value(b, i); f != ok {
				return seen, i, f
			}
			switch bit {
			case seenID:
				m.id = span{uint32(at), uint32(i)}
				if !p.usableID(b[at:i]) {
					seen |= badID
				}
			case seenError:
				m.fail = span{uint32(at), uint32(i)}
				if b[at] != '{' {
					seen |= badError
				}
			}
		}

		// What follows.
		if uint(i) >= uint(len(b)) {
			return seen, i, faultEnd
		}
		if b[i] <= ' ' {
			if i = space(b, i); i >= len(b) {
				return seen, i, faultEnd
			}
		}
		switch b[i] {
		case ',':
			i++
		case '}':
			return seen, i + 1, ok
		default:
			return seen, i, faultComma
		}
	}
}

// envelopeMember returns the bit of a member name, 0 for one we do not know. A
// name with escapes is compared unescaped. The names we know have at most 7
// characters, so at most 42 bytes written with escapes.
func envelopeMember(key []byte, esc bool) uint32 {
	var buf [42]byte
	if esc {
		if len(key) > len(buf) {
			return 0
		}
		key = unescape(buf[:0], key)
	}
	switch string(key) {
	case "jsonrpc":
		return seenVersion
	case "id":
		return seenID
	case "method":
		return seenMethod
	case "params":
		return seenParams
	case "result":
		return seenResult
	case "error":
		return seenError
	}
	return 0
}

// usableID reports whether raw is a string or an integer within the limit.
func (p *Parser) usableID(raw []byte) bool {
	if len(raw) > p.limits.IDBytes {
		return false
	}
	switch c := raw[0]; {
	case c == '"':
		return true
	case c != '-' && c-'0' > 9:
		return false
	}
	for _, c := range raw[1:] {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}
