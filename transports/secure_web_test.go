package transports

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports/tlsconn/tlstest"
)

// mutual serves tools to clients that show certificates, on lines and HTTP. The tool
// who says whom it takes its client for.
func mutual(t *testing.T, a *tlstest.Authority, o mcp.Options) *Server {
	t.Helper()
	svc := webService(o)
	who := func(c *mcp.Call) error {
		name := ""
		if cs := c.TLS(); cs != nil && len(cs.PeerCertificates) > 0 {
			name = cs.PeerCertificates[0].Subject.CommonName
		}
		return c.Reply().TextString(fmt.Sprintf("certificate %s, principal %s", name, c.Principal()))
	}
	svc.HandleTool(mcp.Tool{Name: "who"}, mcp.Inline, who)
	svc.HandleTool(mcp.Tool{Name: "who_pooled"}, mcp.Pooled, who)
	s, err := Listen(svc, Options{
		Listeners: []Listener{{URL: "tls://127.0.0.1:0"}, {URL: "https://127.0.0.1:0"}, {URL: "wss://127.0.0.1:0/ws"}},
		TLS:       TLSOptions{SelfSigned: true, ClientCA: a.File},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// The certificate of a client reaches handlers, inline and off the loop, and names
// it, on lines, WebSocket and both versions of HTTP; sessions are bound to it.
func TestClientCertificate(t *testing.T) {
	a := tlstest.NewAuthority(t, "authority")
	s := mutual(t, a, mcp.Options{})
	alice, bob := a.Issue(t, "alice"), a.Issue(t, "bob")
	ask := func(t *testing.T, session *mcp.ClientSession) {
		t.Helper()
		for _, tool := range []string{"who", "who_pooled"} {
			r, err := session.CallTool(t.Context(), tool, nil)
			if err != nil || r.Text() != "certificate alice, principal CN=alice" {
				t.Errorf("%s: %v, %v", tool, r, err)
			}
		}
	}
	for _, url := range []string{s.Addrs()[0], s.Addrs()[2]} {
		for _, revision := range []string{"2025-11-25", "2026-07-28"} {
			session, err := Dial(t.Context(), testClient(revision), url, DialOptions{TLS: &tls.Config{RootCAs: rootsOf(s), Certificates: []tls.Certificate{alice}}})
			if err != nil {
				t.Fatal(url, err)
			}
			ask(t, session)
			_ = session.Close()
		}
	}
	if _, err := Dial(t.Context(), testClient(""), s.Addrs()[0], DialOptions{TLS: &tls.Config{RootCAs: rootsOf(s)}}); err == nil {
		t.Error("a client without a certificate is served")
	}
	before := http.DefaultClient
	defer func() { http.DefaultClient = before }()
	as := func(cert tls.Certificate, http2 bool) {
		http.DefaultClient.CloseIdleConnections()
		http.DefaultClient = &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: rootsOf(s), Certificates: []tls.Certificate{cert}}, ForceAttemptHTTP2: http2,
		}}
	}
	for _, http2 := range []bool{false, true} {
		url := s.Addrs()[1] + "/mcp"
		as(alice, http2)
		id := initialize(t, url, "2025-11-25")
		for _, tool := range []string{"who", "who_pooled"} {
			r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+tool+`"}}`, "Mcp-Session-Id", id)
			if !strings.Contains(r.body, "certificate alice, principal CN=alice") {
				t.Errorf("HTTP/2 %v, %s: %+v", http2, tool, r)
			}
		}
		as(bob, http2)
		if r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"who"}}`, "Mcp-Session-Id", id); r.status != 403 {
			t.Errorf("HTTP/2 %v: another one's session: %+v", http2, r)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// A token wins over a certificate: who wants both asks for both.
func TestClientCertificateAndToken(t *testing.T) {
	a := tlstest.NewAuthority(t, "authority")
	s := mutual(t, a, mcp.Options{HTTP: mcp.HTTPOptions{Authenticate: mcp.BearerTokens(map[string]string{"secret": "the token's"})}})
	before := http.DefaultClient
	defer func() { http.DefaultClient.CloseIdleConnections(); http.DefaultClient = before }()
	http.DefaultClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: rootsOf(s), Certificates: []tls.Certificate{a.Issue(t, "alice")}}}}
	const who = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"who",` + webMeta + `}}`
	headers := []string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "who"}
	if r := post(t, s.Addrs()[1]+"/mcp", who, headers...); r.status != 401 {
		t.Errorf("without the token: %+v", r)
	}
	if r := post(t, s.Addrs()[1]+"/mcp", who, append(headers, "Authorization", "Bearer secret")...); !strings.Contains(r.body, "principal the token's") {
		t.Errorf("with it: %+v", r)
	}
}

