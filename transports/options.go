package transports

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/http2"
	"github.com/gannetmcp/gannet/transports/tlsconn"
	"github.com/gannetmcp/gannet/transports/web"
)

// Defaults of Options.
const (
	DefaultGrace           = 30 * time.Second
	DefaultCompressMin     = 32 << 10
	DefaultMaxConnections  = 50_000
	DefaultKeepAlive       = 60 * time.Second
	DefaultKeepAliveProbes = 3

	DefaultTLSHandshakeTimeout = 10 * time.Second
	DefaultTLSReloadInterval   = 10 * time.Second
)

// Options says what to listen on and how. The zero value of each field but
// Listeners is usable.
type Options struct {
	// Listeners to open; at least one.
	Listeners []Listener
	// Engine configures the engine behind all of them.
	Engine engine.Options
	// Loops is the number of event loops. Zero: GOMAXPROCS. At most 256.
	Loops int
	// MaxConnections bounds the open connections of all listeners. A peer
	// above it gets one error message (-31001) and is closed. Zero: 50,000, or
	// what RLIMIT_NOFILE leaves room for where that is less (with a warning in
	// the log); a number that is set and does not fit is an error.
	MaxConnections int
	// Grace bounds the drain of ListenAndServe and of the end of standard
	// input. Zero: 30 s; negative: none, work in flight is cut.
	Grace time.Duration
	// TCP holds the options of TCP sockets.
	TCP TCPOptions
	// CompressMin is the size in bytes from which on the answer to an HTTP
	// request is compressed, by zstd or gzip, if the client takes that. Zero:
	// 32 KiB; negative: never. Event streams are not compressed.
	CompressMin int
	// MaxUnpackedBytes bounds what the body of an HTTP request with a
	// Content-Encoding of gzip or zstd becomes, in bytes; beyond it 413. Zero, and
	// anything above: Engine.MaxMessageBytes. Negative: no coding is taken, 415.
	MaxUnpackedBytes int
	// UnpackRate bounds how fast such bodies, and compressed messages of
	// WebSockets, become more than 16 times what came, in bytes a second on each
	// event loop, beside one of the largest size at once: what costs its sender
	// nothing must not take the time of others. Beyond it a body is 503, a message
	// -31001. Zero: 128 MiB. Negative: no bound.
	UnpackRate int
	// HTTP2 holds the options of HTTP/2, which http and https listeners speak
	// beside HTTP/1.1: the first bytes of a connection tell, with TLS the
	// protocol that was agreed on (ALPN).
	HTTP2 HTTP2Options
	// WebSocket configures WebSockets, on http, https, ws and wss listeners.
	WebSocket WebSocketOptions
	// TLS holds the options of tls, https and wss listeners.
	TLS TLSOptions
	// Logger takes what an operator should know. nil discards. It is the
	// engine's too, unless Engine.Logger is set.
	Logger *slog.Logger
	// Stdin and Stdout are what a stdio listener serves; nil means the
	// process's own.
	Stdin, Stdout *os.File
	// StdioPark has the reader of standard input give its P (the right to run
	// one goroutine) back whenever it waits. By default, on Linux, where stdio
	// is the only listener and no call is in flight, it keeps it until more
	// input comes or the scheduler wants it, for 20 ms at most after each
	// message: a round trip takes half the CPU and two thirds of the time. Set
	// it in a program whose other goroutines share a single P (GOMAXPROCS=1)
	// and cannot wait that long.
	StdioPark bool
}

// Listener is one address to serve.
type Listener struct {
	// URL is "stdio", "tcp://HOST:PORT", "http://HOST:PORT", "ws://HOST:PORT/PATH",
	// with TLS "tls://", "https://" and "wss://" (port 0: the kernel picks one), or
	// "unix:///PATH". A ws:// or wss:// listener is for nothing but WebSocket, at any
	// path if it has none; an http:// or https:// listener serves it at WebSocket.Path
	// beside the rest.
	URL string
	// TLS is the configuration of a tls, https or wss listener, nil: that which
	// Options.TLS describes. It is cloned. Without NextProtos those of HTTP are
	// offered on https. Records are of full size, whatever it says. Session tickets
	// are as it says; with those that crypto/tls makes by itself, sessions are
	// resumed on this listener only.
	TLS *tls.Config
}

