package websocket

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
)

func testPool() *ringbuf.Pool { return ringbuf.NewPool(ringbuf.PoolOptions{}) }

// What is beyond a limit (Autobahn 9 turned around).
func TestLimits(t *testing.T) {
	rows{
		{"at the limit", frame(fin|fText, x(1000)), []string{"text " + short([]byte(x(1000)))}},
		{"above it", hello + frame(fin|fText, x(1001)), []string{"text hello", failure(ErrTooLong)}},
		{"above it, its header", frame(fin|fText, x(1001))[:8], []string{failure(ErrTooLong)}},
		{"4 GB", "\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00x", []string{failure(ErrTooLong)}},
		{"2^62", "\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00x", []string{failure(ErrTooLong)}},
		{"2^63-1", "\x01\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00x", []string{failure(ErrTooLong)}},
		{"fragments at the limit", frame(fText, x(500)) + frame(fin|fCont, x(500)), []string{"text " + short([]byte(x(1000)))}},
		{"fragments above it", frame(fText, x(500)) + frame(fCont, x(500)) + frame(fin|fPing, "") + frame(fCont, "x"), []string{"ping ", failure(ErrTooLong)}},
		{"second fragment of 2^63-1", frame(fText, x(500)) + "\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00x", []string{failure(ErrTooLong)}},
		{"each message has it anew", frame(fin|fText, x(1000)) + frame(fText, x(999)) + frame(fin|fCont, "x"), []string{"text " + short([]byte(x(1000))), "text " + short([]byte(x(1000)))}},
		{"ten fragments", frame(fText, "a") + strings.Repeat(frame(fCont, ""), 8) + frame(fin|fCont, "b") + hello, []string{"text ab", "text hello"}},
		{"eleven fragments", frame(fText, "") + strings.Repeat(frame(fCont, ""), 9) + frame(fin|fCont, ""), []string{failure(ErrFragments)}},
		{"controls are no fragments", frame(fText, "a") + strings.Repeat(frame(fin|fPong, ""), 20) + frame(fin|fCont, "b"),
			append(strings.Split(strings.Repeat("pong |", 20)[:119], "|"), "text ab")},
	}.run(t, setting{opts: Options{MaxMessageBytes: 1000, MaxFragments: 10}})
}

// Fragments without end meet the default limits, at little cost.
func TestFragmentsWithoutEnd(t *testing.T) {
	for _, piece := range []string{"", "x"} {
		pool, budget := testPool(), &meter{max: 64 << 20}
		var p Parser
		p.Init(NewLoop(pool, Options{}), budget, Agreed{})
		tr := trace{p: &p}
		tr.feed([]byte(frame(fText, "")))
		many := bytes.Repeat([]byte(frame(fCont, piece)), 1024)
		for i := 0; tr.got == nil && i < 100; i++ {
			tr.feed(many)
		}
		if fmt.Sprint(tr.got) != "["+failure(ErrFragments)+"]" {
			t.Errorf("%q", tr.got)
		}
		p.Release()
		if budget.held != 0 || pool.Stats().Outstanding != 0 {
			t.Errorf("%d bytes, %d buffers held", budget.held, pool.Stats().Outstanding)
		}
	}
}

// A length that was announced costs nothing before it comes.
func TestNothingSetAside(t *testing.T) {
	pool, budget := testPool(), &meter{max: 1 << 30}
	var p Parser
	p.Init(NewLoop(pool, Options{}), budget, Agreed{})
	announced := []byte("\x81\xff\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00" + "a few bytes")
	if _, ev := p.Next(announced); ev != More || !p.Pending() {
		t.Fatal(ev, p.Err())
	}
	if budget.held != 0 || cap(p.buf) > chargeFrom {
		t.Errorf("%d bytes charged, %d set aside", budget.held, cap(p.buf))
	}
	p.Release()
}

