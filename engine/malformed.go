package engine

import "github.com/gannetmcp/gannet/codec"

// MalformedHandler is a Handler that takes what is no message it could serve,
// instead of having it answered with an error as a server does: a client,
// whose peer sends answers and does not wait for any.
type MalformedHandler interface {
	Handler
	// ServeMalformed is called on the loop and must not block. err says what
	// is wrong; id is the message's where that could be read, such as that of
	// an answer whose result is no object. Both are valid until it returns.
	ServeMalformed(c *Conn, id codec.ID, err *codec.Error)
}

// malformed has input that cannot be served taken by the handler, or answered.
func (c *Conn) malformed(id codec.ID, err *codec.Error) {
	if !c.takesMalformed(id, err) {
		c.sendError(id, err)
	}
}

// takesMalformed reports whether the handler has taken it.
func (c *Conn) takesMalformed(id codec.ID, err *codec.Error) bool {
	h, ok := c.handler.(MalformedHandler)
	if ok {
		h.ServeMalformed(c, id, err)
	}
	return ok
}
