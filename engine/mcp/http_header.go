package mcp

import (
	"bytes"
	"encoding/base64"

	"github.com/gannetmcp/gannet/codec"
)

// What clients of 2026-07-28 mirror of a message in header fields, so that
// intermediaries can route without reading it ("Standard headers").

func headerError(name, text string) *Error {
	return &Error{Code: codec.CodeHeaderMismatch, Message: "Header mismatch: " + name + " " + text}
}

var (
	errMethodMissing = headerError(headerMethod, "is missing; it must be the method")
	errMethodDiffers = headerError(headerMethod, "is not the method")
	errNameMissing   = headerError(headerName, "is missing; it must be what the request is about")
	errNameDiffers   = headerError(headerName, "is not what the request is about")
	errNameEncoding  = headerError(headerName, "is no base64")
)

// judgeHeaders compares the fields with the message.
func (h *httpConn) judgeHeaders(c *Call) *Error {
	r := h.x.Request
	switch v, n := r.Header(headerMethod); {
	case n != 1:
		return errMethodMissing
	case !bytes.Equal(v, c.Method()):
		return errMethodDiffers
	}
	key := ""
	switch c.method {
	case methodToolsCall, methodPromptsGet:
		key = "name"
	case methodResourcesRead:
		key = "uri"
	case methodTasksGet, methodTasksUpdate, methodTasksCancel:
		key = "taskId"
	default:
		return nil
	}
	want, ok := c.engine.Params().Get(key)
	if !ok || want.Kind() != codec.String {
		return nil // refused for that
	}
	v, n := r.Header(headerName)
	if n != 1 {
		return errNameMissing
	}
	text, err := want.Bytes(c.engine.Arena())
	if err != nil {
		return nil
	}
	got, ok := decodeHeader(v)
	if !ok {
		return errNameEncoding
	}
	if !bytes.Equal(got, text) {
		return errNameDiffers
	}
	if c.method == methodToolsCall {
		if e := c.server.tools.names.Lookup(text); e != nil && len(e.Value.headers) > 0 {
			return h.judgeParams(c, e.Value)
		}
	}
	return nil
}

const (
	base64Begin = "=?base64?"
	base64End   = "?="
)

// decodeHeader undoes the encoding of values that a field cannot have.
func decodeHeader(v []byte) ([]byte, bool) {
	if len(v) < len(base64Begin)+len(base64End) || string(v[:len(base64Begin)]) != base64Begin || string(v[len(v)-len(base64End):]) != base64End {
		return v, true
	}
	b, err := base64.StdEncoding.Strict().AppendDecode(nil, v[len(base64Begin):len(v)-len(base64End)])
	return b, err == nil
}

// judgeParams compares the fields of arguments with x-mcp-header.
func (h *httpConn) judgeParams(c *Call, t *tool) *Error {
	args, _ := c.engine.Params().Get("arguments")
	for i := range t.headers {
		p := &t.headers[i]
		v := args
		ok := true
		for _, step := range p.path {
			if v, ok = v.Object().Get(step); !ok {
				break
			}
		}
		field, n := h.x.Request.Header(p.field)
		if !ok || v.IsNull() {
			continue // whatever the field says: it is not expected
		}
		if n != 1 {
			return headerError(p.field, "is missing; it must be the argument")
		}
		got, valid := decodeHeader(field)
		if !valid {
			return headerError(p.field, "is no base64")
		}
		if !sameParam(c, v, got) {
			return headerError(p.field, "is not the argument")
		}
	}
	return nil
}

// sameParam reports whether a field's value is that of an argument.
func sameParam(c *Call, v codec.Value, field []byte) bool {
	switch v.Kind() {
	case codec.String:
		text, err := v.Bytes(c.engine.Arena())
		return err == nil && bytes.Equal(text, field)
	case codec.Number:
		a, err := v.Float64()
		if err != nil {
			return false
		}
		if _, err := codec.ParseValue(field); err != nil {
			return false
		}
		b, err := codec.RawValue(field).Float64()
		return err == nil && a == b
	}
	return bytes.Equal(v.Raw(), field)
}
