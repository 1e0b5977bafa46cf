package mcp

import (
	"encoding/base64"

	"github.com/gannetmcp/gannet/codec"
)

// Text appends a text block, or the text of the resource that is read.
// Ill-formed UTF-8 becomes U+FFFD.
func (r *Reply) Text(text []byte) error {
	c := r.call
	if c.method == methodResourcesRead {
		return r.contents(c.name, c.resource.MIMEType, text, false)
	}
	if err := r.block(escapeRoom(len(text))); err != nil {
		return err
	}
	r.dst = codec.AppendStringBytes(append(r.dst, `{"type":"text","text":`...), text)
	r.closeBlock()
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
	c := r.call
	if c.rev.audio || c.method == methodResourcesRead {
		return r.binary("audio", data, mimeType)
	}
	if err := r.block(0); err != nil {
		return err
	}
	r.dst = codec.AppendInt(append(r.dst, `{"type":"text","text":"[audio, `...), int64(len(data)))
	r.dst = append(r.dst, ` bytes, which this revision has no content for]"`...)
	r.closeBlock()
	return nil
}

func (r *Reply) binary(kind string, data []byte, mimeType string) error {
	c := r.call
	if c.method == methodResourcesRead {
		return r.contents(c.name, mimeType, data, true)
	}
	if err := r.block(base64.StdEncoding.EncodedLen(len(data)) + 2*len(mimeType)); err != nil {
		return err
	}
	r.dst = append(append(append(r.dst, `{"type":"`...), kind...), `","data":"`...)
	r.dst = base64.StdEncoding.AppendEncode(r.dst, data)
	r.dst = codec.AppendString(append(r.dst, `","mimeType":`...), mimeType)
	r.closeBlock()
	return nil
}

// Link appends a link to a resource; mimeType may be empty. A client of a
// revision before 2025-06-18 gets the URI as a text block.
func (r *Reply) Link(uri, name, mimeType string) error {
	c := r.call
	if c.method == methodResourcesRead {
		return errReplyKind
	}
	if !c.rev.resourceLinks {
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
	r.closeBlock()
	return nil
}

// Blob gives what the resource that is read holds, as bytes, which are sent in
// base64. Other methods have ResourceBlob.
func (r *Reply) Blob(data []byte) error {
	c := r.call
	if c.method != methodResourcesRead {
		return errReplyKind
	}
	return r.contents(c.name, c.resource.MIMEType, data, true)
}

// Resource appends a resource with its text; mimeType may be empty.
func (r *Reply) Resource(uri, mimeType string, text []byte) error {
	return r.embed(uri, mimeType, text, false)
}

// ResourceBlob appends a resource with its bytes, which are sent in base64;
// mimeType may be empty.
func (r *Reply) ResourceBlob(uri, mimeType string, data []byte) error {
	return r.embed(uri, mimeType, data, true)
}

func (r *Reply) embed(uri, mimeType string, data []byte, blob bool) error {
	if r.call.method == methodResourcesRead {
		return r.contents(viewBytes(uri), mimeType, data, blob)
	}
	if err := r.block(contentsRoom(len(uri), mimeType, data, blob)); err != nil {
		return err
	}
	r.dst = append(r.dst, `{"type":"resource","resource":`...)
	r.dst = appendContents(r.dst, viewBytes(uri), mimeType, data, blob)
	r.closeBlock()
	return nil
}

// contents appends one of the contents of a resource.
func (r *Reply) contents(uri []byte, mimeType string, data []byte, blob bool) error {
	if err := r.block(contentsRoom(len(uri), mimeType, data, blob)); err != nil {
		return err
	}
	r.dst = appendContents(r.dst, uri, mimeType, data, blob)
	return nil
}

func contentsRoom(uri int, mimeType string, data []byte, blob bool) int {
	n := escapeRoom(uri + len(mimeType))
	if blob {
		return n + base64.StdEncoding.EncodedLen(len(data))
	}
	return n + escapeRoom(len(data))
}

func appendContents(b, uri []byte, mimeType string, data []byte, blob bool) []byte {
	b = codec.AppendStringBytes(append(b, `{"uri":`...), uri)
	if mimeType != "" {
		b = codec.AppendString(append(b, `,"mimeType":`...), mimeType)
	}
	if blob {
		b = base64.StdEncoding.AppendEncode(append(b, `,"blob":"`...), data)
		return append(b, `"}`...)
	}
	b = codec.AppendStringBytes(append(b, `,"text":`...), data)
	return append(b, '}')
}

// Block appends a whole content block, one JSON object, for what the other
// methods have no word for, such as annotations. It is sent verbatim to clients
// of all revisions.
func (r *Reply) Block(object []byte) error {
	if r.call.method == methodResourcesRead {
		return errReplyKind
	}
	v, err := codec.ParseValue(object)
	if err != nil {
		return err
	}
	if v.Kind() != codec.ObjectKind {
		return errReplyRaw
	}
	raw := v.Raw()
	if err := r.block(len(raw)); err != nil {
		return err
	}
	r.dst = appendOneLine(r.dst, raw[:len(raw)-1])
	r.closeBlock()
	return nil
}
