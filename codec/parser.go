package codec

import "math"

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
// usable id was found, but not where a limit or a name that comes twice ended
// the walk: there might be another id behind.
//
// A message of 2 GiB or more is beyond a limit.
//
// Hot path: no allocation, no lock.
func (p *Parser) Parse(m *Message, b []byte) error {
	m.raw = b
	m.kind = KindInvalid
	m.methodEsc, m.overflow, m.count = false, false, 0
	m.id, m.method, m.params, m.result, m.fail = span{}, span{}, span{}, span{}, span{}
	s := scanner{depth: p.limits.Depth - 1, members: p.limits.Members, numberBytes: p.limits.NumberBytes}
	if len(b) > math.MaxInt32 {
		return p.limit(m, "message too large", math.MaxInt32, "bytes")
	}
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
	m.id = span{} // what follows was not looked at, another id may be in it
	m.err = p.limits.refusal(i, f)
	return &m.err
}

// refusal returns the error of a scan that stopped at i.
func (l *Limits) refusal(i int, f fault) Error {
	e := Error{Code: CodeInvalidRequest, Reason: faultReasons[f]}
	switch f {
	case faultDepth:
		e.Limit, e.Unit = l.Depth, "levels"
	case faultMembers:
		e.Limit, e.Unit = l.Members, "members"
	case faultNumberBytes:
		e.Limit, e.Unit = l.NumberBytes, "bytes"
	case faultDuplicate:
	default:
		e.Code, e.Offset = CodeParse, i
	}
	return e
}

func (p *Parser) limit(m *Message, reason string, limit int, unit string) error {
	m.id = span{}
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
	case seen&seenParams != 0 && seen&seenMethod == 0:
		reason = "params without a method"
	case seen&seenResult != 0:
		reason = "a result without an id"
	case seen&badParams != 0:
		code, reason = CodeInvalidParams, "params must be an object"
	default:
		reason = "no method, result or error"
	}
	if seen&badID != 0 {
		m.id = span{}
	}
	return p.refuse(m, code, reason)
}
