package mcp

import (
	"time"
	"weak"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/sse"
)

// HTTPOptions configures what a Server does on HTTP. The zero value is usable.
type HTTPOptions struct {
	// Path is where Streamable HTTP is served, all revisions of it. Empty:
	// "/mcp". SSEPath is where the older HTTP with SSE (2024-11-05) begins,
	// MessagePath where its messages go. Empty: "/sse" and "/message".
	Path, SSEPath, MessagePath string
	// AllowedOrigins are the origins that browsers may come from, such as
	// "https://app.example.org"; those of this machine (localhost, 127.0.0.1,
	// [::1]) may always. AllowedHosts are the names that the server is called
	// by, without port; on a loopback address those of this machine alone are
	// taken, on others any, unless this says more. A request that is not
	// allowed gets 403.
	AllowedOrigins, AllowedHosts []string
	// AnyOrigin switches both checks off. What protects from a web page that
	// reaches the server through its reader's browser must then be elsewhere.
	AnyOrigin bool
	// Authenticate says who sends a request, by its fields; nil: its client's
	// certificate does (CertificateName), if it has shown one. A
	// WebSocket is asked once, by its handshake.
	// Who is not taken gets 401 with Challenge, or "Bearer", as its
	// WWW-Authenticate. Sessions, tasks and states are bound to the principal,
	// and lists are not shared between users. BearerTokens and
	// APIKeys make one.
	Authenticate func(r engine.RequestView) (principal string, ok bool)
	Challenge    string
	// KeepHeaders are the fields that Call.Header finds off the loop, where a
	// call has outlived its request: they are copied for each such call, which
	// allocates. nil: none. Those of a WebSocket's handshake are kept with it.
	KeepHeaders []string
	// ResourceMetadata is what clients are told of where tokens come from, a
	// JSON document (RFC 9728). nil: nothing.
	ResourceMetadata []byte
	// MaxSessions bounds the sessions of revisions up to 2025-11-25. Zero:
	// 10,000. Beyond it: 503.
	MaxSessions int
	// SessionIdle is after which time without a request or stream a session
	// ends. Zero: 30 min.
	SessionIdle time.Duration
	// SessionKeys seal what a session has settled into its id, so that it
	// survives a restart, and goes on in another process with the same keys:
	// secrets of any length, the first of which seals, all of which open. What
	// it has subscribed to, its log level and what is kept of its event streams
	// do not survive; an id that DELETE has ended is refused by the process that
	// was told. None: ids say nothing, and end with the process.
	SessionKeys [][]byte
	// SessionTTL is for how long a sealed id is taken. Zero: 24 h.
	SessionTTL time.Duration
	// KeepAlive is after which time an event stream gets a comment, so that
	// nobody between takes it for dead. Zero: 25 s.
	KeepAlive time.Duration
	// ReplayEvents, ReplayBytes and ReplayAge bound what is kept of the event
	// streams of each session for a client that comes back with Last-Event-ID
	// (revisions up to 2025-11-25). Zero: 256 events of a stream, 1 MiB of it,
	// 5 min. ReplayEvents below zero: nothing is kept, and events have no ids.
	// The oldest go first; a client that has missed one gets 400.
	ReplayEvents, ReplayBytes int
	ReplayAge                 time.Duration
	// ReplayStreams bounds the event streams of a session of which something is
	// kept. Zero: 32. Beyond it the oldest that has ended goes; if none has, the
	// events of a new one have no ids.
	ReplayStreams int
	// MaxReplayBytes bounds what is kept of all sessions. Zero: 64 MiB. Beyond
	// it events are not kept.
	MaxReplayBytes int
	// Retry is what clients are told to wait before they come back. Zero: 1 s.
	Retry time.Duration
}

