package transports

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/web"
)

const webPing = `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + webMeta + `}}`

func (p *http2Peer) ping() uint32 {
	p.t.Helper()
	return p.post(webPing, "mcp-protocol-version", "2026-07-28", "mcp-method", "server/discover")
}

// The first bytes of a connection tell which HTTP it speaks, however they come.
func TestHTTP2Preface(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	base := s.Addrs()[0]
	p := dialHTTP2(t, base)
	p.want(p.head(true, "GET", "/"), "200", "An MCP server")

	dribble := func(in string) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		for i := range len(in) {
			if _, err := c.Write([]byte{in[i]}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		return c
	}
	c := dribble(xhttp2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	fr := xhttp2.NewFramer(c, c)
	if f, err := fr.ReadFrame(); err != nil || f.Header().Type != xhttp2.FrameSettings {
		t.Errorf("%v, %v", f, err)
	}
	for in, want := range map[string]string{
		"PUT / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n":                         "405",
		"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nab": "405",
		"PRI * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n":                         "400",
		"PRI /none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n":                     "404",
		"PRI * HTTP/2.0\r\n\r\nSX":                                          "505",
		"PRI * HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n":                         "505",
		"\x16\x03": "400",
	} {
		c := dribble(in)
		got := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "HTTP/1.1 "+want {
			t.Errorf("%q: %q %v, want %s", in, got, err, want)
		}
	}
	if n := s.Snapshot().HTTP2; n.Connections != 2 || n.Requests != 1 {
		t.Errorf("%+v", n)
	}
}

// HTTP/2 can be switched off, and HTTP/1.1 can.
func TestHTTP2OffAndOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		o            HTTP2Options
		http1, http2 bool
	}{
		"both": {HTTP2Options{}, true, true},
		"off":  {HTTP2Options{Off: true}, true, false},
		"only": {HTTP2Options{Only: true}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Listen(webService(mcp.Options{}), Options{Listeners: []Listener{{URL: "http://127.0.0.1:0"}}, HTTP2: tc.o})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			two := http2Transport()
			defer two.CloseIdleConnections()
			one := &http.Transport{}
			defer one.CloseIdleConnections()
			for tr, want := range map[*http.Transport]bool{one: tc.http1, two: tc.http2} {
				res, err := (&http.Client{Transport: tr, Timeout: 5 * time.Second}).Get(s.Addrs()[0] + "/")
				if (err == nil) != want {
					t.Errorf("%v, want %v", err, want)
				}
				if err == nil {
					_ = res.Body.Close()
				}
			}
		})
	}
	if _, err := Listen(webService(mcp.Options{}), Options{Listeners: []Listener{{URL: "http://127.0.0.1:0"}}, HTTP2: HTTP2Options{Off: true, Only: true}}); err == nil {
		t.Error("neither is fine")
	}
}

// Many requests at a time share one connection, which is counted as one; slow ones
// hold up nobody, large answers and bodies pass the windows, and nothing is left.
func TestHTTP2Multiplexes(t *testing.T) {
	var opened, closed int
	var mu sync.Mutex
	s, _ := webServer(t, mcp.Options{}, engine.Options{Observer: engine.Observer{
		ConnOpened: func(*engine.Conn) { mu.Lock(); opened++; mu.Unlock() },
		ConnClosed: func(*engine.Conn, engine.CloseReason) { mu.Lock(); closed++; mu.Unlock() },
	}})
	overHTTP2(t)
	multiplex(t, s)
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "the connection ended", func() bool { mu.Lock(); defer mu.Unlock(); return opened == 1 && closed == 1 })
}

// The same with TLS, where the protocol is agreed on beforehand.
func TestHTTP2OverTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		o     HTTP2Options
		offer []string // of the client
		major int      // spoken, 0: none
	}{
		"both, h2 first":    {HTTP2Options{}, []string{"h2", "http/1.1"}, 2},
		"both, 1.1 first":   {HTTP2Options{}, []string{"http/1.1", "h2"}, 2},
		"1.1 alone":         {HTTP2Options{}, []string{"http/1.1"}, 1},
		"nothing":           {HTTP2Options{}, nil, 1},
		"something else":    {HTTP2Options{}, []string{"h3"}, 0},
		"off":               {HTTP2Options{Off: true}, []string{"h2", "http/1.1"}, 1},
		"off, h2 alone":     {HTTP2Options{Off: true}, []string{"h2"}, 0},
		"only":              {HTTP2Options{Only: true}, []string{"http/1.1", "h2"}, 2},
		"only, 1.1 alone":   {HTTP2Options{Only: true}, []string{"http/1.1"}, 0},
		"only, and nothing": {HTTP2Options{Only: true}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Listen(webService(mcp.Options{}), Options{Listeners: []Listener{{URL: "https://127.0.0.1:0"}}, HTTP2: tc.o, TLS: TLSOptions{SelfSigned: true}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: rootsOf(s), NextProtos: tc.offer}, Protocols: new(http.Protocols)}
			tr.Protocols.SetHTTP1(slices.Contains(tc.offer, "http/1.1") || tc.offer == nil)
			tr.Protocols.SetHTTP2(slices.Contains(tc.offer, "h2"))
			if len(tc.offer) < 2 {
				tr.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					return (&tls.Dialer{Config: &tls.Config{RootCAs: rootsOf(s), NextProtos: tc.offer}}).DialContext(ctx, network, address)
				}
			}
			before := http.DefaultClient
			http.DefaultClient = &http.Client{Transport: tr}
			defer func() { tr.CloseIdleConnections(); http.DefaultClient = before }()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			q, err := http.NewRequestWithContext(ctx, "GET", s.Addrs()[0]+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(q)
			if err == nil {
				_ = res.Body.Close()
			}
			if (err == nil) != (tc.major != 0) || err == nil && res.ProtoMajor != tc.major {
				t.Fatalf("%v, %v, want version %d", res, err, tc.major)
			}
			if name == "both, h2 first" {
				multiplex(t, s)
			}
		})
	}
}

// multiplex has net/http's default client ask for many things at a time, on one
// connection.
func multiplex(t *testing.T, s *Server) {
	before := s.Snapshot().HTTP2.Requests
	url := s.Addrs()[0] + "/mcp"
	call := func(tool, args string) webReply {
		return post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":%s,%s}}`, tool, args, webMeta),
			"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", tool)
	}
	call("echo", `{"text":"x"}`)
	var wg sync.WaitGroup
	slow := make(chan time.Time, 1)
	wg.Go(func() {
		if r := call("delay", `{"ms":700,"text":"late"}`); !strings.Contains(r.body, "late") {
			t.Errorf("%+v", r)
		}
		slow <- time.Now()
	})
	eventually(t, "the slow one runs", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	for i := range 64 {
		wg.Go(func() {
			switch i % 4 {
			case 0:
				n := 1000 * (i + 1)
				if r := call("blob", fmt.Sprintf(`{"bytes":%d}`, n)); r.status != 200 || len(r.body) < n {
					t.Errorf("%d bytes of %d", len(r.body), n)
				}
			case 1:
				text := strings.Repeat("y", 5000*(i+1))
				if r := call("echo", `{"text":"`+text+`"}`); r.status != 200 || !strings.Contains(r.body, text) {
					t.Errorf("%d bytes of %d, %d", len(r.body), len(text), r.status)
				}
			default:
				if r := call("echo", `{"text":"x"}`); r.status != 200 {
					t.Errorf("%+v", r)
				}
			}
		})
	}
	wg.Wait()
	n := s.Snapshot()
	if n.HTTP2.Connections != 1 || n.HTTP2.Requests-before != 66 || n.Accepted != 1 || n.Engine.Connections != 1 || n.Engine.Opened != 1 {
		t.Errorf("%+v, %d accepted, %d connections, %d opened", n.HTTP2, n.Accepted, n.Engine.Connections, n.Engine.Opened)
	}
}

