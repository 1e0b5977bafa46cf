package load

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// The page of metrics is found in whatever a server logs, in whatever pieces, and all
// of the log is passed on.
func TestPageFinder(t *testing.T) {
	for _, c := range []struct{ name, log, want string }{
		{"gannet's", `time=2026-01-01T00:00:00Z level=INFO msg="admin pages" url=http://127.0.0.1:7602/metrics` + "\n", "http://127.0.0.1:7602/metrics"},
		{"a peer's", "server: metrics at http://127.0.0.1:41/metrics\n", "http://127.0.0.1:41/metrics"},
		{"JSON", `{"msg":"up","metrics":"https://[::1]:9/x/metrics"}` + "\n", "https://[::1]:9/x/metrics"},
		{"the first of two", "http://a/metrics\nhttp://b/metrics\n", "http://a/metrics"},
		{"behind others", "gc 1 @0.1s\nhello http://a/mcp\n\nhttp://a/metrics\n", "http://a/metrics"},
		{"behind a long line", strings.Repeat("x", 3*finderLine) + "\nhttp://a/metrics\n", "http://a/metrics"},
		{"beyond what is looked at", strings.Repeat("x", finderLine) + "http://a/metrics\n", ""},
		{"another page", "http://a/metricsandmore http://a/mcp\n", ""},
		{"no URL", "/metrics\n", ""},
		{"a line without an end", "http://a/metrics", ""},
		{"nothing", "", ""},
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			var out bytes.Buffer
			f := newPageFinder(&out)
			for rest := []byte(c.log); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				piece := rest[:min(size, len(rest))]
				if n, err := f.Write(piece); n != len(piece) || err != nil {
					t.Fatal(n, err)
				}
			}
			for range 2 { // it is there again for the next who asks
				if url, err := f.url(time.Millisecond); url != c.want || (err == nil) != (c.want != "") {
					t.Errorf("%s by %d: %q, %v", c.name, size, url, err)
				}
			}
			if out.String() != c.log {
				t.Errorf("%s by %d: passed on %q", c.name, size, out.String())
			}
		}
	}
}
