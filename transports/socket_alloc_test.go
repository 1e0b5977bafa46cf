//go:build !race && !invariants

package transports

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// 100,000 tools/call on one WebSocket, the client's side included, add fewer than 200
// allocations to the process, in both eras, inline and from the worker pool, in
// whole frames and in pieces.
func TestAllocsWebSocket(t *testing.T) {
	const calls, depth, mallocs = 100_000, 16, 200
	s := startWith(t, webService(mcp.Options{}), Options{}, "ws://127.0.0.1:0")
	text := strings.Repeat("x", 1000)
	for _, tc := range []struct {
		name, tool, args, meta string
		cut                    int
	}{
		{"legacy/inline", "echo", `{"text":"` + text + `"}`, "", 0},
		{"legacy/pooled", "blob", `{"bytes":1000}`, "", 0},
		{"modern/inline", "echo", `{"text":"` + text + `"}`, "," + webMeta, 0},
		{"modern/inline/in_pieces", "echo", `{"text":"` + text + `"}`, "," + webMeta, 5000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := wsDial(t, s.Addrs()[0], "/")
			p.text(wsInitialize)
			p.message()
			var ask []byte
			for i := range depth {
				ask = append(ask, wsFrame(wsText, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":%s%s}}`, 100+i, tc.tool, tc.args, tc.meta))...)
			}
			p.send(string(ask))
			answers := 0
			for range depth { // all of one length
				_, payload, err := p.next()
				if err != nil || !strings.Contains(payload, `"result"`) {
					t.Fatalf("%.300q, %v", payload, err)
				}
				answers += len(payload) + 4
			}
			got := make([]byte, answers)
			round := func() {
				for _, piece := range [][]byte{ask[:tc.cut], ask[tc.cut:]} {
					if len(piece) == 0 {
						continue
					}
					if _, err := p.Write(piece); err != nil {
						t.Fatal(err)
					}
					runtime.Gosched()
				}
				if _, err := io.ReadFull(p.r, got); err != nil {
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
