package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
	"github.com/gannetmcp/gannet/transports/http2"
	"github.com/gannetmcp/gannet/transports/sse"
	"github.com/gannetmcp/gannet/transports/tlsconn"
	"github.com/gannetmcp/gannet/transports/web"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// settings is the one table of everything that can be configured. Each field
// is a flag, an environment variable GANNET_… and a key of the configuration
// file, all of one name.
type settings struct {
	Config string `help:"YAML file with any of these settings, by their names without dashes in front." placeholder:"FILE" env:"GANNET_CONFIG" type:"existingfile"`

	Listen   []string `help:"What to serve: stdio, tcp://HOST:PORT, http://HOST:PORT, ws://HOST:PORT/PATH, the same with TLS by tls://, https:// and wss://, or unix:///PATH; repeatable. Port 0 lets the system pick one. Default: tcp://127.0.0.1:7600, http://127.0.0.1:7601 and a Unix socket of the user's; with a certificate https://127.0.0.1:7643 and tls://127.0.0.1:7644, too." placeholder:"URL" env:"GANNET_LISTEN" sep:","`
	Admin    string   `help:"HOST:PORT for health, metrics and profiles, or none. Default: 127.0.0.1:7602 with the default of --listen, else none." placeholder:"HOST:PORT" env:"GANNET_ADMIN"`
	AddrFile string   `help:"File to write the bound addresses to, a URL a line; removed at the end." placeholder:"FILE" env:"GANNET_ADDR_FILE"`
	Demo     bool     `help:"Serve the demo: tools, a prompt, resources." env:"GANNET_DEMO"`
	Fixture  string   `help:"Serve a ready-made server to try clients with: none, or everything, the one that conformance suites ask for." enum:"none,everything" default:"none" env:"GANNET_FIXTURE"`
	Insecure bool     `help:"Allow addresses that other machines can reach, although what is said there is in the clear." env:"GANNET_INSECURE"`
	Name     string   `help:"Server name that clients see." default:"gannet" env:"GANNET_NAME"`

	Loops         int           `help:"Event loops. 0: one for each CPU." default:"0" env:"GANNET_LOOPS"`
	ShutdownGrace time.Duration `help:"How long a drain waits for calls in flight. 0: not at all." default:"${shutdown_grace}" env:"GANNET_SHUTDOWN_GRACE"`

	MaxConnections   int           `help:"Open sockets. 0: ${max_connections}, or what the limit of open files allows." default:"0" env:"GANNET_MAX_CONNECTIONS" group:"Limits"`
	MaxMessageBytes  byteSize      `help:"Size of one message." default:"${max_message_bytes}" env:"GANNET_MAX_MESSAGE_BYTES" group:"Limits"`
	MaxBatch         int           `help:"Messages of one batch." default:"${max_batch}" env:"GANNET_MAX_BATCH" group:"Limits"`
	MaxInFlight      int           `help:"Calls off the loop, of one connection." default:"${max_in_flight}" env:"GANNET_MAX_IN_FLIGHT" group:"Limits"`
	MaxInFlightTotal int           `help:"Calls off the loop, of all connections." default:"${max_in_flight_total}" env:"GANNET_MAX_IN_FLIGHT_TOTAL" group:"Limits"`
	MaxBufferedBytes byteSize      `help:"Bytes in partial messages, queued output and queued calls, of all connections. 0: 1GiB or a quarter of GOMEMLIMIT." default:"0" env:"GANNET_MAX_BUFFERED_BYTES" group:"Limits"`
	OutputHighWater  byteSize      `help:"Unsent output above which a connection's messages wait." default:"${output_high_water}" env:"GANNET_OUTPUT_HIGH_WATER" group:"Limits"`
	Workers          int           `help:"Most goroutines for pooled handlers." default:"${workers}" env:"GANNET_WORKERS" group:"Limits"`
	WorkerQueue      int           `help:"Calls that wait for a worker." default:"${worker_queue}" env:"GANNET_WORKER_QUEUE" group:"Limits"`
	CallTimeout      time.Duration `help:"Time for one call off the loop. 0: any." default:"${call_timeout}" env:"GANNET_CALL_TIMEOUT" group:"Limits"`
	MaxCallTimeout   time.Duration `help:"Time for a call that reports progress or waits for its client. 0: as call-timeout." default:"${max_call_timeout}" env:"GANNET_MAX_CALL_TIMEOUT" group:"Limits"`
	HandshakeTimeout time.Duration `help:"Time to the first message. 0: any." default:"${handshake_timeout}" env:"GANNET_HANDSHAKE_TIMEOUT" group:"Limits"`
	ReadTimeout      time.Duration `help:"Time between two pieces of one message. 0: any." default:"${read_timeout}" env:"GANNET_READ_TIMEOUT" group:"Limits"`
	IdleTimeout      time.Duration `help:"Time without messages, for connections without a session. 0: any." default:"${idle_timeout}" env:"GANNET_IDLE_TIMEOUT" group:"Limits"`
	WriteStall       time.Duration `help:"Time in which a peer that owes reading takes nothing. 0: any." default:"${write_stall}" env:"GANNET_WRITE_STALL" group:"Limits"`

	HTTPOrigins     []string      `name:"http-origin" help:"Origin that web pages may come from, such as https://app.example.org, beside this machine's; repeatable." placeholder:"ORIGIN" env:"GANNET_HTTP_ORIGIN" sep:"," group:"HTTP"`
	HTTPHosts       []string      `name:"http-host" help:"Name that the server may be called by, beside this machine's; repeatable." placeholder:"NAME" env:"GANNET_HTTP_HOST" sep:"," group:"HTTP"`
	HTTPTokens      string        `name:"http-tokens" help:"File of who may come: a line each, a name and the bearer token that stands for it." placeholder:"FILE" type:"existingfile" env:"GANNET_HTTP_TOKENS" group:"HTTP"`
	HTTPSessions    int           `name:"http-sessions" help:"Sessions, of clients up to 2025-11-25." default:"${http_sessions}" env:"GANNET_HTTP_SESSIONS" group:"HTTP"`
	HTTPSessionIdle time.Duration `name:"http-session-idle" help:"Time after which an unused session ends." default:"${http_session_idle}" env:"GANNET_HTTP_SESSION_IDLE" group:"HTTP"`
	HTTPSessionKeys string        `name:"http-session-keys" help:"File of secrets that seal session ids, so that sessions survive a restart: a line each, the first seals, all open." placeholder:"FILE" type:"existingfile" env:"GANNET_HTTP_SESSION_KEYS" group:"HTTP"`
	HTTPKeepalive   time.Duration `name:"http-keepalive" help:"Time between two comments on an event stream." default:"${http_keepalive}" env:"GANNET_HTTP_KEEPALIVE" group:"HTTP"`
	HTTPReplay      int           `name:"http-replay" help:"Events kept of a stream for a client that comes back. 0: none." default:"${http_replay}" env:"GANNET_HTTP_REPLAY" group:"HTTP"`
	HTTPReplayAge   time.Duration `name:"http-replay-age" help:"How long they are kept." default:"${http_replay_age}" env:"GANNET_HTTP_REPLAY_AGE" group:"HTTP"`
	HTTPReplayBytes byteSize      `name:"http-replay-bytes" help:"Bytes kept of all streams." default:"${http_replay_bytes}" env:"GANNET_HTTP_REPLAY_BYTES" group:"HTTP"`
	HTTP2           string        `name:"http2" help:"Whether HTTP/2 is spoken beside HTTP/1.1, by clients that know: on, off, or only." enum:"on,off,only" default:"on" env:"GANNET_HTTP2" group:"HTTP"`
	HTTP2Streams    int           `name:"http2-streams" help:"Requests of a connection of HTTP/2 at a time." default:"${http2_streams}" env:"GANNET_HTTP2_STREAMS" group:"HTTP"`
	HTTPUnpacked    byteSize      `name:"http-unpacked" help:"What a packed request body may become. 0: as max-message-bytes." default:"0" env:"GANNET_HTTP_UNPACKED" group:"HTTP"`
	UnpackRate      byteSize      `help:"What bodies and messages become that grow more than 16 times, a second on each event loop. 0: any." default:"${unpack_rate}" env:"GANNET_UNPACK_RATE" group:"HTTP"`

	WSPath         string        `name:"ws-path" help:"Path of WebSocket on http:// listeners, or none." default:"${ws_path}" env:"GANNET_WS_PATH" group:"WebSocket"`
	WSCompressMin  byteSize      `name:"ws-compress-min" help:"Size from which on messages are compressed, if the client takes that. 0: none is." default:"${ws_compress_min}" env:"GANNET_WS_COMPRESS_MIN" group:"WebSocket"`
	WSPing         time.Duration `name:"ws-ping" help:"Time between two pings. 0: none are sent." default:"${ws_ping}" env:"GANNET_WS_PING" group:"WebSocket"`
	WSMissedPings  int           `name:"ws-missed-pings" help:"Unanswered pings that end a connection." default:"${ws_missed_pings}" env:"GANNET_WS_MISSED_PINGS" group:"WebSocket"`
	WSCloseTimeout time.Duration `name:"ws-close-timeout" help:"Time for a client to answer that the server closes." default:"${ws_close_timeout}" env:"GANNET_WS_CLOSE_TIMEOUT" group:"WebSocket"`

	TLSCert             string        `name:"tls-cert" help:"PEM file of the certificate, with those between it and a root behind it. It is read again when it changes, and on SIGHUP." placeholder:"FILE" type:"path" env:"GANNET_TLS_CERT" group:"TLS"`
	TLSKey              string        `name:"tls-key" help:"PEM file of its private key." placeholder:"FILE" type:"path" env:"GANNET_TLS_KEY" group:"TLS"`
	TLSClientCA         string        `name:"tls-client-ca" help:"PEM file of the authorities of clients, each of which must then show a certificate of theirs." placeholder:"FILE" type:"path" env:"GANNET_TLS_CLIENT_CA" group:"TLS"`
	TLSTicketKeys       string        `name:"tls-ticket-keys" help:"File with the keys of session tickets, one a line as 'openssl rand -base64 32' makes it: the first seals, all open. Servers that share it resume each other's sessions. None: keys of this process." placeholder:"FILE" type:"path" env:"GANNET_TLS_TICKET_KEYS" group:"TLS"`
	TLSMinVersion       string        `name:"tls-min-version" help:"Least version of TLS: 1.3 or 1.2." enum:"1.3,1.2" default:"1.3" env:"GANNET_TLS_MIN_VERSION" group:"TLS"`
	TLSSelfSigned       bool          `name:"tls-self-signed" help:"Make a certificate for development, for localhost, 127.0.0.1 and ::1: kept in the files of tls-cert and tls-key if these are named and not there, else only in memory." env:"GANNET_TLS_SELF_SIGNED" group:"TLS"`
	TLSHandshakeTimeout time.Duration `name:"tls-handshake-timeout" help:"Time for a handshake. 0: any." default:"${tls_handshake_timeout}" env:"GANNET_TLS_HANDSHAKE_TIMEOUT" group:"TLS"`
	TLSMaxHandshakes    int           `name:"tls-max-handshakes" help:"Handshakes under way." default:"${tls_max_handshakes}" env:"GANNET_TLS_MAX_HANDSHAKES" group:"TLS"`
	TLSReload           time.Duration `name:"tls-reload" help:"Time between two looks at the files. 0: only SIGHUP has them read again." default:"${tls_reload}" env:"GANNET_TLS_RELOAD" group:"TLS"`

	TCPNodelay         bool          `name:"tcp-nodelay" help:"TCP_NODELAY." default:"true" negatable:"" env:"GANNET_TCP_NODELAY" group:"TCP"`
	TCPKeepalive       time.Duration `name:"tcp-keepalive" help:"Idle time before keepalive probes. 0: none." default:"${tcp_keepalive}" env:"GANNET_TCP_KEEPALIVE" group:"TCP"`
	TCPKeepaliveProbes int           `name:"tcp-keepalive-probes" help:"Unanswered probes that end a connection." default:"${tcp_keepalive_probes}" env:"GANNET_TCP_KEEPALIVE_PROBES" group:"TCP"`
	TCPRecvBuffer      byteSize      `name:"tcp-recv-buffer" help:"SO_RCVBUF. 0: the system's." default:"0" env:"GANNET_TCP_RECV_BUFFER" group:"TCP"`
	TCPSendBuffer      byteSize      `name:"tcp-send-buffer" help:"SO_SNDBUF. 0: the system's." default:"0" env:"GANNET_TCP_SEND_BUFFER" group:"TCP"`
	TCPBacklog         int           `name:"tcp-backlog" help:"Connections not yet accepted. 0: the system's maximum." default:"0" env:"GANNET_TCP_BACKLOG" group:"TCP"`
	TCPUserTimeout     time.Duration `name:"tcp-user-timeout" help:"TCP_USER_TIMEOUT (Linux). 0: the system's." default:"0s" env:"GANNET_TCP_USER_TIMEOUT" group:"TCP"`
	TCPNotsentLowat    byteSize      `name:"tcp-notsent-lowat" help:"TCP_NOTSENT_LOWAT (Linux). 0: the system's." default:"0" env:"GANNET_TCP_NOTSENT_LOWAT" group:"TCP"`
	TCPReuseport       bool          `name:"tcp-reuseport" help:"SO_REUSEPORT." env:"GANNET_TCP_REUSEPORT" group:"TCP"`

	Flush      string `help:"When replies are written: batch, turn or off." enum:"batch,turn,off" default:"batch" env:"GANNET_FLUSH" group:"Tuning"`
	CPUProfile string `name:"cpu-profile" help:"File to write a CPU profile of the whole run to, for go tool pprof and for builds (default.pgo)." placeholder:"FILE" env:"GANNET_CPU_PROFILE" group:"Tuning"`

	ContentionProfile bool `name:"contention-profile" help:"Record waits and held locks for /debug/pprof/block and /debug/pprof/mutex of --admin, which costs some percent." env:"GANNET_CONTENTION_PROFILE" group:"Tuning"`

	LogLevel  string `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"GANNET_LOG_LEVEL" group:"Logging"`
	LogFormat string `help:"text or json; the log goes to standard error." enum:"text,json" default:"text" env:"GANNET_LOG_FORMAT" group:"Logging"`
}

