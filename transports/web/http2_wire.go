package web

import (
	"crypto/tls"
	"slices"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/http2"
)

// http2Wire is the Wire of a part: bodies of responses go to the machine of its
// connection.
type http2Wire struct{ *http2Stream }

var _ engine.PartWire = http2Wire{}

// Write gives the machine as much as it takes.
func (w http2Wire) Write(p []byte) (int, error) {
	if w.s == nil {
		return len(p), nil
	}
	n := w.h.m.SendData(w.s, p, w.ends)
	w.h.conn.Revisit()
	w.setLeft(len(p) - n)
	if w.ends && n == len(p) {
		w.finish()
	}
	return n, nil
}

// Resume has nothing to do: the next exchange comes with a stream of its own.
func (w http2Wire) Resume() {}

// Close resets a stream whose response is not complete. Its place is not free
// before Ended.
func (w http2Wire) Close(reason engine.CloseReason) {
	w.closed = true
	w.setLeft(0)
	if w.s == nil {
		if i := slices.Index(w.h.idle, w.http2Stream); i >= 0 {
			w.h.idle = slices.Delete(w.h.idle, i, i+1)
		}
		return
	}
	code := http2.CodeInternal
	switch reason {
	case engine.CloseSlowReader:
		w.h.l.counters.http2.slow.Add(1)
		code = http2.CodeEnhanceYourCalm
	case engine.CloseBudget:
		code = http2.CodeEnhanceYourCalm
	case engine.CloseRefused:
		code = http2.CodeRefusedStream
	case engine.CloseDrained, engine.CloseForced, engine.ClosePeer:
		code = http2.CodeCancel
	}
	w.h.m.Reset(w.s, code)
	w.h.conn.Revisit()
}

// Ended gives the place of a stream back that was reset, now that nothing runs for
// it any more.
func (w http2Wire) Ended() {
	if i := slices.Index(w.h.streams, w.http2Stream); i >= 0 {
		w.h.streams = slices.Delete(w.h.streams, i, i+1)
	}
	if len(w.h.streams) == 0 {
		w.h.streams, w.h.idle = nil, nil // room for many, perhaps
	}
	if s := w.s; s != nil {
		w.http2Stream.s = nil
		w.h.release(s)
	}
}

// Peer describes the other end.
func (w http2Wire) Peer() engine.Peer { return w.h.conn.Peer() }

// TLS is the carrier's.
func (w http2Wire) TLS() *tls.ConnectionState { return w.h.conn.TLS() }
