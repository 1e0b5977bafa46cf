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

// 100,000 tools/call over HTTP/1.1 on one connection that is kept alive, the
// client's side included, add fewer than 200 allocations to the process, in both
// eras, inline and from the worker pool.
func TestAllocsHTTP(t *testing.T) {
	const calls, depth, mallocs = 100_000, 16, 200
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	base := s.Addrs()[0]
	session := initialize(t, base+"/mcp", "2025-11-25")
	text := strings.Repeat("x", 1000)
	for _, tc := range []struct{ name, tool, args, headers, meta string }{
		{"legacy/inline", "echo", `{"text":"` + text + `"}`, "Mcp-Session-Id: " + session + "\r\n", ""},
		{"legacy/pooled", "blob", `{"bytes":1000}`, "Mcp-Session-Id: " + session + "\r\n", ""},
		{"modern/inline", "echo", `{"text":"` + text + `"}`, "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n", "," + webMeta},
		{"modern/pooled", "blob", `{"bytes":1000}`, "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: blob\r\n", "," + webMeta},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var ask []byte
			for i := range depth {
				body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":%s%s}}`, 100+i, tc.tool, tc.args, tc.meta)
				ask = fmt.Appendf(ask, "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:7601\r\nUser-Agent: test\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", tc.headers, len(body), body)
			}
			// One round tells how long an answer is: the same each time.
			if _, err := conn.Write(ask); err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 64<<10)
			n := 0
			for bytes.Count(first[:n], []byte(`{"jsonrpc"`)) < depth || !bytes.HasSuffix(first[:n], []byte("}")) {
				k, err := conn.Read(first[n:])
				if err != nil {
					t.Fatal(err)
				}
				n += k
			}
			if !bytes.HasPrefix(first, []byte("HTTP/1.1 200 OK\r\n")) {
				t.Fatalf("got %.300q", first[:n])
			}
			got := make([]byte, n)
			round := func() {
				if _, err := conn.Write(ask); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(conn, got); err != nil {
					t.Fatal(err)
				}
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
			if bytes.Count(got, []byte(`{"jsonrpc"`)) != depth {
				t.Errorf("got %.200q", got)
			}
		})
	}
}