// What the two sides agree on says what is spoken, and nothing else does.
func TestALPN(t *testing.T) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	const get = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	for _, tc := range []struct {
		name   string
		o      HTTP2Options
		offer  []string
		send   string
		agreed string
		want   string // the beginning of what comes
		refuse string // by the handshake
	}{
		{"both", HTTP2Options{}, []string{"h2", "http/1.1"}, preface, "h2", "\x00\x00", ""},
		{"HTTP/1.1 alone", HTTP2Options{}, []string{"http/1.1"}, get, "http/1.1", "HTTP/1.1 200 ", ""},
		{"nothing", HTTP2Options{}, nil, get, "", "HTTP/1.1 200 ", ""},
		{"nothing, but HTTP/2", HTTP2Options{}, nil, preface, "", "HTTP/1.1 505 ", ""},
		{"h2, but HTTP/1.1", HTTP2Options{}, []string{"h2"}, get, "h2", "\x00\x00", ""}, // and a GOAWAY
		{"something else", HTTP2Options{}, []string{"imap"}, get, "", "", "no application protocol"},
		{"off", HTTP2Options{Off: true}, []string{"h2", "http/1.1"}, get, "http/1.1", "HTTP/1.1 200 ", ""},
		{"off, h2 alone", HTTP2Options{Off: true}, []string{"h2"}, get, "", "", "no application protocol"},
		{"only", HTTP2Options{Only: true}, []string{"http/1.1", "h2"}, preface, "h2", "\x00\x00", ""},
		// crypto/tls lets it in, as if it had not offered anything; it is told by HTTP/2.
		{"only, HTTP/1.1 alone", HTTP2Options{Only: true}, []string{"http/1.1"}, get, "", "\x00\x00", ""},
		{"only, nothing", HTTP2Options{Only: true}, nil, preface, "", "\x00\x00", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			svc := webService(mcp.Options{})
			s, err := Listen(svc, Options{Listeners: []Listener{{URL: "https://127.0.0.1:0"}}, TLS: TLSOptions{SelfSigned: true}, HTTP2: tc.o})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			c, err := tls.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "https://"), &tls.Config{RootCAs: rootsOf(s), NextProtos: tc.offer})
			if tc.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refuse) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			if got := c.ConnectionState().NegotiatedProtocol; got != tc.agreed {
				t.Errorf("agreed on %q", got)
			}
			_, _ = io.WriteString(c, tc.send)
			got := make([]byte, len(tc.want))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != tc.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// tls:// and wss:// are dialled, used in each revision, and closed; nothing is left.
func TestDialTLS(t *testing.T) {
	for _, scheme := range []string{"tls", "wss", "https"} {
		svc := mcp.NewServer(mcp.Options{Name: "demo", Version: "1"})
		fixture.AddDemo(svc)
		srv, err := Listen(svc, Options{Loops: 1, Listeners: []Listener{{URL: scheme + "://127.0.0.1:0"}}, TLS: TLSOptions{SelfSigned: true}})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		t.Run(scheme, func(t *testing.T) {
			nothingLeft(t)
			for _, revision := range append(mcp.Revisions(), "") {
				url := srv.Addrs()[0]
				if address, ok := strings.CutPrefix(url, "https://"); ok {
					url = "wss://" + address + "/ws"
				}
				s, err := Dial(t.Context(), testClient(revision), url, DialOptions{TLS: &tls.Config{RootCAs: rootsOf(srv), ServerName: "localhost"}})
				if err != nil {
					t.Fatal(err)
				}
				useDemo(t, s)
				big := ""
				if revision == "" {
					big = strings.Repeat("b", 1<<20)
				}
				if r, err := s.CallTool(t.Context(), "echo", map[string]any{"text": big}); err != nil || r.Text() != big {
					t.Errorf("%d bytes: %v", len(big), err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				<-s.Done()
			}
			eventually(t, "the server's connections closed", func() bool { return srv.Snapshot().Engine.Connections == 0 })
			if n := srv.Snapshot().TLS; n.Truncated != 0 {
				t.Errorf("%d connections ended without close_notify", n.Truncated)
			}
		})
	}
}

// What is wrong with TLS is said, and what to do.
func TestDialTLSErrors(t *testing.T) {
	nothingLeft(t)
	srv := demoTLS(t)
	plain := demo(t, "tcp://127.0.0.1:0")
	quiet, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	for _, tc := range []struct {
		name, url string
		config    *tls.Config
		want      string
	}{
		{"unknown authority", srv.Addrs()[0], nil, "RootCAs"},
		{"another name", srv.Addrs()[0], &tls.Config{RootCAs: rootsOf(srv), ServerName: "example.org"}, "ServerName"},
		{"no TLS", strings.Replace(plain.Addrs()[0], "tcp", "tls", 1), nil, "does not speak TLS"},
		{"no answer", "tls://" + quiet.Addr().String(), nil, "in time"},
		{"no port", "tls://localhost", nil, "tls://HOST:PORT"},
		{"nobody", "tls://127.0.0.1:1", nil, "nobody listens"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		o := DialOptions{TLS: tc.config}
		if tc.name == "no answer" {
			o.DialTimeout = 200 * time.Millisecond
		}
		if _, err := Dial(ctx, testClient(""), tc.url, o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		cancel()
	}
	_ = srv.Close()
	_ = plain.Close()
}

func demoTLS(t *testing.T) *Server {
	t.Helper()
	svc := mcp.NewServer(mcp.Options{Name: "demo", Version: "1"})
	fixture.AddDemo(svc)
	s, err := Listen(svc, Options{Loops: 1, Listeners: []Listener{{URL: "tls://127.0.0.1:0"}}, TLS: TLSOptions{SelfSigned: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A client that dials again resumes its session of TLS.
func TestDialTLSResumes(t *testing.T) {
	srv := demoTLS(t)
	back := make(chan struct{}, 4)
	s, err := Dial(t.Context(), testClient("2025-11-25"), srv.Addrs()[0], DialOptions{
		TLS: &tls.Config{RootCAs: rootsOf(srv)}, Reconnect: true, ReconnectMin: time.Millisecond,
		OnReconnect: func(*mcp.ClientSession) { back <- struct{}{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	useDemo(t, s)
	for range 3 {
		srv.engine.EachLoop(0, func(l *engine.Loop) {
			for c := range l.Conns() {
				c.Hangup(engine.CloseLocal)
			}
		})
		<-back
		useDemo(t, s)
	}
	_ = s.Close()
	if n := srv.Snapshot().TLS; n.Resumed != 3 || n.Done != 4 {
		t.Errorf("%d of %d handshakes resumed", n.Resumed, n.Done)
	}
}
