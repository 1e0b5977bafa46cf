// Package load is a closed-loop load generator for newline-delimited JSON-RPC
// over TCP, Unix sockets and a child's standard input and output. bench/gen is
// its command line and bench/spine runs it many times; it is a package of its
// own so that both know one Result, and so that tests drive it against servers
// that misbehave.
//
// # Terms
//
//	connection  a socket, or the two pipes of a child
//	depth       how many requests a connection keeps in flight
//	message     one request line or one reply line, newline included
//	window      the ids of a connection from the oldest unanswered to the newest
//	phase       warm-up, then the measured one; each ends with a drain, so that
//	            nothing of one is counted in the other
//
// # Picture
//
//	Options ─► template ─► fill: patch ids into copies of one request, one write
//	                                     │
//	                       epoll ◄── connection ──► the server under test
//	                                     │
//	           shape ─────► consume: compare each reply with the bytes expected,
//	                        take its id from the window, record its latency
//
// A connection is refilled once for each time it was read, so replies that came
// together are followed by requests that go together. Load is closed loop: a
// server that stalls is asked less, so latencies under saturation are those of
// this depth and not of an arrival rate (coordinated omission is not corrected).
//
// # What is checked
//
// The first reply of a run is parsed and its text compared with what was sent.
// It gives the shape, the bytes round the id, and every later reply must be
// those bytes with an id that is in flight. A reply that differs is parsed; if
// it means the same it counts as good (and in SlowChecks), else as an error of
// its kind. Replies may come in any order unless the method is raw. No wait is
// unbounded: a connection without progress for Options.Timeout is given up, its
// requests in flight counted as lost.
//
// # Threads and ownership
//
// One goroutine, locked to its thread, does everything after the handshake, and
// allocates nothing in the steady state. All connections share its read buffer
// and its request buffer; a connection keeps bytes of its own only for a reply
// that came in part or a request that was taken in part.
//
// Running needs Linux (epoll, /proc, CPU affinity). Elsewhere the package
// compiles and Run returns ErrLinuxOnly.
package load
