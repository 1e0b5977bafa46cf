// Package codec reads and writes JSON-RPC 2.0 messages without allocating.
//
// # Terms
//
// A message is one JSON text: a request, a notification, a response with a
// result or an error, or a batch of these. The envelope is the message's
// outermost object. A cursor (Object, Array, Value) is a view of a part of a
// message that was parsed.
//
//	{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{…}}}
//	                    └id┘          └─method─┘            └── indexed members of params ──┘
//
// # One pass
//
// Parse walks the whole message once. It validates all of it, notes where the
// parts of the envelope are, and the places of the members one level down in
// params or a result, which is where handlers look first. The walk keeps a bit
// for each open container instead of a stack, so depth costs nothing and ends
// at a limit. It takes strings eight bytes at a time, and longer ones by vectors.
// Every load lies inside the message. Framing, which decides where a message ends, is
// the transports' business: a message is parsed once, when it is whole.
//
// # Builds
//
// On arm64, and on amd64 with AVX2 (and BMI1, POPCNT, PCLMULQDQ, which come with
// it), kernels in assembly run: the search for the end of a string with its UTF-8
// judged on the way, text with many escapes, and the end of a container in text
// that was judged. Which CPU it is, is asked once, when the program starts. Other
// CPUs and architectures run plain Go, as does every build with the tag purego;
// there long strings go by the library's vector search. All accept and refuse the
// same, with the same errors at the same bytes. With the tag invariants, and with
// the race detector, each load by Go code is tested to lie inside the message.
//
// The kernels of arm64 are tested under emulation (make arm64), by the tests of
// those of amd64. How fast they are was not measured.
//
// # Strictness
//
// RFC 8259 to the letter; ill-formed UTF-8 and lone surrogates are refused, for
// what is passed on must be readable by everybody. No member of the envelope or
// of params (up to 32 members, beyond which the first counts) may come twice,
// escapes considered: two readers of one message must not see two different
// methods. Names are compared byte for byte. Number texts of any value pass.
// ids are strings or integers, kept as text and echoed unchanged.
//
// # Ownership
//
// Parse keeps a reference to the bytes it is given and copies none. Everything
// that comes out of a Message aliases them. Rebase moves a Message to a copy of
// its bytes. Cursors allocate nothing; strings with escapes are unescaped into
// an Arena of the caller's.
//
// # Errors
//
// A *Error has the JSON-RPC code to answer with. Errors of a Parser live in the
// Message and are flat, however deep the fault lies.
package codec
