package http2

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// Each limit lets pass what is as large, and refuses what is larger by one,
// however it is cut.
func TestLimits(t *testing.T) {
	small := Limits{HeaderList: 310, Fields: 3, HeaderBlock: 400, Continuations: 2, Body: 20, Streams: 2, Resets: 3, Settings: 3, Pings: 3, EmptyData: 3, IdleFrames: 3}
	base := len(":methodGET:schemehttp:authoritya:path/") + 4*entryCost
	list := func(n int) string {
		return headers(1, endHead, request("GET", "/", "x", x(n-base-entryCost-1)))
	}
	cut := func(n int) string {
		s := headers(1, end, "")
		for range n - 1 {
			s += frame(frameContinuation, 0, 1, "")
		}
		return s + frame(frameContinuation, whole, 1, request("GET", "/"))
	}
	fields := func(n int) string {
		var f []string
		for range n {
			f = append(f, "a", "b")
		}
		return headers(1, endHead, request("GET", "/", f...))
	}
	blockOf := func(n int) string { // of bytes, most of which say nothing
		b := strings.Repeat("\x20", n-len(request("GET", "/"))) + request("GET", "/")
		return headers(1, end, b[:100]) + frame(frameContinuation, whole, 1, b[100:])
	}
	body := func(n int) string {
		return headers(1, whole, request("POST", "/")) + data(1, 0, x(n)) + data(1, end, "")
	}
	ok := `done 1 ""`
	for _, tc := range []struct {
		name, in, want string
	}{
		{"list at the limit", list(310), ok},
		{"list above", list(311), refused(ErrHeadTooLarge)},
		{"list far above", headers(1, endHead, request("GET", "/", "x", x(350))), refused(ErrHeadTooLarge)},
		{"fields at the limit", fields(3), ok},
		{"fields above", fields(4), refused(ErrTooManyField)},
		{"fields of trailers above", headers(1, whole, request("POST", "/")) + headers(1, endHead, block("a", "b", "a", "b", "a", "b", "a", "b")), "reset 1 " + why(ErrTooManyField)},
		{"block at the limit", blockOf(400), ok},
		{"block above", blockOf(401), failed(ErrBlockTooLong)},
		{"block without an end", headers(1, end, "\x82") + strings.Repeat(frame(frameContinuation, 0, 1, x(200)), 2), failed(ErrBlockTooLong)},
		{"pieces at the limit", cut(2), ok},
		{"pieces above", cut(3), failed(ErrBlockTooCut)},
		{"empty pieces without an end", headers(1, end, "") + strings.Repeat(frame(frameContinuation, 0, 1, ""), 100), failed(ErrBlockTooCut)},
		{"body at the limit", body(20), fmt.Sprintf("done 1 %q", x(20))},
		{"body above", body(21), "reset 1 " + why(ErrBodyTooLarge)},
		{"body above, in one frame", post(1, x(21)), "reset 1 " + why(ErrBodyTooLarge)},
		{"body above, in many", headers(1, whole, request("POST", "/")) + strings.Repeat(data(1, 0, x(5)), 10), "reset 1 " + why(ErrBodyTooLarge)},
		{"content-length above", headers(1, whole, request("POST", "/", "content-length", "21")), refused(ErrBodyTooLarge)},
		{"streams at the limit", get(1) + get(3), `done 3 ""`},
		{"streams above", get(1) + get(3) + get(5), refused(ErrTooManyStreams)},
		{"streams above, not complete", headers(1, whole, request("POST", "/")) + headers(3, whole, request("POST", "/")) + get(5), refused(ErrTooManyStreams)},
		{"a stream that was reset keeps its place", get(1) + rst(1, CodeCancel) + get(3) + get(5), refused(ErrTooManyStreams)},
		{"one that was not complete does not", headers(1, whole, request("POST", "/")) + rst(1, CodeCancel) + get(3) + get(5), `done 5 ""`},
		{"resets at the limit", resetMany(3), "reset 5 by the peer"},
		{"resets above", resetMany(4), failed(ErrTooManyResets)},
		{"resets that we are made to send", zeroWindows(4), failed(ErrTooManyResets)},
		{"malformed requests", malformed(3), refused(ErrPseudoHeader)},
		{"malformed requests above", malformed(4), failed(ErrTooManyResets)},
		{"data on a stream that was reset", headers(1, whole, request("POST", "/")) + rst(1, CodeCancel) + strings.Repeat(data(1, 0, "a"), 3), failed(ErrTooManyResets)},
		{"settings at the limit", settingsFrame() + frame(frameSettings, flagAck, 0, ""), est},
		{"settings above", settingsFrame() + settingsFrame() + settingsFrame(), failed(ErrTooManySettings)},
		{"acknowledgements above", strings.Repeat(frame(frameSettings, flagAck, 0, ""), 3), failed(ErrTooManySettings)},
		{"pings at the limit", strings.Repeat(frame(framePing, 0, 0, "12345678"), 3), est},
		{"pings above", strings.Repeat(frame(framePing, 0, 0, "12345678"), 4), failed(ErrTooManyPings)},
		{"pongs above", strings.Repeat(frame(framePing, flagAck, 0, "12345678"), 4), failed(ErrTooManyPings)},
		{"empty data at the limit", headers(1, whole, request("POST", "/")) + strings.Repeat(data(1, 0, ""), 3) + data(1, end, ""), ok},
		{"empty data above", headers(1, whole, request("POST", "/")) + strings.Repeat(data(1, 0, ""), 4), failed(ErrTooManyEmpty)},
		{"nothing but padding above", headers(1, whole, request("POST", "/")) + strings.Repeat(data(1, flagPadded, "\x00"), 4), failed(ErrTooManyEmpty)},
		{"empty data above, on a stream that we have reset", tooLong(1, 1) + strings.Repeat(data(1, 0, ""), 4), failed(ErrTooManyEmpty)},
		{"nothing but padding above, on a stream that we have reset", tooLong(1, 1) + strings.Repeat(data(1, flagPadded, "\x00"), 4), failed(ErrTooManyEmpty)},
		{"data of what was refused long ago", tooLong(1, 99) + strings.Repeat(data(1, 0, "a"), 20) + data(3, end, "a") + get(201), `done 201 ""`},
		{"data of a number left out", get(9) + strings.Repeat(data(3, 0, "a"), 20) + get(201), `done 201 ""`},
		{"priorities at the limit", strings.Repeat(frame(framePriority, 0, 1, u32(3)+"\x00"), 3), est},
		{"priorities above", strings.Repeat(frame(framePriority, 0, 1, u32(3)+"\x00"), 4), failed(ErrTooManyIdle)},
		{"unknown frames above", strings.Repeat(frame(0x99, 0, 0, ""), 4), failed(ErrTooManyIdle)},
		{"goaways above", strings.Repeat(frame(frameGoAway, 0, 0, "12345678"), 5), failed(ErrTooManyIdle)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr, _ := newTrace(t, small, nil)
			tr.done = tr.hold
			tr.feed(hello + tc.in)
			if last := tr.got[len(tr.got)-1]; last != tc.want {
				t.Fatalf("got %q, want %s", tr.got, tc.want)
			}
			everyWay(t, hello+tc.in, small, true, tr.got, nil)
		})
	}
}

