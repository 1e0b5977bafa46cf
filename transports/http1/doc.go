// Package http1 is the syntax of HTTP/1.1 (RFC 9112) for a server: requests out
// of bytes, answers into bytes. It is a state machine without I/O, and it has no
// clock.
//
// A Parser finds requests in what a connection has read. A request that lies
// whole in one read is handed out as a view of it; what is cut is kept in
// buffers of the pool, from its first piece to the end of the request and at no
// other time. A connection at rest holds nothing but the Parser itself.
//
//	          empty line of 2 bytes, once
//	           ┌──┐
//	           ▼  │   token            end of head, judged
//	      ┌─► atStart ───► inHead ────────────────────► Head
//	      │   (Idle)       (Head)                       │
//	      │                          Content-Length, ┌──┴──┐ chunked
//	      │                          or no body      ▼     ▼
//	      │                     ┌─────────────── inBody  atSize ◄─────────────┐
//	      │                     │                (Body)    │ ;  ─► inExt ─┐   │
//	      │                     │                          │ CR ◄─────────┘   │
//	      │                     │                          ▼                  │
//	keep-alive                  ▼        CR LF         atSizeLF ─► inData ────┘
//	      └─────────────────── Done ◄── atEndLF ◄─┐        │      ─► CR LF
//	                            │                 │        │ size 0
//	          close             ▼          CR     │        ▼
//	Stop ────────────────────► ended ◄─ Failed    └──── atTrailer ◄─► name: value CR LF
//
// In brackets is the Phase, for deadlines.
//
// # A head in two steps
//
// First its end is looked for, line by line, on from where the last read ended: a
// head in a thousand pieces is looked through once. A line that does not end in
// CR LF, or a limit passed, is refused there and then. Then the head is parsed
// once, into offsets of a Request. A head that lies whole in one read is
// parsed without the first step, which changes no result.
//
// # Stricter than the grammar allows
//
// Where recipients differ about where a request ends, a second one can be
// smuggled between them (RFC 9112 §11.2). So what RFC 9112 merely permits to be
// passed over is refused:
//
//   - Content-Length and Transfer-Encoding together; a second Content-Length, a list
//     of equal ones; Transfer-Encoding that is not exactly "chunked", comes twice,
//     or comes in HTTP/1.0
//   - lines that end in LF alone, CR alone, control characters, folded lines, white
//     space before a colon or around a chunk size
//   - more than one space in the request line, no Host or more than one, a Host
//     that is no host and port
//   - chunk sizes of more than 16 digits; trailers are judged, and dropped
//
// The whole list, by comparison with net/http, is in fuzz/http1_test.go. After a
// refusal nothing more is parsed: answer once, and close.
//
// # Ownership
//
// The caller owns what it feeds, and may overwrite it as soon as Next has returned
// More. Slices from a Request or from Body are views, of that or of a buffer of
// the Parser's, valid until the next call of Next; copy what is to be kept. Appenders
// append to a slice of the caller's and keep nothing.
//
// # What is not here
//
// The order of answers (RFC 9112 §9.3.2): hold the rest of the input back while a
// request is being answered. A parser for responses, which a client needs. Content codings: a body is
// bytes. CONNECT, which is answered 501. Trailers in answers. What methods,
// Origin, Host and media types are accepted, and what an upgrade leads to, is for
// whoever drives this package.
package http1