// defaults are those of the packages below.
var defaults = kong.Vars{
	"shutdown_grace":        transports.DefaultGrace.String(),
	"max_connections":       strconv.Itoa(transports.DefaultMaxConnections),
	"max_message_bytes":     byteSize(engine.DefaultMaxMessageBytes).String(),
	"max_batch":             strconv.Itoa(codec.DefaultBatch),
	"max_in_flight":         strconv.Itoa(engine.DefaultMaxInFlight),
	"max_in_flight_total":   strconv.Itoa(engine.DefaultMaxInFlightTotal),
	"output_high_water":     byteSize(engine.DefaultOutputHighWater).String(),
	"workers":               strconv.Itoa(engine.DefaultWorkersMax),
	"worker_queue":          strconv.Itoa(engine.DefaultWorkerQueue),
	"call_timeout":          engine.DefaultCallTimeout.String(),
	"max_call_timeout":      engine.DefaultMaxCallTimeout.String(),
	"handshake_timeout":     engine.DefaultHandshakeTimeout.String(),
	"read_timeout":          engine.DefaultReadTimeout.String(),
	"idle_timeout":          engine.DefaultIdleTimeout.String(),
	"write_stall":           engine.DefaultWriteStallTimeout.String(),
	"http_sessions":         strconv.Itoa(mcp.DefaultMaxSessions),
	"http_session_idle":     mcp.DefaultSessionIdle.String(),
	"http2_streams":         strconv.Itoa(http2.DefaultStreams),
	"http_keepalive":        mcp.DefaultKeepAlive.String(),
	"http_replay":           strconv.Itoa(sse.DefaultReplayEvents),
	"http_replay_age":       sse.DefaultReplayAge.String(),
	"http_replay_bytes":     byteSize(mcp.DefaultMaxReplayBytes).String(),
	"ws_path":               web.DefaultWebSocketPath,
	"unpack_rate":           byteSize(web.DefaultUnpackRate).String(),
	"ws_compress_min":       byteSize(websocket.DefaultCompressMin).String(),
	"ws_ping":               web.DefaultPingInterval.String(),
	"ws_missed_pings":       strconv.Itoa(web.DefaultMissedPings),
	"ws_close_timeout":      web.DefaultCloseTimeout.String(),
	"tls_handshake_timeout": transports.DefaultTLSHandshakeTimeout.String(),
	"tls_max_handshakes":    strconv.Itoa(tlsconn.DefaultMaxHandshakes),
	"tls_reload":            transports.DefaultTLSReloadInterval.String(),
	"tcp_keepalive":         transports.DefaultKeepAlive.String(),
	"tcp_keepalive_probes":  strconv.Itoa(transports.DefaultKeepAliveProbes),
}

