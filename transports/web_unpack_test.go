package transports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/web"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// A body says the same packed as it does not; what cannot be unpacked is
// answered by its status, is counted, and leaves the connection in use.
func TestWebUnpack(t *testing.T) {
	const limit = 64 << 10
	s, _ := webServer(t, mcp.Options{}, engine.Options{MaxMessageBytes: limit})
	url := s.Addrs()[0] + "/mcp"
	id := initialize(t, url, "2025-11-25")
	echo := func(n int) []byte {
		return []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"` + strings.Repeat("x", n) + `"}}}`)
	}
	short := echo(10)
	full := echo(limit - len(echo(0)))
	over := echo(limit - len(echo(0)) + 1)
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[len(b)+at] ^= 0x55
		return b
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	g, z, y := wiretest.Gzip(short), wiretest.Zstd(short), wiretest.ZstdStream(short)
	for _, tc := range []struct {
		what, coding string
		body         []byte
		status       int
		refusal      web.Refusal
	}{
		{"nothing said", "", short, 200, 0},
		{"identity", "identity", short, 200, 0},
		{"gzip", "gzip", g, 200, 0},
		{"gzip, its other name", "X-GZip", g, 200, 0},
		{"gzip, capitals", "GZIP", g, 200, 0},
		{"gzip to the limit", "gzip", wiretest.Gzip(full), 200, 0},
		{"zstd", "zstd", z, 200, 0},
		{"zstd, no length said", "zstd", y, 200, 0},
		{"zstd to the limit", "zstd", wiretest.Zstd(full), 200, 0},
		{"zstd to the limit, no length said", "zstd", wiretest.ZstdStream(full), 200, 0},

		{"unknown", "br", short, 415, web.RefusedCoding},
		{"deflate", "deflate", short, 415, web.RefusedCoding},
		{"two", "gzip, gzip", wiretest.Gzip(g), 415, web.RefusedCoding},
		{"two, one none", "gzip, identity", g, 415, web.RefusedCoding},
		{"gzip beyond the limit", "gzip", wiretest.Gzip(over), 413, web.RefusedUnpacked},
		{"zstd beyond the limit", "zstd", wiretest.Zstd(over), 413, web.RefusedUnpacked},
		{"zstd beyond the limit, no length said", "zstd", wiretest.ZstdStream(over), 413, web.RefusedUnpacked},
		{"not gzip", "gzip", short, 400, web.RefusedPacked},
		{"not zstd", "zstd", short, 400, web.RefusedPacked},
		{"one as the other", "zstd", g, 400, web.RefusedPacked},
		{"gzip, checksum", "gzip", flip(g, -6), 400, web.RefusedPacked},
		{"gzip, length", "gzip", flip(g, -1), 400, web.RefusedPacked},
		{"gzip, something behind", "gzip", join(g, []byte("x")), 400, web.RefusedPacked},
		{"gzip, two members", "gzip", join(g, g), 400, web.RefusedPacked},
		{"zstd, checksum", "zstd", flip(z, -1), 400, web.RefusedPacked},
		{"zstd, something behind", "zstd", join(z, []byte("x")), 400, web.RefusedPacked},
		{"zstd, two frames", "zstd", join(z, z), 400, web.RefusedPacked},
		{"zstd, a frame to skip", "zstd", join([]byte{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}, z), 400, web.RefusedPacked},
		{"zstd, a dictionary", "zstd", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 1, 9, 0, 0, 'x'}, 400, web.RefusedPacked},
	} {
		before := s.Snapshot().HTTPRefused
		for range 2 {
			r := post(t, url, string(tc.body), "Mcp-Session-Id", id, "Content-Encoding", tc.coding)
			if r.status != tc.status || tc.status == 200 && !strings.Contains(r.body, `"text":"xxxxxxxxxx`) {
				t.Errorf("%s: %d %.100q, want %d", tc.what, r.status, r.body, tc.status)
			}
			if accept := r.header.Get("Accept-Encoding"); (accept == "gzip, zstd") != (tc.status == 415) {
				t.Errorf("%s: Accept-Encoding %q", tc.what, accept)
			}
		}
		if tc.status != 200 {
			before[tc.refusal] += 2
		}
		if got := s.Snapshot().HTTPRefused; got != before {
			t.Errorf("%s: counted %v, want %v", tc.what, got, before)
		}
	}
	if opened := s.Snapshot().Engine.Opened; opened != 1 {
		t.Errorf("%d connections, want one throughout", opened)
	}
}

// Without codings, none is taken.
func TestWebUnpackOff(t *testing.T) {
	svc := mcp.NewServer(mcp.Options{Name: "web"})
	s, err := Listen(svc, Options{Listeners: []Listener{{URL: "http://127.0.0.1:0"}}, MaxUnpackedBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ping := []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	other, _ := netHTTPServer(t, mcp.Options{}, engine.Options{}) // has no codings
	for _, base := range []string{s.Addrs()[0], other.Addrs()[0]} {
		url := base + "/mcp"
		for coding, body := range map[string][]byte{"gzip": wiretest.Gzip(ping), "zstd": wiretest.Zstd(ping), "br": ping} {
			if r := post(t, url, string(body), "Content-Encoding", coding); r.status != 415 || r.header.Get("Accept-Encoding") != "identity" {
				t.Errorf("%s: %+v", coding, r)
			}
		}
		if r := post(t, url, string(ping), "Content-Encoding", "Identity"); r.status != 400 { // for the lack of a session
			t.Errorf("identity: %+v", r)
		}
		initialize(t, url, "2025-11-25")
	}
}
