//go:build !race && !invariants

package transports

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// 100,000 tools/call by HTTP with SSE (2024-11-05), posted on one connection and
// answered on the stream of another, the client's side included, add fewer than 200
// allocations to the process.
func TestAllocsSSE(t *testing.T) {
	const calls, depth, mallocs = 100_000, 16, 200
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	stream, posts := dial(), dial()
	in := make([]byte, 64<<10)
	// An event has one j, of jsonrpc; chunks are as long as it happens.
	count := func(of []byte, n int) (last []byte) {
		for n > 0 {
			k, err := stream.Read(in)
			if err != nil {
				t.Fatal(err)
			}
			last = in[:k]
			n -= bytes.Count(last, of)
		}
		return last
	}
	if _, err := stream.Write([]byte("GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_, path, _ := strings.Cut(string(count([]byte("data: "), 1)), "data: ")
	path, _, _ = strings.Cut(path, "\n")
	post := func(body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	accepted := make([]byte, 4096)
	send := func(text string) int {
		if _, err := posts.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		n, err := posts.Read(accepted)
		if err != nil || !bytes.HasPrefix(accepted, []byte("HTTP/1.1 202 ")) {
			t.Fatalf("%v, %q", err, accepted[:n])
		}
		return n
	}
	one := send(post(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`))
	count([]byte("protocolVersion"), 1)
	var ask []byte
	for i := range depth {
		ask = append(ask, post(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"%s"}}}`, 100+i, strings.Repeat("x", 1000)))...)
	}
	got := make([]byte, depth*one)
	event := []byte("j")
	round := func() {
		if _, err := posts.Write(ask); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(posts, got); err != nil {
			t.Fatal(err)
		}
		count(event, depth)
	}
	for range 1000 {
		round()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls / depth {
		round()
	}
	runtime.ReadMemStats(&after)
	if k := after.Mallocs - before.Mallocs; k >= mallocs {
		t.Errorf("%d allocations in %d calls, want fewer than %d", k, calls, mallocs)
	}
	if bytes.Count(got, []byte("HTTP/1.1 202 ")) != depth {
		t.Errorf("got %.200q", got)
	}
}