// byteSize is a number of bytes, written with KiB, MiB or GiB where that is
// shorter.
type byteSize int64

var byteUnits = []struct {
	name string
	size byteSize
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String returns the size in the largest unit that it is a multiple of.
func (b byteSize) String() string {
	for _, u := range byteUnits {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// UnmarshalText reads what String writes.
func (b *byteSize) UnmarshalText(text []byte) error {
	s, unit := string(text), byteSize(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || byteSize(n) > (1<<62)/unit {
		return fmt.Errorf("%q is no size; write a number of bytes, or one with KiB, MiB or GiB", text)
	}
	*b = byteSize(n) * unit
	return nil
}

// MarshalText is String.
func (b byteSize) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// orNone turns the command line's zero, none, into the packages' negative.
func orNone[T ~int64](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

// options returns what transports.Listen takes.
func (s *settings) options(log *slog.Logger) (transports.Options, error) {
	o := transports.Options{
		Loops:          s.Loops,
		MaxConnections: s.MaxConnections,
		Grace:          orNone(s.ShutdownGrace),
		Logger:         log,
		Engine: engine.Options{
			Codec:             codec.Limits{Batch: s.MaxBatch},
			MaxMessageBytes:   int(s.MaxMessageBytes),
			MaxInFlight:       s.MaxInFlight,
			MaxInFlightTotal:  s.MaxInFlightTotal,
			MaxBufferedBytes:  int64(s.MaxBufferedBytes),
			OutputHighWater:   int(s.OutputHighWater),
			WorkersMax:        s.Workers,
			WorkerQueue:       s.WorkerQueue,
			CallTimeout:       orNone(s.CallTimeout),
			MaxCallTimeout:    orNone(s.MaxCallTimeout),
			HandshakeTimeout:  orNone(s.HandshakeTimeout),
			ReadTimeout:       orNone(s.ReadTimeout),
			IdleTimeout:       orNone(s.IdleTimeout),
			WriteStallTimeout: orNone(s.WriteStall),
			Flush:             map[string]engine.FlushPolicy{"batch": engine.FlushBatch, "turn": engine.FlushTurn, "off": engine.FlushOff}[s.Flush],
		},
		TCP: transports.TCPOptions{
			Delay:           !s.TCPNodelay,
			KeepAlive:       orNone(s.TCPKeepalive),
			KeepAliveProbes: s.TCPKeepaliveProbes,
			RecvBuffer:      int(s.TCPRecvBuffer),
			SendBuffer:      int(s.TCPSendBuffer),
			Backlog:         s.TCPBacklog,
			UserTimeout:     s.TCPUserTimeout,
			NotSentLowat:    int(s.TCPNotsentLowat),
			ReusePort:       s.TCPReuseport,
		},
	}
	o.MaxUnpackedBytes, o.UnpackRate = int(s.HTTPUnpacked), int(orNone(s.UnpackRate))
	if err := s.secure(&o); err != nil {
		return o, &exitError{exitUsage, err}
	}
	var err error
	if o.WebSocket, err = s.webSocket(); err != nil {
		return o, err
	}
	o.HTTP2 = transports.HTTP2Options{Off: s.HTTP2 == "off", Only: s.HTTP2 == "only", MaxStreams: s.HTTP2Streams}
	for i, u := range s.urls() {
		if err := s.judgeURL(u); err != nil {
			return o, &exitError{exitUsage, err}
		}
		// A port that the system picks can be asked for twice.
		if slices.Contains(s.urls()[:i], u) && !strings.HasSuffix(u, ":0") {
			return o, usageError("--listen %s: is listed twice", u)
		}
		o.Listeners = append(o.Listeners, transports.Listener{URL: u})
	}
	if err := s.judgeAdmin(); err != nil {
		return o, &exitError{exitUsage, err}
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"shutdown-grace", s.ShutdownGrace}, {"call-timeout", s.CallTimeout}, {"max-call-timeout", s.MaxCallTimeout}, {"handshake-timeout", s.HandshakeTimeout},
		{"read-timeout", s.ReadTimeout}, {"idle-timeout", s.IdleTimeout}, {"write-stall", s.WriteStall},
		{"http-session-idle", s.HTTPSessionIdle}, {"http-keepalive", s.HTTPKeepalive}, {"http-replay-age", s.HTTPReplayAge},
		{"ws-ping", s.WSPing}, {"tcp-keepalive", s.TCPKeepalive}, {"tcp-user-timeout", s.TCPUserTimeout},
		{"tls-handshake-timeout", s.TLSHandshakeTimeout}, {"tls-reload", s.TLSReload},
	} {
		if d.v < 0 {
			return o, usageError("%s is %v; it must not be negative (0 means none)", d.name, d.v)
		}
	}
	if err := o.Validate(); err != nil {
		return o, &exitError{exitUsage, err}
	}
	return o, nil
}

// webSocket returns what transports.Listen takes for WebSocket.
func (s *settings) webSocket() (transports.WebSocketOptions, error) {
	o := transports.WebSocketOptions{
		Path: s.WSPath, Off: s.WSPath == "none", CompressMin: int(s.WSCompressMin),
		PingInterval: orNone(s.WSPing), MissedPings: s.WSMissedPings, CloseTimeout: s.WSCloseTimeout,
	}
	if o.Off {
		o.Path = ""
	}
	if o.CompressMin == 0 {
		o.CompressMin = -1
	}
	if s.WSMissedPings < 1 || s.WSCloseTimeout <= 0 {
		return o, usageError("--ws-missed-pings is %d and --ws-close-timeout %v; they must be above zero", s.WSMissedPings, s.WSCloseTimeout)
	}
	if !o.Off && !strings.HasPrefix(o.Path, "/") {
		return o, usageError("--ws-path %s: a path begins with a slash; none leaves WebSocket out", s.WSPath)
	}
	return o, nil
}

// http returns what mcp.NewServer takes for HTTP.
func (s *settings) http() (mcp.HTTPOptions, error) {
	o := mcp.HTTPOptions{
		AllowedOrigins: s.HTTPOrigins, AllowedHosts: s.HTTPHosts,
		MaxSessions: s.HTTPSessions, SessionIdle: s.HTTPSessionIdle, KeepAlive: s.HTTPKeepalive,
		ReplayEvents: s.HTTPReplay, ReplayAge: s.HTTPReplayAge, MaxReplayBytes: int(s.HTTPReplayBytes),
	}
	if s.HTTPSessions < 0 || s.HTTPReplay < 0 {
		return o, usageError("--http-sessions is %d and --http-replay %d; they must not be negative", s.HTTPSessions, s.HTTPReplay)
	}
	if s.HTTPReplay == 0 {
		o.ReplayEvents = -1
	}
	keys, err := secretLines("--http-session-keys", s.HTTPSessionKeys)
	if err != nil {
		return o, err
	}
	for _, k := range keys {
		if len(k) < 16 {
			return o, usageError("--http-session-keys %s: a secret of %d bytes can be guessed; write at least 16", s.HTTPSessionKeys, len(k))
		}
		o.SessionKeys = append(o.SessionKeys, []byte(k))
	}
	lines, err := secretLines("--http-tokens", s.HTTPTokens)
	if err != nil {
		return o, err
	}
	tokens := map[string]string{}
	for i, line := range lines {
		name, token, ok := strings.Cut(line, " ")
		if token = strings.TrimSpace(token); !ok || token == "" || tokens[token] != "" {
			return o, usageError("--http-tokens %s: entry %d must be a name, a space and a token that no other entry has", s.HTTPTokens, i+1)
		}
		tokens[token] = name
	}
	if len(tokens) > 0 {
		o.Authenticate = mcp.BearerTokens(tokens)
	}
	return o, nil
}

// secretLines reads the lines of a file that hold something; one that has been
// named must have some.
func secretLines(flag, path string) (lines []string, err error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError("%s: %v", flag, err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, usageError("%s %s: there is nothing in it", flag, path)
	}
	return lines, nil
}

// urls returns what to listen on.
func (s *settings) urls() []string {
	if len(s.Listen) > 0 {
		return s.Listen
	}
	urls := []string{"tcp://127.0.0.1:7600", "http://127.0.0.1:7601", "unix://" + filepath.Join(socketFolder(), "gannet.sock")}
	if s.certified() {
		urls = append(urls, "https://127.0.0.1:7643", "tls://127.0.0.1:7644")
	}
	return urls
}

// certified reports whether there is a certificate to serve TLS with.
func (s *settings) certified() bool { return s.TLSCert != "" || s.TLSSelfSigned }

// secure fills in what TLS is served with, and says what is wrong with the files.
func (s *settings) secure(o *transports.Options) error {
	version, err := tlsconn.MinVersion(s.TLSMinVersion)
	if err != nil {
		return fmt.Errorf("--tls-min-version: %w", err)
	}
	o.TLS = transports.TLSOptions{
		Cert: s.TLSCert, Key: s.TLSKey, ClientCA: s.TLSClientCA, TicketKeys: s.TLSTicketKeys, SelfSigned: s.TLSSelfSigned, MinVersion: version,
		HandshakeTimeout: orNone(s.TLSHandshakeTimeout), MaxHandshakes: s.TLSMaxHandshakes, ReloadInterval: orNone(s.TLSReload),
	}
	switch {
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key go together; name both files")
	case s.TLSClientCA != "" && !s.certified():
		return errors.New("--tls-client-ca without --tls-cert and --tls-key: a server that asks for certificates needs one of its own")
	case s.TLSTicketKeys != "" && !s.certified():
		return errors.New("--tls-ticket-keys without --tls-cert and --tls-key: there are no sessions to resume without TLS")
	case s.TLSCert == "" || s.TLSSelfSigned: // nothing to be read, or maybe not yet
		return nil
	}
	if _, err := tlsconn.LoadIdentity(tlsconn.Files{Cert: s.TLSCert, Key: s.TLSKey, ClientCA: s.TLSClientCA, TicketKeys: s.TLSTicketKeys}); err != nil {
		return fmt.Errorf("TLS: %w", err) // which names the file at fault
	}
	return nil
}

// admin returns the address of the operator's listener, "" for none.
func (s *settings) admin() string {
	switch {
	case s.Admin == "none", s.Admin == "" && len(s.Listen) > 0:
		return ""
	case s.Admin == "":
		return "127.0.0.1:7602"
	}
	return s.Admin
}

// judgeAdmin refuses an address that must not be served without a word.
func (s *settings) judgeAdmin() error {
	a := s.admin()
	if a == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(a)
	if err != nil {
		return fmt.Errorf("--admin %s: an address is written HOST:PORT; none switches it off", a)
	}
	if !s.Insecure && !loopback(host) {
		return fmt.Errorf("--admin %s: other machines can reach this address, and nobody is asked who they are; listen on 127.0.0.1, or add --insecure", a)
	}
	return nil
}

// socketFolder returns the folder for the default Unix socket, which only its
// user may enter.
func socketFolder() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(os.TempDir(), "gannet-"+strconv.Itoa(os.Getuid()))
}

// judgeURL refuses what cannot be served, or must not be without a word.
func (s *settings) judgeURL(raw string) error {
	if raw == "stdio" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", raw, errors.Unwrap(err))
	}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return fmt.Errorf("--listen %s: a Unix socket is written unix:///absolute/path", raw)
		}
	case "tcp", "http", "ws", "tls", "https", "wss":
		if u.Port() == "" || u.Path != "" && u.Scheme != "ws" && u.Scheme != "wss" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("--listen %s: an address is written %s://HOST:PORT, with a path behind it in ws:// and wss:// alone; port 0 lets the system pick one", raw, u.Scheme)
		}
		secure := u.Scheme == "tls" || u.Scheme == "https" || u.Scheme == "wss"
		if secure && !s.certified() {
			return fmt.Errorf("--listen %s: TLS needs a certificate; name its files by --tls-cert and --tls-key, or try with --tls-self-signed", raw)
		}
		if !secure && !s.Insecure && !loopback(u.Hostname()) {
			return fmt.Errorf("--listen %s: other machines can reach this address, and whoever is between can read and change what is said; use tls://, https:// or wss://, listen on 127.0.0.1, or add --insecure", raw)
		}
	default:
		return fmt.Errorf("--listen %s: unknown kind; there are stdio, tcp://HOST:PORT, tls://HOST:PORT, http://HOST:PORT, https://HOST:PORT, ws://HOST:PORT/PATH, wss://HOST:PORT/PATH and unix:///PATH", raw)
	}
	return nil
}

// loopback reports whether only this machine can reach host.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// logger returns the log that the settings ask for.
func (s *settings) logger(std *streams) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(s.LogLevel)) // one of the enum's
	o := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(std.err, o))
	}
	return slog.New(slog.NewTextHandler(std.err, o))
}
