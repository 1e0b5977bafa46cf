package mcp

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/gannetmcp/gannet/codec"
)

// Reply is the answer that a handler builds. Each method appends to the
// connection's output, in the order of calls, and copies what it is given. A
// tool's reply is a list of content blocks; Raw gives a whole result instead.
//
// Raw JSON that a handler gives is not judged, unless the tool has Validate;
// line breaks in it become blanks, so that it cannot break the framing.
type Reply struct {
	call    *Call
	dst     []byte
	state   replyState
	isError bool
	empty   bool // no content block yet
}

type replyState uint8

const (
	replyEmpty   replyState = iota
	replyContent            // inside the content array
	replyEnded              // after the content array
	replyRaw                // a whole result was given
)

var (
	errReplyOrder = errors.New("mcp: reply: content after Structured or Raw")
	errReplyTwice = errors.New("mcp: reply: Structured or Raw after other content of that kind")
	errReplyRaw   = errors.New("mcp: reply: Raw wants a JSON object with members")
)

func (r *Reply) reset() {
	r.dst, r.state, r.isError, r.empty = nil, replyEmpty, false, true
}

// block opens the next content block with room for n bytes.
func (r *Reply) block(n int) error {
	switch r.state {
	case replyEmpty:
		r.dst = append(r.call.engine.BeginResult(), `{"content":[`...)
		r.state = replyContent
	case replyContent:
	default:
		return errReplyOrder
	}
	r.dst = r.call.engine.Grow(r.dst, n+blockRoom)
	if !r.empty {
		r.dst = append(r.dst, ',')
	}
	r.empty = false
	return nil
}

// blockRoom is what a content block and the end of a reply take beside the
// block's data.
const blockRoom = 256

// escapeRoom is what a string of n bytes may grow by when it is quoted, short
// of unusual text, for which the output grows by append.
func escapeRoom(n int) int { return n + n/8 }

// Text appends a text block. Ill-formed UTF-8 becomes U+FFFD.
func (r *Reply) Text(text []byte) error {
	if err := r.block(escapeRoom(len(text))); err != nil {
		return err
	}
	r.dst = codec.AppendStringBytes(append(r.dst, `{"type":"text","text":`...), text)
	r.dst = append(r.dst, '}')
	return nil
}

// TextString is Text for a string.
func (r *Reply) TextString(text string) error { return r.Text(viewBytes(text)) }

// Image appends an image block; data is the image itself, which is sent in
// base64.
func (r *Reply) Image(data []byte, mimeType string) error {
	return r.binary("image", data, mimeType)
}

// Audio appends an audio block like Image. A client of revision 2024-11-05,
// which knows no audio, gets a text block that says so.
func (r *Reply) Audio(data []byte, mimeType string) error {
	if !r.call.rev.audio {
		if err := r.block(0); err != nil {
			return err
		}
		r.dst = codec.AppendInt(append(r.dst, `{"type":"text","text":"[audio, `...), int64(len(data)))
		r.dst = append(r.dst, " bytes, which this revision has no content for]\"}"...)
		return nil
	}
	return r.binary("audio", data, mimeType)
}

func (r *Reply) binary(kind string, data []byte, mimeType string) error {
	if err := r.block(base64.StdEncoding.EncodedLen(len(data)) + 2*len(mimeType)); err != nil {
		return err
	}
	r.dst = append(append(append(r.dst, `{"type":"`...), kind...), `","data":"`...)
	r.dst = base64.StdEncoding.AppendEncode(r.dst, data)
	r.dst = codec.AppendString(append(r.dst, `","mimeType":`...), mimeType)
	r.dst = append(r.dst, '}')
	return nil
}

// Link appends a link to a resource; mimeType may be empty. A client of a
// revision before 2025-06-18 gets the URI as a text block.
func (r *Reply) Link(uri, name, mimeType string) error {
	if !r.call.rev.resourceLinks {
		return r.TextString(uri)
	}
	if err := r.block(escapeRoom(len(uri) + len(name) + len(mimeType))); err != nil {
		return err
	}
	r.dst = codec.AppendString(append(r.dst, `{"type":"resource_link","uri":`...), uri)
	r.dst = codec.AppendString(append(r.dst, `,"name":`...), name)
	if mimeType != "" {
		r.dst = codec.AppendString(append(r.dst, `,"mimeType":`...), mimeType)
	}
	r.dst = append(r.dst, '}')
	return nil
}

