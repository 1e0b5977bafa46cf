package http2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/transports/httpfield"
)

// sender is a connection with requests held, whose responses are sent by hand.
type sender struct {
	*trace
	s []*Stream
}

func newSender(t *testing.T, n int, l Limits, more ...string) *sender {
	tr, _ := newTrace(t, l, nil)
	tr.done = tr.hold
	tr.feed(hello + strings.Join(more, ""))
	for i := range n {
		tr.feed(get(uint32(2*i + 1)))
	}
	if len(tr.held) != n {
		t.Fatal(tr.got)
	}
	tr.sent = nil
	return &sender{tr, tr.held}
}

// out returns what is sent now, in words.
func (s *sender) out() string {
	s.sent = s.c.AppendOutput(nil)
	return strings.Join(frames(s.t, s.sent), "|")
}

func (s *sender) want(words string) {
	s.t.Helper()
	if got := s.out(); got != words {
		s.t.Fatalf("sent %s\nwant %s", got, words)
	}
}

func (s *sender) take(i int, p string, end bool, want int) {
	s.t.Helper()
	if n := s.c.SendData(s.s[i], []byte(p), end); n != want {
		s.t.Fatalf("stream %d: %d of %d bytes taken, want %d", s.s[i].ID(), n, len(p), want)
	}
}

func (s *sender) writable(want *Stream) {
	s.t.Helper()
	if got := s.c.Writable(); got != want {
		s.t.Fatalf("%+v is writable, want %+v", got, want)
	}
}

// A body waits for the window of its stream, and goes on when that opens.
func TestStreamWindow(t *testing.T) {
	s := newSender(t, 1, Limits{}, settingsFrame(setting(settingWindow, 3)))
	s.c.SendHead(s.s[0], &Response{Status: 200, Length: 8}, false)
	s.take(0, "12345678", true, 3)
	s.want("HEADERS 1 :status=200 content-length=8|DATA 1 123")
	s.writable(nil)
	s.feed(window(1, 1))
	s.writable(s.s[0])
	s.take(0, "45678", true, 1)
	s.feed(settingsFrame(setting(settingWindow, 5))) // 2 more
	s.writable(s.s[0])
	s.take(0, "5678", true, 2)
	s.feed(settingsFrame(setting(settingWindow, 0))) // 5 less: -5
	s.writable(nil)
	s.feed(window(1, 5))
	s.writable(nil)
	s.feed(window(1, 2))
	s.writable(s.s[0])
	s.take(0, "78", true, 2)
	s.writable(nil)
	s.c.Release(s.s[0])
	s.want("DATA 1 78 end")
	if s.c.Held() != 0 {
		t.Error("the stream is still there")
	}
}

// A window that is made smaller while its stream waits for its turn takes the
// turn away.
func TestWindowShrinksWhileWaiting(t *testing.T) {
	s := newSender(t, 2, Limits{Output: 10})
	s.take(0, x(20), false, 20) // a frame is never cut for the output's sake
	s.take(0, "a", false, 0)
	s.take(1, "b", false, 0)
	s.feed(settingsFrame(setting(settingWindow, 0)))
	s.want("")
	s.writable(nil)
	s.feed(window(3, firstWindow) + window(3, 1))
	s.writable(s.s[1])
	s.take(1, "b", true, 1)
	s.want("DATA 3 b end")
}

// The window of the connection holds back all streams, and is shared by turns.
func TestConnWindow(t *testing.T) {
	s := newSender(t, 3, Limits{Output: 1 << 20}, settingsFrame(setting(settingWindow, 1<<20)))
	s.take(0, x(firstWindow+10), true, firstWindow)
	s.take(1, "b", true, 0)
	s.take(2, "c", true, 0)
	s.writable(nil)
	s.want("DATA 1 (16384 bytes)|DATA 1 (16384 bytes)|DATA 1 (16384 bytes)|DATA 1 (16383 bytes)")
	s.feed(window(0, 5))
	s.writable(s.s[0])
	s.take(0, x(10), true, 5)
	s.writable(nil)
	s.feed(window(0, 5))
	s.writable(s.s[1])
	s.take(1, "b", true, 1)
	s.writable(s.s[2])
	s.take(2, "c", true, 1)
	s.writable(s.s[0])
	s.take(0, x(5), true, 3)
	s.want("DATA 3 b end|DATA 5 c end|DATA 1 xxx")
}