// A message of 16 MiB in small pieces, or in small fragments, arrives, is charged
// while it is held, and costs copies linear in its length.
func TestLongMessageInPieces(t *testing.T) {
	want := strings.Repeat("0123456789abcde\n", 1<<20)
	whole := frame(fin|fText, want)
	var fragments strings.Builder
	for i := 0; i < len(want); i += 1 << 10 {
		first := byte(fCont)
		if i == 0 {
			first = fText
		}
		if i+1<<10 >= len(want) {
			first |= fin
		}
		fragments.WriteString(frame(first, want[i:i+1<<10]))
	}
	for name, in := range map[string]string{"pieces": whole, "fragments": fragments.String()} {
		t.Run(name, func(t *testing.T) {
			pool, budget := testPool(), &meter{max: 40 << 20}
			var p Parser
			p.Init(NewLoop(pool, Options{}), budget, Agreed{})
			buf := make([]byte, 1000)
			got, most := 0, 0
			for rest := in; len(rest) > 0; {
				b := buf[:copy(buf, rest)]
				rest = rest[len(b):]
				for ev := Failed; ev != More; {
					var n int
					n, ev = p.Next(b)
					b = b[n:]
					most = max(most, budget.held)
					switch ev {
					case Message:
						got++
						if string(p.Payload()) != want {
							t.Fatal("another message")
						}
					case More:
					default:
						t.Fatal(ev, p.Err())
					}
				}
			}
			if got != 1 || most < len(want) || p.Charged() != 0 || budget.held != 0 || pool.Stats().Outstanding != 0 {
				t.Errorf("%d messages, %d bytes charged at most, %d now, %d buffers", got, most, budget.held, pool.Stats().Outstanding)
			}
		})
	}
}

// Without room in the budget a message is skipped, and the stream stays in step.
func TestNoRoom(t *testing.T) {
	big := x(60 << 10)
	for _, tc := range []struct {
		name string
		in   []string
		max  int
		want []string
	}{
		{"in pieces", []string{frame(fin|fText, big+big)[:100_000], frame(fin|fText, big+big)[100_000:], hello}, 50 << 10, []string{"no room", "text hello"}},
		{"in fragments", []string{frame(fText, big), frame(fCont, big), frame(fin|fPing, "x"), frame(fCont, "é\xff"), frame(fin|fCont, big), hello}, 80 << 10, []string{"no room", "ping x", "text hello"}},
		{"at the last fragment", []string{frame(fText, big), frame(fin|fCont, big), hello}, 80 << 10, []string{"no room", "text hello"}},
		{"cut within a character", []string{frame(fText, big+"\xc3"), frame(fin|fCont, big+"\xff"), frame(fin|fText, "é")}, 80 << 10, []string{failure(ErrUTF8)}},
		{"a character is cut where it ends", []string{frame(fText, big), frame(fCont, big+"\xc3"), frame(fin|fCont, "x"), frame(fin|fText, "é")}, 80 << 10, []string{"no room", "text é"}},
		{"limits hold still", []string{frame(fText, big), frame(fCont, big), frame(fCont, x(100_000))}, 80 << 10, []string{"no room", failure(ErrTooLong)}},
		{"frames are judged still", []string{frame(fText, big), frame(fCont, big), hello}, 80 << 10, []string{"no room", failure(ErrInterleaved)}},
		{"enough", []string{frame(fText, big), frame(fin|fCont, big)}, 240 << 10, []string{"text " + short([]byte(big+big))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pool, budget := testPool(), &meter{max: tc.max}
			var p Parser
			p.Init(NewLoop(pool, Options{MaxMessageBytes: 200_000}), budget, Agreed{})
			tr := trace{p: &p}
			for _, in := range tc.in {
				tr.feed([]byte(in))
			}
			if fmt.Sprint(tr.got) != fmt.Sprint(tc.want) {
				t.Errorf("got %.200q, want %.200q", tr.got, tc.want)
			}
			p.Release()
			if budget.held != 0 || pool.Stats().Outstanding != 0 {
				t.Errorf("%d bytes, %d buffers held", budget.held, pool.Stats().Outstanding)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	if o := NewLoop(nil, Options{}).Options(); o != (Options{MaxMessageBytes: 16 << 20, MaxFragments: 65536, CompressMin: 256}) {
		t.Errorf("%+v", o)
	}
	if o := NewLoop(nil, Options{Client: true, MaxMessageBytes: 5, MaxFragments: 6, CompressMin: -1}).Options(); o != (Options{Client: true, MaxMessageBytes: 5, MaxFragments: 6, CompressMin: -1}) {
		t.Errorf("%+v", o)
	}
}