// TLSOptions are the options of TLS.
type TLSOptions struct {
	// Cert and Key are PEM files: the certificate, with those between it and a
	// root behind it, and its private key. ClientCA has the authorities of
	// clients; with it each client must show a certificate of theirs, which is
	// then what Call.Principal names it by.
	//
	// The files are read again when they change, and by Server.ReloadTLS:
	// handshakes from then on see what is new, connections stay. What does not fit
	// together or has expired is not taken, and that is logged.
	Cert, Key, ClientCA string
	// TicketKeys is a file with the keys of session tickets, on each line 32 bytes
	// in Base64: the first one seals tickets, all open them (16 at most). Servers
	// that share it resume each other's sessions. It is read again as the others
	// are. "": keys that live in the process, a new one every day.
	TicketKeys string
	// SelfSigned has a certificate for development made, for localhost, 127.0.0.1
	// and ::1: kept in Cert and Key if neither is there, only in memory if they
	// have no names.
	SelfSigned bool
	// MinVersion is the least version that is spoken: tls.VersionTLS13 or
	// tls.VersionTLS12. Zero: TLS 1.3.
	MinVersion uint16
	// HandshakeTimeout bounds a handshake, from the moment that the connection was
	// accepted. Zero: 10 s; negative: none.
	HandshakeTimeout time.Duration
	// MaxHandshakes bounds the handshakes in flight. Zero: 2,048. Beyond it the one
	// that has waited longest for its peer is closed, if that is a second or more;
	// else who comes gets the alert internal_error and is closed.
	MaxHandshakes int
	// MaxHandshakeBytes bounds what is kept of what a peer sends before its
	// handshake is over; a client may have begun with its messages by then. Zero:
	// 1 MiB. Beyond it the connection is closed.
	MaxHandshakeBytes int
	// ReloadInterval is how often the files are looked at. Zero: 10 s; negative:
	// never.
	ReloadInterval time.Duration
}

// HTTP2Options are the options of HTTP/2.
type HTTP2Options struct {
	// Off has only HTTP/1.1 spoken, Only only HTTP/2.
	Off, Only bool
	// MaxStreams bounds the requests of one connection that are being received,
	// served or answered at a time; more are refused (REFUSED_STREAM), and a
	// client knows that it may send them again. Zero: 100; at most 10,000.
	MaxStreams int
	// StreamWindow and ConnWindow are what a client may send of one request and of
	// all without hearing from the server, in bytes. Zero: 256 KiB and 1 MiB; at
	// least 65,535.
	StreamWindow, ConnWindow int
	// MaxResets bounds the requests that a client may take back, or spoil, in a
	// second; beyond it the connection ends (ENHANCE_YOUR_CALM). Zero: 200.
	MaxResets int
}

// web returns the options of package web.
func (o *Options) web() web.Options {
	speaks := web.AnyProtocol
	switch {
	case o.HTTP2.Off:
		speaks = web.HTTP1
	case o.HTTP2.Only:
		speaks = web.HTTP2
	}
	return web.Options{
		CompressMin: o.CompressMin, MaxUnpackedBytes: o.MaxUnpackedBytes, UnpackRate: o.UnpackRate, Speaks: speaks, WebSocket: o.WebSocket,
		HTTP2: http2.Limits{
			Streams: o.HTTP2.MaxStreams, StreamWindow: o.HTTP2.StreamWindow, ConnWindow: o.HTTP2.ConnWindow, Resets: o.HTTP2.MaxResets,
		},
	}
}

// WebSocketOptions configures WebSockets.
type WebSocketOptions = web.WebSocketOptions

// TCPOptions are the options of TCP sockets. Those marked (Linux) are an error
// elsewhere when set.
type TCPOptions struct {
	// Delay leaves Nagle's algorithm on. Off by default (TCP_NODELAY): output
	// is gathered here, a turn at a time.
	Delay bool
	// KeepAlive is the idle time before the first probe, and the time between
	// probes. Zero: 60 s; negative: no keepalive.
	KeepAlive time.Duration
	// KeepAliveProbes unanswered end the connection. Zero: 3.
	KeepAliveProbes int
	// RecvBuffer and SendBuffer are SO_RCVBUF and SO_SNDBUF in bytes. Zero:
	// the kernel's own sizing, which is best nearly always.
	RecvBuffer, SendBuffer int
	// Backlog of connections not yet accepted. Zero: the system's maximum.
	Backlog int
	// UserTimeout is TCP_USER_TIMEOUT (Linux): how long sent bytes may stay
	// unacknowledged. Zero: the kernel's.
	UserTimeout time.Duration
	// NotSentLowat is TCP_NOTSENT_LOWAT in bytes: how much unsent data the
	// kernel takes before a socket counts as not writable. Zero: the kernel's.
	NotSentLowat int
	// ReusePort is SO_REUSEPORT: several processes may listen on one port.
	ReusePort bool
}

