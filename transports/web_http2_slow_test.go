package transports

import (
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// A peer that asks and opens no window: its requests wait once the answers to
// others have reached the mark; those that are not read in time are reset, and a
// peer that reads after all gets what it asked for. Others are served.
func TestHTTP2SlowReader(t *testing.T) {
	const mark, size, asked = 64 << 10, 20_000, 60
	s, _ := webServer(t, mcp.Options{}, engine.Options{OutputHighWater: mark, WriteStallTimeout: 400 * time.Millisecond})
	text := strings.Repeat("y", size)
	ask := func(p *http2Peer) (ids []uint32) {
		for range asked {
			ids = append(ids, p.modern("echo", `{"text":"`+text+`"}`))
		}
		return ids
	}
	calls := func() uint64 { return s.Snapshot().Engine.CallsInline }

	before := calls()
	never := dialHTTP2(t, s.Addrs()[0], xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
	ids := ask(never)
	eventually(t, "all have come", func() bool { return s.Snapshot().HTTP2.Requests == asked })
	if n := calls() - before; n < mark/size || n > 2*mark/size {
		t.Errorf("%d of %d calls were served, of which %d fill the mark", n, asked, mark/size)
	}
	if n := s.Snapshot().HTTP2.Kept; n < asked-2*mark/size {
		t.Errorf("%d wait", n)
	}
	other := dialHTTP2(t, s.Addrs()[0])
	other.want(other.ping(), "200", "serverInfo")
	for _, id := range ids[:3] {
		if never.answer(id); never.reset[id] != xhttp2.ErrCodeEnhanceYourCalm {
			t.Errorf("stream %d: reset by %v", id, never.reset[id])
		}
	}
	if n := s.Snapshot().HTTP2.SlowReaders; n < 3 {
		t.Errorf("%d are counted", n)
	}
	_ = never.Close()

	late := dialHTTP2(t, s.Addrs()[0], xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
	ids = ask(late)
	eventually(t, "they wait", func() bool { return s.Snapshot().HTTP2.Requests == 2*asked+1 })
	late.must(late.fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 20}))
	late.must(late.fr.WriteWindowUpdate(0, 1<<24))
	for _, id := range ids {
		late.want(id, "200", text)
	}
}

// A stream that is not read is reset at the bound of what is kept for it, however
// it is with others of its connection.
func TestHTTP2SlowEventStream(t *testing.T) {
	const bound = 64 << 10
	s, svc := webServer(t, mcp.Options{}, engine.Options{MaxOutputBytes: bound, OutputHighWater: bound})
	p := dialHTTP2(t, s.Addrs()[0], xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
	listen := func() uint32 {
		return p.post(`{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["test://watched-resource"]},`+webMeta+`}}`,
			"mcp-protocol-version", "2026-07-28", "mcp-method", "subscriptions/listen")
	}
	slow, quick := listen(), listen()
	p.must(p.fr.WriteWindowUpdate(quick, 1<<30))
	p.must(p.fr.WriteWindowUpdate(0, 1<<30))
	seen := func() int {
		if p.got[quick] == nil {
			return 0
		}
		return strings.Count(p.got[quick].body, "resources/updated")
	}
	eventually(t, "both listen", func() bool { return s.Snapshot().HTTP2.Requests == 2 })
	p.must(p.read(func() bool { return p.got[quick] != nil && strings.Contains(p.got[quick].body, "acknowledged") }))
	sent := 0
	for p.reset[slow] == 0 && sent < 20_000 {
		for range 100 {
			svc.ResourceUpdated("test://watched-resource")
			sent++
		}
		p.must(p.read(func() bool { return seen() == sent }))
	}
	if p.reset[slow] != xhttp2.ErrCodeEnhanceYourCalm || p.reset[quick] != 0 {
		t.Errorf("after %d updates: reset by %v and %v", sent, p.reset[slow], p.reset[quick])
	}
	if n := s.Snapshot(); n.HTTP2.SlowReaders != 1 || n.Engine.Connections != 1 {
		t.Errorf("%+v, %d connections", n.HTTP2, n.Engine.Connections)
	}
}

// What a peer does not read of a connection whose windows are open stays bounded,
// whatever else it sends, and is given up: with the streams, or with the
// connection, whichever is found stuck first.
func TestHTTP2NeverReads(t *testing.T) {
	s, _ := webServer(t, mcp.Options{}, engine.Options{WriteStallTimeout: 500 * time.Millisecond})
	p := dialHTTP2(t, s.Addrs()[0], xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 30})
	p.lenient = true
	p.must(p.fr.WriteWindowUpdate(0, 1<<30))
	for i := range 90 {
		p.modern("blob", fmt.Sprintf(`{"bytes":%d}`, 200_000+i))
	}
	most := int64(0)
	eventually(t, "all is given up", func() bool {
		p.must(p.fr.WriteRawFrame(xhttp2.FrameWindowUpdate, 0, 0, []byte{0, 0, 0, 1}))
		n := s.Snapshot()
		most = max(most, n.Engine.BufferedBytes)
		return n.HTTP2.Requests == 90 && n.Engine.InFlight == 0 && n.Engine.BufferedBytes == 0 &&
			(n.HTTP2.SlowReaders > 0 || n.Engine.Closed[engine.CloseSlowReader] == 1)
	})
	if most > 90*(512<<10) || most < 1<<20 {
		t.Errorf("%d bytes were held", most)
	}
}
