package mcp

import "github.com/gannetmcp/gannet/codec"

// Methods of requests.
const (
	methodInitialize = "initialize"
	methodPing       = "ping"
	methodDiscover   = "server/discover"
	methodToolsList  = "tools/list"
	methodToolsCall  = "tools/call"
)

// Notifications from clients.
const notificationCancelled = "notifications/cancelled"

// chains holds the methods' handlers with the middleware around them. It is
// built anew when middleware is added.
type chains struct {
	initialize, ping, discover, toolsList Handler
	unknownTool, unknownMethod            Handler
}

func newChains(s *Server, mw []func(Handler) Handler) *chains {
	return &chains{
		initialize:    wrap(initialize, mw),
		ping:          wrap(ping, mw),
		discover:      wrap(discover, mw),
		toolsList:     wrap(s.tools.list, mw),
		unknownTool:   wrap(unknownTool, mw),
		unknownMethod: wrap(unknownMethod, mw),
	}
}

// dispatch serves a request whose revision is known.
func (s *Server) dispatch(c *Call) {
	ch := s.chains.Load()
	method := c.engine.Method()
	switch string(method) {
	case methodToolsCall:
		s.callTool(c, ch)
		return
	case methodToolsList:
		c.run(ch.toolsList)
		return
	}
	if c.rev.modern {
		if string(method) == methodDiscover {
			c.run(ch.discover)
			return
		}
	} else {
		switch string(method) {
		case methodPing:
			c.run(ch.ping)
			return
		case methodInitialize:
			c.run(ch.initialize)
			return
		}
	}
	c.run(ch.unknownMethod)
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
