// Package web serves HTTP/1.1 (RFC 9112), HTTP/2 (RFC 9113) and WebSocket (RFC
// 6455) over an engine, sans-I/O: bytes that were read go in by Conn.Deliver, what
// is answered goes to an engine.Wire. It knows syntax, codings (RFC 9110, section 8.4) and how
// messages become JSON bodies, event streams and frames; what a request means is
// the affair of the engine.ExchangeService behind it.
//
// Bodies that come packed by gzip or zstd are unpacked when the service asks for
// them, bounded in what they become; answers above Options.CompressMin are
// packed for clients that take that.
//
// A connection that begins with the preface of HTTP/2 carries streams (http2_conn.go):
// each is served on an engine.Conn of its own, as a connection of HTTP/1.1 is.
//
// A connection may become a WebSocket (socket.go), if the service says so
// (engine.Exchange.Upgrade): it carries messages from then on, not exchanges.
package web
