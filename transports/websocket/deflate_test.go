package websocket

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// packed is s as the standard library compresses it for a message (RFC 7692
// §7.2.1).
func packed(s string, level int) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, level)
	_, _ = io.WriteString(w, s)
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// stream is s compressed as a whole stream, with a last block.
func stream(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

// jsonText is n bytes that look like what is sent here.
func jsonText(n int) string {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	var b strings.Builder
	b.WriteString(`{"jsonrpc":"2.0","id":12,"result":{"content":[`)
	for b.Len() < n {
		fmt.Fprintf(&b, `{"type":"text","text":"Forecast for città %d: %d°, wind %d km/h"},`, rng.IntN(1000), rng.IntN(40), rng.IntN(90))
	}
	return strings.ToValidUTF8(b.String()[:n], "")
}

var deflating = setting{agreed: Agreed{Deflate: true}}

// Compressed messages and what only looks like them (Autobahn 12 and 13).
func TestInflate(t *testing.T) {
	text := jsonText(2000)
	z := packed(text, 6)
	want := "text " + short([]byte(text))
	rows{
		{"hello of RFC 7692 §7.2.3.1", frame(fin|rsv1|fText, "\xf2\x48\xcd\xc9\xc9\x07\x00"), []string{"text Hello"}},
		{"stored, §7.2.3.3", frame(fin|rsv1|fText, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), []string{"text Hello"}},
		{"last block, §7.2.3.4", frame(fin|rsv1|fText, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []string{"text Hello"}},
		{"two blocks, §7.2.3.5", frame(fin|rsv1|fText, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), []string{"text Hello"}},
		{"empty, §7.2.3.6", frame(fin|rsv1|fText, "\x00"), []string{"text "}},
		{"empty, no byte", frame(fin|rsv1|fText, ""), []string{"text "}},
		{"two messages, no window kept", strings.Repeat(frame(fin|rsv1|fText, "\xf2\x48\xcd\xc9\xc9\x07\x00"), 2), []string{"text Hello", "text Hello"}},
		{"a reference into the message before, §7.2.3.2", frame(fin|rsv1|fText, "\xf2\x48\xcd\xc9\xc9\x07\x00") + frame(fin|rsv1|fText, "\xf2\x00\x11\x00\x00"), []string{"text Hello", failure(ErrDeflate)}},
		{"not compressed between", frame(fin|rsv1|fText, z) + hello + frame(fin|rsv1|fText, z), []string{want, "text hello", want}},
		{"level 1", frame(fin|rsv1|fText, packed(text, 1)), []string{want}},
		{"level 9", frame(fin|rsv1|fText, packed(text, 9)), []string{want}},
		{"huffman only", frame(fin|rsv1|fText, packed(text, flate.HuffmanOnly)), []string{want}},
		{"last block", frame(fin|rsv1|fText, stream(text)+"\x00"), []string{want}},
		{"several last blocks", frame(fin|rsv1|fText, stream("a")+stream("b")+stream("c")+"\x00"), []string{"text abc"}},
		{"too many last blocks", frame(fin|rsv1|fText, strings.Repeat(stream(""), 100)), []string{failure(ErrDeflate)}},
		{"fragments", frame(rsv1|fText, z[:100]) + frame(fCont, z[100:200]) + frame(fin|fPing, "x") + frame(fin|fCont, z[200:]), []string{"ping x", want}},
		{"empty last fragment", frame(rsv1|fText, z) + frame(fin|fCont, ""), []string{want}},
		{"RSV1 of a later fragment", frame(rsv1|fText, z[:100]) + frame(fin|rsv1|fCont, z[100:]), []string{failure(ErrReserved)}},
		{"RSV1 of a later fragment only", frame(fText, z[:100]) + frame(fin|rsv1|fCont, z[100:]), []string{failure(ErrUTF8)}},
		{"RSV1 of a later fragment only, ASCII", frame(fText, "abc") + frame(fin|rsv1|fCont, z[100:]), []string{failure(ErrReserved)}},
		{"RSV1 of a control", frame(fin|rsv1|fPing, "x"), []string{failure(ErrReserved)}},
		{"RSV2", frame(fin|rsv1|rsv2|fText, z), []string{failure(ErrReserved)}},
		{"binary", frame(fin|rsv1|fBinary, z), []string{failure(ErrBinary)}},
		{"UTF-8", frame(fin|rsv1|fText, packed("schön", 6)), []string{"text schön"}},
		{"not UTF-8", frame(fin|rsv1|fText, packed("sch\xf6n", 6)) + hello, []string{failure(ErrUTF8)}},
		{"character cut", frame(fin|rsv1|fText, packed("\xc3", 6)), []string{failure(ErrUTF8)}},
		{"spoilt", frame(fin|rsv1|fText, "\xff\xff\xff\xff"), []string{failure(ErrDeflate)}},
		{"spoilt in the middle", frame(fin|rsv1|fText, z[:150]+"\xff\xff\xff\xff\xff\xff"+z[156:]), []string{failure(ErrDeflate)}},
		{"cut", frame(fin|rsv1|fText, z[:len(z)-20]), []string{failure(ErrDeflate)}},
		{"length of a stored block", frame(fin|rsv1|fText, "\x00\x05\x00\xfa\xfeHello\x00"), []string{failure(ErrDeflate)}},
		{"type 3", frame(fin|rsv1|fText, "\x06"), []string{failure(ErrDeflate)}},
		{"not compressed, though marked", frame(fin|rsv1|fText, `{"jsonrpc":"2.0"}`), []string{failure(ErrDeflate)}},
	}.run(t, deflating)
}

// After data that is spoilt, the inflater that all connections of a loop share is as
// good as new.
func TestInflaterAfterSpoiltData(t *testing.T) {
	loop := NewLoop(testPool(), Options{})
	good := frame(fin|rsv1|fText, packed(jsonText(1000), 6))
	for _, bad := range []string{"\xff\xff\xff\xff", packed(jsonText(1000), 6)[:90], "\x04", strings.Repeat("\xaa", 300)} {
		for _, in := range []string{frame(fin|rsv1|fText, bad), good} {
			var p Parser
			p.Init(loop, nil, Agreed{Deflate: true})
			tr := trace{p: &p}
			tr.feed([]byte(in))
			if want := "text " + short([]byte(jsonText(1000))); in == good && fmt.Sprint(tr.got) != "["+want+"]" || in != good && p.Err() != ErrDeflate {
				t.Errorf("%q: %q", bad, tr.got)
			}
			p.Release()
		}
	}
	if n := loop.pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// A message that inflates beyond the limit fails while it inflates.
func TestInflateBomb(t *testing.T) {
	z := packed(strings.Repeat("\x00", 20<<20), 1)
	for _, tc := range []struct {
		name string
		in   string
		opts Options
		room int
		want string
	}{
		{"at the limit", packed(x(100_000), 9), Options{MaxMessageBytes: 100_000}, 1 << 30, "text " + short([]byte(x(100_000)))},
		{"one above", packed(x(100_001), 9), Options{MaxMessageBytes: 100_000}, 1 << 30, failure(ErrTooLong)},
		{"20 MiB", z, Options{}, 64 << 20, failure(ErrTooLong)},
		{"20 MiB, little room", z, Options{}, 1 << 20, "no room"},
		{"compressed above the limit", x(1001), Options{MaxMessageBytes: 1000}, 1 << 30, failure(ErrTooLong)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pool, budget := testPool(), &meter{max: tc.room}
			var p Parser
			p.Init(NewLoop(pool, tc.opts), budget, Agreed{Deflate: true})
			tr := trace{p: &p}
			tr.feed([]byte(frame(fin|rsv1|fText, tc.in)))
			if fmt.Sprint(tr.got) != "["+tc.want+"]" {
				t.Errorf("%q", tr.got)
			}
			if tc.want == "no room" {
				if tr.feed([]byte(hello)); len(tr.got) != 2 || tr.got[1] != "text hello" {
					t.Errorf("then %q", tr.got)
				}
			}
			p.Release()
			if budget.held != 0 || pool.Stats().Outstanding != 0 {
				t.Errorf("%d bytes, %d buffers held", budget.held, pool.Stats().Outstanding)
			}
		})
	}
}

// What is compressed here, the standard library inflates; no reference goes back
// further than the window that was agreed.
func TestDeflate(t *testing.T) {
	for _, n := range []int{1, 2, 255, 256, 257, 1000, 4096, 32767, 32768, 70_000, 300_000} {
		for bits := range uint8(maxWindowBits + 1) {
			if bits > 0 && bits < minWindowBits || n > 100_000 && bits%8 != 0 {
				continue
			}
			loop := NewLoop(testPool(), Options{CompressMin: 1})
			text := jsonText(n)
			z := loop.deflate([]byte(text), Agreed{Deflate: true, WindowBits: bits})
			if z == nil {
				if n > 500 && bits != minWindowBits {
					t.Errorf("%d bytes, window of %d bits: not shorter", n, bits)
				}
				continue
			}
			out, err := io.ReadAll(flate.NewReader(strings.NewReader(string(z) + flushTail)))
			if err != nil || string(out) != text {
				t.Fatalf("%d bytes, window of %d bits: %v, %d bytes", n, bits, err, len(out))
			}
			if d, err := furthest(z); bits > 0 && (d > 1<<bits || err != nil) {
				t.Errorf("%d bytes, window of %d bits: a reference %d bytes back, %v", n, bits, d, err)
			}
			loop.pool.Put(z)
			if got := loop.pool.Stats().Outstanding; got != 0 {
				t.Errorf("%d buffers not returned", got)
			}
		}
	}
}

// furthest returns how far back the references in a compressed message go.
func furthest(z []byte) (int, error) {
	r := bitReader{b: append(append([]byte(nil), z...), flushTail...)}
	return r.distances()
}

func TestCompressMin(t *testing.T) {
	text := jsonText(600)
	for _, tc := range []struct {
		name   string
		opts   Options
		agreed Agreed
		text   string
		packed bool
	}{
		{"default, below", Options{}, Agreed{Deflate: true}, text[:255], false},
		{"default, at", Options{}, Agreed{Deflate: true}, text[:256], true},
		{"above", Options{}, Agreed{Deflate: true}, text, true},
		{"not agreed", Options{}, Agreed{}, text, false},
		{"off", Options{CompressMin: -1}, Agreed{Deflate: true}, text, false},
		{"higher", Options{CompressMin: 601}, Agreed{Deflate: true}, text, false},
		{"nothing to gain", Options{CompressMin: 1}, Agreed{Deflate: true}, "abc", false},
	} {
		pool := testPool()
		loop := NewLoop(pool, tc.opts)
		out := loop.AppendText(nil, []byte(tc.text), tc.agreed)
		if got := out[0]&bitPacked != 0; got != tc.packed {
			t.Errorf("%s: compressed %v", tc.name, got)
		}
		if FrameLen(out) != len(out) || tc.packed && len(out) >= len(tc.text) {
			t.Errorf("%s: %d bytes, the frame has %d", tc.name, len(out), FrameLen(out))
		}
		if n := pool.Stats().Outstanding; n != 0 {
			t.Errorf("%s: %d buffers not returned", tc.name, n)
		}
	}
}
