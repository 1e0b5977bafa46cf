package mcp

import "github.com/gannetmcp/gannet/codec"

// method is a method of requests. Which of them there are differs by revision:
// revision.methods.
type method uint8

const (
	unknown method = iota
	methodInitialize
	methodPing
	methodDiscover
	methodToolsList
	methodToolsCall
	methodResourcesList
	methodTemplatesList
	methodResourcesRead
	methodSubscribe
	methodUnsubscribe
	methodListen
	methodPromptsList
	methodPromptsGet
	methodComplete
	methodSetLevel
	methodTasksGet
	methodTasksResult
	methodTasksList
	methodTasksCancel
	methodTasksUpdate
	methodCount
)

// methodNamed returns the method of that name, or unknown.
func methodNamed(name []byte) method {
	switch string(name) {
	case "initialize":
		return methodInitialize
	case "ping":
		return methodPing
	case "server/discover":
		return methodDiscover
	case "tools/list":
		return methodToolsList
	case "tools/call":
		return methodToolsCall
	case "resources/list":
		return methodResourcesList
	case "resources/templates/list":
		return methodTemplatesList
	case "resources/read":
		return methodResourcesRead
	case "resources/subscribe":
		return methodSubscribe
	case "resources/unsubscribe":
		return methodUnsubscribe
	case "subscriptions/listen":
		return methodListen
	case "prompts/list":
		return methodPromptsList
	case "prompts/get":
		return methodPromptsGet
	case "completion/complete":
		return methodComplete
	case "logging/setLevel":
		return methodSetLevel
	case "tasks/get":
		return methodTasksGet
	case "tasks/result":
		return methodTasksResult
	case "tasks/list":
		return methodTasksList
	case "tasks/cancel":
		return methodTasksCancel
	case "tasks/update":
		return methodTasksUpdate
	}
	return unknown
}

// methods is a set of methods.
type methods uint32

func methodSet(ms ...method) (set methods) {
	for _, m := range ms {
		set |= 1 << m
	}
	return set
}

// retried are the methods whose answer may ask the client, which then sends the
// request again (2026-07-28).
var retried = methodSet(methodToolsCall, methodPromptsGet, methodResourcesRead)

func (set methods) has(m method) bool { return set>>m&1 != 0 }

// Notifications from clients.
const notificationCancelled = "notifications/cancelled"

// chains holds the handlers of methods with the middleware around them. It is
// built anew when middleware is added. What is called by name (tools, prompts,
// resources) has its own handlers, and is here for names that nobody has.
type chains [methodCount]Handler

func newChains(s *Server, mw []func(Handler) Handler) *chains {
	base := chains{
		unknown:             unknownMethod,
		methodInitialize:    initialize,
		methodPing:          ping,
		methodDiscover:      discover,
		methodToolsList:     s.tools.list,
		methodToolsCall:     unknownTool,
		methodResourcesList: s.resources.list,
		methodTemplatesList: s.templates.list,
		methodResourcesRead: unknownResource,
		methodSubscribe:     subscribe,
		methodUnsubscribe:   unsubscribe,
		methodListen:        listen,
		methodPromptsList:   s.prompts.list,
		methodPromptsGet:    unknownPrompt,
		methodComplete:      complete,
		methodSetLevel:      setLevel,
		methodTasksGet:      tasksGet,
		methodTasksResult:   tasksResult,
		methodTasksList:     tasksList,
		methodTasksCancel:   tasksCancel,
		methodTasksUpdate:   tasksUpdate,
	}
	ch := &chains{}
	for m, h := range base {
		ch[m] = wrap(h, mw)
	}
	return ch
}

// dispatch serves a request whose revision is known.
func (s *Server) dispatch(c *Call) {
	ch := s.chains.Load()
	if !(c.rev.methods & methods(s.served.Load())).has(c.method) {
		c.method = unknown
	}
	h, mode := ch[c.method], Inline
	asTask := false
	var err *Error
	switch c.method {
	case methodToolsCall:
		if err = c.readCall(); err == nil {
			if e := s.tools.names.Lookup(c.name); e != nil {
				c.tool, h, mode = e.Value, e.Value.handler, e.Value.mode
				asTask, err = c.taskWanted()
			}
		}
	case methodPromptsGet:
		if err = c.readGet(); err == nil {
			if e := s.prompts.names.Lookup(c.name); e != nil {
				if err = e.Value.judge(c.args); err == nil {
					c.prompt, h, mode = e.Value, e.Value.handler, e.Value.mode
				}
			}
		}
	case methodResourcesRead:
		if err = c.readRead(); err == nil {
			if r := s.resource(c); r != nil {
				h, mode = r.handler, r.mode
			}
		}
	case methodComplete:
		if err = c.readComplete(); err == nil && c.completer != nil {
			mode = Pooled
		}
	}
	if err == nil && c.rev.modern && retried.has(c.method) {
		err = c.openState()
	}
	switch {
	case err != nil:
		c.fail(err)
	case asTask:
		c.startTask()
	case mode == Inline:
		c.run(h)
	default:
		c.move(0, h)
	}
}

func unknownMethod(c *Call) error {
	c.failText(codec.CodeMethodNotFound, "Method not found: ", c.Method(), nil)
	return nil
}

// ping (revisions up to 2025-11-25) may overtake other answers.
func ping(c *Call) error {
	c.engine.EndUrgentResult(append(c.engine.BeginResult(), "{}"...))
	return nil
}
