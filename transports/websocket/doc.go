// Package websocket is the WebSocket protocol (RFC 6455) with permessage-deflate
// (RFC 7692), for servers and for clients: text messages out of bytes, and into
// bytes, and both sides of the handshake. It is a state machine without I/O, and
// it has no clock.
//
// A Parser finds messages and control frames in what a connection has read. A
// message that lies whole in one read is unmasked where it lies and handed out as
// a view of it; what is cut, or comes in fragments, is gathered in a buffer of the
// pool, from its first piece to its last and at no other time. Nothing is set
// aside for a length that was merely announced.
//
//	           control frame: Ping, Pong
//	            ┌──┐
//	            ▼  │
//	Init ──► atHeader ◄──────────────────┐
//	            │  ▲                     │ a fragment that is not the last
//	   2 to 14  │  │ last fragment:      │
//	   bytes    ▼  │ Message             │
//	         inPayload ──────────────────┘
//	            │
//	            ▼ Close, Failed, Release
//	          ended
//
// Bytes of text are judged as they come: what can no longer become UTF-8 fails at
// the first byte that is wrong, in whatever fragment. What is compressed is
// inflated and judged when its last byte is there, and never beyond the limit.
//
// Messages here are text. A binary one ends the connection by 1003: this protocol
// carries JSON.
//
// # Compression
//
// Each message is compressed by itself (server_no_context_takeover and
// client_no_context_takeover, always): a window kept for each connection would
// cost some 40 KB for what is received, and several hundred KB for what is sent.
// So a connection without traffic holds nothing for it, and all connections of an
// event loop share one inflater. A window smaller than 32 KiB is kept by compressing
// in pieces of its size.
//
// # Ownership
//
// Next writes to what it is fed, for that is where it unmasks. The caller owns it,
// and may overwrite it as soon as Next has returned More. Payload is a view, of
// that or of a buffer of the Parser's, valid until the next call of Next; copy what is to
// be kept. Appenders append to a slice of the caller's and keep nothing.
//
// # What is not here
//
// Sockets, deadlines, and what follows from a Close or a Failed: who echoes, who
// hangs up, and when. Extensions other than permessage-deflate, subprotocols other
// than mcp. WebSocket over HTTP/2 (RFC 8441).
package websocket
