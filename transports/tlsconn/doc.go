// Package tlsconn is TLS (RFC 8446, RFC 5246) for servers whose connections
// live on an event loop: crypto/tls, driven by bytes. It knows no socket.
//
// crypto/tls wants a net.Conn that it may wait for. Its handshake cannot be
// resumed once Read has returned an error, so that runs on a goroutine of its
// own. What follows it can: an error that says it is temporary loses nothing,
// even inside a record. So from the end of the handshake on a Session is driven
// by the loop, and no goroutine is left.
//
//	       first record is whole       handshake done
//	hello ──────────────────────► shaking ─────────────► open ───────────► ended
//	  │ no ClientHello, no room      │                     │  close_notify
//	  └────────────► failed ◄────────┴─────────────────────┘
//	                   alert, deadline, peer gone, bad record
//
//	hello     on the loop; nothing but the bytes of one record is held
//	shaking   on a goroutine; a Gate says how many compute, and how many there are
//	open      on the loop; Established is the event that leads here
//
// # The first record may have been swallowed
//
// A client may send its first message with the last of its handshake, in one
// segment. No more bytes need come then. So Established is always followed by a
// call of Next, without bytes if there are none.
//
// # Records
//
// crypto/tls is given whole records only, as many of those at hand as it takes
// in at once. A record that comes in pieces waits in a buffer of the pool, which
// grows by what has come, not by what its header promises. They are not copied:
// crypto/tls decrypts them where they lie (lend), and so allocates nothing to read
// them.
//
// Reading may write: a peer that updates its key can ask for an update of ours
// (RFC 8446, section 4.6.3). What is written never waits, it is appended to the
// output, whose size is bounded.
//
// # What a connection at rest holds
//
// The Session, and the tls.Conn with two cipher states. No goroutine, and no buffer,
// neither of ours nor of crypto/tls, which otherwise keeps one as large as the largest
// read so far, 17 KiB after a record of full size (golang/go#43563): lend has it do
// without, dropHand gives up the one of the handshake. That leaves 3.0 KB
// (TestSessionAtRest), of which 1.8 are the two cipher states and 0.9 the tls.Conn; a
// process has up to twice that, since the heap doubles between two collections.
//
// # Ownership
//
// Ciphertext that is fed is the caller's, and may be overwritten as soon as Next
// has returned; Next writes to it. Plaintext that Next returns lies in a buffer of the Loop, valid
// until Next is called on any Session of that Loop; it may be written to. Output
// is valid until Seal, Next, Sent or Close is called. Close gives back all
// buffers and ends the goroutine, on whatever path a Session ends.
//
// A Session is used by one goroutine at a time, that of its Loop. It calls back
// from another: Options.Notify.
package tlsconn
