package transports

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// scripted is the server's side of a WebSocket with no knowledge of ours, after
// initialize was answered.
type scripted struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// scriptedServer serves one connection after the other, by the answer to the handshake and
// then f.
func scriptedServer(t *testing.T, answer func(r *http.Request) string, f func(s *scripted)) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			s := &scripted{t: t, Conn: c, r: bufio.NewReader(c)}
			r, err := http.ReadRequest(s.r)
			if err != nil {
				_ = c.Close()
				continue
			}
			_, _ = io.WriteString(c, answer(r))
			if f != nil && s.initialize() {
				f(s)
			}
			_ = c.Close()
		}
	}()
	return "ws://" + ln.Addr().String() + "/path?q=1"
}

// next reads a frame of the client's, which must be masked.
func (s *scripted) next() (first byte, payload string, err error) {
	var head [14]byte
	if _, err := io.ReadFull(s.r, head[:2]); err != nil {
		return 0, "", err
	}
	n := int(head[1] & 0x7F)
	switch n {
	case 126:
		_, _ = io.ReadFull(s.r, head[2:4])
		n = int(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, _ = io.ReadFull(s.r, head[2:10])
		n = int(binary.BigEndian.Uint64(head[2:]))
	}
	if head[1]&0x80 == 0 {
		return 0, "", errors.New("a frame without a mask")
	}
	key, b := head[10:14], make([]byte, n)
	_, _ = io.ReadFull(s.r, key)
	_, err = io.ReadFull(s.r, b)
	for i := range b {
		b[i] ^= key[i%4]
	}
	return head[0], string(b), err
}

// say sends frames without a mask.
func (s *scripted) say(first byte, payloads ...string) {
	for _, p := range payloads {
		b := []byte{first, byte(len(p))}
		if len(p) > 125 {
			b = binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(len(p)))
		}
		_, _ = s.Write(append(b, p...))
	}
}

func (s *scripted) initialize() bool {
	_, m, err := s.next()
	if err != nil || !strings.Contains(m, `"method":"initialize"`) {
		s.t.Errorf("got %s, %v; want initialize", m, err)
		return false
	}
	// As some servers write it: over several lines, in two fragments.
	text := "{\r\n  \"jsonrpc\": \"2.0\",\n  \"id\": " + idOf(m) + ",\n  \"result\": {\"protocolVersion\": \"2025-11-25\", \"capabilities\": {\"tools\": {}}, \"serverInfo\": {\"name\": \"s\", \"version\": \"1\"}}\n}"
	s.say(0x01, text[:50])
	s.say(wsPing, "between")
	s.say(0x80, text[50:])
	seen := map[string]bool{}
	for range 2 { // in any order
		first, m, err := s.next()
		switch {
		case err == nil && first == wsPong && m == "between":
			seen["pong"] = true
		case err == nil && strings.Contains(m, "notifications/initialized"):
			seen["initialized"] = true
		default:
			s.t.Errorf("got %x %s, %v", first, m, err)
		}
	}
	return len(seen) == 2
}

// idOf is the id of a message.
func idOf(m string) string {
	_, rest, _ := strings.Cut(m, `"id":`)
	return rest[:strings.IndexAny(rest, ",}")]
}

// shaken answers a handshake as it should be.
func shaken(r *http.Request) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Accept: " + acceptOf(r.Header.Get("Sec-WebSocket-Key")) + "\r\n\r\n"
}

// acceptOf is Sec-WebSocket-Accept for a key (RFC 6455, section 4.2.2).
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// What servers do to a client, and what that makes of it.
func TestDialSocketServers(t *testing.T) {
	answered := func(s *scripted) {
		_, m, err := s.next()
		if err != nil {
			t.Error(err)
			return
		}
		s.say(wsText, `{"jsonrpc":"2.0","id":`+idOf(m)+`,"result":{}}`)
	}
	for _, tc := range []struct {
		name string
		f    func(s *scripted)
		err  string // of the second request, "" for none
	}{
		{"as it should be", func(s *scripted) { answered(s); answered(s); _, _, _ = s.next() }, ""},
		{"ends without a close frame", func(s *scripted) {
			answered(s)
			_ = s.Conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, s.r) // closed with input unread, it would be reset
		}, "unexpected EOF"},
		{"closes", func(s *scripted) { answered(s); s.say(wsClose, closeData(1000, "bye")); _, _, _ = s.next() }, "connection closed"},
		{"closes by 1011", func(s *scripted) { answered(s); s.say(wsClose, closeData(1011, "broken")); _, _, _ = s.next() }, `1011 "broken"`},
		{"binary", func(s *scripted) { answered(s); s.say(0x82, "{}"); _, _, _ = s.next() }, "binary"},
		{"masks", func(s *scripted) { answered(s); _, _ = io.WriteString(s, wsFrame(wsText, "{}")); _, _, _ = s.next() }, "mask"},
		{"not UTF-8", func(s *scripted) { answered(s); s.say(wsText, "\xff"); _, _, _ = s.next() }, "UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nothingLeft(t)
			url := scriptedServer(t, shaken, tc.f)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			s, err := Dial(ctx, testClient("2025-11-25"), url, DialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Ping(ctx); err != nil {
				t.Errorf("first: %v", err)
			}
			err = s.Ping(ctx)
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				// The request may have been in flight when the connection ended.
				<-s.Done()
				if again := s.Ping(ctx); !errors.Is(err, engine.ErrConnClosed) || again == nil || !strings.Contains(again.Error(), tc.err) {
					t.Errorf("second: %v; the session: %v", err, again)
				}
			}
			if err := s.Close(); err != nil && tc.err == "" {
				t.Error(err)
			}
		})
	}
}

