package codec

import "bytes"

// Kind says what a message is.
type Kind uint8

// The kinds.
const (
	KindInvalid      Kind = iota
	KindRequest           // method and id
	KindNotification      // method, no id
	KindResult            // id and result
	KindError             // error; the id may be missing or null
	KindBatch             // an array of messages
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"invalid", "request", "notification", "result", "error", "batch"}[k]
}

// ID is the id of a request: the JSON text as it was received, a string or an
// integer of any size, which is echoed byte for byte. The zero ID is none. It
// aliases the message.
type ID struct{ raw []byte }

// RawID returns an id with the JSON text raw, which it aliases and does not
// judge.
func RawID(raw []byte) ID { return ID{raw} }

// IsSet reports whether there is an id.
func (id ID) IsSet() bool { return len(id.raw) > 0 }

// Raw returns the JSON text. It aliases the message.
func (id ID) Raw() []byte { return id.raw }

// IsString reports whether the id is a string.
func (id ID) IsString() bool { return len(id.raw) > 0 && id.raw[0] == '"' }

// span is a piece of the message by offsets; end 0 means that it is not there.
type span struct{ off, end uint32 }

func (s span) of(b []byte) []byte { return b[s.off:s.end] }
func (s span) set() bool          { return s.end != 0 }

// Member is the place of one member of params or of a result in the message:
// offsets of the name without its quotes, and of the value. The top bit of
// KeyEnd says that the name is written with escapes.
type Member struct{ KeyOff, KeyEnd, ValOff, ValEnd uint32 }

const (
	memberEscaped = 1 << 31
	// membersIndexed is how many members the index holds. An object with more
	// is scanned for them.
	membersIndexed = 32
)

// Message is one parsed message. It keeps offsets into the bytes that were
// parsed, and those by reference: it is valid as long as they are not written
// to. A Message is reused from parse to parse. Not safe for concurrent use.
type Message struct {
	raw       []byte
	kind      Kind
	methodEsc bool
	overflow  bool // more members than the index holds
	count     uint8
	id        span
	method    span // without its quotes
	params    span
	result    span
	fail      span // the error member
	decoded   []byte
	err       Error
	members   [membersIndexed]Member
}

// Kind says what the message is.
func (m *Message) Kind() Kind { return m.kind }

// Raw returns the bytes that were parsed.
func (m *Message) Raw() []byte { return m.raw }

// ID returns the id, none for notifications and where none could be read.
func (m *Message) ID() ID { return ID{m.id.of(m.raw)} }

// Method returns the method's name, unescaped. It aliases the message, or
// memory of m's own where it was written with escapes.
func (m *Message) Method() []byte {
	if m.methodEsc {
		return m.decoded
	}
	return m.method.of(m.raw)
}

// HasParams reports whether there is a params member.
func (m *Message) HasParams() bool { return m.params.set() }

// Params returns the params of a request or notification, empty if there are
// none. It aliases the message and m.
func (m *Message) Params() Object { return m.indexed(m.params) }

// Result returns the result of a response, empty if there is none. It aliases
// the message and m.
func (m *Message) Result() Object { return m.indexed(m.result) }

func (m *Message) indexed(s span) Object {
	if !s.set() {
		return Object{}
	}
	o := Object{raw: s.of(m.raw)}
	if !m.overflow {
		o.base, o.index = m.raw, m.members[:m.count]
	}
	return o
}

// ErrorObject returns the error member of a response, empty if there is none.
func (m *Message) ErrorObject() Object {
	if !m.fail.set() {
		return Object{}
	}
	return Object{raw: m.fail.of(m.raw)}
}

// Rebase makes m refer to b, a copy of the bytes that were parsed.
func (m *Message) Rebase(b []byte) {
	if len(b) != len(m.raw) {
		panic("codec: Rebase to bytes of another length")
	}
	m.raw = b
}

// CopyTo makes dst the same as m; both then refer to the same bytes.
func (m *Message) CopyTo(dst *Message) {
	decoded := dst.decoded
	dst.raw, dst.kind, dst.methodEsc, dst.overflow = m.raw, m.kind, m.methodEsc, m.overflow
	dst.count, dst.id, dst.method, dst.params, dst.result, dst.fail = m.count, m.id, m.method, m.params, m.result, m.fail
	copy(dst.members[:m.count], m.members[:m.count])
	dst.decoded = decoded[:0]
	if m.methodEsc {
		dst.decoded = append(dst.decoded, m.decoded...)
	}
}

// Batch iterates over the messages of a batch.
type Batch struct {
	b []byte
	i int
}

// Batch returns an iterator over the messages of a batch, which stays valid
// when m is parsed into again.
func (m *Message) Batch() Batch {
	if m.kind != KindBatch {
		return Batch{}
	}
	return Batch{b: m.raw, i: bytes.IndexByte(m.raw, '[') + 1}
}

// Next returns the bytes of the next message, any JSON value. They alias the
// batch.
func (t *Batch) Next() (raw []byte, more bool) {
	i := space(t.b, t.i)
	if i >= len(t.b) || t.b[i] == ']' {
		return nil, false
	}
	end := skip(t.b, i)
	t.i = space(t.b, end)
	if t.i < len(t.b) && t.b[t.i] == ',' {
		t.i++
	}
	return t.b[i:end], true
}
