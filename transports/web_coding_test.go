package transports

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// A large answer is compressed by what its client takes best, a small one and
// one of a client that takes nothing are not; each says the same.
func TestWebCoding(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	url := s.Addrs()[0] + "/mcp"
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	for _, tc := range []struct {
		accept, coding string
		size           int
	}{
		{"", "", 100_000},
		{"identity", "", 100_000},
		{"br", "", 100_000},
		{"gzip", "gzip", 100_000},
		{"gzip, deflate, br, zstd", "zstd", 100_000},
		{"zstd;q=0, gzip;q=0.5", "gzip", 100_000},
		{"gzip;q=0", "", 100_000},
		{"gzip; Q=0.000", "", 100_000},
		{"GZip;q=0.05", "gzip", 100_000},
		{"x-gzip;q=1.0, identity;q=0", "gzip", 100_000},
		{"gzip, zstd", "", 1000},
		{"gzip, zstd", "zstd", 3 << 20},
	} {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"blob","arguments":{"bytes":%d},%s}}`, tc.size, webMeta)
		for range 2 { // writers are used again
			r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range map[string]string{"Content-Type": "application/json", "Accept": "*/*", "Accept-Encoding": tc.accept, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "blob"} {
				r.Header.Set(k, v)
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if got := res.Header.Get("Content-Encoding"); got != tc.coding {
				t.Errorf("%q, %d bytes: coding %q, want %q", tc.accept, tc.size, got, tc.coding)
			}
			switch tc.coding {
			case "gzip":
				z, err := gzip.NewReader(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				b, err = io.ReadAll(z)
				if err != nil {
					t.Fatal(err)
				}
			case "zstd":
				z, err := zstd.NewReader(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				b, err = io.ReadAll(z)
				z.Close()
				if err != nil {
					t.Fatal(err)
				}
			}
			if n := bytes.Count(b, []byte("gannet! ")); n != tc.size/8 || !bytes.HasSuffix(b, []byte("}")) {
				t.Errorf("%q: %d of %d words", tc.accept, n, tc.size/8)
			}
		}
	}
}
