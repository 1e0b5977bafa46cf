package mcp

import (
	"encoding/base64"
	"errors"
	"strconv"

	"github.com/gannetmcp/gannet/codec"
)

// Reply is the answer that a handler builds. Each method appends to the
// connection's output, in the order of calls, and copies what it is given. A
// tool's reply is a list of content blocks; Raw gives a whole result instead.
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
	errReplyTwice = errors.New("mcp: reply: Structured or Raw given twice")
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
		if err := r.block(len(mimeType)); err != nil {
			return err
		}
		r.dst = append(append(r.dst, `{"type":"text","text":"[audio, `...), strconv.Itoa(len(data))...)
		r.dst = append(r.dst, " bytes, not shown to this revision]\"}"...)
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

// Structured gives the structured content of the result, one JSON object that
// conforms to the tool's output schema, and appends it as a text block too, as
// the specification wants it. A client of a revision before 2025-06-18 gets
// the text block only. No content may follow.
func (r *Reply) Structured(object []byte) error {
	if r.state == replyEnded || r.state == replyRaw {
		return errReplyTwice
	}
	if err := r.block(2*len(object) + len(object)/4); err != nil {
		return err
	}
	r.dst = codec.AppendStringBytes(append(r.dst, `{"type":"text","text":`...), object)
	r.dst = append(r.dst, "}]"...)
	if r.call.rev.structured {
		r.dst = append(append(r.dst, `,"structuredContent":`...), object...)
	}
	r.state = replyEnded
	return nil
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
	r.dst = r.call.engine.Grow(r.call.engine.BeginResult(), len(object)+blockRoom)
	end := len(object)
	for end > 0 && object[end-1] != '}' {
		end--
	}
	if end < 2 {
		r.call.engine.AbandonResult(r.dst)
		return errors.New("mcp: reply: Raw wants a JSON object")
	}
	r.dst = append(r.dst, object[:end-1]...)
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
