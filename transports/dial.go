package transports

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Defaults of DialOptions.
const (
	DefaultDialTimeout  = 30 * time.Second
	DefaultReconnectMin = time.Second
	DefaultReconnectMax = time.Minute
)

// DialOptions configures a client's connection. The zero value is usable.
type DialOptions struct {
	// Engine configures the engine behind the session. In difference to a
	// server's, its CallTimeout and WriteStallTimeout are none when zero,
	// OutputHighWater is 1 GiB (ClientOptions.MaxPendingBytes bounds output),
	// MaxInFlight, which is about the server's requests, is 64.
	Engine engine.Options
	// DialTimeout bounds the making of a connection, beside ctx. Zero: 30 s.
	DialTimeout time.Duration
	// KeepAlive of TCP is the idle time before the first probe, and the time
	// between probes, of which three unanswered end the connection. Zero:
	// 60 s; negative: no keepalive.
	KeepAlive time.Duration
	// Header returns fields of a WebSocket's handshake, such as Authorization, for
	// each connection anew. nil: none.
	Header func(context.Context) (map[string][]string, error)
	// CompressMin is the size in bytes from which on a message over a WebSocket is
	// compressed, if the server takes that. Zero: 256. Negative: none is, and none
	// of the server's may be.
	CompressMin int
	// TLS is the configuration of connections to tls:// and wss://; nil: that of
	// crypto/tls. It is cloned. Without a ServerName the server must be the host of
	// the URL; when it is dialled again its session is resumed, where it permits
	// that.
	TLS *tls.Config

	// Reconnect has the session go on with a new connection when one is lost,
	// until it is closed. Requests in flight fail with engine.ErrConnClosed:
	// whether the server has done what they asked for is unknown. Requests
	// made meanwhile wait for the new connection, which is negotiated anew.
	// Subscriptions are lost; OnReconnect is the place to renew them.
	Reconnect bool
	// ReconnectMin is the wait before the first attempt; each that fails
	// doubles it, up to ReconnectMax, and a quarter more or less is chosen at
	// random, so that the clients of a server that was restarted do not come
	// all at once. Zero: 1 s and 60 s.
	ReconnectMin, ReconnectMax time.Duration
	// OnReconnect is called, on a goroutine of its own, whenever the session
	// has a new connection. It must not call Close.
	OnReconnect func(*mcp.ClientSession)

	// Logger takes what an operator should know. nil discards.
	Logger *slog.Logger
}

func (o DialOptions) withDefaults() DialOptions {
	def := func(v *time.Duration, zero time.Duration) {
		if *v == 0 {
			*v = zero
		}
	}
	def(&o.DialTimeout, DefaultDialTimeout)
	def(&o.KeepAlive, DefaultKeepAlive)
	def(&o.ReconnectMin, DefaultReconnectMin)
	def(&o.ReconnectMax, max(DefaultReconnectMax, o.ReconnectMin))
	return o
}

func (o *DialOptions) validate() error {
	switch {
	case o.DialTimeout < 0:
		return errors.New("transports: DialOptions.DialTimeout must not be negative")
	case o.ReconnectMin < 0 || o.ReconnectMax < o.ReconnectMin:
		return fmt.Errorf("transports: DialOptions.ReconnectMin is %v and ReconnectMax %v; want 0 < min <= max", o.ReconnectMin, o.ReconnectMax)
	}
	return nil
}

// Dial connects client to a server at rawURL, "tcp://HOST:PORT", "tls://HOST:PORT"
// or "unix:///PATH", where messages are lines (see FRAMING.md), or
// "ws://HOST:PORT/PATH" or "wss://HOST:PORT/PATH", a WebSocket (WEBSOCKET.md), whose
// port may be left out if it is 80 or 443, and returns the session once it is
// negotiated. ctx bounds only that. For servers on HTTP there is webclient.Dial.
//
// The session has an engine and one goroutine, which reads. ClientSession.Close
// ends both; a session that nobody closes lives until its connection ends, with
// Reconnect for ever.
//
// Errors name the URL; they wrap those of package net and of
// mcp.ClientSession.Negotiate.
func Dial(ctx context.Context, client *mcp.Client, rawURL string, o DialOptions) (*mcp.ClientSession, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	t, err := dialTarget(rawURL)
	if err != nil {
		return nil, err
	}
	if t.secure {
		o.TLS = clientTLS(o.TLS, t.addr)
	}
	return o.connect(ctx, client, rawURL, func(ctx context.Context) (ends, error) {
		ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
		defer cancel()
		if t.url != nil {
			return o.dialSocket(ctx, t)
		}
		return o.dial(ctx, rawURL, t)
	})
}

