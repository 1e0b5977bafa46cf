package http1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

func x(n int) string { return strings.Repeat("x", n) }

// Each limit lets pass what is as large, and refuses what is larger by one,
// whole or in pieces, with an end or without.
func TestLimits(t *testing.T) {
	small := Limits{Line: 40, Head: 200, Fields: 4, Body: 20, ChunkExt: 10, Trailers: 30}
	line := func(n int) string { return get("/" + x(n-len("GET / HTTP/1.1"))) }
	head := func(n int) string {
		frame := get("/") + host + "X: \r\n\r\n"
		return get("/") + host + "X: " + x(n-len(frame)) + "\r\n\r\n"
	}
	size := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
	ok := "ok"
	for _, tc := range []struct {
		name, in, want string
	}{
		{"line at the limit", line(40) + host + "\r\n", ok},
		{"line above", line(41) + host + "\r\n", answer(ErrLineTooLong)},
		{"line far above", line(150) + host + "\r\n", answer(ErrLineTooLong)},
		{"line without an end", line(5000)[:4000], answer(ErrLineTooLong)},
		{"line above, bare LF", strings.TrimSuffix(line(42), "\r\n") + "\n", answer(ErrLineTooLong)},
		{"line without an end, behind another request", line(40) + host + "\r\n" + line(5000)[:4000], answer(ErrLineTooLong)},
		{"method without an end", x(5000), answer(ErrLineTooLong)},
		{"empty line before does not count", "\r\n" + line(40) + host + "\r\n", ok},
		{"head at the limit", head(200), ok},
		{"head above", head(201), answer(ErrHeadTooLong)},
		{"head far above", head(2000), answer(ErrHeadTooLong)},
		{"head without an end", get("/") + strings.Repeat("A: b\r\n", 500), answer(ErrHeadTooLong)},
		{"field without an end", get("/") + host + "X: " + x(3000), answer(ErrHeadTooLong)},
		{"fields at the limit", get("/") + host + strings.Repeat("A: b\r\n", 3) + "\r\n", ok},
		{"fields above", get("/") + host + strings.Repeat("A: b\r\n", 4) + "\r\n", answer(ErrTooManyFields)},
		{"body at the limit", post(size(20)) + x(20), ok},
		{"body above", post(size(21)) + x(21), answer(ErrBodyTooLarge)},
		{"body above, none of it there", post(size(21)), answer(ErrBodyTooLarge)},
		{"body of 2^63-1", post("Content-Length: 9223372036854775807\r\n"), answer(ErrBodyTooLarge)},
		{"chunks at the limit", chunked + "a\r\n" + x(10) + "\r\na\r\n" + x(10) + "\r\n0\r\n\r\n", ok},
		{"chunks above", chunked + "a\r\n" + x(10) + "\r\nb\r\n" + x(11) + "\r\n0\r\n\r\n", answer(ErrBodyTooLarge)},
		{"chunk above, none of it there", chunked + "15\r\n", answer(ErrBodyTooLarge)},
		{"extension at the limit", chunked + "1;" + x(10) + "\r\na\r\n0\r\n\r\n", ok},
		{"extension above", chunked + "1;" + x(11) + "\r\na\r\n0\r\n\r\n", answer(ErrChunkExtTooLong)},
		{"extensions together", chunked + "1;" + x(6) + "\r\na\r\n0;" + x(5) + "\r\n\r\n", answer(ErrChunkExtTooLong)},
		{"extension without an end", chunked + "1;" + x(3000), answer(ErrChunkExtTooLong)},
		{"trailers at the limit", chunked + "0\r\nX: " + x(23) + "\r\n\r\n", ok},
		{"trailers above", chunked + "0\r\nX: " + x(24) + "\r\n\r\n", answer(ErrTrailersTooLong)},
		{"trailers without an end", chunked + "0\r\n" + strings.Repeat("A: b\r\n", 500), answer(ErrTrailersTooLong)},
		{"trailer name without an end", chunked + "0\r\n" + x(3000), answer(ErrTrailersTooLong)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p Parser
			p.Init(NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), small), nil)
			tr := trace{p: &p}
			tr.feed([]byte(tc.in))
			last := tr.got[len(tr.got)-1]
			if tc.want == ok && !strings.HasPrefix(last, "done ") || tc.want != ok && last != tc.want {
				t.Fatalf("got %q, want %s", tr.got, tc.want)
			}
			everyWay(t, tc.in, small, tr.got)
		})
	}
}

// A line without an end is refused as soon as it is too long, and not before.
func TestLineLimitIsExact(t *testing.T) {
	for n, want := range map[int]Event{40: More, 41: More, 42: Failed} {
		var p Parser
		p.Init(NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), Limits{Line: 40}), nil)
		if _, ev := p.Next([]byte(x(n))); ev != want {
			t.Errorf("%d bytes: event %d, want %d", n, ev, want)
		}
		p.Stop()
	}
}

