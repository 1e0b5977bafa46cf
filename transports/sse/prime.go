package sse

import "time"

// Revisions of MCP at which the rule for priming events changes: they came
// with the first, and event ids as such left with the second.
const (
	primeSince = "2025-11-25"
	primeUntil = "2026-07-28"
)

// Primes reports whether streams of an MCP revision ("2025-11-25") begin with
// an event that has an id and empty data, so that a client can resume before
// anything has happened. Clients of earlier revisions take the empty data for
// a message and fail.
//
// Source: MCP 2025-11-25, Streamable HTTP, "Sending Messages to the Server".
func Primes(revision string) bool {
	return len(revision) == len(primeSince) && revision >= primeSince && revision < primeUntil
}

// AppendPrime appends the priming event of a revision, or nothing if it has
// none. id is the stream's at sequence 0, or where the stream is resumed; retry
// below a millisecond is left out. With ErrID, dst is returned as it was. Its
// size is that of an Event of id and retry.
func AppendPrime(dst []byte, revision string, id []byte, retry time.Duration) ([]byte, error) {
	if !Primes(revision) {
		return dst, nil
	}
	return (&Event{ID: id, Retry: retry}).Append(dst)
}