// Streams that wait get one frame each in turn; one that comes later waits
// behind them, and one that asks out of turn gets nothing.
func TestTurns(t *testing.T) {
	s := newSender(t, 3, Limits{Output: 40000}, settingsFrame(setting(settingWindow, 1<<20)), window(0, 1<<20))
	left := []int{200_000, 100_000, 20_000}
	send := func(i int) {
		n := s.c.SendData(s.s[i], make([]byte, left[i]), true)
		if left[i] -= n; n > maxFrame && i != 0 {
			t.Errorf("stream %d got %d bytes at once", i, n)
		}
	}
	send(0)
	send(1)
	send(2)
	var order []string
	for rounds := 0; left[0]+left[1]+left[2] > 0; rounds++ {
		s.sent = s.c.AppendOutput(s.sent)
		for st := s.c.Writable(); st != nil; st = s.c.Writable() {
			i := int(st.ID() / 2)
			send((i + 1) % 3) // out of turn
			before := left[i]
			send(i)
			order = append(order, fmt.Sprint(i))
			if before == left[i] {
				t.Fatalf("stream %d had its turn for nothing", i)
			}
		}
		if rounds > 100 {
			t.Fatal("no end")
		}
	}
	if got := strings.Join(order, ""); !strings.HasPrefix(got, "0120") && !strings.HasPrefix(got, "1201") {
		t.Errorf("the turns were %s", got)
	}
	s.sent = s.c.AppendOutput(s.sent)
	sum := map[byte]int{}
	for rest := s.sent; len(rest) > 0; {
		n := int(rest[0])<<16 | int(rest[1])<<8 | int(rest[2])
		if n > maxFrame {
			t.Fatalf("a frame of %d bytes", n)
		}
		sum[rest[8]] += n
		rest = rest[frameHead+n:]
	}
	if sum[1] != 200_000 || sum[3] != 100_000 || sum[5] != 20_000 {
		t.Errorf("%v bytes", sum)
	}
}

// A turn that is not used does not keep others waiting.
func TestUnusedTurn(t *testing.T) {
	s := newSender(t, 2, Limits{Output: 15})
	s.take(0, x(20), false, 20)
	s.take(0, "a", true, 0)
	s.take(1, "b", true, 0)
	_ = s.out()
	s.writable(s.s[0])
	s.writable(s.s[1])
	s.take(1, "b", true, 1)
	s.take(0, "a", true, 1)
	s.want("DATA 3 b end|DATA 1 a end")
}

// Who asks before it can be its turn does not lose it.
func TestAskingEarly(t *testing.T) {
	for name, o := range map[string]struct {
		l      Limits
		first  int
		widens string
	}{
		"output full": {Limits{Output: 15}, 20, ""},
		"window full": {Limits{}, firstWindow, window(0, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t, 3, o.l, settingsFrame(setting(settingWindow, 1<<20)))
			s.take(0, x(o.first), true, o.first)
			s.take(1, "a", true, 0)
			s.take(2, "b", true, 0)
			s.take(1, "a", true, 0) // early
			_ = s.out()
			s.feed(o.widens)
			s.writable(s.s[1])
			s.take(1, "a", true, 1)
			s.writable(s.s[2])
			s.take(2, "b", true, 1)
			s.want("DATA 3 a end|DATA 5 b end")
		})
	}
}

// What ends a stream ends its waiting.
func TestResetWhileWaiting(t *testing.T) {
	for name, reset := range map[string]func(*sender){
		"by the peer":     func(s *sender) { s.feed(rst(1, CodeCancel)) },
		"by an error":     func(s *sender) { s.feed(window(1, 0)) },
		"by us":           func(s *sender) { s.c.Reset(s.s[0], CodeCancel) },
		"by its release":  func(s *sender) { s.c.Release(s.s[0]) },
		"by its windows":  func(s *sender) { s.feed(window(1, maxWindow)) },
		"by more than it": func(s *sender) { s.feed(data(1, 0, "a")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t, 2, Limits{Output: 10})
			s.take(0, x(20), false, 20)
			s.take(0, "a", false, 0)
			s.take(1, "b", false, 0)
			_ = s.out()
			reset(s)
			_ = s.out()
			s.writable(s.s[1])
			s.take(1, "b", true, 1)
			if name != "by its release" {
				s.take(0, "more", true, 4) // into nothing
				s.c.SendHead(s.s[0], &Response{Status: 200}, true)
				if s.c.Held() != 2 {
					t.Errorf("%d streams held: a stream keeps its place until Release", s.c.Held())
				}
				s.c.Release(s.s[0])
			}
			s.want("DATA 3 b end")
			s.c.Release(s.s[1])
			if s.c.Held() != 0 {
				t.Errorf("%d streams held", s.c.Held())
			}
		})
	}
}

// A window that its stream has no use for any more is no fault of the peer's, who
// may have forgotten it.
func TestWindowOfWhatIsOver(t *testing.T) {
	for name, end := range map[string]func(*sender){
		"reset by the peer": func(s *sender) { s.feed(rst(1, CodeCancel)) },
		"reset by us":       func(s *sender) { s.c.Reset(s.s[0], CodeCancel) },
		"answered":          func(s *sender) { s.c.SendHead(s.s[0], &Response{Status: 204}, true) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t, 1, Limits{})
			s.feed(window(1, maxWindow-firstWindow))
			end(s)
			s.feed(settingsFrame(setting(settingWindow, firstWindow+1)))
			if s.c.Over() {
				t.Error(s.got)
			}
		})
	}
}

