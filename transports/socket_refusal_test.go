package transports

import (
	"io"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/web"
)

// What is no handshake, or not allowed to make one, is answered over HTTP, and the
// connection goes on; row 34 of what must be survived.
func TestWebSocketRefused(t *testing.T) {
	good := wsRequest("/ws", "localhost", "")
	for _, tc := range []struct {
		name, listen, request string
		status                int
		header, body          string // parts of them
	}{
		{"plain GET", "both", "GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", 426, "Sec-Websocket-Version: 13", "Upgrade: websocket"},
		{"plain POST", "both", "POST /ws HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 426, "Upgrade: websocket", ""},
		{"plain GET elsewhere", "ws://127.0.0.1:0", "GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", 426, "Upgrade: websocket", ""},
		{"another path", "ws://127.0.0.1:0/ws", wsRequest("/other", "localhost", ""), 404, "", "is at /ws"},
		{"another path, HTTP", "http://127.0.0.1:0", wsRequest("/other", "localhost", ""), 404, "", "/mcp"},
		{"version 8", "both", strings.Replace(good, "Version: 13", "Version: 8", 1), 426, "Sec-Websocket-Version: 13", "version"},
		{"no key", "both", strings.Replace(good, "Sec-WebSocket-Key", "X", 1), 400, "", "Sec-WebSocket-Key"},
		{"method", "both", strings.Replace(good, "GET", "HEAD", 1), 405, "Allow: GET", ""},
		{"OPTIONS", "both", strings.Replace(good, "GET", "OPTIONS", 1), 405, "Allow: GET", ""},
		{"foreign Origin", "both", wsRequest("/ws", "localhost", "Origin: https://evil.example\r\n"), 403, "", "Origin"},
		{"Origin null", "both", wsRequest("/ws", "localhost", "Origin: null\r\n"), 403, "", ""},
		{"look-alike Origin", "both", wsRequest("/ws", "localhost", "Origin: http://localhost.evil\r\n"), 403, "", ""},
		{"two Origins", "both", wsRequest("/ws", "localhost", "Origin: http://localhost\r\nOrigin: http://localhost\r\n"), 403, "", ""},
		{"foreign Host", "both", wsRequest("/ws", "evil.example", ""), 403, "", "Host"},
		{"look-alike Host", "both", wsRequest("/ws", "localhost.evil:7601", ""), 403, "", ""},
		{"foreign Origin, no handshake", "both", "GET /ws HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", 403, "", ""},
	} {
		for _, listen := range []string{"http://127.0.0.1:0", "ws://127.0.0.1:0/ws"} {
			if tc.listen != "both" {
				listen = tc.listen
			}
			t.Run(tc.name+"/"+listen, func(t *testing.T) {
				s := startWith(t, webService(mcp.Options{}), Options{}, listen)
				p := wsTry(t, s.Addrs()[0], tc.request)
				body := []byte{}
				if !strings.HasPrefix(tc.request, "HEAD") {
					body, _ = io.ReadAll(p.answer.Body)
				}
				var header strings.Builder
				_ = p.answer.Header.Write(&header)
				if p.answer.StatusCode != tc.status || !strings.Contains(header.String(), tc.header) || !strings.Contains(string(body), tc.body) {
					t.Fatalf("%d\n%s\n%s", p.answer.StatusCode, header.String(), body)
				}
				if tc.status == 426 && !strings.EqualFold(p.answer.Header.Get("Connection"), "upgrade") {
					t.Errorf("426 without Connection: Upgrade\n%s", header.String())
				}
				n := s.Snapshot()
				counted := n.HTTPRefused[web.RefusedHandshake] == 1
				if want := tc.status != 403 && tc.name != "another path, HTTP"; n.WebSockets.Opened != 0 || counted != want {
					t.Errorf("counted %+v, refused %v", n.WebSockets, n.HTTPRefused)
				}
				p.send(good)
				if p.read(); p.answer.StatusCode != 101 {
					t.Errorf("then %v", p.answer)
				}
			})
		}
	}
}

// WebSocket may be left out, and be elsewhere.
func TestWebSocketPath(t *testing.T) {
	s := startWith(t, webService(mcp.Options{}), Options{WebSocket: WebSocketOptions{Off: true}}, "http://127.0.0.1:0", "ws://127.0.0.1:0")
	if p := wsTry(t, s.Addrs()[0], wsRequest("/ws", "localhost", "")); p.answer.StatusCode != 404 {
		t.Errorf("switched off: %v", p.answer)
	}
	wsDial(t, s.Addrs()[1], "/ws")
	s = startWith(t, webService(mcp.Options{}), Options{WebSocket: WebSocketOptions{Path: "/a/b"}}, "http://127.0.0.1:0")
	if p := wsTry(t, s.Addrs()[0], wsRequest("/ws", "localhost", "")); p.answer.StatusCode != 404 {
		t.Errorf("moved: %v", p.answer)
	}
	wsDial(t, s.Addrs()[0], "/a/b?c=d")
	if p := wsTry(t, s.Addrs()[0], "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n"); p.answer.StatusCode == 426 {
		t.Errorf("beside it: %v", p.answer)
	}
}

// Origins and hosts that are listed may come; whose the handshake is, its calls are.
func TestWebSocketAuth(t *testing.T) {
	svc := webService(mcp.Options{HTTP: mcp.HTTPOptions{
		Authenticate:   mcp.BearerTokens(map[string]string{"secret-a": "ann", "secret-b": "bob"}),
		AllowedOrigins: []string{"https://app.example"}, AllowedHosts: []string{"mcp.example"},
		KeepHeaders: []string{"User-Agent"},
	}})
	who := func(c *mcp.Call) error {
		return c.Reply().TextString("you are " + c.Principal() + " by " + c.Header("user-agent") + c.Header("Origin"))
	}
	svc.HandleTool(mcp.Tool{Name: "who"}, mcp.Pooled, who)
	svc.HandleTool(mcp.Tool{Name: "whoInline"}, mcp.Inline, who)
	for _, listen := range []string{"http://127.0.0.1:0", "ws://127.0.0.1:0"} {
		s := startWith(t, svc, Options{}, listen)
		url := s.Addrs()[0]
		for _, token := range []string{"", "Authorization: Bearer secret\r\n", "Authorization: Bearer secret-a\r\nAuthorization: Bearer secret-b\r\n"} {
			p := wsTry(t, url, wsRequest("/ws", "localhost", token))
			if p.answer.StatusCode != 401 || p.answer.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%q: %v", token, p.answer)
			}
		}
		var peers []*wsPeer
		for _, name := range []string{"a", "b"} {
			p := wsTry(t, url, wsRequest("/ws", "mcp.example", "Origin: https://app.example\r\nUser-Agent: agent-"+name+"\r\nAuthorization: Bearer secret-"+name+"\r\n"))
			if p.answer.StatusCode != 101 {
				t.Fatal(p.answer)
			}
			peers = append(peers, p)
		}
		for range 2 {
			for i, p := range peers {
				want := []string{"you are ann by agent-a", "you are bob by agent-b"}[i]
				for _, tool := range []string{"who", "whoInline"} {
					p.text(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":{},` + webMeta + `}}`)
					if m := p.message(); !strings.Contains(m, `"`+want+`"`) {
						t.Errorf("%s: got %s, want %s", tool, m, want)
					}
				}
			}
		}
	}
}
