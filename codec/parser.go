package codec

// Defaults of Limits.
const (
	DefaultDepth       = 128
	DefaultMembers     = 1 << 16
	DefaultNumberBytes = 4096
	DefaultIDBytes     = 8192
	DefaultBatch       = 256
)

// Limits bounds what a Parser accepts. A message beyond a limit is refused with
// CodeInvalidRequest and the limit as data. Zero fields mean the defaults.
type Limits struct {
	// Depth bounds the nesting of containers, the message itself included.
	// Zero: 128; at most 512.
	Depth int
	// Members bounds the object members of a message, all levels together.
	// Zero: 65,536.
	Members int
	// NumberBytes bounds the text of one number. Zero: 4,096.
	NumberBytes int
	// IDBytes bounds the text of an id. Zero: 8,192.
	IDBytes int
	// Batch bounds the messages of a batch. Zero: 256.
	Batch int
}

// Parser parses messages. It holds limits only: one Parser serves any number of
// goroutines.
type Parser struct{ limits Limits }

// NewParser returns a parser with the given limits.
func NewParser(l Limits) *Parser {
	def := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	def(&l.Depth, DefaultDepth)
	def(&l.Members, DefaultMembers)
	def(&l.NumberBytes, DefaultNumberBytes)
	def(&l.IDBytes, DefaultIDBytes)
	def(&l.Batch, DefaultBatch)
	l.Depth = min(l.Depth, maxDepth)
	return &Parser{l}
}

// Limits returns the limits in force.
func (p *Parser) Limits() Limits { return p.limits }

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

// Parse judges b, one whole message with white space around it allowed, and
// notes in m where its parts are. m refers to b from then on.
//
// The whole message is validated: JSON by RFC 8259, well-formed UTF-8, no lone
// surrogates, no member of the envelope or of params twice, within the limits.
// Names of members are compared byte for byte after unescaping. Unknown members
// of the envelope are judged as JSON and passed over.
//
// The error is a *Error that lives in m. CodeParse: no JSON. CodeInvalidRequest:
// JSON, but no JSON-RPC message, or beyond a limit. CodeInvalidParams: a
// request whose params are no object. In the last two cases m.ID is set where a
// usable id was found.
//
// Hot path: no allocation, no lock.
func (p *Parser) Parse(m *Message, b []byte) error {
	m.raw = b
	m.kind = KindInvalid
	m.methodEsc, m.overflow, m.count = false, false, 0
	m.id, m.method, m.params, m.result, m.fail = span{}, span{}, span{}, span{}, span{}
	s := scanner{depth: p.limits.Depth - 1, members: p.limits.Members, numberBytes: p.limits.NumberBytes}
	i := 0
	if len(b) == 0 || b[0] <= ' ' {
		i = space(b, 0)
	}
	if i >= len(b) {
		return p.fault(m, i, faultEnd)
	}
	if b[i] != '{' {
		return p.parseOther(m, &s, i)
	}
	seen, i, f := p.envelope(m, &s, b, i+1)
	if f != ok {
		return p.fault(m, i, f)
	}
	if i < len(b) {
		if i = space(b, i); i < len(b) {
			return p.fault(m, i, faultTrailing)
		}
	}
	switch seen {
	case seenVersion | seenID | seenMethod, seenVersion | seenID | seenMethod | seenParams:
		m.kind = KindRequest
	case seenVersion | seenMethod, seenVersion | seenMethod | seenParams:
		m.kind = KindNotification
	case seenVersion | seenID | seenResult:
		m.kind = KindResult
	case seenVersion | seenID | seenError, seenVersion | seenError, seenVersion | seenID | badID | seenError:
		if seen&badID != 0 && string(m.id.of(b)) != "null" {
			return p.invalid(m, seen)
		}
		m.kind = KindError
	default:
		return p.invalid(m, seen)
	}
	if seen&badID != 0 {
		m.id = span{}
	}
	return nil
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
		if i >= len(b) {
			return seen, i, faultEnd
		}
		if b[i] != '"' {
			return seen, i, faultKey
		}
		if s.members--; s.members < 0 {
			return seen, i, faultMembers
		}
		key := i + 1
		if i, f = str(b, key); f != ok {
			return seen, i, f
		}
		bit := envelopeMember(b[key:i])
		if i, f = colon(b, i+1); f != ok {
			return seen, i, f
		}
		if i >= len(b) {
			return seen, i, faultEnd
		}
		if bit != 0 && seen&bit != 0 {
			return seen, key, faultDuplicate
		}
		at := i
		switch bit {
		case seenParams, seenResult:
			if b[i] == '{' && m.count == 0 && !m.overflow {
				if i, f = s.indexed(m, b, i+1); f != ok {
					return seen, i, f
				}
			} else {
				if i, f = s.value(b, i); f != ok {
					return seen, i, f
				}
				if b[at] != '{' {
					seen |= bit * (badParams / seenParams)
				}
			}
		default:
			if i, f = s.value(b, i); f != ok {
				return seen, i, f
			}
		}
		seen |= bit
		v := span{uint32(at), uint32(i)}
		switch bit {
		case seenVersion:
			if string(b[at:i]) != `"2.0"` {
				seen |= badVersion
			}
		case seenID:
			m.id = v
			if !p.usableID(b[at:i]) {
				seen |= badID
			}
		case seenMethod:
			if b[at] != '"' {
				seen |= badMethod
				break
			}
			m.method = span{v.off + 1, v.end - 1}
			m.noteEscapes(b[at+1 : i-1])
		case seenParams:
			m.params = v
		case seenResult:
			m.result = v
		case seenError:
			m.fail = v
			if b[at] != '{' {
				seen |= badError
			}
		}
		if i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
		if i >= len(b) {
			return seen, i, faultEnd
		}
		switch b[i] {
		case ',':
			i++
			if i < len(b) && b[i] <= ' ' {
				i = space(b, i)
			}
		case '}':
			return seen, i + 1, ok
		default:
			return seen, i, faultComma
		}
	}
}