// What we end of our own accord is not what a peer asks for too much of.
func TestOwnResetsAreNotAsked(t *testing.T) {
	s := newSender(t, 3, Limits{Control: 100})
	// 94 bytes of answers that wait.
	s.c.Next([]byte(strings.Repeat(frame(framePing, 0, 0, "12345678"), 5)+settingsFrame()), s.now)
	for _, st := range s.s {
		s.c.Reset(st, CodeCancel)
	}
	s.feed(window(0, 1))
	if s.c.Over() {
		t.Error(s.got)
	}
}

// What goes out for whom: RST_STREAM for a response that is not complete, and
// only then.
func TestReset(t *testing.T) {
	s := newSender(t, 4, Limits{})
	s.c.Reset(s.s[0], CodeCancel)
	s.c.Reset(s.s[0], CodeCancel)
	s.c.Release(s.s[0])
	s.c.SendHead(s.s[1], &Response{Status: 204}, true)
	s.c.Release(s.s[1])
	s.c.Release(s.s[2])
	s.c.SendHead(s.s[3], &Response{Status: 200, Length: StreamLength}, false)
	s.take(3, "", false, 0)
	s.take(3, "", true, 0)
	s.c.Reset(s.s[3], CodeCancel)
	s.c.Release(s.s[3])
	s.want("RST_STREAM 1 CANCEL|HEADERS 3 :status=204 end|RST_STREAM 5 INTERNAL_ERROR|HEADERS 7 :status=200|DATA 7  end")
	// A request on its way may be ended too.
	s.done, s.got = s.hold, nil
	var began *Stream
	own := []byte(headers(9, whole, request("POST", "/")) + data(9, 0, "abc") + data(9, end, "d") + get(11))
	for rest, ev := own, Event(255); ev != More; {
		var n int
		if n, ev = s.c.Next(rest, s.now); ev == Head && began == nil {
			began = s.c.Stream()
			s.c.Reset(began, CodeRefusedStream)
		} else if ev != More {
			s.event(ev)
		}
		rest = rest[n:]
	}
	if got := strings.Join(s.got, "|"); got != `head 11 GET http://a/|done 11 ""` {
		t.Error(got)
	}
	s.want("RST_STREAM 9 REFUSED_STREAM")
}

// The head of a response, as a client reads it.
func TestResponse(t *testing.T) {
	date := httpfield.AppendDate(nil, time.Date(2026, 11, 5, 1, 2, 3, 0, time.UTC))
	for _, tc := range []struct {
		r    Response
		want string
	}{
		{Response{Status: 200}, ":status=200 content-length=0"},
		{Response{Status: 200, Length: StreamLength}, ":status=200"},
		{Response{Status: 200, Date: date, ContentType: "application/json", Length: 1234567890}, ":status=200 date=Thu, 05 Nov 2026 01:02:03 GMT content-type=application/json content-length=1234567890"},
		{Response{Status: 202, ContentType: "text/plain; charset=utf-8"}, ":status=202 content-type=text/plain; charset=utf-8 content-length=0"},
		{Response{Status: 204}, ":status=204"}, {Response{Status: 206}, ":status=206 content-length=0"}, {Response{Status: 304}, ":status=304"},
		{Response{Status: 304, Length: 5}, ":status=304 content-length=5"}, {Response{Status: 400}, ":status=400 content-length=0"},
		{Response{Status: 404}, ":status=404 content-length=0"}, {Response{Status: 500}, ":status=500 content-length=0"}, {Response{Status: 503}, ":status=503 content-length=0"},
		{Response{Status: 99}, ":status=500 content-length=0"}, {Response{Status: 1000}, ":status=500 content-length=0"}, {Response{Status: 100}, ":status=100"},
		{Response{Status: 200, Extra: []byte("Mcp-Session-Id: abc\r\nVary:  Accept-Encoding \r\nX:\r\n")}, ":status=200 content-length=0 mcp-session-id=abc vary=Accept-Encoding x="},
		{Response{Status: 200, Extra: []byte("Connection: close\r\nKEEP-ALIVE: 5\r\nTransfer-Encoding: chunked\r\nUpgrade: x\r\nProxy-Connection: y\r\nA: b")}, ":status=200 content-length=0 a=b"},
		{Response{Status: 200, Extra: []byte("no line\r\n: x\r\nA b: c\r\nD: \x01\r\n:status: 404\r\n\r\nE: f\r\n")}, ":status=200 content-length=0 e=f"},
		{Response{Status: 200, ContentType: x(300), Extra: []byte("X: " + x(200) + "\r\n" + x(200) + ": y\r\n")}, ":status=200 content-type=" + x(300) + " content-length=0 x=" + x(200) + " " + x(200) + "=y"},
	} {
		b := tc.r.AppendBlock([]byte("before"))
		f, err := hpack.NewDecoder(0, nil).DecodeFull(b[len("before"):])
		var got []string
		for _, h := range f {
			got = append(got, h.Name+"="+h.Value)
		}
		if err != nil || strings.Join(got, " ") != tc.want {
			t.Errorf("%+v: %s, %v, want %s", tc.r, got, err, tc.want)
		}
		if n := len(b) - len("before"); n > tc.r.size() {
			t.Errorf("%+v: %d bytes, room for %d", tc.r, n, tc.r.size())
		}
	}
}

