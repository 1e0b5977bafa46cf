package mcp

import (
	"context"
	"errors"
	"time"
	"unsafe"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/yosida95/uritemplate/v3"
)

// Handler answers one request. It reads c.Args, appends to c.Reply, and
// returns nil; what it has appended is then sent, an empty reply if that is
// nothing. If it returns an error, what it appended is dropped, and the answer
// is
//
//   - for an *Error, a JSON-RPC error;
//   - for ErrInputRequired, the questions to the client;
//   - for an *ArgError, what the revision wants for bad arguments;
//   - for ErrNotFound of a resource's handler, what the revision wants for a
//     resource that does not exist;
//   - for any other error of a tool, a result with isError and the error's
//     text, cut after 4,096 bytes;
//   - for any other error of a method, an internal error.
type Handler func(c *Call) error

// Call is one request on its way through a handler. It is valid until the
// handler returns, and is then used for another request.
type Call struct {
	engine  *engine.Call
	server  *Server
	session *session
	rev     *revision
	method  method // unknown where the revision or the server has none of that name
	meta    requestMeta
	known   knownMeta // of earlier requests
	found
	handler Handler // off the loop: what goes on with the call
	name    []byte  // of what is called: tool, prompt, URI; aliases the message or the arena
	args    codec.Object
	reply   Reply
	arg     ArgError // what Args methods return
	moved   bool     // off the loop
	awaited awaited  // of its session on HTTP

	reported bool // progress was sent
	progress float64
}

// found is what a request's params lead to. It stays with the call off the
// loop: what is removed meanwhile ends as it began.
type found struct {
	tool      *tool
	prompt    *prompt
	resource  *Resource // as it is described; of a template the URI is empty
	vars      uritemplate.Values
	completer Completer
	dialog    *dialog
	task      *task
	sender    string // by HTTPOptions.Authenticate
	origin    origin
	peer      *engine.Peer // off the loop
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
		if r := c.session.record.Load(); r != nil {
			return r.clientName, r.clientVersion
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

// Args returns the arguments of a tool call or of a prompt, whose arguments are
// all strings.
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
	c.move(d, h)
}

// move has h go on with the call on the worker pool, after d.
func (c *Call) move(d time.Duration, h Handler) {
	c.moved = true
	twin := c.engine.SubmitAfter(d, moved{})
	if twin == nil {
		return // answered: a limit was reached
	}
	c.keepOrigin()
	t := c.session.call(twin)
	t.rev, t.method, t.found, t.handler = c.rev, c.method, c.found, h
	t.reported, t.progress = c.reported, c.progress // which must not go back
	if hs := c.session.http; hs != nil {
		hs.left(t)
	}
}

// moved goes on with a call that was moved.
type moved struct{}

func (moved) RunCall(ec *engine.Call) {
	c := ec.Ext().(*Call)
	_ = c.readMeta() // all was judged on the loop
	switch c.method {
	case methodToolsCall:
		_ = c.readCall()
	case methodPromptsGet:
		_ = c.readGet()
	case methodResourcesRead:
		_ = c.readRead()
	case methodComplete:
		_ = c.readComplete()
	}
	c.run(c.handler)
}

// CallReturned forgets a call that left has noted, or the run of a task, whether
// it has run or not.
func (moved) CallReturned(ec *engine.Call) {
	c, ok := ec.Ext().(*Call)
	switch {
	case !ok:
	case c.task != nil:
		c.server.tasks.returned()
	case c.session.http != nil:
		c.session.http.home(c)
	}
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
	case errors.Is(err, errEnterTask):
		c.reply.abandon()
		c.startTask()
	case errors.Is(err, ErrInputRequired) && c.dialog != nil && len(c.dialog.asked) > 0:
		c.reply.abandon()
		if err := c.finishAsking(); err != nil {
			c.server.opts.Logger.Error("a client cannot be asked", "method", string(c.Method()), "error", err)
			c.engine.Fail(codec.ErrInternal)
		}
	case errors.Is(err, ErrNotFound) && c.method == methodResourcesRead:
		c.reply.abandon()
		c.failNotFound()
	case errors.As(err, &arg):
		c.finishArgErrorSlow(arg)
	case c.method == methodToolsCall:
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

func (c *Call) finishArgErrorSlow(e *ArgError) {
	text := e.text()
	if !c.rev.argsInResult || c.method != methodToolsCall {
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
