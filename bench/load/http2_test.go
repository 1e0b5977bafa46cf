package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http2"
)

// A script is what a server sends, written by another framer and another encoder than
// the ones under test.
type script struct {
	bytes.Buffer
	*xhttp2.Framer
	fields  bytes.Buffer
	encoder *hpack.Encoder
}

func newScript() *script {
	s := &script{}
	s.Framer = xhttp2.NewFramer(&s.Buffer, nil)
	s.Framer.AllowIllegalWrites = true
	s.encoder = hpack.NewEncoder(&s.fields)
	return s
}

// block encodes fields, given as name and value in turns.
func (s *script) block(fields ...string) []byte {
	s.fields.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = s.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(s.fields.Bytes())
}

func (s *script) head(id uint32, ends bool, fields ...string) {
	_ = s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: ends, BlockFragment: s.block(fields...)})
}

// conversation begins a connection on which depth requests are in flight, on streams
// 1, 3 and so on, by the ids firstID and so on.
func conversation(s *stage, depth int) *conn {
	s.tally.begin()
	s.tally.errors, s.tally.failure, s.flying = Errors{}, "", 0
	c := &conn{window: newWindow(depth, 1, 1, false), h2: newHTTP2Client(ringbuf.NewPool(ringbuf.PoolOptions{}))}
	c.h2.begin()
	c.h2.say([]hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":path", Value: "/mcp"}})
	for range depth {
		c.compose(s, 0, 0)
	}
	return c
}

// http2Stage is pingStage with the template as HTTP/2 has it.
func http2Stage(t testing.TB) *stage {
	s := pingStage(t)
	s.shapes[0].t.dress(&target{h2: true}, &Options{Method: MethodPing})
	return s
}

// A verdictOf is what a connection has made of what it was fed.
type verdictOf struct {
	outcome
	open, blocked int
	err           string
}

// feedHTTP2 gives the pieces to a conversation of 8, as receive does.
func feedHTTP2(s *stage, pieces ...[]byte) (verdictOf, *conn) {
	c := conversation(s, 8)
	var held []byte
	var err error
	for _, p := range pieces {
		held = append(held, p...)
		var n int
		n, err = c.consume(s, held, 1)
		held = append(held[:0], held[n:]...)
		if err != nil {
			break
		}
	}
	v := verdictOf{outcome: outcome{s.tally.good, s.tally.slow, s.tally.reordered, s.tally.notes, s.tally.errors, c.window.inFlight},
		open: c.h2.open, blocked: c.h2.blocked}
	if err != nil {
		v.err = err.Error()
	}
	if places := len(c.h2.ids) - bytes.Count(idsOf(c.h2), []byte{0}); places != c.h2.open || c.h2.blocked < 0 || c.h2.blocked > c.h2.open || s.flying != c.window.inFlight {
		v.err += fmt.Sprintf("; %d places taken, %d open, %d blocked, %d flying, %d in flight", places, c.h2.open, c.h2.blocked, s.flying, c.window.inFlight)
	}
	c.h2.release()
	if n := c.h2.pool.Stats().Outstanding; n != 0 {
		v.err += fmt.Sprintf("; %d buffers of the pool are not back", n)
	}
	return v, c
}

// idsOf has a byte for each place, 0 where it is free.
func idsOf(h *http2Client) (b []byte) {
	for _, id := range h.ids {
		b = append(b, byte(min(id, 1)))
	}
	return b
}

