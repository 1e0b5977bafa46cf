// Package load is a load generator for MCP: newline-delimited JSON-RPC over TCP,
// Unix sockets and a child's standard input and output, Streamable HTTP by HTTP/1.1
// and HTTP/2, HTTP with SSE and WebSocket, and all of these but pipes and Unix sockets
// over TLS.
// bench/perf and bench/gen are its command lines and bench/spine runs it many times;
// it is a package of its own so that all know one Result, and so that tests drive
// it against servers that misbehave.
//
// # Terms
//
//	connection  a socket, the two pipes of a child, or the two sockets of a session
//	            of HTTP: its event stream, and the one it POSTs on
//	depth       how many requests a connection keeps in flight; of HTTP/1.1
//	            pipelined, of HTTP/2 on a stream each, as far as the server lets it
//	message     one request or one reply: a line, the body of an HTTP message, a
//	            frame of text
//	kind        one of the messages of a mix
//	window      the ids of a connection from the oldest unanswered to the newest
//	phase       warm-up, then the measured one; each ends with a drain, so that
//	            nothing of one is counted in the other
//	plan        when the requests of an open loop are meant to be sent
//
// # Picture
//
//	Options ─► templates ─► compose: copy one, patch its id; one write for what
//	                                     │          goes together
//	              epoll ◄── connection ── socket (─ TLS) ──► the server under test
//	                                     │
//	 (responseReader ─►) shapes ─► consume: compare each reply with the bytes
//	                        expected, take its id from the window, record its latency
//
// # Closed and open loops
//
// In a closed loop a connection is refilled once for each time it was read, so
// replies that came together are followed by requests that go together. A server
// that stalls is asked less, and latencies are those of this depth: coordinated
// omission is not corrected.
//
// In an open loop (Options.Plan) each request has a time that it is meant to be
// sent at, by the plan's rates alone: at even distances, or as a Poisson process of
// those rates (Options.Arrivals), drawn by a seed. Its latency is from that time,
// whether the server, the lack of a connection with room or this generator made it
// late; Service is from the time sent. What is late by this generator's own fault is
// counted (Generator.Behind), and too much of it makes the result Saturated. A start
// that no connection had room for, until the timeout or the end, is skipped; how long
// it waited is in the percentiles.
//
// # Connections that come and go
//
// Connections are opened once, before the load, unless Options.Reconnect says how
// many requests each has: then it is closed and another opened in its place, within
// the load, in either kind of loop. Opening and closing are a coroutine of each
// connection (life), which the loop resumes when its socket is ready; so what is
// written as if it waited is the same for both. Their times are histograms of their
// own (Reconnects), failures are errors of their kinds, and the next connection is
// tried some ms later.
//
// # What is checked
//
// The first reply of each kind is parsed and judged by what its message wants
// (Message.Check). It gives the shape, the bytes round the id, and every later
// reply must be those bytes with an id that is in flight and of that kind. A reply
// that differs is parsed; if it means the same it counts as good (and in
// SlowChecks), else as an error of its kind. Replies may come in any order unless
// the method is raw and a connection has an order; of HTTP/2 each comes on the stream
// of its request. A request without a reply within Options.Timeout has timed
// out, and is in the percentiles with the time that it was waited for. In a
// closed loop a connection without any progress for that time is given up.
// Connections that end are not opened again, but for those of Options.Reconnect:
// Result.Alive says how many did not end.
//
// # Threads and ownership
//
// One goroutine, locked to its thread, does everything, encryption included. In the
// steady state it allocates nothing but a point of the series each interval, and
// over TLS what crypto/tls does (some bytes for each of its reads).
// All connections share its read buffer and its request buffer; a connection
// keeps bytes of its own only for a reply that came in part or a request that was
// taken in part.
//
// Running needs Linux (epoll, /proc, CPU affinity). Elsewhere the package
// compiles and Run returns ErrLinuxOnly.
package load
