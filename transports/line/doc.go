// Package line splits a byte stream into newline-delimited messages, the
// framing that MCP prescribes on stdio and sanctions for any reliable byte
// stream (TCP, Unix sockets).
//
// It is a state machine over bytes, without I/O: feed what was read, take out
// whole lines. A line that lies whole in what was fed is returned as a view of
// it; a line that came in pieces is gathered in a buffer of the pool, which
// the Framer holds from a line's first piece to its last and at no other time.
//
//	fed:   ... "lo\"}\n" | {"jsonrpc":… }\n | {"js ...
//	            ▲           ▲                  ▲
//	            completes   view of what       gathered in a
//	            the buffer  was fed            pooled buffer
//
// A Framer is used by one goroutine at a time.
package line
