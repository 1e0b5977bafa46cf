package websocket

import (
	"strings"
	"testing"
)

// rows are streams and the events in them.
type rows []struct {
	name string
	in   string
	want []string
}

// run feeds each row every way.
func (r rows) run(t *testing.T, s setting) {
	for _, tc := range r {
		t.Run(tc.name, func(t *testing.T) { everyWay(t, tc.in, s, tc.want) })
	}
}

func x(n int) string { return strings.Repeat("x", n) }

var hello = frame(fin|fText, "hello")

// What a frame may be (Autobahn 1 to 5).
func TestFrames(t *testing.T) {
	rows{
		{"nothing", "", nil},
		{"empty text", frame(fin|fText, ""), []string{"text "}},
		{"text of 125 bytes", frame(fin|fText, x(125)), []string{"text " + x(125)}},
		{"text of 126 bytes", frame(fin|fText, x(126)), []string{"text " + x(126)}},
		{"text of 127 and 128 bytes", frame(fin|fText, x(127)) + frame(fin|fText, x(128)), []string{"text " + x(127), "text " + x(128)}},
		{"text of 65,535 bytes", frame(fin|fText, x(65535)), []string{"text " + short([]byte(x(65535)))}},
		{"text of 65,536 bytes", frame(fin|fText, x(65536)), []string{"text " + short([]byte(x(65536)))}},
		{"many texts", strings.Repeat(hello, 5), []string{"text hello", "text hello", "text hello", "text hello", "text hello"}},
		{"header cut", hello[:3], nil},
		{"payload cut", hello[:9], nil},

		{"empty ping", frame(fin|fPing, ""), []string{"ping "}},
		{"ping", frame(fin|fPing, "are you there"), []string{"ping are you there"}},
		{"ping, not UTF-8", frame(fin|fPing, "\x00\xff\xfe"), []string{"ping \x00\xff\xfe"}},
		{"ping of 125 bytes", frame(fin|fPing, x(125)), []string{"ping " + x(125)}},
		{"ping of 126 bytes", frame(fin|fPing, x(126)) + hello, []string{failure(ErrControlLength)}},
		{"pong nobody asked for", frame(fin|fPong, "") + frame(fin|fPong, "a") + frame(fin|fPing, "b"), []string{"pong ", "pong a", "ping b"}},
		{"ten pings", strings.Repeat(frame(fin|fPing, "x"), 10), strings.Split(strings.Repeat("ping x|", 10)[:69], "|")},
		{"pong of 200 bytes", frame(fin|fPong, x(200)), []string{failure(ErrControlLength)}},
		{"control with a length in eight bytes", rawFrame(fin|fPing, "x", 8, true), []string{failure(ErrControlLength)}},

		{"RSV1 without deflate", hello + frame(fin|rsv1|fText, "x") + hello, []string{"text hello", failure(ErrReserved)}},
		{"RSV2", frame(fin|rsv2|fText, "x"), []string{failure(ErrReserved)}},
		{"RSV3", frame(fin|rsv3|fText, ""), []string{failure(ErrReserved)}},
		{"all RSV", frame(fin|rsv1|rsv2|rsv3|fPing, "x"), []string{failure(ErrReserved)}},
		{"RSV1 of a close frame", frame(fin|rsv1|fClose, ""), []string{failure(ErrReserved)}},

		{"opcode 3", frame(fin|3, "x"), []string{failure(ErrOpcode)}},
		{"opcode 4", frame(fin|4, ""), []string{failure(ErrOpcode)}},
		{"opcode 7", hello + frame(fin|7, "x") + frame(fin|fPing, ""), []string{"text hello", failure(ErrOpcode)}},
		{"opcode 11", frame(fin|11, "x"), []string{failure(ErrOpcode)}},
		{"opcode 12", frame(12, "x"), []string{failure(ErrOpcode)}},
		{"opcode 15", frame(fin|15, ""), []string{failure(ErrOpcode)}},

		{"binary", frame(fin|fBinary, "\xff"), []string{failure(ErrBinary)}},
		{"binary, its first two bytes", frame(fBinary, "x")[:2], []string{failure(ErrBinary)}},

		{"not masked", bare(fin|fText, "hello"), []string{failure(ErrUnmasked)}},
		{"ping not masked", hello + bare(fin|fPing, "x"), []string{"text hello", failure(ErrUnmasked)}},
		{"key of zeros", "\x81\x85\x00\x00\x00\x00hello", []string{"text hello"}},
		{"TLS hello", "\x16\x03\x01\x02\x00", []string{failure(ErrReserved)}},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", []string{failure(ErrReserved)}},

		{"short length in two bytes", rawFrame(fin|fText, x(125), 2, true), []string{failure(ErrLength)}},
		{"short length in eight bytes", rawFrame(fin|fText, x(65535), 8, true), []string{failure(ErrLength)}},
		{"highest bit of the length", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00x", []string{failure(ErrLength)}},

		{"two fragments", frame(fText, "hel") + frame(fin|fCont, "lo"), []string{"text hello"}},
		{"five fragments", frame(fText, "h") + frame(fCont, "e") + frame(fCont, "") + frame(fCont, "l") + frame(fin|fCont, "lo") + hello, []string{"text hello", "text hello"}},
		{"empty fragments", frame(fText, "") + frame(fCont, "") + frame(fin|fCont, ""), []string{"text "}},
		{"only the middle is not empty", frame(fText, "") + frame(fCont, "middle") + frame(fin|fCont, ""), []string{"text middle"}},
		{"only the last is not empty", frame(fText, "") + frame(fin|fCont, "last"), []string{"text last"}},
		{"ping between fragments", frame(fText, "hel") + frame(fin|fPing, "x") + frame(fin|fCont, "lo"), []string{"ping x", "text hello"}},
		{"controls between fragments", frame(fText, "h") + frame(fin|fPing, "1") + frame(fin|fPong, "2") + frame(fCont, "e") + frame(fin|fPing, "3") + frame(fin|fCont, "llo"),
			[]string{"ping 1", "pong 2", "ping 3", "text hello"}},
		{"close between fragments", frame(fText, "hel") + frame(fin|fClose, closeData(1000, "")) + frame(fin|fCont, "lo"), []string{"close 1000 "}},
		{"fragments without end", frame(fText, "hel") + frame(fCont, "lo"), nil},
		{"ping in fragments", frame(fPing, "x") + frame(fin|fCont, "y"), []string{failure(ErrControlSplit)}},
		{"pong in fragments", hello + frame(fPong, ""), []string{"text hello", failure(ErrControlSplit)}},
		{"close in fragments", frame(fClose, ""), []string{failure(ErrControlSplit)}},
		{"lone continuation", frame(fCont, "x"), []string{failure(ErrContinuation)}},
		{"lone last continuation", frame(fin|fCont, "x") + hello, []string{failure(ErrContinuation)}},
		{"continuation of a complete message", hello + frame(fin|fCont, "x"), []string{"text hello", failure(ErrContinuation)}},
		{"text between fragments", frame(fText, "hel") + hello, []string{failure(ErrInterleaved)}},
		{"fragments between fragments", frame(fText, "hel") + frame(fText, "x"), []string{failure(ErrInterleaved)}},
		{"binary between fragments", frame(fText, "hel") + frame(fin|fBinary, "x"), []string{failure(ErrInterleaved)}},
	}.run(t, setting{})
}

// The client's side differs in masks.
func TestFramesOfServer(t *testing.T) {
	rows{
		{"text", bare(fin|fText, "hello") + bare(fin|fText, x(300)), []string{"text hello", "text " + short([]byte(x(300)))}},
		{"fragments and ping", bare(fText, "hel") + bare(fin|fPing, "x") + bare(fin|fCont, "lo"), []string{"ping x", "text hello"}},
		{"not ASCII", bare(fText, "h\xc3") + bare(fin|fCont, "\xa4ll"), []string{"text häll"}},
		{"not UTF-8", bare(fin|fText, "h\xc3"), []string{failure(ErrUTF8)}},
		{"masked", bare(fin|fText, "hello") + hello, []string{"text hello", failure(ErrMasked)}},
		{"close", bare(fin|fClose, closeData(1001, "bye")) + bare(fin|fText, "x"), []string{"close 1001 bye"}},
	}.run(t, setting{opts: Options{Client: true}})
}

// A message that lies whole in what is read is not copied.
func TestViewInPlace(t *testing.T) {
	var p Parser
	pool := testPool()
	p.Init(NewLoop(pool, Options{}), nil, Agreed{})
	in := []byte(hello + frame(fin|fPing, "abc"))
	n, ev := p.Next(in)
	if ev != Message || &p.Payload()[0] != &in[6] || string(p.Payload()) != "hello" || n != len(hello) {
		t.Errorf("event %d, %q", ev, p.Payload())
	}
	if cap(p.Payload()) != 5 {
		t.Error("an append to the payload would overwrite what follows")
	}
	if _, ev = p.Next(in[n:]); ev != Ping || &p.Payload()[0] != &in[n+6] {
		t.Errorf("event %d, %q", ev, p.Payload())
	}
	if g := pool.Stats().Gets; g != 0 {
		t.Errorf("%d buffers taken", g)
	}
}

// Pending and Rest tell a connection at rest from one that owes the rest of something.
func TestPending(t *testing.T) {
	pool := testPool()
	for _, tc := range []struct {
		in            string
		pending, rest bool
	}{
		{"", false, true},
		{hello, false, true},
		{hello + hello[:1], true, false},
		{hello[:4], true, false},
		{hello[:8], true, false},
		{frame(fText, "a"), true, false},
		{frame(fText, "a") + frame(fin|fPing, ""), true, false},
		{frame(fText, "a") + frame(fin|fCont, ""), false, true},
		{frame(fin|fPing, "abc"), false, true},
		{frame(fin|fPing, "abc")[:7], true, false},
		{frame(fin|fClose, ""), false, false},
		{frame(fin|fBinary, ""), false, false},
	} {
		for _, size := range []int{1, 1000} {
			var p Parser
			p.Init(NewLoop(pool, Options{}), nil, Agreed{})
			tr := trace{p: &p}
			for in := []byte(tc.in); len(in) > 0; {
				n := min(size, len(in))
				tr.feed(in[:n])
				in = in[n:]
			}
			if pending, rest := p.Pending(), p.Rest(); pending != tc.pending || rest != tc.rest {
				t.Errorf("%q in pieces of %d: pending %v, rest %v", tc.in, size, pending, rest)
			}
			if tc.rest && pool.Stats().Outstanding != 0 {
				t.Errorf("%q: at rest with a buffer", tc.in)
			}
			p.Release()
			tr.got = nil
			if tr.feed([]byte(hello)); tr.got != nil || p.Pending() || p.Rest() {
				t.Errorf("%q: after Release %q", tc.in, tr.got)
			}
		}
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}
