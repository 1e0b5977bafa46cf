package load

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Requests of every length go through every window and frame size whole, each with its
// id, as another side's framer and decoder read them.
func TestHTTP2Requests(t *testing.T) {
	o := Options{Method: MethodCall, Size: 40_000, Tool: "echo", Revision: modernRevision}
	tm, err := newTemplate(&o)
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.TrimSuffix(tm.line, []byte("\n"))
	tm.dress(&target{h2: true}, &o)
	sh := &shape{t: tm, prefix: `{"id":`, suffix: "}"}
	for _, c := range []struct {
		name               string
		window, conn, step uint32 // first windows; what opens them
		frame              uint32
		table              uint32
		long               int // bytes of a header
	}{
		{"plenty", 1 << 20, 1 << 20, 1 << 20, 16384, 4096, 0},
		{"large frames", 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 0},
		{"small steps", 10, 10, 7, 16384, 4096, 0},
		{"nothing at first", 0, 0, 999, 16384, 4096, 0},
		{"no table", 1 << 20, 1 << 20, 1, 16384, 0, 0},
		{"hardly a table", 1 << 20, 1 << 20, 1, 16384, 150, 0},
		{"a head in two frames", 1 << 20, 1 << 20, 1, 16384, 4096, 20_000},
	} {
		s := newStage([]*shape{sh}, newTally(1, false), 4)
		conn := conversation(s, 0)
		conn.window = newWindow(4, 1, 1, false)
		h := conn.h2
		fields := []hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "h:1"}, {Name: ":path", Value: "/mcp"},
			{Name: "authorization", Value: "Bearer " + strings.Repeat("~", c.long)}, {Name: "mcp-session-id", Value: "s"}}
		h.say(fields)
		out := h.appendControl(nil)
		if !bytes.HasPrefix(out, []byte(xhttp2.ClientPreface)) {
			t.Fatalf("%s: it begins by %.40q", c.name, out)
		}
		out = out[len(xhttp2.ClientPreface):]
		in := newScript()
		_ = in.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: c.window}, xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: c.frame}, xhttp2.Setting{ID: xhttp2.SettingHeaderTableSize, Val: c.table})
		if c.conn > firstWindow {
			_ = in.WriteWindowUpdate(0, c.conn-firstWindow)
		}
		if _, err := conn.consume(s, in.Next(in.Len()), 1); err != nil {
			t.Fatal(err)
		}
		room := map[uint32]int64{0: int64(max(c.conn, firstWindow))}
		if c.conn < firstWindow {
			h.window, room[0] = int64(c.conn), int64(c.conn) // as if a body had used it
		}
		stream := bytes.NewBuffer(out)
		r := xhttp2.NewFramer(nil, stream)
		r.SetMaxReadFrameSize(c.frame)
		decoder := hpack.NewDecoder(c.table, nil)
		r.ReadMetaHeaders = decoder
		decoder.SetAllowedMaxDynamicTableSize(4096) // until the new size is said
		bodies, heads := map[uint32][]byte{}, map[uint32][]hpack.HeaderField{}
		ended := 0
		const requests = 4
		for turn := 0; ended < requests; turn++ {
			s.out = s.out[:0]
			if turn < requests {
				conn.compose(s, 1, 1)
			}
			stream.Write(h.appendWaiting(s.out))
			for {
				f, err := r.ReadFrame()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				switch f := f.(type) {
				case *xhttp2.MetaHeadersFrame:
					heads[f.StreamID] = f.Fields
					room[f.StreamID] = int64(c.window)
				case *xhttp2.DataFrame:
					bodies[f.StreamID] = append(bodies[f.StreamID], f.Data()...)
					room[0] -= int64(len(f.Data()))
					room[f.StreamID] -= int64(len(f.Data()))
					if room[0] < 0 || room[f.StreamID] < 0 {
						t.Fatalf("%s: more than a window: %v", c.name, room)
					}
					if f.StreamEnded() {
						ended++
					}
				}
			}
			for id := range room {
				if (id == 0 || len(bodies[id]) < len(line)) && room[id] < 1<<24 {
					_ = in.WriteWindowUpdate(id, c.step)
					room[id] += int64(c.step)
				}
			}
			if _, err := conn.consume(s, in.Next(in.Len()), 1); err != nil {
				t.Fatal(err)
			}
		}
		if h.blocked != 0 || h.open != requests || len(bodies) != requests || len(heads) != requests {
			t.Errorf("%s: %d blocked, %d open, %d bodies, %d heads", c.name, h.blocked, h.open, len(bodies), len(heads))
		}
		for i := range requests {
			id := uint32(1 + 2*i)
			want := bytes.Replace(line, []byte("1000000000"), []byte(fmt.Sprint(firstID+i)), 1)
			if !bytes.Equal(bodies[id], want) {
				t.Errorf("%s: stream %d has %.60q, want %.60q (%d bytes of %d)", c.name, id, bodies[id], want, len(bodies[id]), len(want))
			}
			own := append(append([]hpack.HeaderField(nil), fields...), hpack.HeaderField{Name: "mcp-method", Value: "tools/call"}, hpack.HeaderField{Name: "mcp-name", Value: "echo"}, hpack.HeaderField{Name: "content-length", Value: fmt.Sprint(len(line))})
			if fmt.Sprint(heads[id]) != fmt.Sprint(own) {
				t.Errorf("%s: stream %d is headed %.300v, want %.300v", c.name, id, heads[id], own)
			}
		}
		if steady := c.table == 4096 && c.long == 0 || c.table == 0; h.steady != steady && c.long == 0 && c.table != 150 {
			t.Errorf("%s: the block is steady: %v", c.name, h.steady)
		}
	}
}
