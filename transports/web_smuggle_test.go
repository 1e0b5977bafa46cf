package transports

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// What leaves open where a request ends is refused, the connection closed, and
// nothing behind it runs: a proxy in front may have seen the end elsewhere
// (RFC 9112, sections 5.1, 6.1, 6.3, 7.1).
func TestWebSmuggling(t *testing.T) {
	s, svc := webServer(t, mcp.Options{}, engine.Options{})
	ran := make(chan string, 100)
	svc.HandleTool(mcp.Tool{Name: "smuggled"}, mcp.Inline, func(c *mcp.Call) error {
		ran <- string(c.ID().Raw())
		return c.Reply().TextString("ran")
	})
	base := s.Addrs()[0]
	session := initialize(t, base+"/mcp", "2025-11-25")
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"smuggled"}}`
	fields := "Host: localhost\r\nContent-Type: application/json\r\nMcp-Session-Id: " + session + "\r\n"
	behind := fmt.Sprintf("POST /mcp HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", fields, len(body), body)
	post := "POST /mcp HTTP/1.1\r\n" + fields
	huge := "18446744073709551616"
	for _, tc := range []struct{ what, text, status string }{
		{"length and coding", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"coding and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", "400"},
		{"two lengths", post + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n", "400"},
		{"a list of lengths", post + "Content-Length: 0, 5\r\n\r\n", "400"},
		{"a length with a sign", post + "Content-Length: +0\r\n\r\n", "400"},
		{"a negative length", post + "Content-Length: -1\r\n\r\n", "400"},
		{"a length in hex", post + "Content-Length: 0x0\r\n\r\n", "400"},
		{"a length with letters", post + "Content-Length: 1e1\r\n\r\n", "400"},
		{"an empty length", post + "Content-Length: \r\n\r\n", "400"},
		{"a length beyond 64 bits", post + "Content-Length: " + huge + "\r\n\r\n", "4"},
		{"a length of 2^63-1", post + "Content-Length: 9223372036854775807\r\n\r\n", "413"},
		{"another coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"},
		{"two codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"chunked not last", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400"},
		{"a coding in 1.0", "POST /mcp HTTP/1.0\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"space before the colon", post + "Content-Length : 0\r\n\r\n", "400"},
		{"space before a name", post + " X: 0\r\n\r\n", "400"},
		{"a folded field", post + "X: 0\r\n 1\r\n\r\n", "400"},
		{"NUL in a value", post + "X: a\x00b\r\n\r\n", "400"},
		{"a bare CR", post + "X: a\rb\r\n\r\n", "400"},
		{"a name with a space", post + "X Y: 0\r\n\r\n", "400"},
		{"a name with a slash", post + "X/Y: 0\r\n\r\n", "400"},
		{"no name", post + ": 0\r\n\r\n", "400"},
		{"no host", "POST /mcp HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "400"},
		{"two hosts", post + "Host: localhost\r\nContent-Length: 0\r\n\r\n", "400"},
		{"a chunk size in 0x", post + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n", "400"},
		{"a chunk size with a sign", post + "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n", "400"},
		{"a negative chunk size", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", "400"},
		{"a chunk size with an underscore", post + "Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n", "400"},
		{"a chunk size beyond 64 bits", post + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n", "4"},
		{"an empty chunk size", post + "Transfer-Encoding: chunked\r\n\r\n\r\n\r\n", "400"},
		{"a chunk longer than its size", post + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", "400"},
		{"a bare LF in an extension", post + "Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n", "400"},
		{"extensions without end", post + "Transfer-Encoding: chunked\r\n\r\n0;" + strings.Repeat("x", 5000), "400"},
		{"trailers without end", post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + strings.Repeat("x", 10_000), "431"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.WriteString(c, tc.text+behind); err != nil {
				t.Fatal(err)
			}
			_ = c.(*net.TCPConn).CloseWrite()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.HasPrefix(got, []byte("HTTP/1.1 "+tc.status)) || bytes.Count(got, []byte("HTTP/1.1 ")) != 1 {
				t.Errorf("%v: %.300q", err, got)
			}
		})
	}
	select {
	case id := <-ran:
		t.Errorf("a smuggled call ran: %s", id)
	default:
	}
	// The call itself is one that would have run.
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, behind); err != nil {
		t.Fatal(err)
	}
	if id := <-ran; id != "1" {
		t.Errorf("it had the id %s", id)
	}
}

// A page of another site, and a name that only leads here, get nothing, by
// whatever method (robustness against DNS rebinding).
func TestWebForeign(t *testing.T) {
	onEachWebHost(t, func(t *testing.T, serve webHostFunc) {
		s, _ := serve(t, mcp.Options{}, engine.Options{})
		url := s.Addrs()[0] + "/mcp"
		id := initialize(t, url, "2025-11-25")
		for _, h := range [][2]string{
			{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://localhost.evil"}, {"Origin", "http://127.0.0.1.evil.example:7601"},
			{"Origin", "localhost"}, {"Origin", "http://evil.example#localhost"}, {"Origin", "http://localhost@evil.example"}, {"Origin", "file://"},
			{"Host", "evil.example"}, {"Host", "localhost.evil"}, {"Host", "evil.example:80"}, {"Host", "127.0.0.1.evil"}, {"Host", "[::1].evil"},
		} {
			for _, method := range []string{"POST", "GET", "DELETE", "OPTIONS"} {
				r := do(t, method, url, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Mcp-Session-Id", id, h[0], h[1])
				if r.status != 403 && !(h[0] == "Host" && r.status == 400) || r.header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s, %s %s: %+v", method, h[0], h[1], r)
				}
			}
		}
		for _, h := range [][2]string{{"Origin", "http://localhost:3000"}, {"Origin", "https://127.0.0.1"}, {"Origin", "http://[::1]:1"}, {"Host", "localhost"}, {"Host", "[::1]:7601"}} {
			if r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Mcp-Session-Id", id, h[0], h[1]); r.status != 200 {
				t.Errorf("%s %s: %+v", h[0], h[1], r)
			}
		}
	})
}