func resetMany(n int) (s string) {
	for i := range n {
		id := uint32(2*i + 1)
		s += headers(id, whole, request("POST", "/")) + rst(id, CodeCancel)
	}
	return s
}

// tooLong is requests whose bodies are said to be too long, on the streams from first
// to last.
func tooLong(first, last uint32) (s string) {
	for id := first; id <= last; id += 2 {
		s += headers(id, whole, request("POST", "/", "content-length", "21"))
	}
	return s
}

func zeroWindows(n int) (s string) {
	for i := range n {
		id := uint32(2*i + 1)
		s += headers(id, whole, request("POST", "/")) + window(id, 0)
	}
	return s
}

func malformed(n int) (s string) {
	for i := range n {
		s += headers(uint32(2*i+1), endHead, block("x", "y"))
	}
	return s
}

// What is counted by the second is counted anew in the next.
func TestRates(t *testing.T) {
	tr, _ := newTrace(t, Limits{Pings: 5}, nil)
	tr.feed(hello)
	for range 10 {
		tr.feed(strings.Repeat(frame(framePing, 0, 0, "12345678"), 5))
		tr.now += 1e9
	}
	if len(tr.got) != 1 {
		t.Fatal(tr.got)
	}
	tr.feed(strings.Repeat(frame(framePing, 0, 0, "12345678"), 6))
	if tr.got[1] != failed(ErrTooManyPings) {
		t.Error(tr.got)
	}
}

