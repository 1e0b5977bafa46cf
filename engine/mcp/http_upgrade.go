package mcp

import "github.com/gannetmcp/gannet/engine"

// serveUpgrade has the connection go on as a WebSocket: a stream of messages, as on
// stdio, of either era, whose peer is who has sent this request. What fields of it
// HTTPOptions.KeepHeaders names, calls find.
func (h *httpConn) serveUpgrade() {
	c := h.conn
	ss := &session{server: h.server, conn: c, sender: h.principal, origin: h.server.originOf(h.x.Request)}
	ss.logLevel.Store(int32(logNone))
	if !h.x.Upgrade(ss) {
		return
	}
	h.CloseConn(c, engine.CloseLocal) // what it has left open as one of HTTP
	c.SetState(ss)
}
