// Package sse writes, keeps and reads event streams (text/event-stream): what
// a server sends over HTTP where one answer is many messages, and what a client
// resumes by Last-Event-ID.
//
// It is bytes in and bytes out, without I/O and without a clock.
//
//	server   Event ─ Append ─► output           Comment, Retry: keeping alive, closing
//	           └ Share ─► Shared ─► Replay      one copy, however many streams keep it
//	                                  │ Since(seq)
//	         Last-Event-ID ─ ParseID ─┘
//	client   read buffer ─► Reader ─► Event, LastEventID, Retry
//
// # Terms
//
// An event is a block of lines that ends with an empty one. A stream is one
// response, or several of which each resumes the one before; its Stream is a
// name that the caller makes up and that nobody can guess. A sequence number
// counts its events from 1. An event id is both, "<stream>_<sequence>", and
// says "everything up to here has arrived"; so sequence 0 is before the first
// event, which is the id that a priming event bears.
//
// # Fan-out
//
// Ids differ from stream to stream and the rest of an event does not. So an
// event to many is rendered once, without an id, as a Shared; each stream
// writes its own id line before it:
//
//	out = stream.AppendIDLine(out, seq)
//	out = append(out, shared.Bytes()...)
//
// # Concurrency
//
// An Event, a Stream and the appenders are values and functions: no state. A
// Shared is safe from any goroutine that holds a reference. A Reader and a
// Replay are used by one goroutine at a time; a Replay that several loops
// append to is under its session's lock, and what is taken out of it under the
// lock is retained before the lock is let go.
//
// # Sources
//
// The format: WHATWG HTML, 9.2 "Server-sent events" (9.2.5 parsing, 9.2.6
// interpretation). Ids, priming, retry, resumption: MCP, "Streamable HTTP" of
// 2025-03-26, 2025-06-18 and 2025-11-25; the events "endpoint" and "message":
// "HTTP with SSE" of 2024-11-05. The revision 2026-07-28 has neither ids nor
// resumption.
package sse
