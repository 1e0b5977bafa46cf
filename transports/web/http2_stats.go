package web

import (
	"sync/atomic"

	"github.com/gannetmcp/gannet/transports/http2"
)

// Failure is why a connection of HTTP/2 was ended by GOAWAY with an error.
type Failure uint8

// The failures, in the order of HTTP2Stats.Failed. Those of limits are named as
// the fields of http2.Limits.
const (
	FailedProtocol      Failure = iota // the peer broke the protocol
	FailedHeaderBlock                  // ENHANCE_YOUR_CALM, as all below: bytes of a header block
	FailedContinuations                // frames of one
	FailedResets
	FailedSettings
	FailedPings
	FailedEmptyData
	FailedIdleFrames
	FailedControl // answers that were not read
	// NumFailures is how many there are.
	NumFailures
)

var failureNames = [NumFailures]string{"protocol", "header_block", "continuations", "resets", "settings", "pings", "empty_data", "idle_frames", "control"}

// String returns the name that metrics have.
func (f Failure) String() string {
	if f < NumFailures {
		return failureNames[f]
	}
	return "unknown"
}

// failureOf returns what an error counts as.
func failureOf(e *http2.Error) Failure {
	switch e {
	case http2.ErrBlockTooLong:
		return FailedHeaderBlock
	case http2.ErrBlockTooCut:
		return FailedContinuations
	case http2.ErrTooManyResets:
		return FailedResets
	case http2.ErrTooManySettings:
		return FailedSettings
	case http2.ErrTooManyPings:
		return FailedPings
	case http2.ErrTooManyEmpty:
		return FailedEmptyData
	case http2.ErrTooManyIdle:
		return FailedIdleFrames
	case http2.ErrTooMuchControl:
		return FailedControl
	}
	return FailedProtocol
}

// HTTP2Stats are counters of HTTP/2.
type HTTP2Stats struct {
	Connections uint64 // that turned out to be of HTTP/2
	Requests    uint64 // that were complete
	PeerResets  uint64 // streams that the peer has reset
	Errors      uint64 // streams reset because the peer broke a rule
	Refused     uint64 // streams beyond http2.Limits.Streams, or behind GOAWAY
	Kept        uint64 // requests that waited until the peer had read of what it asked for before
	SlowReaders uint64 // streams reset because the peer did not read them
	Failed      [NumFailures]uint64
}

// HTTP2Counters count what HTTP2Stats has. Safe from any goroutine.
type HTTP2Counters struct {
	connections, requests, peerResets, errors, refused, kept, slow atomic.Uint64
	failed                                                         [NumFailures]atomic.Uint64
}

// Stats returns the counters. They are not taken at one instant.
func (c *HTTP2Counters) Stats() HTTP2Stats {
	s := HTTP2Stats{
		Connections: c.connections.Load(), Requests: c.requests.Load(), PeerResets: c.peerResets.Load(),
		Errors: c.errors.Load(), Refused: c.refused.Load(), Kept: c.kept.Load(), SlowReaders: c.slow.Load(),
	}
	for i := range c.failed {
		s.Failed[i] = c.failed[i].Load()
	}
	return s
}

// refusedHTTP2 counts a request that was refused before it was complete.
func (l *Loop) refusedHTTP2(e *http2.Error) {
	switch e {
	case http2.ErrTooManyStreams, http2.ErrGoingAway:
		l.http2Stats.refused.Add(1)
	case http2.ErrHeadTooLarge:
		l.refused.add(RefusedHead)
	case http2.ErrTooManyField:
		l.refused.add(RefusedFields)
	case http2.ErrBodyTooLarge:
		l.refused.add(RefusedBody)
	case http2.ErrNoRoom:
		l.refused.add(RefusedNoRoom)
	case http2.ErrConnect, http2.ErrExpect:
		l.refused.add(RefusedUnsupported)
	default:
		l.refused.add(RefusedMalformed)
	}
}
