// Package http2 is the server's side of HTTP/2 (RFC 9113): a connection is a
// state machine without I/O, fed bytes that give events, and giving bytes to be
// sent. It has no clock but the time that it is told.
//
//	         Next                             SendHead, SendData
//	bytes ───────► Head, Done, Reset, …   ───────────────────────┐
//	                │      │      │                              ▼
//	                │    Stream: Request, Body            control frames, HEADERS,
//	                ▼                                      DATA in turns
//	  SETTINGS, PING, WINDOW_UPDATE, RST_STREAM ─────────────────┤
//	                                                AppendOutput ▼
//	                                                           bytes
//
// A frame that lies whole in what was fed is looked at where it is; one that is
// cut is gathered in a buffer of the loop's, but for DATA, which goes straight
// into the body. Requests are handed out whole, with their bodies.
//
// # Life of a stream
//
//	HEADERS                       END_STREAM            Release
//	────────► receiving ─── Head ──────────► complete ───────────► gone
//	   │          │                              │         ▲
//	   │          │ RST_STREAM, an error         │ RST_STREAM, an error,
//	   ▼          ▼                              ▼ Reset   │
//	Refused     Reset: gone                    Reset: reset┘
//
// A stream that was handed out by Done keeps its place until Release, also when
// it was reset: whoever has requests begun and taken back pays for the work that
// they still are with the places that Limits.Streams gives (CVE-2023-44487, and
// the like by errors that have us reset them).
//
// # Order of output
//
// What the peer must have first goes out first: a Conn holds no more than
// Limits.Output bytes of DATA, behind which control frames wait at most. What
// SendData does not take stays with the caller, who is told by Writable whose turn
// it is: streams that wait send a frame each, in a ring. So a body is buffered
// once, where it is made, under whatever bounds it there; a Conn has no buffer for
// a stream.
//
// # Header blocks
//
// Blocks are decoded by a decoder of the package's own, straight into the buffer
// that is the Request: a request allocates nothing, whether its fields come packed,
// as literals, or from the table. All of a block is decoded, also of one that is
// refused, since the next depends on it; what is beyond a limit is dropped as it
// is decoded, so that a block costs a buffer of the size of Limits.HeaderList at
// most, whatever it unpacks to. Responses use no table and no code.
//
// # What ends what
//
// Errors of the peer's that touch what all streams share (the order of frames,
// the tables, the window of the connection) end the connection, by GOAWAY; others
// end their stream, by RST_STREAM. What is beyond a limit of the server's is
// answered by a status where a client could make sense of it (413, 431, 503), and
// is ENHANCE_YOUR_CALM where none could want it. Limits says what is counted.
//
// # Ownership
//
// The caller owns what it feeds, and may overwrite it as soon as Next has returned
// More. A Request and a Body are views, valid until Next is called again; copy what
// is to be kept. A Stream is the Conn's; the caller may hold it from Done to
// Release. SendHead and SendData copy.
//
// # What is not here
//
// A client's side. Push, extended CONNECT and response trailers. Priorities, which
// RFC 9113 has given up: frames that carry them are read and forgotten. What
// methods, hosts and media types are accepted is for whoever drives this package.
package http2