// Defaults of HTTPOptions.
const (
	DefaultMaxSessions = 10_000
	DefaultSessionIdle = 30 * time.Minute
	DefaultKeepAlive   = 25 * time.Second
	DefaultSessionTTL  = 24 * time.Hour

	DefaultReplayStreams  = 32
	DefaultMaxReplayBytes = 64 << 20
	DefaultRetry          = time.Second
)

func (o HTTPOptions) withDefaults() HTTPOptions {
	if o.Path == "" {
		o.Path = "/mcp"
	}
	if o.SSEPath == "" {
		o.SSEPath = "/sse"
	}
	if o.MessagePath == "" {
		o.MessagePath = "/message"
	}
	if o.MaxSessions < 0 || o.SessionIdle < 0 || o.KeepAlive < 0 {
		panic("mcp: NewServer: HTTPOptions.MaxSessions, HTTPOptions.SessionIdle and HTTPOptions.KeepAlive must not be negative")
	}
	if o.SessionTTL < 0 {
		panic("mcp: NewServer: HTTPOptions.SessionTTL must not be negative")
	}
	if o.SessionTTL == 0 {
		o.SessionTTL = DefaultSessionTTL
	}
	if o.ReplayBytes < 0 || o.ReplayAge < 0 || o.ReplayStreams < 0 || o.MaxReplayBytes < 0 || o.Retry < 0 {
		panic("mcp: NewServer: HTTPOptions.ReplayBytes, ReplayAge, ReplayStreams, MaxReplayBytes and Retry must not be negative")
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = DefaultKeepAlive
	}
	if o.ReplayEvents == 0 {
		o.ReplayEvents = sse.DefaultReplayEvents
	}
	if o.ReplayBytes == 0 {
		o.ReplayBytes = sse.DefaultReplayBytes
	}
	if o.ReplayAge == 0 {
		o.ReplayAge = sse.DefaultReplayAge
	}
	if o.ReplayStreams == 0 {
		o.ReplayStreams = DefaultReplayStreams
	}
	if o.MaxReplayBytes == 0 {
		o.MaxReplayBytes = DefaultMaxReplayBytes
	}
	if o.Retry == 0 {
		o.Retry = DefaultRetry
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = DefaultMaxSessions
	}
	if o.SessionIdle == 0 {
		o.SessionIdle = DefaultSessionIdle
	}
	return o
}

// httpConn is what a connection that carries HTTP means: one exchange after the
// other, each with a session of its own choice. It belongs to the connection's
// loop.
type httpConn struct {
	server *Server
	conn   *engine.Conn
	own    session // of modern requests, and of what the connection itself leaves open
	host   []byte  // that was allowed last
	accept []byte  // likewise

	last weak.Pointer[httpSession] // that was found last

	statusFunc func(codec.Code) int // statusOf, bound once

	// Of the current exchange.
	x       *engine.Exchange
	session *httpSession // that it names, or has opened, or nil
	named   bool         // it names a session
	modern  bool
	pending bool // a request of it was served
	status  int  // of what is refused, whatever its code; 0: by the code
	begun   *httpSession

	events      *eventStream // that the response is, nil if nothing is kept of it
	stream      *httpSession // whose stream, or one of whose, the connection is
	streaming   bool         // it is counted in Server.streams
	principal   string       // of the exchange
	certified   bool         // certificate was found out
	certificate string       // see CertificateName
	sse         string       // the key of a connection of HTTP with SSE
	inbox       *inbox       // its messages, which come by other connections
}

var _ engine.ExchangeService = (*Server)(nil)

// OpenExchanges begins to serve a connection that carries HTTP.
func (s *Server) OpenExchanges(c *engine.Conn) engine.ExchangeHandler {
	h := &httpConn{server: s, conn: c}
	h.statusFunc = h.statusOf
	h.own.server, h.own.conn, h.own.carrier = s, c, h
	h.own.logLevel.Store(int32(logNone))
	c.SetState(&h.own)
	s.announcer.saw(c.Loop().Engine())
	return h
}

