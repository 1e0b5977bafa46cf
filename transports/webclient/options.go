package webclient

import (
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"github.com/gannetmcp/gannet/transports"
)

// Defaults of Options.
const (
	DefaultPostTimeout     = 30 * time.Second
	DefaultEndpointTimeout = 10 * time.Second
	DefaultCloseTimeout    = 2 * time.Second
	DefaultMaxResumes      = 5
	DefaultMaxNotes        = 1024
)

// Options configures a client's connection over HTTP. The zero value is usable.
type Options struct {
	// Dial has what is not special to HTTP. DialTimeout bounds the making of one
	// TCP or TLS connection, KeepAlive is that of TCP. Reconnect here means: when
	// the server has ended the session (404), or the event stream of HTTP+SSE
	// breaks, begin another; a broken TCP connection by itself ends no session
	// of Streamable HTTP. Engine.MaxMessageBytes bounds what a response, and an
	// event of one, may have, unpacked; the request whose answer is longer fails.
	Dial transports.DialOptions

	// Header is called for each HTTP request before it is sent, to set fields
	// such as Authorization; what is there already is what MCP needs. An error
	// fails the message. It may be called from several goroutines at once. nil:
	// nothing is added. There is no authorization flow here: a 401 is an error.
	Header func(*http.Request) error
	// TLS is the configuration of https; nil: that of crypto/tls. It is not
	// written to. With Transport it must be nil.
	TLS *tls.Config
	// Transport sends requests; nil: one of net/http of this session's own, with
	// the proxy of the environment and HTTP/2 where the server has it.
	Transport http.RoundTripper

	// PostTimeout bounds the sending of a notification or an answer, which
	// servers accept at once. Requests are bounded by mcp.ClientOptions.
	// Zero: 30 s.
	PostTimeout time.Duration
	// EndpointTimeout bounds the wait for the first event of HTTP+SSE, which
	// says where messages go. Zero: 10 s.
	EndpointTimeout time.Duration
	// CloseTimeout bounds what Close sends: cancellations, and the DELETE that
	// ends the session at the server. Zero: 2 s.
	CloseTimeout time.Duration
	// MaxResumes is how many attempts in a row to resume a broken event stream
	// (Last-Event-ID, up to 2025-11-25) may fail before its request does. Zero: 5.
	MaxResumes int
	// MaxNotes bounds the notifications that wait to be sent, which go one after
	// the other. Those beyond it are dropped, which is logged. Zero: 1,024.
	MaxNotes int
	// NoServerStream leaves out the GET by which servers up to 2025-11-25 send
	// what belongs to no request: notifications of changes, and some questions.
	NoServerStream bool
}

func (o Options) withDefaults() Options {
	for _, f := range []struct {
		v    *time.Duration
		zero time.Duration
	}{
		{&o.PostTimeout, DefaultPostTimeout},
		{&o.EndpointTimeout, DefaultEndpointTimeout},
		{&o.CloseTimeout, DefaultCloseTimeout},
		{&o.Dial.DialTimeout, transports.DefaultDialTimeout},
		{&o.Dial.KeepAlive, transports.DefaultKeepAlive},
	} {
		if *f.v == 0 {
			*f.v = f.zero
		}
	}
	if o.MaxResumes == 0 {
		o.MaxResumes = DefaultMaxResumes
	}
	if o.MaxNotes == 0 {
		o.MaxNotes = DefaultMaxNotes
	}
	return o
}

func (o *Options) validate() error {
	switch {
	case o.PostTimeout < 0 || o.EndpointTimeout < 0 || o.CloseTimeout < 0 || o.MaxResumes < 0 || o.MaxNotes < 0:
		return errors.New("webclient: PostTimeout, EndpointTimeout, CloseTimeout, MaxResumes and MaxNotes of Options must not be negative")
	case o.TLS != nil && o.Transport != nil:
		return errors.New("webclient: Options.TLS is for the transport that this package makes; configure TLS of Options.Transport there")
	}
	return nil
}
