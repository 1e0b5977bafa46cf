package mcp

import (
	"context"
	"errors"
	"time"
	"unsafe"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// Handler answers one request. It reads c.Args, appends to c.Reply, and
// returns nil; what it has appended is then sent, an empty reply if that is
// nothing. If it returns an error, what it appended is dropped, and the answer
// is
//
//   - for an *Error, a JSON-RPC error;
//   - for an *ArgError, what the revision wants for bad arguments;
//   - for any other error of a tool, a result with isError and the error's
//     text, cut after 4,096 bytes;
//   - for any other error of a method, an internal error.
type Handler func(c *Call) error

// Call is one request on its way through a handler. It is valid until the
// handler returns, and is then used for another request.
type Call struct {
	engine *engine.Call
	server *Server
	rev    *revision
	meta   requestMeta
	tool   *tool
	args   codec.Object
	reply  Reply
	arg    ArgError // what Args methods return
	moved  bool     // by Go or GoAfter

	reported bool // progress was sent
	progress float64
}

// Engine returns the engine's call below, for what this package has no word
// for.
func (c *Call) Engine() *engine.Call { return c.engine }

// Server returns the server.
func (c *Call) Server() *Server { return c.server }

// Method returns the request's method. It aliases the message.
func (c *Call) Method() []byte { return c.engine.Method() }

// ID returns the request's id. It aliases the message.
func (c *Call) ID() codec.ID { return c.engine.ID() }

// Params returns the request's params. It aliases the message.
func (c *Call) Params() codec.Object { return c.engine.Params() }

// Tool returns the name of the tool that is called, empty for other methods.
func (c *Call) Tool() string {
	if c.tool == nil {
		return ""
	}
	return c.tool.Name
}

// Revision returns the name of the protocol revision that the request is for.
func (c *Call) Revision() string { return c.rev.name }

// Modern reports whether the request is for revision 2026-07-28 or later,
// where nothing may be inferred from earlier requests.
func (c *Call) Modern() bool { return c.rev.modern }

// Client returns the name and version of the client as it gave them, empty
// where it did not. Allocates for modern requests.
func (c *Call) Client() (name, version string) {
	if !c.rev.modern {
		if ss, ok := c.engine.Conn().State().(*session); ok {
			if r := ss.record.Load(); r != nil {
				return r.clientName, r.clientVersion
			}
		}
		return "", ""
	}
	return implementation(c.meta.clientInfo.Object())
}

// Context returns a context that ends when the call has become pointless: its
// client cancelled it or went away, or it ran over its time. context.Cause
// tells which (engine.ErrPeerCancelled, engine.ErrConnClosed,
// engine.ErrCallTimeout). Allocates at its first use in a call. In an inline
// handler it is the background context.
func (c *Call) Context() context.Context { return c.engine.Context() }

// Ended reports whether the call has become pointless, without allocating.
func (c *Call) Ended() bool { return c.engine.Ended() }

// Args returns the arguments of a tool call.
func (c *Call) Args() Args { return Args{c} }

// Reply returns the answer, to be appended to.
func (c *Call) Reply() *Reply { return &c.reply }

// Go moves the call from an inline handler to the worker pool, where h goes
// on with it; the inline handler then returns nil. h gets a Call of its own
// with the same content. When the pool or a limit is full the client gets
// -31001. Middleware is not run again, so
// a middleware must not move the built-in handlers: initialize is refused off
// the loop. Panics when the call is off the loop
// already or has been replied to.
func (c *Call) Go(h Handler) { c.GoAfter(0, h) }

// GoAfter is Go after d. Nothing but a timer is held meanwhile.
func (c *Call) GoAfter(d time.Duration, h Handler) {
	if c.reply.state != replyEmpty {
		panic("mcp: Go after the reply has begun")
	}
	c.moved = true
	if c.reported {
		c.engine.SubmitAfter(d, &reportedHandler{h, c.progress}) // allocates
		return
	}
	c.engine.SubmitAfter(d, laterHandler(h))
}

// laterHandler is a handler that goes on with a call on the worker pool. A
// function as an interface value needs no allocation.
type laterHandler Handler

func (h laterHandler) RunCall(ec *engine.Call) {
	if c := resume(ec); c != nil {
		c.run(Handler(h))
	}
}

// reportedHandler is a laterHandler of a call that has reported progress, which
// must not go back.
type reportedHandler struct {
	h        Handler
	progress float64
}

func (r *reportedHandler) RunCall(ec *engine.Call) {
	if c := resume(ec); c != nil {
		c.reported, c.progress = true, r.progress
		c.run(r.h)
	}
}

// resume makes the Call of a call that arrived on the worker pool, as the loop
// made it before. It returns nil if the call's session is not ours.
func resume(ec *engine.Call) *Call {
	ss, ok := ec.Conn().State().(*session)
	if !ok {
		return nil
	}
	c := ss.server.call(ec)
	ss.recall(c)
	if string(ec.Method()) == methodToolsCall {
		name, args, err := toolParams(c)
		if err != nil {
			c.fail(err)
			return nil
		}
		c.args = args
		if e := ss.server.tools.names.Lookup(name); e != nil {
			c.tool = e.Value
		}
	}
	return c
}

// finishError answers with the error that a handler returned.
func (c *Call) finishError(err error) {
	if rpc, ok := err.(*Error); ok {
		c.fail(rpc)
		return
	}
	c.finishErrorSlow(err)
}

func (c *Call) finishErrorSlow(err error) {
	var rpc *Error
	var arg *ArgError
	switch {
	case errors.As(err, &rpc):
		c.fail(rpc)
	case errors.As(err, &arg):
		c.finishArgErrorSlow(arg)
	case c.inTool():
		c.reply.abandon()
		c.reply.SetError()
		c.reply.TextString(clipText(err.Error()))
		c.reply.finish()
	default:
		c.server.opts.Logger.Error("handler failed", "method", string(c.Method()), "error", err)
		c.reply.abandon()
		c.engine.Fail(codec.ErrInternal)
	}
}

func (c *Call) inTool() bool { return string(c.engine.Method()) == methodToolsCall }

func (c *Call) finishArgErrorSlow(e *ArgError) {
	text := e.text()
	if !c.rev.argsInResult || !c.inTool() {
		c.fail(invalidParams(text))
		return
	}
	c.reply.abandon()
	c.reply.SetError()
	c.reply.Text(viewBytes("Invalid arguments: " + text))
	c.reply.finish()
}

// viewString returns b as a string without copying it.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// viewBytes returns s as bytes without copying it; they must not be written to.
func viewBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
