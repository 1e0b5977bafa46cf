package web

import (
	"sync/atomic"

	"github.com/gannetmcp/gannet/transports/http2"
)

// HTTP2Failure is why a connection of HTTP/2 was ended by GOAWAY with an error.
type HTTP2Failure uint8

// The failures, in the order of HTTP2Stats.Failed. Those of limits are named as
// the fields of http2.Limits.
const (
	HTTP2Protocol      HTTP2Failure = iota // the peer broke the protocol
	HTTP2HeaderBlock                       // ENHANCE_YOUR_CALM, as all below: bytes of a header block
	HTTP2Continuations                     // frames of one
	HTTP2Resets
	HTTP2Settings
	HTTP2Pings
	HTTP2EmptyData
	HTTP2IdleFrames
	HTTP2Control // answers that were not read
	// NumHTTP2Failures is how many there are.
	NumHTTP2Failures
)

var http2FailureNames = [NumHTTP2Failures]string{"protocol", "header_block", "continuations", "resets", "settings", "pings", "empty_data", "idle_frames", "control"}

// String returns the name that metrics have.
func (f HTTP2Failure) String() string {
	if f < NumHTTP2Failures {
		return http2FailureNames[f]
	}
	return "unknown"
}

// http2FailureOf returns what an error counts as.
func http2FailureOf(e *http2.Error) HTTP2Failure {
	switch e {
	case http2.ErrBlockTooLong:
		return HTTP2HeaderBlock
	case http2.ErrBlockTooCut:
		return HTTP2Continuations
	case http2.ErrTooManyResets:
		return HTTP2Resets
	case http2.ErrTooManySettings:
		return HTTP2Settings
	case http2.ErrTooManyPings:
		return HTTP2Pings
	case http2.ErrTooManyEmpty:
		return HTTP2EmptyData
	case http2.ErrTooManyIdle:
		return HTTP2IdleFrames
	case http2.ErrTooMuchControl:
		return HTTP2Control
	}
	return HTTP2Protocol
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
	Failed      [NumHTTP2Failures]uint64
}

// http2Counters count what HTTP2Stats has. Safe from any goroutine.
type http2Counters struct {
	connections, requests, peerResets, errors, refused, kept, slow atomic.Uint64
	failed                                                         [NumHTTP2Failures]atomic.Uint64
}

// HTTP2 returns the counters of HTTP/2. They are not taken at one instant.
func (all *Counters) HTTP2() HTTP2Stats {
	c := &all.http2
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
		l.counters.http2.refused.Add(1)
	case http2.ErrHeadTooLarge:
		l.counters.refuse(RefusedHead)
	case http2.ErrTooManyField:
		l.counters.refuse(RefusedFields)
	case http2.ErrBodyTooLarge:
		l.counters.refuse(RefusedBody)
	case http2.ErrNoRoom:
		l.counters.refuse(RefusedNoRoom)
	case http2.ErrConnect, http2.ErrExpect:
		l.counters.refuse(RefusedUnsupported)
	default:
		l.counters.refuse(RefusedMalformed)
	}
}
