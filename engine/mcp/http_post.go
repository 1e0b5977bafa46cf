package mcp

import (
	"bytes"
	"strings"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// Header fields of MCP.
const (
	headerVersion = "MCP-Protocol-Version"
	headerSession = "Mcp-Session-Id"
	headerMethod  = "Mcp-Method"
	headerName    = "Mcp-Name"
)

// serveStreamable serves the path of Streamable HTTP.
func (h *httpConn) serveStreamable() {
	const methods = "POST, GET, DELETE, OPTIONS"
	switch string(h.x.Request.Method()) {
	case "POST":
		h.servePost()
	case "GET":
		h.serveGet()
	case "DELETE":
		h.serveDelete()
	case "OPTIONS":
		h.preflight(methods)
	default:
		h.notAllowed(methods)
	}
}

// servePost serves the message, or the batch, in the body of a POST.
func (h *httpConn) servePost() {
	r := h.x.Request
	if ct, _ := r.Header("Content-Type"); !mediaType(ct, "application/json") {
		h.text(415, "Content-Type must be application/json.")
		return
	}
	if accept, n := r.Header("Accept"); n > 0 && !h.acceptsBoth(accept) {
		h.text(406, "Accept must have application/json and text/event-stream.")
		return
	}
	id, named := r.Header(headerSession)
	h.named = named > 0
	if h.named {
		h.session = h.find(id)
		if h.session != nil && h.session.principal != h.principal {
			h.text(403, "The session is another's.")
			return
		}
	}
	h.own.sender = h.principal
	rev := modernOne
	if h.session != nil {
		if r := h.session.record.Load(); r != nil {
			rev = r.rev
		}
	}
	h.conn.AllowBatch(rev.batches)
	h.conn.OmitErrorID(rev.omitErrorID)
	body, ok := h.x.ReadBody()
	if !ok {
		return
	}
	h.conn.Receive(body)
	if h.x.Done || h.x.Begun || h.pending {
		return
	}
	if h.status != 0 {
		h.text(h.status, "The session is unknown, or has ended; initialize another.")
		return
	}
	h.conn.Respond(202, "", nil)
}

// ServeRequest picks the era of a request and its session.
func (h *httpConn) ServeRequest(ec *engine.Call) {
	h.pending = true
	c := h.own.call(ec)
	c.rev = latestLegacy
	c.method = methodNamed(ec.Method())
	if err := c.readMeta(); err != nil {
		h.modern = c.meta.modern
		c.fail(err)
		return
	}
	version, n := h.x.Request.Header(headerVersion)
	stated := c.meta.version.Kind() == codec.String
	rev := revisionOf(viewString(version))
	switch {
	case n > 1:
		c.fail(errHeaderTwice)
	case n == 0 && stated && !(revisionNamed(c.meta.version) != nil && !revisionNamed(c.meta.version).modern):
		h.modern = true
		c.fail(errHeaderMissing)
	case n > 0 && stated && !c.meta.version.EqualString(viewString(version)):
		h.modern = true
		c.fail(errHeaderMismatch)
	case n > 0 && rev == nil:
		h.modern = true
		c.failUnsupportedHeader(version)
	case rev != nil && rev.modern:
		h.modern, h.x.EndsWithPeer = true, true
		c.rev = rev
		if !c.meta.modern {
			c.fail(errVersionMissing)
			return
		}
		if err := h.judgeHeaders(c); err != nil {
			c.fail(err)
			return
		}
		if c.method == methodListen {
			if h.x.NoEvents {
				h.status = 505
				c.fail(errNoStream)
				return
			}
			h.streams()
		}
		h.own.ServeRequest(ec)
	default:
		h.serveLegacy(c)
	}
}

// serveLegacy serves a request of a revision with sessions.
func (h *httpConn) serveLegacy(c *Call) {
	switch {
	case c.method == methodInitialize && !h.named:
		ss := h.server.sessions.begin(h.server, h.principal)
		if ss == nil {
			c.fail(errNoSession)
			return
		}
		h.session, h.begun = ss, ss
		ss.ServeRequest(c.engine)
		if ss.record.Load() != nil {
			h.begun = nil
		}
	case c.method == methodDiscover:
		_ = unknownMethod(c)
	case !h.named:
		h.status = 400
		c.fail(errSessionMissing)
	case h.session == nil:
		h.status = 404
		c.fail(errSessionUnknown)
	default:
		h.session.used(c.engine.Conn())
		if h.server.opts.HTTP.ReplayEvents > 0 {
			h.x.Events = h
		}
		h.session.ServeRequest(c.engine)
	}
}

// ServeNotification takes a notification of the session, or of the connection.
func (h *httpConn) ServeNotification(conn *engine.Conn, m *codec.Message) {
	if version, _ := h.x.Request.Header(headerVersion); revisionOf(viewString(version)) == modernOne {
		h.own.ServeNotification(conn, m)
		return
	}
	if h.knows() {
		h.session.used(conn)
		h.session.notified(m)
	}
}

// ServeResponse takes the answer to a question of the session's.
func (h *httpConn) ServeResponse(conn *engine.Conn, m *codec.Message) {
	if h.knows() {
		h.session.used(conn)
		h.session.ServeResponse(conn, m)
	}
}

// knows reports whether the exchange names a session that is there.
func (h *httpConn) knows() bool {
	switch {
	case !h.named:
		h.status = 400
	case h.session == nil:
		h.status = 404
	}
	return h.session != nil
}

var (
	errHeaderTwice    = &Error{Code: codec.CodeHeaderMismatch, Message: "Header mismatch: " + headerVersion + " must come once"}
	errHeaderMissing  = &Error{Code: codec.CodeHeaderMismatch, Message: "Header mismatch: " + headerVersion + " is missing; it must be what _meta says"}
	errHeaderMismatch = &Error{Code: codec.CodeHeaderMismatch, Message: "Header mismatch: " + headerVersion + " is not what _meta says"}
	errNoStream       = &Error{Code: codec.CodeInvalidRequest, Message: "Invalid Request: an event stream needs HTTP/1.1"}
	errSessionMissing = &Error{Code: codec.CodeInvalidRequest, Message: "Invalid Request: " + headerSession + " is missing; send initialize first"}
	errSessionUnknown = &Error{Code: codec.CodeInvalidRequest, Message: "Invalid Request: the session is unknown, or has ended; send initialize without " + headerSession}
	errNoSession      = &Error{Code: codec.CodeNoSession, Message: "No room for a session; try again later"}
)

// failUnsupportedHeader refuses a revision that the header names.
func (c *Call) failUnsupportedHeader(version []byte) {
	if len(version) > versionShown {
		version = version[:versionShown]
	}
	data := append([]byte(nil), supportedData...)
	data = append(codec.AppendStringBytes(data, version), '}')
	c.engine.Error(errUnsupported.Code, errUnsupported.Message, data)
}

// mediaType reports whether a Content-Type is of a type, whatever its parameters.
func mediaType(value []byte, want string) bool {
	value, _, _ = bytes.Cut(value, []byte(";"))
	return strings.EqualFold(viewString(bytes.TrimSpace(value)), want)
}

// acceptsBoth reports whether an Accept field takes JSON and event streams. A
// connection sends the same one each time: what was judged last is remembered.
func (h *httpConn) acceptsBoth(accept []byte) bool {
	if h.accept != nil && bytes.Equal(accept, h.accept) {
		return true
	}
	if !accepts(accept, "application/json") || !accepts(accept, "text/event-stream") {
		return false
	}
	if len(accept) <= acceptKept {
		h.accept = append(h.accept[:0:0], accept...)
	}
	return true
}

// acceptKept bounds what is remembered.
const acceptKept = 128

// accepts reports whether an Accept field takes a type (RFC 9110 §12.5.1).
// Weights are not looked at, but for 0.
func accepts(accept []byte, want string) bool {
	main, _, _ := strings.Cut(want, "/")
	for len(accept) > 0 {
		var one []byte
		one, accept, _ = bytes.Cut(accept, []byte(","))
		t, params, _ := bytes.Cut(one, []byte(";"))
		t = bytes.TrimSpace(t)
		if q := bytes.TrimSpace(params); string(q) == "q=0" {
			continue
		}
		name := viewString(t)
		if name == "*/*" || strings.EqualFold(name, want) || len(name) == len(main)+2 && strings.EqualFold(name[:len(main)], main) && name[len(main):] == "/*" {
			return true
		}
	}
	return false
}