func (o Options) withDefaults() Options {
	if o.Loops == 0 {
		o.Loops = runtime.GOMAXPROCS(0)
	}
	switch {
	case o.Grace == 0:
		o.Grace = DefaultGrace
	case o.Grace < 0:
		o.Grace = 0
	}
	if o.CompressMin == 0 {
		o.CompressMin = DefaultCompressMin
	}
	def := func(p *int, d int) {
		if *p == 0 {
			*p = d
		}
	}
	def(&o.HTTP2.MaxStreams, http2.DefaultStreams)
	def(&o.HTTP2.StreamWindow, http2.DefaultStreamWindow)
	def(&o.HTTP2.ConnWindow, http2.DefaultConnWindow)
	def(&o.HTTP2.MaxResets, http2.DefaultResets)
	o.WebSocket = o.WebSocket.WithDefaults()
	def(&o.TLS.MaxHandshakes, tlsconn.DefaultMaxHandshakes)
	def(&o.TLS.MaxHandshakeBytes, tlsconn.DefaultMaxHandshakeBytes)
	if o.TLS.MinVersion == 0 {
		o.TLS.MinVersion = tls.VersionTLS13
	}
	if o.TLS.HandshakeTimeout == 0 {
		o.TLS.HandshakeTimeout = DefaultTLSHandshakeTimeout
	}
	if o.TLS.ReloadInterval == 0 {
		o.TLS.ReloadInterval = DefaultTLSReloadInterval
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Engine.Logger == nil {
		o.Engine.Logger = o.Logger
	}
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.TCP.KeepAlive == 0 {
		o.TCP.KeepAlive = DefaultKeepAlive
	}
	if o.TCP.KeepAliveProbes == 0 {
		o.TCP.KeepAliveProbes = DefaultKeepAliveProbes
	}
	return o
}

// Validate says what Listen would find wrong with the options before it opens
// anything.
func (o Options) Validate() error {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return err
	}
	return o.Engine.Validate()
}

func (o *Options) validate() error {
	if len(o.Listeners) == 0 {
		return errors.New("transports: Options.Listeners is empty; name at least one, such as tcp://127.0.0.1:0")
	}
	for _, f := range []struct {
		name     string
		v        int64
		min, max int64
	}{
		{"Loops", int64(o.Loops), 1, 256},
		{"MaxConnections", int64(o.MaxConnections), 0, 10_000_000},
		{"HTTP2.MaxStreams", int64(o.HTTP2.MaxStreams), 1, 10_000},
		{"HTTP2.StreamWindow", int64(o.HTTP2.StreamWindow), 1<<16 - 1, 1<<31 - 1},
		{"HTTP2.ConnWindow", int64(o.HTTP2.ConnWindow), 1<<16 - 1, 1<<31 - 1},
		{"HTTP2.MaxResets", int64(o.HTTP2.MaxResets), 1, 1_000_000},
		{"TLS.MaxHandshakes", int64(o.TLS.MaxHandshakes), 1, 1 << 20},
		{"TLS.MaxHandshakeBytes", int64(o.TLS.MaxHandshakeBytes), 32 << 10, 1 << 30},
		{"TCP.KeepAliveProbes", int64(o.TCP.KeepAliveProbes), 1, 100},
		{"TCP.RecvBuffer", int64(o.TCP.RecvBuffer), 0, 1 << 30},
		{"TCP.SendBuffer", int64(o.TCP.SendBuffer), 0, 1 << 30},
		{"TCP.Backlog", int64(o.TCP.Backlog), 0, 1 << 20},
		{"TCP.UserTimeout", int64(o.TCP.UserTimeout), 0, int64(24 * time.Hour)},
		{"TCP.NotSentLowat", int64(o.TCP.NotSentLowat), 0, 1 << 30},
	} {
		if f.v < f.min || f.v > f.max {
			return fmt.Errorf("transports: Options.%s is %d; it must lie between %d and %d", f.name, f.v, f.min, f.max)
		}
	}
	if err := o.WebSocket.Validate(); err != nil {
		return fmt.Errorf("transports: Options.%w", err)
	}
	if o.HTTP2.Off && o.HTTP2.Only {
		return errors.New("transports: Options.HTTP2 has both Off and Only; set one, or none")
	}
	if v := o.TLS.MinVersion; v != tls.VersionTLS13 && v != tls.VersionTLS12 {
		return fmt.Errorf("transports: Options.TLS.MinVersion is %#x; use tls.VersionTLS13 or tls.VersionTLS12, older versions are broken", v)
	}
	if o.TCP.KeepAlive > 0 && o.TCP.KeepAlive < time.Second {
		return fmt.Errorf("transports: Options.TCP.KeepAlive is %v; it must be at least a second, or negative for none", o.TCP.KeepAlive)
	}
	return nil
}