// Limits that nobody set are the defaults, and a head never exceeds what a span
// can name.
func TestLimitDefaults(t *testing.T) {
	l := NewLoop(nil, Limits{Head: 1 << 20, Body: -1, Fields: 3}).Limits()
	if l.Head != maxHead || l.Body != DefaultBody || l.Fields != 3 || l.Line != DefaultLine {
		t.Errorf("%+v", l)
	}
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	loop := NewLoop(pool, Limits{Head: 1 << 20, Line: 1 << 20})
	for n, want := range map[int]string{maxHead: "done", maxHead + 1: "431"} {
		in := get("/") + host + "X: "
		in += x(n-len(in)-4) + "\r\n\r\n"
		for _, piece := range []int{1000, len(in)} {
			var p Parser
			p.Init(loop, nil)
			tr := trace{p: &p}
			for rest := []byte(in); len(rest) > 0; rest = rest[min(piece, len(rest)):] {
				tr.feed(rest[:min(piece, len(rest))])
			}
			if last := tr.got[len(tr.got)-1]; !strings.HasPrefix(last, want) {
				t.Errorf("head of %d in pieces of %d: %.80q", n, piece, last)
			}
			p.Stop()
		}
	}
}

// A body that is promised costs nothing until it comes; what is held is charged
// and bounded by twice what came; and when the budget has no room the request is
// refused.
func TestBodyIsChargedAsItComes(t *testing.T) {
	for name, frame := range map[string]func(data string) (head, piece string){
		"length": func(data string) (string, string) { return post("Content-Length: 16777216\r\n"), data },
		"chunks": func(data string) (string, string) {
			return chunked, fmt.Sprintf("%x\r\n%s\r\n", len(data), data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			pool := ringbuf.NewPool(ringbuf.PoolOptions{})
			budget := &wiretest.Budget{Max: 64 << 20}
			var p Parser
			p.Init(NewLoop(pool, Limits{}), budget)
			data := x(1000)
			head, piece := frame(data)
			take := func(s string) Event { _, ev := p.Next([]byte(s)); return ev }
			if ev := take(head); ev != Head {
				t.Fatalf("event %d", ev)
			}
			if take(""); budget.Held != 0 {
				t.Fatalf("%d bytes charged before any came", budget.Held)
			}
			for i := 1; i <= 8000; i++ {
				if ev := take(piece); ev != More {
					t.Fatalf("piece %d: event %d", i, ev)
				}
				if max := 4*i*1000 + chargeFrom; budget.Held > max || i*1000 > 2*chargeFrom && budget.Held < i*1000 {
					t.Fatalf("%d bytes came, %d are charged", i*1000, budget.Held)
				}
			}
			if budget.Held != p.Charged() {
				t.Errorf("%d held, %d charged", budget.Held, p.Charged())
			}
			budget.Max = budget.Held
			var ev Event
			for i := 0; i < 10000 && ev == More; i++ {
				ev = take(piece)
			}
			if ev != Failed || p.Err() != ErrNoRoom || p.Request() == nil {
				t.Fatalf("event %d, %v", ev, p.Err())
			}
			if take("more"); budget.Held != 0 || pool.Stats().Outstanding != 0 {
				t.Errorf("%d bytes charged, %d buffers out", budget.Held, pool.Stats().Outstanding)
			}
		})
	}
}

// A body much longer than its pieces arrives whole.
func TestLongBodies(t *testing.T) {
	want := make([]byte, 5<<20)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	for name, in := range map[string][]byte{
		"length": append([]byte(post(fmt.Sprintf("Content-Length: %d\r\n", len(want)))), want...),
		"chunks": func() []byte {
			b := []byte(chunked)
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 7777)
				b = AppendChunk(b, rest[:n])
				rest = rest[n:]
			}
			return AppendLastChunk(b)
		}(),
	} {
		for _, size := range []int{1000, 64 << 10, len(in)} {
			pool := ringbuf.NewPool(ringbuf.PoolOptions{})
			var p Parser
			p.Init(NewLoop(pool, Limits{}), &wiretest.Budget{Max: 16 << 20})
			tr := trace{p: &p}
			for rest := in; len(rest) > 0; rest = rest[min(size, len(rest)):] {
				tr.feed(rest[:min(size, len(rest))])
			}
			if len(tr.got) != 2 || !bytes.Equal(tr.body, want) {
				t.Errorf("%s in pieces of %d: %d events, %d bytes", name, size, len(tr.got), len(tr.body))
			}
			if p.Stop(); pool.Stats().Outstanding != 0 {
				t.Errorf("%s: %d buffers out", name, pool.Stats().Outstanding)
			}
		}
	}
}