// Answers that a peer asks for and does not read are bounded, whatever the rates
// allow.
func TestControlIsBounded(t *testing.T) {
	for name, in := range map[string]string{
		"pings":             frame(framePing, 0, 0, "12345678"),
		"settings":          settingsFrame(),
		"requests refused":  "",
		"streams not there": "",
		"data of no stream": data(1, 0, "a"),
	} {
		t.Run(name, func(t *testing.T) {
			limits := Limits{Pings: 1 << 20, Settings: 1 << 20, Resets: 1 << 20, Streams: 1, Control: 5000}
			tr, _ := newTrace(t, limits, nil)
			tr.done = tr.hold
			c := tr.c
			tr.feed(hello + get(1))
			if name == "data of no stream" {
				c.SendHead(tr.held[0], &Response{Status: 204}, true)
				c.Release(tr.held[0])
			}
			ev := More
			most := 0
			for i := 0; i < 3000 && ev != Failed; i++ {
				in := in
				switch name {
				case "requests refused":
					in = headers(uint32(2*i+3), endHead, block(append(without(""), "expect", "x")...))
				case "streams not there":
					in = get(uint32(2*i + 3))
				}
				for rest := []byte(in); ; {
					var n int
					n, ev = c.Next(rest, 1)
					if rest = rest[n:]; ev == More || ev == Failed {
						break
					}
				}
				most = max(most, len(c.out))
			}
			if ev != Failed || c.Err() != ErrTooMuchControl || most > 5500 {
				t.Errorf("event %d, %v, %d bytes", ev, c.Err(), most)
			}
			// Who reads may go on for ever.
			tr, _ = newTrace(t, limits, nil)
			tr.feed(hello + get(1))
			for i := range 1000 {
				in := in
				if in == "" {
					in = headers(uint32(2*i+3), endHead, block(append(without(""), "expect", "x")...))
				}
				tr.feed(in)
				tr.sent = nil
			}
			if strings.HasPrefix(tr.got[len(tr.got)-1], "failed") {
				t.Error(tr.got[len(tr.got)-1])
			}
		})
	}
}

// A block that unpacks to thousands of times its size costs a buffer of the size
// of the limit, is answered 431, and leaves the tables in step.
func TestHeaderBomb(t *testing.T) {
	tr, pool := newTrace(t, Limits{}, nil)
	bomb := "\x82\x86\x84\x41\x01a" + "\x40\x01x\x7f\xf1\x1d" + x(127+0x71+0x1d*128) // an entry of nearly 4 KB
	in := hello + headers(1, end, bomb[:3900]) + frame(frameContinuation, 0, 1, bomb[3900:])
	for range 3 {
		in += frame(frameContinuation, 0, 1, strings.Repeat("\xbe", 16384))
	}
	in += frame(frameContinuation, whole, 1, "")
	tr.feed(in)
	tr.feed(headers(3, endHead, "\x82\x86\x84\x41\x01a\xbf")) // the entry is still there
	if len(tr.got) != 4 || tr.got[1] != refused(ErrHeadTooLarge) || !strings.HasPrefix(tr.got[2], `head 3 GET http://a/ x="xxx`) {
		t.Fatalf("%.300q", tr.got)
	}
	if n := pool.Stats().Misses; n > 30 {
		t.Errorf("%d buffers were made", n)
	}
	if r := tr.c.loop.requests[0]; cap(r.buf) > 0 {
		t.Errorf("an idle request holds %d bytes", cap(r.buf))
	}
}

