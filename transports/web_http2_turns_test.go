package transports

import (
	"fmt"
	"net"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Streams of one connection that have much to say get a frame of 16 KiB each in turn,
// and what is short is not held up by what is long. All windows are open, so that
// nothing but the server's turns says who goes first, and the mark above which requests
// would wait is far away.
func TestHTTP2Turns(t *testing.T) {
	const short = 8
	long := 8 << 20
	if raced {
		long = 1 << 20 // which takes as long, and may all come in one turn of the loop
	}
	s := startWith(t, webService(mcp.Options{}), Options{TCP: TCPOptions{SendBuffer: 64 << 10}, Engine: engine.Options{OutputHighWater: 64 << 20}}, "http://127.0.0.1:0")
	p := dialHTTP2(t, s.Addrs()[0], xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 30})
	_ = p.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	p.must(p.fr.WriteWindowUpdate(0, 1<<30))
	blob := fmt.Sprintf(`{"bytes":%d}`, long)
	a, b := p.modern("blob", blob), p.modern("blob", blob)
	var (
		got    = map[uint32]int{} // bytes
		frames = map[uint32]int{}
		ended  = map[uint32]bool{}
		shorts []uint32
		asked  int // bytes that had come when those were asked for
		behind int // and when the last of them was answered
		last   uint32
		run    int // frames of last, one behind another, while both of the long ones go on
		most   int // of these
	)
	for len(ended) < 2+len(shorts) || shorts == nil {
		frame, err := p.fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		f, ok := frame.(*xhttp2.DataFrame)
		if !ok {
			continue
		}
		id, n := f.StreamID, len(f.Data())
		if n > 16<<10 {
			t.Fatalf("a frame of %d bytes", n)
		}
		if id != last {
			last, run = id, 0
		}
		if got[a] > 0 && got[b] > 0 && !ended[a] && !ended[b] {
			run++
			most = max(most, run)
		}
		got[id] += n
		frames[id]++
		if f.StreamEnded() {
			if ended[id] = true; shorts != nil && len(ended) == short {
				behind = got[a] + got[b]
			}
		}
		if shorts == nil && got[a] > 0 && got[b] > 0 {
			for range short {
				shorts = append(shorts, p.ping())
			}
			asked = got[a] + got[b]
		}
	}
	if got[a] < long || got[b] < long {
		t.Errorf("%d and %d bytes of %d", got[a], got[b], long)
	}
	if most != 1 {
		t.Errorf("one of two had %d turns in a row", most)
	}
	// What is in the sockets, in the connection's output, and in the turn of the loop
	// that goes on when they are asked for (16 rounds of 128 KiB), nobody overtakes.
	if n := behind - asked; !raced && (behind == 0 || n > long) {
		t.Errorf("%d bytes of the long ones came before the last of the short ones had ended", n)
	}
	for _, id := range shorts {
		if frames[id] != 1 {
			t.Errorf("stream %d in %d frames", id, frames[id])
		}
	}
}