// ServeExchange serves one HTTP request.
func (h *httpConn) ServeExchange(c *engine.Conn, x *engine.Exchange) {
	h.x, h.session, h.named, h.modern, h.pending, h.status, h.begun = x, nil, false, false, false, 0, nil
	h.events = nil
	x.Status = h.statusFunc
	if !h.allowed() {
		h.text(403, "This Origin or Host is not allowed; see HTTPOptions.AllowedOrigins and HTTPOptions.AllowedHosts.")
		return
	}
	o := &h.server.opts.HTTP
	path := string(x.Request.Path())
	if o.ResourceMetadata != nil && (path == metadataPath || path == metadataPath+o.Path) {
		h.serveMetadata()
		return
	}
	if string(x.Request.Method()) != "OPTIONS" && !h.authenticated() {
		return
	}
	if x.Upgrade != nil {
		h.serveUpgrade()
		return
	}
	switch path {
	case o.Path:
		h.serveStreamable()
	case o.SSEPath:
		h.serveSSE()
	case o.MessagePath:
		h.serveMessage()
	case "/":
		h.servePage()
	default:
		h.text(404, "There is nothing here. MCP is at "+o.Path+".")
	}
}

// serveMetadata answers who gives tokens, to anybody.
func (h *httpConn) serveMetadata() {
	const methods = "GET, OPTIONS"
	switch string(h.x.Request.Method()) {
	case "GET":
		h.conn.Respond(200, "application/json", h.server.opts.HTTP.ResourceMetadata)
	case "OPTIONS":
		h.preflight(methods)
	default:
		h.notAllowed(methods)
	}
}

// text answers with a status and a line for people.
func (h *httpConn) text(status int, text string) {
	h.conn.Respond(status, "text/plain; charset=utf-8", append([]byte(text), '\n'))
}

// notAllowed answers a method that a path does not have.
func (h *httpConn) notAllowed(allow string) {
	h.header("Allow", allow)
	h.text(405, "Use "+allow+".")
}

// header adds a field line to the response. The value must have no line break.
func (h *httpConn) header(name, value string) {
	b := append(append(h.x.Header, name...), ": "...)
	h.x.Header = append(append(b, value...), "\r\n"...)
}

// statusOf returns the HTTP status of an answer with an error.
func (h *httpConn) statusOf(code codec.Code) int {
	if h.begun != nil { // an initialize that has failed
		h.server.sessions.end(h.begun)
		h.begun = nil
	}
	if h.status != 0 {
		return h.status
	}
	switch code {
	case codec.CodeOverloaded, codec.CodeShuttingDown, codec.CodeNoSession, codec.CodeRateLimited:
		h.header("Retry-After", "1")
	}
	switch code {
	case codec.CodeParse, codec.CodeInvalidRequest, codec.CodeHeaderMismatch, codec.CodeMissingCapability, codec.CodeUnsupportedVersion:
		return 400
	case codec.CodeOverloaded, codec.CodeShuttingDown, codec.CodeNoSession:
		return 503
	case codec.CodeRateLimited:
		return 429
	case codec.CodeMethodNotFound:
		if h.modern {
			return 404
		}
	case codec.CodeInvalidParams:
		if h.modern {
			return 400
		}
	}
	return 200
}

// CloseConn ends what belongs to the connection.
func (h *httpConn) CloseConn(c *engine.Conn, r engine.CloseReason) {
	if h.streaming {
		h.server.streams.ended()
	}
	if h.events != nil {
		h.End()
	}
	if h.stream != nil {
		h.stream.detach(c)
	}
	if h.sse != "" {
		h.server.sessions.endSSE(h.sse)
		h.inbox.close()
	}
	h.own.CloseConn(c, r)
}

// DrainConn ends the streams.
func (h *httpConn) DrainConn(c *engine.Conn) {
	h.own.DrainConn(c)
	if x := c.Exchange(); x != nil && !x.Done && x.Endless {
		c.EndStream()
	}
}
