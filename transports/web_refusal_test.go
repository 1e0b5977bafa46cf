package transports

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/web"
)

// Each request that is refused is answered and counted once, by why; one that is
// served is not.
func TestWebRefused(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{MaxMessageBytes: 64 << 10})
	const head = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	long := strings.Repeat("x", 40<<10)
	for _, tc := range []struct {
		what, request string
		status        int
		refusal       web.Refusal // NumRefusals: none
	}{
		{"served", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200, web.NumRefusals},
		{"not found", "GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404, web.NumRefusals},
		{"chunks", head + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nA: b\r\n\r\n", 400, web.NumRefusals},
		{"no request", "gannet\r\n\r\n", 400, web.RefusedMalformed},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", 400, web.RefusedMalformed},
		{"smuggled", head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, web.RefusedMalformed},
		{"version", "GET / HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n", 505, web.RefusedUnsupported},
		{"method", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, web.RefusedUnsupported},
		{"expectation", head + "Content-Length: 1\r\nExpect: miracle\r\n\r\n", 417, web.RefusedUnsupported},
		{"line", "GET /" + long[:10<<10] + " HTTP/1.1\r\n\r\n", 414, web.RefusedLine},
		{"head", head + strings.Repeat("A: "+long[:7<<10]+"\r\n", 6) + "\r\n", 431, web.RefusedHead},
		{"fields", head + strings.Repeat("A: b\r\n", 200) + "\r\n", 431, web.RefusedFields},
		{"body", head + "Content-Length: 100000\r\n\r\n", 413, web.RefusedBody},
		{"body in chunks", head + "Transfer-Encoding: chunked\r\n\r\n100000\r\n", 413, web.RefusedBody},
		{"extensions", head + "Transfer-Encoding: chunked\r\n\r\n1;" + long[:2<<10] + "\r\n", 400, web.RefusedChunkExt},
		{"trailers", head + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: "+long[:1<<10]+"\r\n", 9) + "\r\n", 431, web.RefusedTrailers},
	} {
		want := s.Snapshot().HTTPRefused
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, tc.request); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		_ = conn.Close()
		if err != nil {
			t.Errorf("%s: %v", tc.what, err)
			continue
		}
		_ = r.Body.Close()
		if r.StatusCode != tc.status {
			t.Errorf("%s: %d, want %d", tc.what, r.StatusCode, tc.status)
		}
		if tc.refusal != web.NumRefusals {
			want[tc.refusal]++
		}
		if got := s.Snapshot().HTTPRefused; got != want {
			t.Errorf("%s: counted %v, want %v", tc.what, got, want)
		}
	}
}
