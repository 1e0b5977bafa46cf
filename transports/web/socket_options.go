package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/transports/websocket"
)

// Defaults of WebSocketOptions.
const (
	DefaultWebSocketPath = "/ws"
	DefaultPingInterval  = 30 * time.Second
	DefaultMissedPings   = 2
	DefaultCloseTimeout  = 5 * time.Second
)

// WebSocketOptions configures WebSockets. The zero value is usable. Messages are
// bounded by Engine.MaxMessageBytes, as they come and inflated.
type WebSocketOptions struct {
	// Path is where on http:// listeners a connection becomes a WebSocket. Empty:
	// "/ws". The service must have nothing else there. A ws:// listener has a path
	// of its own, or takes any.
	Path string
	// Off leaves WebSocket out of http:// listeners.
	Off bool
	// CompressMin is the size in bytes from which on a message is compressed, if
	// the client offers permessage-deflate (RFC 7692). Zero: 256. Negative: none
	// is, and none of the client's may be.
	CompressMin int
	// MaxFragments bounds the fragments of a message. Zero: 65,536. Beyond it the
	// connection is closed by 1009.
	MaxFragments int
	// PingInterval is the time between two pings. Zero: 30 s; negative: none are
	// sent.
	PingInterval time.Duration
	// MissedPings is how many pings may be followed by no byte of the peer's: at
	// the time of the next the connection is closed (ClosePing). Zero: 2.
	MissedPings int
	// CloseTimeout bounds how long the peer's close frame is waited for, and after
	// ours to a peer that broke the protocol, its end of the connection. Zero: 5 s.
	CloseTimeout time.Duration
}

// WithDefaults returns o with every field set.
func (o WebSocketOptions) WithDefaults() WebSocketOptions {
	if o.Path == "" {
		o.Path = DefaultWebSocketPath
	}
	if o.CompressMin == 0 {
		o.CompressMin = websocket.DefaultCompressMin
	}
	if o.MaxFragments == 0 {
		o.MaxFragments = websocket.DefaultMaxFragments
	}
	switch {
	case o.PingInterval == 0:
		o.PingInterval = DefaultPingInterval
	case o.PingInterval < 0:
		o.PingInterval = -1
	}
	if o.MissedPings == 0 {
		o.MissedPings = DefaultMissedPings
	}
	if o.CloseTimeout == 0 {
		o.CloseTimeout = DefaultCloseTimeout
	}
	return o
}

// Validate says what is wrong with o, each field by its name.
func (o WebSocketOptions) Validate() error {
	o = o.WithDefaults()
	for _, f := range []struct {
		name     string
		v        int64
		min, max int64
	}{
		{"MaxFragments", int64(o.MaxFragments), 1, 1 << 30},
		{"MissedPings", int64(o.MissedPings), 1, 1000},
		{"CloseTimeout", int64(o.CloseTimeout), int64(time.Millisecond), int64(time.Hour)},
	} {
		if f.v < f.min || f.v > f.max {
			return fmt.Errorf("WebSocket.%s is %d; it must lie between %d and %d", f.name, f.v, f.min, f.max)
		}
	}
	if !strings.HasPrefix(o.Path, "/") || strings.ContainsAny(o.Path, "?# ") {
		return fmt.Errorf("WebSocket.Path is %q; it must begin with a slash, and have neither query nor fragment", o.Path)
	}
	if o.PingInterval > 0 && o.PingInterval < 10*time.Millisecond {
		return fmt.Errorf("WebSocket.PingInterval is %v; it must be at least 10ms, or negative for none", o.PingInterval)
	}
	return nil
}