// An answer is written by one system call with its head, and so are the answers to
// requests that come together.
func TestHTTP2Batches(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	p := dialHTTP2(t, s.Addrs()[0])
	p.want(p.ping(), "200", "serverInfo")
	before := s.Snapshot().Engine.Writes
	for range 10 {
		p.want(p.ping(), "200", "serverInfo")
	}
	if n := s.Snapshot().Engine.Writes - before; n > 12 { // one may be for the acknowledgement of SETTINGS, and one is counted when its answer may have been read
		t.Errorf("%d writes for 10 answers", n)
	}
}

// A WebSocket needs HTTP/1.1, which is said where one could be. Extended CONNECT, which
// no setting of the server's has offered (RFC 8441, section 3), is a malformed request.
func TestHTTP2NoWebSocket(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	p := dialHTTP2(t, s.Addrs()[0])
	connect := p.head(false, "CONNECT", "/ws", ":protocol", "websocket", "sec-websocket-version", "13")
	p.want(connect, "400", "pseudo-header")
	p.must(p.read(func() bool { _, reset := p.reset[connect]; return reset }))
	if p.reset[connect] != xhttp2.ErrCodeProtocol {
		t.Errorf("reset by %v", p.reset[connect])
	}
	id := p.head(true, "GET", "/ws")
	if p.answer(id); p.reset[id] != xhttp2.ErrCodeHTTP11Required {
		t.Errorf("reset by %v", p.reset[id])
	}
	p.want(p.ping(), "200", "serverInfo")
	if n := s.Snapshot().HTTPRefused[web.RefusedHandshake]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// Streams beyond the limit are refused by REFUSED_STREAM, and the rest goes on.
func TestHTTP2MaxStreams(t *testing.T) {
	s, err := Listen(webService(mcp.Options{}), Options{Listeners: []Listener{{URL: "http://127.0.0.1:0"}}, HTTP2: HTTP2Options{MaxStreams: 3}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := dialHTTP2(t, s.Addrs()[0])
	var ids []uint32
	for range 3 {
		ids = append(ids, p.modern("delay", `{"ms":300,"text":"late"}`))
	}
	over := p.ping()
	if p.answer(over); p.reset[over] != xhttp2.ErrCodeRefusedStream {
		t.Errorf("reset by %v", p.reset[over])
	}
	for _, id := range ids {
		p.want(id, "200", "late")
	}
	p.want(p.ping(), "200", "serverInfo")
	if n := s.Snapshot().HTTP2; n.Refused != 1 || n.Requests != 4 {
		t.Errorf("%+v", n)
	}
}

// A client that takes its request back has cancelled it in 2026-07-28, and so has one
// that has it taken back. Its place is not free before the handler has returned.
func TestHTTP2ResetHoldsItsPlace(t *testing.T) {
	for name, reset := range map[string]func(p *http2Peer, id uint32) error{
		"by the peer": func(p *http2Peer, id uint32) error { return p.fr.WriteRSTStream(id, xhttp2.ErrCodeCancel) },
		"made to":     func(p *http2Peer, id uint32) error { return p.fr.WriteWindowUpdate(id, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			svc := mcp.NewServer(mcp.Options{Name: "web"})
			began, cancelled := make(chan struct{}, 10), make(chan struct{}, 10)
			svc.HandleTool(mcp.Tool{Name: "stubborn"}, mcp.Pooled, func(c *mcp.Call) error {
				began <- struct{}{}
				<-c.Context().Done()
				cancelled <- struct{}{}
				<-release
				return nil
			})
			s, err := Listen(svc, Options{Listeners: []Listener{{URL: "http://127.0.0.1:0"}}, HTTP2: HTTP2Options{MaxStreams: 2}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p := dialHTTP2(t, s.Addrs()[0])
			for range 2 {
				id := p.modern("stubborn", "{}")
				<-began
				p.must(reset(p, id))
				<-cancelled
			}
			over := p.ping()
			if p.answer(over); p.reset[over] != xhttp2.ErrCodeRefusedStream {
				t.Errorf("reset by %v while two handlers run", p.reset[over])
			}
			close(release)
			eventually(t, "the handlers ended", func() bool { return s.Snapshot().Engine.InFlight == 0 })
			p.want(p.ping(), "200", "serverInfo")
			if n := s.Snapshot().HTTP2; n.PeerResets+n.Errors != 2 || n.Refused != 1 {
				t.Errorf("%+v", n)
			}
		})
	}
}

// An event stream goes as its window lets it, beside others.
func TestHTTP2EventStreamWindow(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	p := dialHTTP2(t, s.Addrs()[0], xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 200})
	stream := p.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delay","arguments":{"ms":100,"text":"x"},"_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`,
		"mcp-protocol-version", "2026-07-28", "mcp-method", "tools/call", "mcp-name", "delay")
	p.must(p.read(func() bool { return p.got[stream] != nil && len(p.got[stream].body) == 200 }))
	if a := p.got[stream]; a.header["content-type"] != "text/event-stream" || a.ended {
		t.Fatalf("%+v", a)
	}
	other := p.ping()
	p.must(p.read(func() bool { return p.got[other] != nil && len(p.got[other].body) == 200 }))
	p.must(p.fr.WriteWindowUpdate(other, 10_000))
	p.want(other, "200", "serverInfo")
	if n := len(p.got[stream].body); n != 200 {
		t.Errorf("%d bytes of the stream", n)
	}
	p.must(p.fr.WriteWindowUpdate(stream, 50_000))
	p.want(stream, "200", `"result"`)
	if n := strings.Count(p.got[stream].body, "notifications/progress"); n == 0 {
		t.Errorf("no progress in %s", p.got[stream].body)
	}
}

// A drain lets what is in flight end, and tells the client which request was the
// last; a connection at rest ends at once.
func TestHTTP2Drain(t *testing.T) {
	s, err := Listen(webService(mcp.Options{}), Options{Listeners: []Listener{{URL: "http://127.0.0.1:0"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rest := dialHTTP2(t, s.Addrs()[0])
	rest.want(rest.ping(), "200", "serverInfo")
	p := dialHTTP2(t, s.Addrs()[0])
	slow := p.modern("delay", `{"ms":400,"text":"late"}`)
	eventually(t, "it runs", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(grace(10 * time.Second)) }()
	if last, code := rest.ended(); code != xhttp2.ErrCodeNo || last != 1 {
		t.Errorf("at rest: GOAWAY %d %v", last, code)
	}
	p.must(p.read(func() bool { return p.away != nil }))
	if p.away.LastStreamID != 1<<31-1 || p.away.ErrCode != xhttp2.ErrCodeNo {
		t.Errorf("warned by %v", p.away)
	}
	p.want(slow, "200", "late")
	if last, code := p.ended(); code != xhttp2.ErrCodeNo || last != slow {
		t.Errorf("GOAWAY %d %v", last, code)
	}
	_ = rest.Close()
	_ = p.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Connections are kept while a stream is open and closed when idle, or when a
// request is not complete in time.
func TestHTTP2Timeouts(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{IdleTimeout: 300 * time.Millisecond, ReadTimeout: 300 * time.Millisecond, HandshakeTimeout: 900 * time.Millisecond})
	base := s.Addrs()[0]
	closedBy := func(r engine.CloseReason) uint64 { return s.Snapshot().Engine.Closed[r] }

	listening := dialHTTP2(t, base)
	stream := listening.post(`{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+webMeta+`}}`,
		"mcp-protocol-version", "2026-07-28", "mcp-method", "subscriptions/listen")
	slow := dialHTTP2(t, base)
	late := slow.modern("delay", `{"ms":1200,"text":"late"}`)

	idle := dialHTTP2(t, base)
	idle.want(idle.ping(), "200", "serverInfo")
	if last, code := idle.ended(); last != 1 || code != xhttp2.ErrCodeNo || closedBy(engine.CloseIdle) != 1 {
		t.Errorf("idle: GOAWAY %d %v, %d closed so", last, code, closedBy(engine.CloseIdle))
	}
	silent := dialHTTP2(t, base)
	if last, code := silent.ended(); last != 0 || code != xhttp2.ErrCodeNo || closedBy(engine.CloseHandshake) != 1 {
		t.Errorf("silent: GOAWAY %d %v, %d closed so", last, code, closedBy(engine.CloseHandshake))
	}
	half := dialHTTP2(t, base)
	id := half.head(false, "POST", "/mcp", "content-type", "application/json")
	half.lenient = true
	go func() { // a trickle is no progress
		for range 20 {
			if half.fr.WriteData(id, false, []byte("x")) != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	half.ended()
	cut := dialHTTP2(t, base)
	cut.lenient = true                                                                       // it says nothing more
	if _, err := cut.Write([]byte("\x00\x00\x09\x01\x04\x00\x00\x00\x01\x82")); err != nil { // half a HEADERS
		t.Fatal(err)
	}
	cut.ended()
	preface := dialHTTP2(t, base)
	_ = preface.Close()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, "PRI * HTTP"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("half a preface: %d bytes, %v", n, err)
	}
	if n := closedBy(engine.CloseReadTimeout); n != 3 {
		t.Errorf("%d closed by the read timeout, want 3 (%v)", n, s.Snapshot().Engine.Closed)
	}

	slow.want(late, "200", "late")
	if a := listening.got[stream]; a != nil && a.ended {
		t.Error("the event stream was ended")
	}
	listening.want(listening.ping(), "200", "serverInfo")
}