// Handshakes that do not succeed say what to do.
func TestDialSocketRefused(t *testing.T) {
	for _, tc := range []struct{ answer, err string }{
		{"HTTP/1.1 401 Unauthorized\r\n\r\n", "DialOptions.Header"},
		{"HTTP/1.1 403 Forbidden\r\n\r\n", "does not take"},
		{"HTTP/1.1 404 Not Found\r\n\r\n", "check the path"},
		{"HTTP/1.1 503 Service Unavailable\r\n\r\n", "503"},
		{"+OK\r\n", "no HTTP server"},
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + wsAccept + "\r\n\r\n", "Sec-WebSocket-Accept"},
	} {
		nothingLeft(t)
		url := scriptedServer(t, func(*http.Request) string { return tc.answer }, nil)
		if _, err := Dial(t.Context(), testClient(""), url, DialOptions{}); err == nil || !strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), url) {
			t.Errorf("%q: %v", tc.answer, err)
		}
	}
	url := scriptedServer(t, shaken, nil)
	if _, err := Dial(t.Context(), testClient(""), url, DialOptions{Header: func(context.Context) (map[string][]string, error) { return nil, errors.New("no token") }}); err == nil || !strings.Contains(err.Error(), "no token") {
		t.Errorf("header: %v", err)
	}
}

// Fields of the handshake are set anew for each connection; a session goes on over a
// new one; large messages go both ways, compressed or not, to a server that reads
// slowly.
func TestDialSocketReconnect(t *testing.T) {
	for _, tc := range []struct {
		scheme string
		least  int
	}{{"http", 0}, {"http", -1}, {"https", 0}} {
		t.Run(fmt.Sprintf("%s,CompressMin=%d", tc.scheme, tc.least), func(t *testing.T) {
			svc := webService(mcp.Options{HTTP: mcp.HTTPOptions{Authenticate: mcp.BearerTokens(map[string]string{"t1": "ann", "t2": "bob"})}})
			svc.HandleTool(mcp.Tool{Name: "who"}, mcp.Inline, func(c *mcp.Call) error { return c.Reply().TextString(c.Principal()) })
			s, err := Listen(svc, Options{Listeners: []Listener{{URL: tc.scheme + "://127.0.0.1:0"}}, Loops: 1, TLS: TLSOptions{SelfSigned: true}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			nothingLeft(t)
			var dials atomic.Int32
			renewed := make(chan struct{}, 10)
			session, err := Dial(t.Context(), testClient(""), "ws"+strings.TrimPrefix(s.Addrs()[0], "http")+"/ws", DialOptions{
				Reconnect: true, ReconnectMin: time.Millisecond, CompressMin: tc.least, TLS: &tls.Config{InsecureSkipVerify: true},
				OnReconnect: func(*mcp.ClientSession) { renewed <- struct{}{} },
				Header: func(context.Context) (map[string][]string, error) {
					return http.Header{"Authorization": {fmt.Sprintf("Bearer t%d", dials.Add(1))}}, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			who := func() string {
				r, err := session.CallTool(t.Context(), "who", nil)
				if err != nil {
					return err.Error()
				}
				return r.Text()
			}
			if got := who(); got != "ann" {
				t.Errorf("first connection: %s", got)
			}
			big := strings.Repeat("a line of text, \u00fc and \"quotes\"; ", 100_000)
			for range 2 {
				if r, err := session.CallTool(t.Context(), "echo", map[string]any{"text": big}); err != nil || r.Text() != big {
					t.Errorf("large: %v", err)
				}
			}
			for c := range serverConns(s) {
				c.Hangup(engine.CloseLocal)
			}
			<-renewed
			if got := who(); got != "bob" {
				t.Errorf("second connection: %s", got)
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
			eventually(t, "closed", func() bool { return s.Snapshot().WebSockets.Open == 0 })
			if n := s.Snapshot().WebSockets; n.Opened != 2 || n.Unanswered != 0 || n.Failed != [4]uint64{} {
				t.Errorf("%+v", n)
			}
		})
	}
}

// serverConns returns the connections of a server.
func serverConns(s *Server) func(yield func(*engine.Conn) bool) {
	found := make(chan []*engine.Conn, 1)
	s.Engine().EachLoop(0, func(l *engine.Loop) {
		var all []*engine.Conn
		for c := range l.Conns() {
			all = append(all, c)
		}
		found <- all
	})
	all := <-found
	return func(yield func(*engine.Conn) bool) {
		for _, c := range all {
			if !yield(c) {
				return
			}
		}
	}
}

// A URL without a port means that of HTTP (RFC 6455, section 3).
func TestSocketTarget(t *testing.T) {
	for _, c := range []struct{ url, addr string }{
		{"ws://example.org", "example.org:80"},
		{"wss://example.org/mcp?k=v", "example.org:443"},
		{"wss://[::1]/ws", "[::1]:443"},
		{"ws://[::1]:7601/ws", "[::1]:7601"},
		{"wss://example.org:7643/ws", "example.org:7643"},
		{"wss://example.org:0/ws", ""},
		{"ws:///ws", ""},
		{"ws://:80/ws", ""},
		{"wss://a:b@example.org/ws", ""},
		{"wss://example.org/ws#x", ""},
	} {
		target, err := dialTarget(c.url)
		if (err == nil) != (c.addr != "") || err == nil && (target.addr != c.addr || target.secure != strings.HasPrefix(c.url, "wss")) {
			t.Errorf("%s: %+v, %v; want %q", c.url, target, err, c.addr)
		}
	}
}
