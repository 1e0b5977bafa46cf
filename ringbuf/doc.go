// Package ringbuf holds bytes at rest, and hands work from goroutine to
// goroutine, without allocating in the steady state.
//
// An event loop's read buffer is valid during one event only. What outlives
// the event, a message that came in part, output the peer does not take yet,
// needs memory of our own, borrowed for as long as it is needed and for no
// longer:
//
//	Ring      bytes in, bytes out, fixed room
//	Pool      buffers by size class; safe from any goroutine
//	Cache     one loop's front of a Pool; no lock
//	Arena     many small pieces that all end together
//	Mailbox   many producers, one consumer, two lanes, one wake a batch
//	SPSC      one producer, one consumer, bounded
//
// # Ownership
//
// Get gives a buffer to its caller; Put takes it back, after which nobody may
// touch it. Built with the tag invariants (or under the race detector) Put
// fills the buffer with 0xCC and a later Get checks that it still is, so that
// a late writer is found; a second Put of one buffer panics.
package ringbuf