// connect makes a session over the connections that dial makes.
func (o *DialOptions) connect(ctx context.Context, client *mcp.Client, name string, dial func(context.Context) (ends, error)) (*mcp.ClientSession, error) {
	c, err := newCaller(name, client, o.Engine, o.Logger)
	if err != nil {
		return nil, err
	}
	if o.Reconnect {
		c.redial, c.minWait, c.maxWait, c.onRedial = dial, o.ReconnectMin, o.ReconnectMax, o.OnReconnect
	}
	l, err := dial(ctx)
	if err != nil {
		c.close()
		return nil, err
	}
	return c.connect(ctx, l)
}

// target is where to connect to.
type target struct {
	network, addr string
	secure        bool     // with TLS
	url           *url.URL // of a WebSocket, else nil
}

// dialTarget reads a URL to connect to.
func dialTarget(rawURL string) (t target, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return t, fmt.Errorf("transports: %q is no URL: %w", rawURL, err)
	}
	switch u.Scheme {
	case "tcp", "tls":
		if u.Port() == "" || u.Port() == "0" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return t, fmt.Errorf("transports: %q: want %s://HOST:PORT, for example %s", rawURL, u.Scheme, map[string]string{"tcp": "tcp://127.0.0.1:7600", "tls": "tls://localhost:7644"}[u.Scheme])
		}
		return target{network: "tcp", addr: u.Host, secure: u.Scheme == "tls"}, nil
	case "ws", "wss":
		return socketTarget(u)
	case "unix":
		if u.Host != "" || u.Path == "" || u.RawQuery != "" {
			return t, fmt.Errorf("transports: %q: want unix:///PATH, for example unix:///run/user/1000/gannet.sock", rawURL)
		}
		if n := len(u.Path); n > unixPathMax {
			return t, fmt.Errorf("transports: %s: the path is too long: %d bytes, a socket's may have %d", rawURL, n, unixPathMax)
		}
		return target{network: "unix", addr: u.Path}, nil
	}
	switch u.Scheme {
	case "http", "https", "sse+http", "sse+https":
		return t, fmt.Errorf("transports: %q: HTTP is dialled by webclient.Dial, of package transports/webclient: this package does without net/http", rawURL)
	}
	return t, fmt.Errorf("transports: %q: unknown scheme %q; use tcp://HOST:PORT, tls://HOST:PORT, ws://HOST:PORT/PATH, wss://HOST:PORT/PATH or unix:///PATH, or Command for a server on standard input and output", rawURL, u.Scheme)
}

// dialer returns what makes sockets.
func (o *DialOptions) dialer() net.Dialer {
	d := net.Dialer{Timeout: o.DialTimeout, KeepAlive: -1}
	if o.KeepAlive > 0 {
		d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: o.KeepAlive, Interval: o.KeepAlive, Count: DefaultKeepAliveProbes}
	}
	return d
}

// dial makes one connection that carries lines.
func (o *DialOptions) dial(ctx context.Context, rawURL string, t target) (ends, error) {
	d := o.dialer()
	conn, err := d.DialContext(ctx, t.network, t.addr)
	if err != nil {
		return ends{}, dialError(rawURL, err)
	}
	rc, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		_ = conn.Close()
		return ends{}, dialError(rawURL, err)
	}
	e := ends{
		in: conn, out: kernel{rc},
		hangUp: func() { _ = conn.Close() },
		reap:   func() error { _ = conn.Close(); return nil },
		peer:   engine.Peer{Transport: t.network, Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String()},
	}
	if t.secure {
		c, err := o.secure(ctx, rawURL, conn, rc)
		if err != nil {
			_ = conn.Close()
			return ends{}, err
		}
		cs := c.ConnectionState()
		e.in, e.out, e.hangUp, e.peer.TLS = c, c, c.hangUp, &cs
		e.peer.Transport = "tls"
	}
	return e, nil
}

// dialError says what to do about a connection that failed.
func dialError(u string, err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("transports: %s: nobody listens there; start the server or check the address: %w", u, err)
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("transports: %s: there is no such socket; start the server or check the path: %w", u, err)
	}
	return fmt.Errorf("transports: %s: %w", u, err)
}
