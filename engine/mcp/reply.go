package mcp

import (
	"bytes"
	"errors"

	"github.com/gannetmcp/gannet/codec"
)

// Reply is the answer that a handler builds. Each method appends to the
// connection's output, in the order of calls, and copies what it is given.
//
//   - A tool's reply is a list of content blocks.
//   - A prompt's is a list of messages, each with one block; SetRole says whose.
//   - A resource's is a list of contents: Text, Blob, Image and Audio give one
//     under the URI that was asked for, Resource and ResourceBlob under another.
//
// Raw gives a whole result instead.
//
// Raw JSON that a handler gives is not judged, unless the tool has Validate;
// line breaks in it become blanks, so that it cannot break the framing.
type Reply struct {
	call    *Call
	dst     []byte
	state   replyState
	isError bool
	empty   bool // no content block yet
	role    Role // of a prompt's messages
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
	errReplyKind  = errors.New("mcp: reply: an answer of this method has no such part")
	errReplyRaw   = errors.New("mcp: reply: Raw wants a JSON object with members")
)

func (r *Reply) reset() {
	r.dst, r.state, r.isError, r.empty, r.role = nil, replyEmpty, false, true, User
}

// block opens the next content block with room for n bytes.
func (r *Reply) block(n int) error {
	c := r.call
	switch r.state {
	case replyEmpty:
		r.open()
	case replyContent:
	default:
		return errReplyOrder
	}
	r.dst = c.engine.Grow(r.dst, n+blockRoom)
	if !r.empty {
		r.dst = append(r.dst, ',')
	}
	r.empty = false
	if c.method == methodPromptsGet {
		r.dst = append(append(append(r.dst, `{"role":"`...), r.role...), `","content":`...)
	}
	return nil
}

// open begins the result with its list.
func (r *Reply) open() {
	c := r.call
	r.dst, r.state = c.engine.BeginResult(), replyContent
	switch {
	case c.method == methodResourcesRead:
		r.dst = append(r.dst, `{"contents":[`...)
	case c.prompt != nil:
		r.dst = append(c.engine.Grow(r.dst, len(c.prompt.head)), c.prompt.head...)
	default:
		r.dst = append(r.dst, `{"content":[`...)
	}
}

// closeBlock ends what block has opened.
func (r *Reply) closeBlock() {
	r.dst = append(r.dst, '}')
	if r.call.method == methodPromptsGet {
		r.dst = append(r.dst, '}')
	}
}

// SetRole says whose the messages of a prompt are that follow.
func (r *Reply) SetRole(role Role) { r.role = role }

// blockRoom is what a content block and the end of a reply take beside the
// block's data.
const blockRoom = 256

// escapeRoom is what a string of n bytes may grow by when it is quoted, short
// of unusual text, for which the output grows by append.
func escapeRoom(n int) int { return n + n/8 }

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
	if r.call.method != methodToolsCall {
		return errReplyKind
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
// not, or the resource has no contents.
func (r *Reply) owes() error {
	if r.call.method == methodResourcesRead && r.state == replyEmpty {
		return errNoContents
	}
	t := r.call.tool
	if t == nil || t.output == nil || r.isError || r.state == replyEnded || r.state == replyRaw || !r.call.rev.structured {
		return nil
	}
	return r.call.breaksSchema(errNoStructured)
}

var (
	errNoStructured = errors.New("mcp: the structured content is missing")
	errNoContents   = errors.New("mcp: the handler of the resource has appended nothing, and has not returned ErrNotFound")
)

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
	c := r.call
	if r.state == replyEmpty {
		r.open()
	}
	if r.state == replyContent {
		r.dst = append(r.dst, ']')
	}
	if r.isError && c.method == methodToolsCall {
		r.dst = append(r.dst, `,"isError":true`...)
	}
	if c.method == methodResourcesRead && c.rev.modern {
		r.dst = c.server.appendCaching(c.engine.Grow(r.dst, blockRoom))
	}
	dst := r.dst
	r.reset()
	c.endResult(dst)
}

// abandon drops what was appended.
func (r *Reply) abandon() {
	if r.state != replyEmpty {
		r.call.engine.AbandonResult(r.dst)
	}
	r.reset()
}
