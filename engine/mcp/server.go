package mcp

import (
	"bytes"
	"crypto/cipher"
	"sync"
	"sync/atomic"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/registry"
)

// Server answers MCP requests. It is an engine.Service: give it to
// transports.Listen. Its methods are safe from any goroutine, before and while
// it serves.
type Server struct {
	opts      Options
	tools     catalog[*tool]
	prompts   catalog[*prompt]
	resources catalog[*resource]
	templates catalog[*template]
	completes atomic.Bool   // something has completions
	tasked    atomic.Bool   // a tool may be a task
	served    atomic.Uint32 // methods
	tasks     taskTable
	sessions  sessionTable // of HTTP
	streams   streamTimer  // likewise

	replayBytes  atomic.Int64 // kept of event streams
	replayEvents atomic.Int64 // likewise
	counters     counters

	updates     *registry.Topics // of resources, by URI
	taskUpdates *registry.Topics // of tasks, by id
	announcer   announcer

	// Rendered once, see render.go.
	initialized [revisionCount]atomic.Pointer[rendered]
	discovered  atomic.Pointer[rendered]
	modernTail  []byte // what closes a modern result

	chains  atomic.Pointer[chains]
	sealers []cipher.AEAD

	mu         sync.Mutex // protects what follows; held while features are added, so that none misses a middleware
	middleware []func(next Handler) Handler
}

var _ engine.Service = (*Server)(nil)

// NewServer returns a server that has nothing to offer yet. It panics if o.Name is empty.
func NewServer(o Options) *Server {
	s := &Server{opts: o.withDefaults()}
	s.sessions.init(&s.opts.HTTP)
	s.announcer.server = s
	s.tools.init("tools", 't', func() { s.announcer.changed(listTools) })
	s.prompts.init("prompts", 'p', func() { s.offered(); s.announcer.changed(listPrompts) })
	s.resources.init("resources", 'r', func() { s.offered(); s.announcer.changed(listResources) })
	s.templates.init("resourceTemplates", 'u', func() { s.offered(); s.announcer.changed(listResources) })
	s.updates = registry.NewTopics(registry.TopicsOptions{MaxPerSubscriber: s.opts.MaxSubscriptions})
	s.taskUpdates = registry.NewTopics(registry.TopicsOptions{MaxPerSubscriber: s.opts.MaxSubscriptions})
	s.sealers = newSealers("requestState", s.opts.StateKeys)
	s.offered()
	s.modernTail = s.renderModernTail()
	s.chains.Store(newChains(s, nil))
	return s
}

// OpenConn begins to serve a connection.
func (s *Server) OpenConn(c *engine.Conn) engine.Handler {
	ss := &session{server: s, conn: c}
	ss.logLevel.Store(int32(logNone))
	s.announcer.saw(c.Loop().Engine())
	c.SetState(ss)
	return ss
}

// call returns the Call that goes with an engine's call, made at its first use.
func (ss *session) call(ec *engine.Call) *Call { return ss.callOf(ec, ss.sender) }

// callOf is call for a request of a given sender: that of a session which is a
// connection's of HTTP changes with each exchange.
func (ss *session) callOf(ec *engine.Call, sender string) *Call {
	c, ok := ec.Ext().(*Call)
	if !ok {
		c = &Call{}
		c.reply.call = c
		ec.SetExt(c)
	}
	c.engine, c.server, c.session = ec, ss.server, ss
	c.found, c.name, c.args = found{sender: sender, origin: ss.origin}, nil, emptyObject
	c.moved = false
	c.reported = false
	c.reply.reset()
	return c
}

// run calls a handler and completes the answer.
func (c *Call) run(h Handler) {
	c.finish(h(c))
}

// finish answers the call by what its handler returned, unless it moved the
// call off the loop.
func (c *Call) finish(err error) {
	if c.moved || c.engine.Answered() {
		if err != nil {
			c.server.opts.Logger.Error("an error came after the answer, or after Go, and is lost", "method", string(c.Method()), "error", err)
		}
		return
	}
	if err == nil {
		err = c.reply.owes()
	}
	if err != nil {
		c.finishError(err)
		return
	}
	c.reply.finish()
}

// fail answers with a JSON-RPC error.
func (c *Call) fail(e *Error) {
	c.reply.abandon()
	data := e.Data
	if bytes.ContainsAny(data, "\r\n") { // made by a handler: the framing has no room for line breaks
		data = appendOneLine(nil, data)
	}
	c.engine.Error(e.Code, clipText(e.Message), data)
}

// failText is fail with a text put together from two parts, the second one the
// peer's, of which at most 128 bytes are echoed.
func (c *Call) failText(code codec.Code, text string, detail []byte, data []byte) {
	const detailMax = 128
	if len(detail) > detailMax {
		detail = detail[:detailMax]
	}
	c.reply.abandon()
	b, ok := c.engine.Arena().Alloc(len(text) + len(detail))
	if !ok {
		c.engine.Error(code, text, data)
		return
	}
	b = append(append(b[:0], text...), detail...)
	c.engine.Error(code, viewString(b), data)
}