// A head too long for a frame is cut into several.
func TestLongResponseHead(t *testing.T) {
	s := newSender(t, 1, Limits{})
	long := strings.Repeat("y", 10000)
	extra := "A: " + long + "\r\nB: " + long + "\r\nC: " + long + "\r\nD: " + long + "\r\n"
	s.c.SendHead(s.s[0], &Response{Status: 200, Extra: []byte(extra)}, false)
	s.take(0, "body", true, 4)
	got := s.out()
	if want := fmt.Sprintf("HEADERS 1 :status=200 content-length=0 a=%[1]s b=%[1]s c=%[1]s d=%[1]s|DATA 1 body end", long); got != want {
		t.Errorf("%.200s", got)
	}
	if n := bytes.Count(s.sent, []byte{byte(frameContinuation), 0, 0, 0, 0, 1}); n != 1 {
		t.Errorf("%d CONTINUATION in the middle", n)
	}
}

// The first head says that no table is used, so that none need ever be made
// smaller (RFC 7541 §4.2).
func TestTableSizeIsSaidOnce(t *testing.T) {
	s := newSender(t, 2, Limits{}, settingsFrame(setting(settingHeaderTable, 0)))
	s.c.SendHead(s.s[0], &Response{Status: 204}, true)
	s.c.SendHead(s.s[1], &Response{Status: 204}, true)
	got := s.c.AppendOutput(nil)
	want := string(appendFrameHead(nil, 2, frameHeaders, endHead, 1)) + "\x20\x89" + string(appendFrameHead(nil, 1, frameHeaders, endHead, 3)) + "\x89"
	if string(got) != want {
		t.Errorf("%x, want %x", got, want)
	}
}

// GOAWAY in two steps: requests on their way are served.
func TestDrain(t *testing.T) {
	s := newSender(t, 1, Limits{})
	s.c.Drain()
	s.c.Drain()
	s.want(`GOAWAY 2147483647 NO_ERROR|PING "goodbye."`)
	s.feed(get(3))
	if len(s.held) != 2 || s.c.Over() {
		t.Fatal(s.got)
	}
	s.sent = nil
	s.feed(frame(framePing, flagAck, 0, "anything") + get(5) + frame(framePing, flagAck, 0, drainPing) + get(7))
	if got := strings.Join(frames(t, s.sent), "|"); got != "GOAWAY 5 NO_ERROR|RST_STREAM 7 REFUSED_STREAM" {
		t.Error(got)
	}
	for _, st := range s.held {
		if s.c.Over() {
			t.Error("over before its time")
		}
		s.c.SendHead(st, &Response{Status: 204}, true)
		s.c.Release(st)
	}
	if !s.c.Over() {
		t.Error("not over")
	}
	s.want("HEADERS 1 :status=204 end|HEADERS 3 :status=204 end|HEADERS 5 :status=204 end")
}

func TestDrainAtRest(t *testing.T) {
	s := newSender(t, 0, Limits{})
	s.c.Drain()
	if !s.c.Over() {
		t.Error("not over")
	}
	s.want("GOAWAY 0 NO_ERROR")
	// A peer that never answers the PING is done with when its streams are.
	s = newSender(t, 1, Limits{})
	s.c.Drain()
	s.c.SendHead(s.s[0], &Response{Status: 204}, true)
	s.c.Release(s.s[0])
	s.want(`GOAWAY 2147483647 NO_ERROR|PING "goodbye."|HEADERS 1 :status=204 end|GOAWAY 1 NO_ERROR`)
	if !s.c.Over() {
		t.Error("not over")
	}
	// And so is one that says GOAWAY itself.
	s = newSender(t, 1, Limits{}, frame(frameGoAway, 0, 0, u32(0)+u32(0)))
	if s.c.Over() {
		t.Error("over before its time")
	}
	s.c.Release(s.s[0])
	if !s.c.Over() {
		t.Error("not over")
	}
}
