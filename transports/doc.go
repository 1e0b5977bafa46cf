// Package transports carries messages between an engine.Service and the world:
// standard input and output, TCP and Unix sockets, HTTP/1.1 and HTTP/2, WebSocket,
// and all of those on TCP with TLS. It frames and delivers; what messages mean is
// the service's.
//
//	listener ─ accept ─► gnet loop ─ read ─► line.Framer, web.Conn ─► engine.Conn
//	                        ▲  one turn of the engine's Loop per read event
//	                        └─ one byte on a socket pair wakes a loop that sleeps
//
// # Why the pieces look as they do
//
// Accepting is a goroutine of ours on a std listener, which hands sockets to
// the loops: gnet's own acceptor ends the whole engine when descriptors run
// out, has no connection limit, and cannot stop accepting while the rest
// drains.
//
// Output never passes through gnet's buffer. A Wire writes straight to the
// descriptor what the kernel takes, and the engine keeps the rest. So output
// is bounded, what is unsent can be counted, and a connection whose peer has
// shut down its sending half can still be answered: gnet closes a descriptor
// when it reads the end of file, but a duplicate made just before lives on
// until the engine has written everything (see stream.go).
//
// With TLS a tlsconn.Session stands between the socket and what it carries, in
// both directions, on the loop. A connection becomes an engine.Conn when its
// handshake is over, since only then it is known what it carries (secure.go).
//
// # Clients
//
// Dial and Command connect an mcp.Client to a server on a socket, or to a
// process on its standard input and output. Each session has an engine of its
// own, driven by the goroutine that reads and by those that make requests
// (turns.go): nothing is handed over.
//
// # Goroutines
//
// One for each client session, which reads. One for each gnet loop, one for each
// listener, two for standard input if that is served (one reads, one waits for the
// end), one that looks at the files of a certificate, one for each handshake of TLS
// under way, and the engine's worker pool. None for a connection.
package transports