// A body that is promised costs nothing until it comes; what is held is charged
// and bounded by twice what came; and when the budget has no room the request is
// answered 503 and the connection goes on.
func TestBodyIsChargedAsItComes(t *testing.T) {
	for _, length := range []string{"", "16777216"} {
		t.Run("length="+length, func(t *testing.T) {
			budget := &wiretest.Budget{Max: 64 << 20}
			tr, pool := newTrace(t, Limits{}, budget)
			var f []string
			if length != "" {
				f = []string{"content-length", length}
			}
			tr.feed(hello + headers(1, whole, request("POST", "/", f...)))
			if budget.Held != 0 {
				t.Fatalf("%d bytes charged before any came", budget.Held)
			}
			for i := 1; i <= 8000; i++ {
				tr.feed(data(1, 0, x(1000)))
				if most := 4*i*1000 + chargeFrom; budget.Held > most || i*1000 > 2*chargeFrom && budget.Held < i*1000 {
					t.Fatalf("%d bytes came, %d are charged", i*1000, budget.Held)
				}
			}
			budget.Max = budget.Held
			for i := 0; i < 10000 && len(tr.got) < 3; i++ {
				tr.feed(data(1, 0, x(1000)))
			}
			if tr.got[2] != "reset 1 "+why(ErrNoRoom) {
				t.Fatal(tr.got)
			}
			tr.feed(get(3))
			if tr.got[len(tr.got)-1] != `done 3 ""` {
				t.Error(tr.got)
			}
			tr.c.Close()
			tr.c.loop.Close()
			if budget.Held != 0 || pool.Stats().Outstanding != 0 {
				t.Errorf("%d bytes charged, %d buffers out", budget.Held, pool.Stats().Outstanding)
			}
		})
	}
}

// Many small requests that are not complete are charged as one large one is: by what
// they hold together, heads too.
func TestSmallBodiesAreCharged(t *testing.T) {
	for name, tc := range map[string]struct{ head, body int }{"bodies": {0, 60_000}, "heads": {30_000, 0}, "both, tiny": {0, 1}} {
		t.Run(name, func(t *testing.T) {
			const streams = 100
			budget := &wiretest.Budget{Max: 64 << 20}
			tr, pool := newTrace(t, Limits{}, budget)
			tr.feed(hello)
			for i := range uint32(streams) {
				id := 2*i + 1
				block := request("POST", "/", "x", x(tc.head))
				for rest, kind, flags := block, frameHeaders, uint8(0); ; kind = frameContinuation {
					n := min(len(rest), maxFrame)
					if n == len(rest) {
						flags = flagEndHeaders
					}
					tr.feed(frame(kind, flags, id, rest[:n]))
					if rest = rest[n:]; len(rest) == 0 {
						break
					}
				}
				for n := tc.body; n > 0; n -= maxFrame {
					tr.feed(data(id, 0, x(min(n, maxFrame))))
				}
			}
			least := streams * (tc.head + tc.body)
			if budget.Held < least || budget.Held != tr.c.Charged() || budget.Held > 4*least+streams*2*firstHead {
				t.Errorf("%d bytes charged, %d by the connection, for %d", budget.Held, tr.c.Charged(), least)
			}
			budget.Max = budget.Held
			tr.feed(headers(2*streams+1, whole, request("POST", "/")))
			for i := range uint32(streams) {
				if i%2 == 0 {
					tr.feed(data(2*i+1, end, ""))
				} else {
					tr.feed(rst(2*i+1, CodeCancel))
				}
			}
			if budget.Held != 0 {
				t.Errorf("%d bytes charged when all have gone", budget.Held)
			}
			tr.c.Close()
			tr.c.loop.Close()
			if budget.Held != 0 || pool.Stats().Outstanding != 0 {
				t.Errorf("%d bytes charged, %d buffers out", budget.Held, pool.Stats().Outstanding)
			}
		})
	}
}

