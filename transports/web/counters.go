package web

import (
	"sync/atomic"

	"github.com/gannetmcp/gannet/transports/websocket"
)

// Counters are those of one server's connections with HTTP. Safe from any
// goroutine.
type Counters struct {
	refused [NumRefusals]atomic.Uint64
	http2   http2Counters

	open         atomic.Int64 // WebSockets
	opened       atomic.Uint64
	pings        atomic.Uint64
	pongsLeftOut atomic.Uint64
	failed       [NumFailures]atomic.Uint64
	unanswered   atomic.Uint64
	outpaced     atomic.Uint64
}

func (c *Counters) refuse(why Refusal) { c.refused[why].Add(1) }

// Refused returns how many requests were refused before their message was looked
// at, by Refusal.
func (c *Counters) Refused() (n [NumRefusals]uint64) {
	for i := range n {
		n[i] = c.refused[i].Load()
	}
	return n
}

// Failure is why a WebSocket failed: by the code of our close frame.
type Failure uint8

// The failures, in the order of Sockets.Failed.
const (
	FailedProtocol    Failure = iota // 1002
	FailedUnsupported                // 1003: binary
	FailedInvalid                    // 1007: not UTF-8, not deflate
	FailedTooLarge                   // 1009
	// NumFailures is how many there are.
	NumFailures
)

var failureNames = [NumFailures]string{"protocol", "unsupported", "invalid", "too_large"}

// String returns the name that metrics have.
func (f Failure) String() string {
	if f < NumFailures {
		return failureNames[f]
	}
	return "unknown"
}

// failureOf returns what an error counts as.
func failureOf(e *websocket.Error) Failure {
	switch e.Code {
	case websocket.CodeUnsupported:
		return FailedUnsupported
	case websocket.CodeInvalid:
		return FailedInvalid
	case websocket.CodeTooLarge:
		return FailedTooLarge
	}
	return FailedProtocol
}

// Sockets are the counters of WebSockets.
type Sockets struct {
	Open         int64  // now
	Opened       uint64 // handshakes that succeeded
	Pings        uint64 // sent
	PongsLeftOut uint64 // for a later ping of a peer that did not read
	Failed       [NumFailures]uint64
	Unanswered   uint64 // close frames of ours that the peer did not answer in time
	Outpaced     uint64 // messages refused by Options.UnpackRate
}

// Sockets returns the counters of WebSockets.
func (c *Counters) Sockets() Sockets {
	s := Sockets{
		Open: c.open.Load(), Opened: c.opened.Load(), Pings: c.pings.Load(),
		PongsLeftOut: c.pongsLeftOut.Load(), Unanswered: c.unanswered.Load(), Outpaced: c.outpaced.Load(),
	}
	for i := range s.Failed {
		s.Failed[i] = c.failed[i].Load()
	}
	return s
}
