//go:build !race && !invariants

package transports

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// 100,000 tools/call over HTTP/2 on one connection, 16 streams at a time, the
// client's side included, add fewer than 300 allocations to the process.
func TestAllocsHTTP2(t *testing.T) {
	const calls, depth, mallocs = 100_000, 16, 300
	s, _ := webServer(t, mcp.Options{}, engine.Options{})
	text := strings.Repeat("x", 1000)
	for _, tc := range []struct{ tool, args string }{{"echo", `{"text":"` + text + `"}`}, {"blob", `{"bytes":1000}`}} {
		t.Run(tc.tool, func(t *testing.T) {
			p := dialHTTP2(t, s.Addrs()[0])
			p.must(p.fr.WriteWindowUpdate(0, 1<<30))
			var ask bytes.Buffer
			fr := xhttp2.NewFramer(&ask, nil)
			var block bytes.Buffer
			enc := hpack.NewEncoder(&block)
			for i := range 2 * depth {
				if i == depth { // by then the table has all
					if _, err := p.Write(ask.Bytes()); err != nil {
						t.Fatal(err)
					}
					ask.Reset()
				}
				body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":%s,%s}}`, 100+i%depth, tc.tool, tc.args, webMeta)
				block.Reset()
				for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "127.0.0.1"}, {":path", "/mcp"}, {"user-agent", "test"},
					{"accept", "application/json, text/event-stream"}, {"content-type", "application/json"}, {"mcp-protocol-version", "2026-07-28"},
					{"mcp-method", "tools/call"}, {"mcp-name", tc.tool}, {"content-length", fmt.Sprint(len(body))}} {
					p.must(enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
				}
				id := uint32(2*i + 1)
				p.must(fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true}))
				p.must(fr.WriteData(id, true, []byte(body)))
			}
			again := ask.Bytes()
			for i := range depth {
				p.want(uint32(2*i+1), "200", `"result"`)
			}
			n := 0 // bytes of a round of answers, the same each time
			in := make([]byte, 128<<10)
			next := uint32(2 * depth)
			round := func() {
				for b := again; len(b) > 0; {
					size := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
					if xhttp2.FrameType(b[3]) == xhttp2.FrameHeaders {
						next++
					}
					binary.BigEndian.PutUint32(b[5:], 2*next+1)
					b = b[9+size:]
				}
				if _, err := p.Write(again); err != nil {
					t.Fatal(err)
				}
				if n > 0 {
					if _, err := io.ReadFull(p.Conn, in[:n]); err != nil {
						t.Fatal(err)
					}
				}
			}
			round()
			for ends := 0; ends < depth; {
				head := in[n : n+9]
				if _, err := io.ReadFull(p.Conn, head); err != nil {
					t.Fatal(err)
				}
				size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
				if _, err := io.ReadFull(p.Conn, in[n+9:n+9+size]); err != nil {
					t.Fatal(err)
				}
				if xhttp2.FrameType(head[3]) == xhttp2.FrameData && head[4]&1 != 0 {
					ends++
				}
				n += 9 + size
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
			if bytes.Count(in[:n], []byte(`{"jsonrpc"`)) != depth {
				t.Errorf("got %.200q", in[:n])
			}
		})
	}
}