// The windows that a peer may send into are those that it was told of.
func TestReceiveWindows(t *testing.T) {
	l := Limits{StreamWindow: firstWindow, ConnWindow: 100_000}
	full := strings.Repeat(data(1, 0, x(16384)), 3) + data(1, 0, x(16383))
	in := hello + headers(1, whole, request("POST", "/"))
	for _, tc := range []struct {
		name, in, want string
	}{
		{"stream full", full, "head 1 POST http://a/"},
		{"connection given back", full + data(1, 0, "") + headers(3, whole, request("POST", "/")) + full[:0] + data(3, 0, x(16384)), "head 3 POST http://a/"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr, _ := newTrace(t, l, nil)
			tr.feed(in + tc.in)
			if got := tr.got[len(tr.got)-1]; got != tc.want {
				t.Errorf("%q, want %s", tr.got, tc.want)
			}
		})
	}
	// Without what is given back, the window is what it was.
	tr, _ := newTrace(t, l, nil)
	tr.feed(in + data(1, 0, x(16384)))
	s := tr.c.streams[0]
	if s.recv != firstWindow-16384 || tr.c.recv != 100_000-16384 {
		t.Errorf("%d and %d left", s.recv, tr.c.recv)
	}
	s.recv = 10
	tr.feed(data(1, 0, x(11)))
	if got := tr.got[len(tr.got)-1]; got != "reset 1 "+why(ErrStreamWindow) {
		t.Error(tr.got)
	}
	tr.feed(headers(3, whole, request("POST", "/")))
	tr.c.recv = 10
	tr.feed(data(3, 0, x(10)))
	tr.c.recv = 10
	tr.feed(data(3, flagPadded, "\x0a"+x(10)))
	if got := tr.got[len(tr.got)-1]; got != failed(ErrWindow) {
		t.Error(tr.got)
	}
}

// PendingSince tells of what is on its way for longest.
func TestPendingSince(t *testing.T) {
	tr, _ := newTrace(t, Limits{}, nil)
	step := func(in string, want int64) {
		t.Helper()
		tr.now++
		tr.feed(in)
		if got := tr.c.PendingSince(); got != want {
			t.Fatalf("%q at %d: pending since %d, want %d", in, tr.now, got, want)
		}
	}
	tr.now = 0
	step("PRI", 1)
	step(Preface[3:], 0)
	step(settingsFrame()[:5], 3)
	step(settingsFrame()[5:], 0)
	step(frame(framePing, 0, 0, "12345678")[:12], 5)
	step(frame(framePing, 0, 0, "12345678")[12:]+"\x00", 6) // another frame has begun
	step(frame(framePing, 0, 0, "12345678")[1:], 0)
	step(headers(1, whole, request("POST", "/")), 8)
	step(headers(3, whole, request("POST", "/")), 8)
	step(data(1, 0, "a"), 8)
	step(data(1, end, "a"), 9)
	step(data(3, end, ""), 0)
	step(headers(5, end, "\x82"), 13)
	step(frame(frameContinuation, 0, 5, "\x86"), 13)
	step(frame(frameContinuation, whole, 5, "\x84\x41\x01a"), 0)
	step(data(1, 0, "abc")[:10], 16)
	step("bc", 0)
	step(headers(7, whole, request("POST", "/"))+rst(7, CodeCancel), 0)
}

// A connection at rest holds no buffer but the table that its peer uses.
func TestAtRest(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	loop := NewLoop(pool, Limits{})
	tr := &trace{t: t, c: loop.Open(nil), now: 1}
	tr.feed(hello + post(1, "ab") + headers(3, whole, request("POST", "/")) + data(3, 0, x(100)) + data(3, end, "") + post(5, "x"))
	tr.feed("")
	if n := pool.Stats().Outstanding - pool.Stats().Cached; n != 0 {
		t.Errorf("%d buffers out", n)
	}
	tr.feed(headers(7, endHead, "\x82\x86\x84\x41\x01a\x40\x01x\x01y"))
	tr.feed("")
	if n := pool.Stats().Outstanding - pool.Stats().Cached; n != 1 {
		t.Errorf("%d buffers out, want that of the table", n)
	}
	tr.c.Close()
	loop.Close()
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers out", n)
	}
}

// Limits that nobody set are the defaults, and windows stay what the protocol
// allows.
func TestLimitDefaults(t *testing.T) {
	l := NewLoop(nil, Limits{Streams: -1, StreamWindow: 1, ConnWindow: 1 << 40, Fields: 3}).Limits()
	if l.Streams != DefaultStreams || l.StreamWindow != firstWindow || l.ConnWindow != maxWindow || l.Fields != 3 || l.Control != DefaultControl {
		t.Errorf("%+v", l)
	}
}