func pong(n int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`, firstID+n)
}

// everything is a server's side with a bit of everything: eight responses, one of them
// none.
func everything() []byte {
	s := newScript()
	ok := []string{":status", "200", "content-type", "application/json", "content-length", "45"}
	_ = s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 100}, xhttp2.Setting{ID: xhttp2.SettingMaxHeaderListSize, Val: 99}, xhttp2.Setting{ID: 0xf0, Val: 1})
	_ = s.WriteSettingsAck()
	_ = s.WriteWindowUpdate(0, 1<<20)
	_ = s.WritePing(false, [8]byte{1, 2, 3})
	// Whole, behind an interim response.
	s.head(1, false, ":status", "103", "link", "</x>")
	s.head(1, false, ok...)
	_ = s.WriteData(1, true, []byte(pong(0)))
	// In three frames, padded, with others between, and an end of its own.
	s.head(5, false, ok...)
	_ = s.WriteDataPadded(5, false, []byte(pong(2)[:7]), make([]byte, 9))
	s.head(3, false, ok...)
	_ = s.WritePriority(3, xhttp2.PriorityParam{StreamDep: 1})
	_ = s.WriteDataPadded(5, false, []byte(pong(2)[7:]), make([]byte, 200))
	_ = s.WriteRawFrame(0x77, 0xff, 3, []byte("what is this?"))
	_ = s.WriteDataPadded(5, true, nil, make([]byte, 1))
	_ = s.WriteDataPadded(3, true, []byte(pong(1)), make([]byte, 3))
	// A head in three frames, padded and with a priority, and trailers.
	block := s.block(append(ok, "x-long", strings.Repeat("long ", 50))...)
	_ = s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 7, BlockFragment: block[:5], PadLength: 11, Priority: xhttp2.PriorityParam{Weight: 7, StreamDep: 5}})
	_ = s.WriteContinuation(7, false, block[5:9])
	_ = s.WriteContinuation(7, true, block[9:])
	_ = s.WriteData(7, false, []byte(pong(3)))
	_ = s.WriteWindowUpdate(7, 10)
	s.head(7, true, "x-sum", "1")
	// An event stream, with a notification, comments and a line in two frames.
	s.head(9, false, ":status", "200", "content-type", "text/event-stream; charset=utf-8")
	_ = s.WriteData(9, false, []byte(": hello\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\nda"))
	// Reset by the server.
	_ = s.WriteRSTStream(11, xhttp2.ErrCodeInternal)
	_ = s.WriteDataPadded(9, false, []byte("ta: "+pong(4)+"\n\n"), make([]byte, 30))
	_ = s.WriteData(9, true, nil)
	// Frames behind the end of a stream.
	s.head(11, false, "x-new", "to the table")
	_ = s.WriteDataPadded(11, true, []byte("late"), make([]byte, 4))
	_ = s.WriteRSTStream(11, xhttp2.ErrCodeNo)
	_ = s.WriteWindowUpdate(11, 5)
	// A status, and a reply with an error.
	s.head(13, false, ":status", "503")
	_ = s.WriteData(13, true, []byte("busy"))
	s.head(15, false, ":status", "404", "x-new", "to the table")
	_ = s.WriteData(15, true, []byte(`{"jsonrpc":"2.0","id":1000000007,"error":{"code":1,"message":""}}`))
	return s.Bytes()
}

// What a server says means the same in whatever pieces it comes.
func TestHTTP2Split(t *testing.T) {
	s := http2Stage(t)
	in := everything()
	want := verdictOf{outcome: outcome{good: 5, reordered: 1, notes: 1, errors: Errors{Reset: 1, Status: 1, RPC: 1}}}
	got, c := feedHTTP2(s, in)
	if got != want {
		t.Fatalf("whole: %+v, want %+v", got, want)
	}
	if answers := c.h2.appendControl(nil); !bytes.Equal(answers, append(appendFrameHead(nil, 0, frameSettings, flagAck, 0), "\x00\x00\x08\x06\x01\x00\x00\x00\x00\x01\x02\x03\x00\x00\x00\x00\x00"...)) {
		t.Errorf("answers: %q", answers)
	}
	var single [][]byte
	for i := range in {
		single = append(single, in[i:i+1])
	}
	if got, _ := feedHTTP2(s, single...); got != want {
		t.Errorf("byte by byte: %+v", got)
	}
	for i := range in {
		if got, _ := feedHTTP2(s, in[:i], in[i:]); got != want {
			t.Errorf("cut at %d: %+v", i, got)
		}
	}
}

// FuzzHTTP2: any two cuts of any input come to the same, and what was in flight is
// answered or counted at most once.
func FuzzHTTP2(f *testing.F) {
	f.Add(everything(), uint16(10), uint16(60))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), uint16(1), uint16(2))
	small := newScript()
	_ = small.WriteSettings()
	small.head(1, true, ":status", "204")
	_ = small.WriteGoAway(1, xhttp2.ErrCodeNo, nil)
	f.Add(small.Bytes(), uint16(9), uint16(20))
	s := http2Stage(f)
	f.Fuzz(func(t *testing.T, in []byte, i, j uint16) {
		a := min(int(i), len(in))
		b := a + min(int(j), len(in)-a)
		whole, _ := feedHTTP2(s, bytes.Clone(in))
		if cut, _ := feedHTTP2(s, in[:a], in[a:b], in[b:]); cut != whole {
			t.Errorf("cut at %d and %d: %+v; whole: %+v", a, b, cut, whole)
		}
		e := whole.errors
		if whole.good+e.RPC+e.Tool+e.Payload+e.Lost+e.Status+e.Reset+int64(whole.inFlight) != 8 || strings.Contains(whole.err, "; ") {
			t.Errorf("8 were in flight: %+v", whole)
		}
	})
}

// What a server does against the protocol ends the connection, with a word; what it may
// do does not.
func TestHTTP2Breaches(t *testing.T) {
	const good = ""
	for _, c := range []struct {
		name  string
		says  func(s *script)
		code  http2.Code
		wants string // of the error; "" is none
	}{
		{"PING", func(s *script) { _ = s.WritePing(false, [8]byte{}) }, 0, good},
		{"PING of 7 bytes", func(s *script) { _ = s.WriteRawFrame(xhttp2.FramePing, 0, 0, make([]byte, 7)) }, http2.CodeProtocol, "type 6, 7 bytes, on stream 0"},
		{"PING on a stream", func(s *script) { _ = s.WriteRawFrame(xhttp2.FramePing, 0, 1, make([]byte, 8)) }, http2.CodeProtocol, "type 6, 8 bytes, on stream 1"},
		{"the longest frame", func(s *script) { s.head(1, false, ":status", "200"); _ = s.WriteData(1, false, make([]byte, 16384)) }, 0, good},
		{"a longer one", func(s *script) { _ = s.WriteRawFrame(0x55, 0, 0, make([]byte, 16385)) }, http2.CodeFrameSize, "16,384"},
		{"DATA before HEADERS", func(s *script) { _ = s.WriteData(1, true, []byte("x")) }, http2.CodeProtocol, "before HEADERS"},
		{"DATA on a stream of its own", func(s *script) { _ = s.WriteData(2, true, []byte("x")) }, http2.CodeProtocol, "not begun"},
		{"DATA on none", func(s *script) {
			s.head(1, true, ":status", "204")
			_ = s.WriteRawFrame(xhttp2.FrameData, 0, 0, nil)
		}, http2.CodeProtocol, "not begun"},
		{"HEADERS too short for what they say", func(s *script) { _ = s.WriteRawFrame(xhttp2.FrameHeaders, flagPadded|flagEndHeaders, 1, nil) }, http2.CodeProtocol, "padding"},
		{"a priority that is cut", func(s *script) {
			_ = s.WriteRawFrame(xhttp2.FrameHeaders, flagPriority|flagEndHeaders, 1, []byte("\x00\x00\x00\x88"))
		}, http2.CodeProtocol, "padding"},
		{"DATA on a stream to come", func(s *script) { _ = s.WriteData(17, true, []byte("x")) }, http2.CodeProtocol, "not begun"},
		{"padding and nothing else", func(s *script) {
			s.head(1, false, ":status", "200")
			_ = s.WriteRawFrame(xhttp2.FrameData, flagPadded, 1, []byte("\x02\x00\x00"))
		}, 0, good},
		{"padding longer than its frame", func(s *script) {
			s.head(1, false, ":status", "200")
			_ = s.WriteRawFrame(xhttp2.FrameData, flagPadded, 1, []byte("\x03\x00\x00"))
		}, http2.CodeProtocol, "padding"},
		{"padding of HEADERS", func(s *script) {
			_ = s.WriteRawFrame(xhttp2.FrameHeaders, flagPadded|flagEndHeaders, 1, []byte("\x03\x88\x00"))
		}, http2.CodeProtocol, "padding"},
		{"HEADERS on a stream to come", func(s *script) { s.head(17, true, ":status", "200") }, http2.CodeProtocol, "type 1"},
		{"no status", func(s *script) { s.head(1, true, "x", "y") }, http2.CodeProtocol, "without a status"},
		{"a status of letters", func(s *script) { s.head(1, true, ":status", "2xx") }, http2.CodeProtocol, "without a status"},
		{"an interim end", func(s *script) { s.head(1, true, ":status", "103") }, http2.CodeProtocol, "without a status"},
		{"trailers", func(s *script) { s.head(1, false, ":status", "200"); s.head(1, true, "x", "y") }, 0, good},
		{"trailers without an end", func(s *script) { s.head(1, false, ":status", "200"); s.head(1, false, "x", "y") }, http2.CodeProtocol, "trailers"},
		{"no such field in the table", func(s *script) {
			_ = s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: []byte{0xff, 0x10}})
		}, http2.CodeCompression, "header block"},
		{"a block cut in the middle", func(s *script) {
			_ = s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: []byte{0x88, 0x00, 0x05, 'a'}})
		}, http2.CodeCompression, "header block"},
		{"CONTINUATION alone", func(s *script) { _ = s.WriteContinuation(1, true, []byte{0x88}) }, http2.CodeProtocol, "CONTINUATION"},
		{"a frame inside a block", func(s *script) {
			_ = s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x88}})
			_ = s.WritePing(false, [8]byte{})
		}, http2.CodeProtocol, "another frame"},
		{"a block without end", func(s *script) {
			_ = s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x88}})
			for range 5 {
				_ = s.WriteContinuation(1, false, make([]byte, 16000))
			}
		}, http2.CodeEnhanceYourCalm, "64 KiB"},
		{"PUSH_PROMISE", func(s *script) {
			_ = s.WritePushPromise(xhttp2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true, BlockFragment: []byte{0x82}})
		}, http2.CodeProtocol, "type 5"},
		{"SETTINGS of 5 bytes", func(s *script) { _ = s.WriteRawFrame(xhttp2.FrameSettings, 0, 0, make([]byte, 5)) }, http2.CodeProtocol, "type 4"},
		{"the greatest window", func(s *script) {
			_ = s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1<<31 - 1})
		}, 0, good},
		{"one greater than that", func(s *script) {
			_ = s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 31})
		}, http2.CodeFlowControl, "INITIAL_WINDOW"},
		{"a window made greater than that", func(s *script) {
			_ = s.WriteWindowUpdate(1, 1<<20)
			_ = s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1<<31 - 1})
		}, http2.CodeFlowControl, "above"},
		{"a frame size too small", func(s *script) { _ = s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: 16383}) }, http2.CodeProtocol, "MAX_FRAME"},
		{"too large", func(s *script) { _ = s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: 1 << 24}) }, http2.CodeProtocol, "MAX_FRAME"},
		{"the connection's window full", func(s *script) { _ = s.WriteWindowUpdate(0, 1<<31-1) }, http2.CodeFlowControl, "above"},
		{"WINDOW_UPDATE by 0", func(s *script) { _ = s.WriteWindowUpdate(0, 0) }, http2.CodeProtocol, "by 0"},
		{"WINDOW_UPDATE on a stream to come", func(s *script) { _ = s.WriteWindowUpdate(17, 1) }, http2.CodeProtocol, "type 8"},
		{"RST_STREAM on a stream to come", func(s *script) { _ = s.WriteRSTStream(17, 0) }, http2.CodeProtocol, "type 3"},
		{"GOAWAY of 7 bytes", func(s *script) { _ = s.WriteRawFrame(xhttp2.FrameGoAway, 0, 0, make([]byte, 7)) }, http2.CodeProtocol, "type 7"},
		{"answers that nobody reads", func(s *script) {
			for range maxControl/17 + 1 {
				_ = s.WritePing(false, [8]byte{})
			}
		}, http2.CodeEnhanceYourCalm, "than the answers are read"},
	} {
		s := http2Stage(t)
		in := newScript()
		_ = in.WriteSettings()
		c.says(in)
		v, conn := feedHTTP2(s, in.Bytes())
		if c.wants == good {
			if v.err != "" || v.errors.Framing != 0 {
				t.Errorf("%s: %+v", c.name, v)
			}
			continue
		}
		var fault *http2Error
		if !errors.As(conn.h2.err, &fault) || fault.code != c.code || !strings.Contains(fault.Error(), c.wants) || !errors.Is(fault, errFraming) {
			t.Errorf("%s: %v; want %v, %q", c.name, conn.h2.err, c.code, c.wants)
		}
		f, err := xhttp2.NewFramer(nil, bytes.NewReader(conn.h2.farewell())).ReadFrame()
		if away, ok := f.(*xhttp2.GoAwayFrame); err != nil || !ok || away.ErrCode != xhttp2.ErrCode(c.code) {
			t.Errorf("%s: the server is told %v, %v", c.name, f, err)
		}
	}
	for name, in := range map[string]string{"HTTP/1.1": "HTTP/1.1 400 Bad Request\r\n\r\n", "a line": "-ERR unknown command\r\n", "another frame first": "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"} {
		if v, _ := feedHTTP2(http2Stage(t), []byte(in)); !strings.Contains(v.err, "does not speak it") {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// A server that keeps to its windows always gets them opened again before they are used
// up, also by padding and by what comes on streams that have ended.
func TestHTTP2Windows(t *testing.T) {
	for _, window := range []int64{40_000, 1 << 20} {
		s := http2Stage(t)
		conn := conversation(s, 8)
		h := conn.h2
		h.streamWindow, h.connWindow = window, 2*window
		streams := []uint32{1, 3, 5, 7, 9}
		in := newScript()
		_ = in.WriteSettings()
		room := map[uint32]int64{0: 2 * window}
		for _, id := range streams {
			room[id] = window
			in.head(id, false, ":status", "200", "content-type", "text/event-stream")
		}
		h.cancel(firstID + 4) // of stream 9
		told := 0
		for i := range 600 {
			id := streams[i%len(streams)]
			data, pad := bytes.Repeat([]byte(":\n"), 1+i*37%4000), make([]byte, i%200)
			n := int64(len(data) + 1 + len(pad))
			if id == 9 {
				room[id] = n // nobody opens it
			}
			if room[0] < n || room[id] < n {
				t.Fatalf("window of %d: frame %d of %d bytes: %d and %d are left", window, i, n, room[0], room[id])
			}
			_ = in.WriteDataPadded(id, false, data, pad)
			room[0] -= n
			room[id] -= n
			if _, err := conn.consume(s, in.Next(in.Len()), 1); err != nil {
				t.Fatal(err)
			}
			for r := xhttp2.NewFramer(nil, bytes.NewReader(h.appendWaiting(nil))); ; {
				f, err := r.ReadFrame()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if w, ok := f.(*xhttp2.WindowUpdateFrame); ok {
					told++
					if room[w.StreamID] += int64(w.Increment); room[w.StreamID] > window && w.StreamID != 0 || room[0] > 2*window {
						t.Fatalf("window of %d: opened to %v", window, room)
					}
				}
			}
		}
		if told == 0 || told > 600 {
			t.Errorf("window of %d: told of %d times", window, told)
		}
	}
}

// GOAWAY takes back what the server has not seen, lets it answer the rest, and then
// ends the connection.
func TestHTTP2GoAway(t *testing.T) {
	s := http2Stage(t)
	in := newScript()
	_ = in.WriteSettings()
	_ = in.WriteGoAway(1<<31-1, xhttp2.ErrCodeNo, nil)
	_ = in.WriteGoAway(5, xhttp2.ErrCodeEnhanceYourCalm, []byte("too many"))
	warned := in.Len()
	for i := range 3 {
		in.head(uint32(1+2*i), false, ":status", "200")
		_ = in.WriteData(uint32(1+2*i), true, []byte(pong(i)))
	}
	b := in.Bytes()
	v, _ := feedHTTP2(s, b[:warned])
	if v.err != "" || v.errors != (Errors{Lost: 5}) || v.inFlight != 3 || v.open != 3 {
		t.Errorf("warned: %+v", v)
	}
	v, c := feedHTTP2(s, b)
	if v.good != 3 || v.open != 0 || v.err != `load: the server goes away: ENHANCE_YOUR_CALM, "too many"` || c.h2.capacity() != 0 {
		t.Errorf("at the end: %+v", v)
	}
	c.w = &socket{fd: -1}
	c.r = c.w
	c.fail(s, c.h2.over())
	if s.tally.errors != (Errors{Lost: 5, GoAway: 1}) || !strings.Contains(s.tally.failure, "ENHANCE_YOUR_CALM") {
		t.Errorf("errors: %s; %s", &s.tally.errors, s.tally.failure)
	}
}

// A request that is given up is reset, and its stream is of nobody: not of the next
// that takes its place either.
func TestHTTP2Cancel(t *testing.T) {
	s := http2Stage(t)
	c := conversation(s, 2)
	in := newScript()
	_ = in.WriteSettings()
	in.head(1, false, ":status", "200")
	_ = in.WriteData(1, true, []byte(pong(0)))
	b := bytes.Clone(in.Next(in.Len()))
	cut := len(b) - 20
	n, err := c.consume(s, b[:cut], 1)
	if err != nil {
		t.Fatal(err)
	}
	c.expire(s, 1<<40, 1)
	if s.tally.errors != (Errors{TimedOut: 2}) || c.h2.open != 0 || c.window.inFlight != 0 {
		t.Fatalf("%s, %d open", &s.tally.errors, c.h2.open)
	}
	sent := c.h2.appendWaiting(nil)
	for _, id := range []uint32{1, 3} {
		if !bytes.Contains(sent, appendReset(nil, id, http2.CodeCancel)) {
			t.Errorf("stream %d was not reset: %q", id, sent)
		}
	}
	c.compose(s, 2, 2) // stream 5, where stream 1 was
	in.head(5, false, ":status", "200")
	_ = in.WriteData(5, true, []byte(pong(2)))
	if _, err := c.consume(s, append(b[n:], in.Bytes()...), 3); err != nil {
		t.Fatal(err)
	}
	if s.tally.good != 1 || s.tally.errors != (Errors{TimedOut: 2}) || c.h2.open != 0 {
		t.Errorf("%d good, errors: %s, %d open", s.tally.good, &s.tally.errors, c.h2.open)
	}
}

// Replies are those of their streams, not of each other.
func TestHTTP2Misdirected(t *testing.T) {
	for _, other := range []string{pong(1), `{"id":1000000001,"jsonrpc":"2.0","result":{}}`, `{"jsonrpc":"2.0","id":1000000001,"error":{"code":1,"message":""}}`} {
		s := http2Stage(t)
		in := newScript()
		_ = in.WriteSettings()
		in.head(1, false, ":status", "200")
		_ = in.WriteData(1, true, []byte(other))
		if v, _ := feedHTTP2(s, in.Bytes()); v.good != 0 || v.errors != (Errors{UnknownID: 1, Lost: 1}) || v.inFlight != 7 {
			t.Errorf("%s: %+v", other, v)
		}
	}
}
