package transports

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Clients that go away anywhere in a request, in the middle of an answer, or
// while their call runs, leave nothing and disturb nobody; so do those that send
// what is no HTTP, each of which is told so.
func TestWebAborts(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	address := strings.TrimPrefix(s.Addrs()[0], "http://")
	url := s.Addrs()[0] + "/mcp"
	session := initialize(t, url, "2025-11-25")
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"test_tool_with_progress","_meta":{"progressToken":1}}}`
	whole := fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMcp-Session-Id: %s\r\nContent-Length: %d\r\n\r\n%s", session, len(body), body)
	chunked := fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMcp-Session-Id: %s\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", session, body[:16], len(body)-16, body[16:])
	open := func(text string) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, text := range []string{whole, chunked} {
		for cut := 0; cut < len(text); cut += 9 {
			_ = open(text[:cut]).Close()
		}
		c := open(text) // whole: gone while the call runs
		if _, err := io.ReadFull(c, make([]byte, 20)); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	for _, tc := range []struct{ text, says string }{
		{"GET /\r\n\r\n", "HTTP/1.1 400"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\r\n\r\n", "HTTP/1.1 400"},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505"},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		{"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400"},
		{"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400"},
		{"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", "HTTP/1.1 413"},
		{"GET /" + strings.Repeat("x", 10_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 414"},
		{"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 40_000) + "\r\n\r\n", "HTTP/1.1 431"},
		{"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200"},
		{"GET /sse HTTP/1.0\r\nHost: localhost\r\n\r\n", "HTTP/1.1 505"},
		{"GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 404"},
		{strings.Replace(whole, "Content-Length", "Expect: 100-continue\r\nContent-Length", 1), "HTTP/1.1"},
	} {
		c := open(tc.text)
		got := make([]byte, len(tc.says))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != tc.says {
			t.Errorf("%.60q: %q, %v, want %q", tc.text, got, err, tc.says)
		}
		if strings.Contains(tc.says, " 4") || strings.Contains(tc.says, " 5") {
			if _, err := io.Copy(io.Discard, c); err != nil { // it ends
				t.Errorf("%.60q: %v", tc.text, err)
			}
		}
		_ = c.Close()
	}
	if r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Mcp-Session-Id", session); r.status != 200 {
		t.Errorf("after all that: %+v", r)
	}
	http := s.Snapshot().Engine
	if http.Panics != 0 {
		t.Errorf("%d panics", http.Panics)
	}
	eventually(t, "calls of clients that have gone", func() bool { return s.Snapshot().Engine.InFlight == 0 })
}

// A request that comes too slowly is cut off at the read timeout, however often
// a byte of it comes.
func TestWebTrickle(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{ReadTimeout: 300 * time.Millisecond})
	c, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begin := time.Now()
	for _, b := range []byte("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 500)) {
		if _, err := c.Write([]byte{b}); err != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
		if d := time.Since(begin); d > 8*time.Second {
			t.Fatalf("still served after %v", d)
		}
	}
	eventually(t, "the connection is closed", func() bool { return s.Snapshot().Engine.Connections == 0 })
	if n := s.Snapshot().Engine.Closed[engine.CloseReadTimeout]; n != 1 {
		t.Errorf("%d closed as read_timeout", n)
	}
}