// envelopeMember returns the bit of a member name, 0 for one we do not know. A
// name with escapes is compared unescaped.
func envelopeMember(key []byte) uint32 {
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
	for _, c := range key {
		if c == '\\' {
			return envelopeMemberSlow(key)
		}
	}
	return 0
}

// envelopeMemberSlow compares a name with escapes. The names we know have at
// most 7 characters, so at most 42 bytes written with escapes.
func envelopeMemberSlow(key []byte) uint32 {
	var buf [42]byte
	if len(key) > len(buf) {
		return 0
	}
	plain := unescape(buf[:0], key)
	switch string(plain) {
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

// noteEscapes unescapes a method name that needs it.
func (m *Message) noteEscapes(name []byte) {
	for _, c := range name {
		if c == '\\' {
			m.methodEsc = true
			m.decoded = unescape(m.decoded[:0], name)
			return
		}
	}
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

// indexed walks the members of an object, whose first byte after the brace is
// b[i], and notes their places.
func (s *scanner) indexed(m *Message, b []byte, i int) (int, fault) {
	if s.depth--; s.depth < 0 {
		return i - 1, faultDepth
	}
	defer func() { s.depth++ }()
	var f fault
	i = space(b, i)
	if i >= len(b) {
		return i, faultEnd
	}
	if b[i] == '}' {
		return i + 1, ok
	}
	for {
		if i >= len(b) {
			return i, faultEnd
		}
		if b[i] != '"' {
			return i, faultKey
		}
		if s.members--; s.members < 0 {
			return i, faultMembers
		}
		key := i + 1
		if i, f = str(b, key); f != ok {
			return i, f
		}
		keyEnd := uint32(i)
		if i, f = colon(b, i+1); f != ok {
			return i, f
		}
		at := i
		if i, f = s.value(b, i); f != ok {
			return i, f
		}
		if m.count < membersIndexed {
			if !m.addMember(b, Member{uint32(key), keyEnd, uint32(at), uint32(i)}) {
				return key, faultDuplicate
			}
		} else {
			m.overflow = true
		}
		if i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
		if i >= len(b) {
			return i, faultEnd
		}
		switch b[i] {
		case ',':
			i++
			if i < len(b) && b[i] <= ' ' {
				i = space(b, i)
			}
		case '}':
			return i + 1, ok
		default:
			return i, faultComma
		}
	}
}

// addMember appends to the index; it reports false if the name is there already.
func (m *Message) addMember(b []byte, x Member) bool {
	name := b[x.KeyOff:x.KeyEnd]
	for _, c := range name {
		if c == '\\' {
			x.KeyEnd |= memberEscaped
			break
		}
	}
	for i := range m.members[:m.count] {
		if sameName(b, m.members[i], x) {
			return false
		}
	}
	m.members[m.count] = x
	m.count++
	return true
}

func sameName(b []byte, x, y Member) bool {
	if (x.KeyEnd|y.KeyEnd)&memberEscaped == 0 {
		return x.KeyEnd-x.KeyOff == y.KeyEnd-y.KeyOff && string(b[x.KeyOff:x.KeyEnd]) == string(b[y.KeyOff:y.KeyEnd])
	}
	return equalNames(b[x.KeyOff:x.KeyEnd&^memberEscaped], b[y.KeyOff:y.KeyEnd&^memberEscaped])
}

// parseOther judges a message that is no object: a batch, or nothing we serve.
func (p *Parser) parseOther(m *Message, s *scanner, i int) error {
	b := m.raw
	if b[i] != '[' {
		s.depth++
		end, f := s.value(b, i)
		if f != ok {
			return p.fault(m, end, f)
		}
		if end = space(b, end); end < len(b) {
			return p.fault(m, end, faultTrailing)
		}
		return p.refuse(m, CodeInvalidRequest, "want an object")
	}
	n := 0
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		i++
	} else {
		for {
			end, f := s.value(b, i)
			if f != ok {
				return p.fault(m, end, f)
			}
			if n++; n > p.limits.Batch {
				return p.limit(m, "batch too long", p.limits.Batch, "messages")
			}
			i = space(b, end)
			if i >= len(b) {
				return p.fault(m, i, faultEnd)
			}
			c := b[i]
			i++
			if c == ']' {
				break
			}
			if c != ',' {
				return p.fault(m, i-1, faultComma)
			}
			i = space(b, i)
		}
	}
	if i = space(b, i); i < len(b) {
		return p.fault(m, i, faultTrailing)
	}
	if n == 0 {
		return p.refuse(m, CodeInvalidRequest, "empty batch")
	}
	m.kind = KindBatch
	return nil
}

// fault makes the error of a scan that stopped at i.
func (p *Parser) fault(m *Message, i int, f fault) error {
	switch f {
	case faultDepth:
		return p.limit(m, "nested too deep", p.limits.Depth, "levels")
	case faultMembers:
		return p.limit(m, "too many members", p.limits.Members, "members")
	case faultNumberBytes:
		return p.limit(m, "number too long", p.limits.NumberBytes, "bytes")
	case faultDuplicate:
		m.id = span{}
		return p.refuse(m, CodeInvalidRequest, "member name twice")
	}
	m.id = span{}
	m.err = Error{Code: CodeParse, Offset: i, Reason: faultReasons[f]}
	return &m.err
}

func (p *Parser) limit(m *Message, reason string, limit int, unit string) error {
	m.id = span{} // what follows was not looked at, another id may be in it
	m.err = Error{Code: CodeInvalidRequest, Reason: reason, Limit: limit, Unit: unit}
	return &m.err
}

func (p *Parser) refuse(m *Message, code Code, reason string) error {
	m.err = Error{Code: code, Reason: reason}
	return &m.err
}

// invalid says what keeps an object from being a message.
func (p *Parser) invalid(m *Message, seen uint32) error {
	code, reason := CodeInvalidRequest, ""
	switch {
	case seen&seenVersion == 0 || seen&badVersion != 0:
		reason = "the member jsonrpc must be the string 2.0"
	case seen&badID != 0 && m.id.end-m.id.off > uint32(p.limits.IDBytes):
		m.id = span{}
		return p.limit(m, "id too long", p.limits.IDBytes, "bytes")
	case seen&badID != 0:
		reason = "the id must be a string or an integer"
	case seen&badMethod != 0:
		reason = "the method must be a string"
	case seen&(badResult|badError) != 0:
		reason = "result and error must be objects"
	case seen&seenMethod != 0 && seen&(seenResult|seenError) != 0:
		reason = "a method beside a result or an error"
	case seen&seenResult != 0 && seen&seenError != 0:
		reason = "a result beside an error"
	case seen&seenResult != 0:
		reason = "a result without an id"
	case seen&badParams != 0:
		code, reason = CodeInvalidParams, "params must be an object"
	case seen&seenMethod == 0:
		reason = "no method, result or error"
	default:
		reason = "no message"
	}
	if seen&badID != 0 {
		m.id = span{}
	}
	return p.refuse(m, code, reason)
}
