package engine

import "github.com/gannetmcp/gannet/codec"

// Service is the meaning behind the engine: it is told of each connection
// and names the Handler that serves it. engine/mcp has the one for MCP.
type Service interface {
	// OpenConn is called once for each connection, on its loop, before any
	// message of it. The service may keep state with Conn.SetState. It
	// returns the handler of the connection's messages; nil refuses the
	// connection, which is then closed (CloseRefused).
	OpenConn(c *Conn) Handler
}

// Handler serves the messages of one connection. All methods are called on
// the connection's loop and must not block. Messages and what they alias are
// valid until the method returns.
type Handler interface {
	// ServeRequest answers a request. Before it returns, it must either have
	// answered (Call.Result, Call.Error and what builds on them) or have moved
	// the call off the loop (Call.Submit, Call.SubmitAfter); a call that is
	// neither is answered with an internal error.
	ServeRequest(c *Call)
	// ServeNotification takes a notification. notifications/cancelled reaches
	// it too: the service calls Conn.Cancel.
	ServeNotification(c *Conn, m *codec.Message)
	// ServeResponse takes the answer to a request that our side sent.
	ServeResponse(c *Conn, m *codec.Message)
	// CloseConn is called once, when the connection has ended. Calls that
	// still run have been cancelled.
	CloseConn(c *Conn, reason CloseReason)
}

// Drainer is a Handler that is told when its connection begins to drain:
// nothing new is served, and the connection ends when nothing is in flight. It
// ends what it has left open (Call.Leave) then; what it puts into the output is
// still sent.
type Drainer interface {
	DrainConn(c *Conn)
}

// Runner does the work of a call that left the loop. RunCall is called on a
// goroutine of the worker pool and may block; it must answer the call before
// it returns. A panic in it is answered with an internal error.
type Runner interface {
	RunCall(c *Call)
}

// ReturnRunner is a Runner that is told, on the loop, when the call has come
// home: after RunCall, or without it where the call ended before. The call is
// valid until CallReturned returns, and cannot be answered any more. A call of
// Conn.Spawn may have been told of as done before, while its handler still ran.
type ReturnRunner interface {
	Runner
	CallReturned(c *Call)
}

// RunnerFunc is a function as a Runner. Converting a function literal to it
// allocates only if the literal captures variables.
type RunnerFunc func(c *Call)

// RunCall calls f.
func (f RunnerFunc) RunCall(c *Call) { f(c) }
