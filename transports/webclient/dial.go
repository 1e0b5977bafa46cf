package webclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
)

// Dial connects client to a server on HTTP and returns the session once it is
// negotiated; ctx bounds only that. rawURL is
//
//	http://HOST/PATH, https://HOST/PATH           Streamable HTTP
//	sse+http://HOST/PATH, sse+https://HOST/PATH   HTTP+SSE (2024-11-05)
//
// A server at the first that does not serve Streamable HTTP is asked for
// HTTP+SSE at the same URL, as "Backwards compatibility" of each revision from
// 2025-03-26 has it.
//
// Requests fail by themselves: one that could not be sent, or whose answer got
// lost, has an error that says so and leaves the session as it is. The session
// ends where the server has ended it.
//
// Redirects are followed within the same host only, and only where they keep the
// method. Errors: *StatusError, those of net/http and of
// mcp.ClientSession.Negotiate, all wrapped.
func Dial(ctx context.Context, client *mcp.Client, rawURL string, o Options) (*mcp.ClientSession, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	u, sse, err := target(rawURL)
	if err != nil {
		return nil, err
	}
	h := &http.Client{Transport: o.Transport, CheckRedirect: checkRedirect}
	var own *http.Transport
	if o.Transport == nil {
		own = o.transport()
		h.Transport = own
	}
	open := func(ctx context.Context) (transports.Carrier, error) {
		l := newLink(&o, h, u, sse)
		l.own = own
		if sse {
			if err := l.openEvents(ctx); err != nil {
				l.Hangup()
				<-l.ended
				_ = l.Close()
				return nil, err
			}
		}
		return l, nil
	}
	return transports.DialCarrier(ctx, client, u.Redacted(), open, o.Dial)
}

// target reads a URL to connect to.
func target(rawURL string) (u *url.URL, sse bool, err error) {
	rest, sse := strings.CutPrefix(rawURL, "sse+")
	u, err = url.Parse(rest)
	if err != nil {
		return nil, false, fmt.Errorf("webclient: %q is no URL: %w", rawURL, err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, false, fmt.Errorf("webclient: %q: want http:// or https://, or either after sse+; other schemes are transports.Dial's", rawURL)
	case u.Host == "":
		return nil, false, fmt.Errorf("webclient: %q: the host is missing, for example http://127.0.0.1:7601/mcp", rawURL)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, sse, nil
}

const (
	idleConns     = 16 // kept for later, of one session
	idleConnsTime = 90 * time.Second
)

// transport makes the session's own.
func (o *Options) transport() *http.Transport {
	d := &net.Dialer{Timeout: o.Dial.DialTimeout, KeepAlive: -1}
	if k := o.Dial.KeepAlive; k > 0 {
		d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: k, Interval: k, Count: transports.DefaultKeepAliveProbes}
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: d.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: o.Dial.DialTimeout, MaxIdleConnsPerHost: idleConns, IdleConnTimeout: idleConnsTime,
	}
	if o.TLS != nil {
		t.TLSClientConfig = o.TLS.Clone()
	}
	return t
}

const redirectsMax = 5

// checkRedirect keeps credentials and sessions where they belong.
func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) > redirectsMax:
		return errors.New("the server redirects again and again")
	case !sameOrigin(r.URL, first.URL):
		return fmt.Errorf("the server redirects to %s; dial that if it is trusted", r.URL.Redacted())
	case r.Method != first.Method:
		return fmt.Errorf("the server redirects a %s to %s in a way that would drop the message; dial that", first.Method, r.URL.Redacted())
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