// Resource appends a resource with its text; mimeType may be empty.
func (r *Reply) Resource(uri, mimeType string, text []byte) error {
	if err := r.block(escapeRoom(len(uri) + len(mimeType) + len(text))); err != nil {
		return err
	}
	r.dst = codec.AppendString(append(r.dst, `{"type":"resource","resource":{"uri":`...), uri)
	if mimeType != "" {
		r.dst = codec.AppendString(append(r.dst, `,"mimeType":`...), mimeType)
	}
	r.dst = codec.AppendStringBytes(append(r.dst, `,"text":`...), text)
	r.dst = append(r.dst, "}}"...)
	return nil
}

// Structured gives the structured content of the result, one JSON value that
// conforms to the tool's output schema, and appends it as a text block too, as
// the specification wants it. No content may follow. A client of a revision
// before 2025-06-18 gets the text block only, and so does one of a revision
// before 2026-07-28 if the value is no object.
//
// For a tool with Validate and an output schema the value is judged. The error
// that is returned for one that breaks the schema is logged; the handler returns
// it, and the client gets an internal error.
func (r *Reply) Structured(value []byte) error {
	if r.state == replyEnded || r.state == replyRaw {
		return errReplyTwice
	}
	if t := r.call.tool; t != nil && t.output != nil {
		v, err := codec.ParseValue(value)
		if err == nil {
			err = t.output.validate(v)
		}
		if err != nil {
			return r.call.breaksSchema(err)
		}
		value = v.Raw()
	}
	if err := r.block(2*len(value) + len(value)/4); err != nil {
		return err
	}
	r.dst = codec.AppendStringBytes(append(r.dst, `{"type":"text","text":`...), value)
	r.dst = append(r.dst, "}]"...)
	rev := r.call.rev
	if rev.structured && (rev.anyOutput || codec.RawValue(value).Kind() == codec.ObjectKind) {
		r.dst = appendOneLine(append(r.dst, `,"structuredContent":`...), value)
	}
	r.state = replyEnded
	return nil
}

// owes returns an error if the tool has to give structured content and has
// not.
func (r *Reply) owes() error {
	t := r.call.tool
	if t == nil || t.output == nil || r.isError || r.state == replyEnded || r.state == replyRaw || !r.call.rev.structured {
		return nil
	}
	return r.call.breaksSchema(errNoStructured)
}

var errNoStructured = errors.New("mcp: the structured content is missing")

// breaksSchema logs that a tool's result is not what its output schema says,
// and returns the error that the client gets.
func (c *Call) breaksSchema(err error) *Error {
	c.server.opts.Logger.Error("result breaks the tool's output schema", "tool", c.Tool(), "error", err)
	return errOutputSchema
}

// SetError marks a tool's result as an error that its content explains.
func (r *Reply) SetError() { r.isError = true }

// Raw gives the whole result, one JSON object with at least one member, to
// which only what the revision wants on each result is added. The object must
// have no member resultType or _meta.
func (r *Reply) Raw(object []byte) error {
	if r.state != replyEmpty {
		return errReplyTwice
	}
	object = bytes.TrimSpace(object)
	if len(object) < 2 || object[0] != '{' || object[len(object)-1] != '}' || len(bytes.TrimSpace(object[1:len(object)-1])) == 0 {
		return errReplyRaw
	}
	r.dst = r.call.engine.Grow(r.call.engine.BeginResult(), len(object)+blockRoom)
	r.dst = appendOneLine(r.dst, object[:len(object)-1])
	r.state = replyRaw
	return nil
}

// finish sends the reply.
func (r *Reply) finish() {
	if r.state == replyEmpty {
		r.dst = append(r.call.engine.BeginResult(), `{"content":[`...)
		r.state = replyContent
	}
	if r.state == replyContent {
		r.dst = append(r.dst, ']')
	}
	if r.isError {
		r.dst = append(r.dst, `,"isError":true`...)
	}
	if r.call.rev.modern {
		tail := r.call.server.modernTail
		r.dst = append(r.call.engine.Grow(r.dst, len(tail)+2), tail...)
	} else {
		r.dst = append(r.dst, '}')
	}
	dst := r.dst
	r.reset()
	r.call.engine.EndResult(dst)
}

// abandon drops what was appended.
func (r *Reply) abandon() {
	if r.state != replyEmpty {
		r.call.engine.AbandonResult(r.dst)
	}
	r.reset()
}
