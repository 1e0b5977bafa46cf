package mcp

// Methods as a client asks for them, by their names on the wire: what it sends
// may also be a method of which this package knows nothing.
const (
	askInitialize = "initialize"
	askPing       = "ping"
	askDiscover   = "server/discover"
	askToolsList  = "tools/list"
	askToolsCall  = "tools/call"
	askListen     = "subscriptions/listen"
)

// Methods that servers ask clients for.
const (
	askSampling    = "sampling/createMessage"
	askElicitation = "elicitation/create"
	askRoots       = "roots/list"
)
