//go:build !race

package websocket

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
)

// workloads are what the gates and the benchmarks are about: each is fed in two
// pieces, cut at a byte, and has a number of messages.
var workloads = []struct {
	name   string
	in     string
	cut    int
	number int
	agreed Agreed
}{
	{"msg=64B/cut=none", frame(fin|fText, x(64)), 0, 1, Agreed{}},
	{"msg=1KB/cut=none", frame(fin|fText, x(1024)), 0, 1, Agreed{}},
	{"msg=1KB/cut=header", frame(fin|fText, x(1024)), 3, 1, Agreed{}},
	{"msg=1KB/cut=payload", frame(fin|fText, x(1024)), 500, 1, Agreed{}},
	{"msg=1KB_utf8/cut=none", frame(fin|fText, strings.Repeat("ä", 512)), 0, 1, Agreed{}},
	{"msg=1KB_utf8/cut=character", frame(fin|fText, strings.Repeat("ä", 512)), 509, 1, Agreed{}},
	{"msg=64KB/cut=none", frame(fin|fText, x(64<<10)), 0, 1, Agreed{}},
	{"msg=200KB/cut=payload", frame(fin|fText, x(200<<10)), 100 << 10, 1, Agreed{}},
	{"msg=16x1KB/cut=none", strings.Repeat(frame(fin|fText, x(1024)), 16), 0, 16, Agreed{}},
	{"msg=4x256B_fragments/cut=none", frame(fText, x(256)) + frame(fCont, x(256)) + frame(fCont, x(256)) + frame(fin|fCont, x(256)), 0, 1, Agreed{}},
	{"msg=ping_and_1KB/cut=ping", frame(fin|fPing, x(100)) + frame(fin|fText, x(1024)), 50, 1, Agreed{}},
	{"msg=1KB_deflated/cut=none", frame(fin|rsv1|fText, packed(jsonText(1024), 6)), 0, 1, Agreed{Deflate: true}},
	{"msg=1KB_deflated/cut=payload", frame(fin|rsv1|fText, packed(jsonText(1024), 6)), 100, 1, Agreed{Deflate: true}},
}

// drain feeds pieces and returns the number of messages.
func drain(p *Parser, pieces ...[]byte) (messages int) {
	for _, rest := range pieces {
		for {
			n, ev := p.Next(rest)
			rest = rest[n:]
			if ev == Message {
				messages++
			}
			if ev == More {
				break
			}
		}
	}
	return messages
}

func TestAllocs(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	server, client := NewLoop(pool, Options{}), NewLoop(pool, Options{Client: true})
	gate := func(name string, run func()) {
		t.Run(name, func(t *testing.T) {
			run()
			if n := testing.AllocsPerRun(200, run); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
	for _, w := range workloads {
		var p Parser
		p.Init(server, &meter{max: 1 << 30}, w.agreed)
		in, b := []byte(w.in), make([]byte, len(w.in))
		gate(w.name, func() {
			copy(b, in)
			if n := drain(&p, b[:w.cut], b[w.cut:]); n != w.number || p.Err() != nil {
				t.Fatalf("%d messages, want %d, %v", n, w.number, p.Err())
			}
		})
	}
	bytewise, b := []byte(frame(fText, x(100)+"ä")+frame(fin|fCont, "語")), make([]byte, 1)
	var p Parser
	p.Init(server, &meter{max: 1 << 30}, Agreed{})
	gate("byte by byte", func() {
		n := 0
		for _, c := range bytewise {
			b[0] = c
			n += drain(&p, b)
		}
		if n != 1 {
			t.Fatal(n, p.Err())
		}
	})
	var bad Parser
	refused := []byte(bare(fin|fText, "x"))
	gate("failed", func() {
		bad.Init(server, nil, Agreed{})
		bad.Next(refused)
		bad.Release()
	})
	out := pool.Get(64 << 10)
	text, long := []byte(x(1024)), []byte(x(70_000))
	for name, l := range map[string]*Loop{"server": server, "client": client} {
		gate(name+" sends", func() {
			out = l.AppendText(out[:0], text[:50], Agreed{})
			out = l.AppendText(out, text, Agreed{})
			out = l.AppendText(out, long, Agreed{})
			out = l.AppendPong(l.AppendPing(out, text[:10]), text[:20])
			out = l.AppendClose(out, CodeGoingAway, "the server shuts down")
		})
		gate(name+" sends compressed", func() { out = l.AppendText(out[:0], text, Agreed{Deflate: true}) })
	}
	q := parse(t, handshake("Sec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"))
	gate("handshake", func() {
		var why *Refusal
		if out, _, why = server.Accept(out[:0], q); why != nil {
			t.Fatal(why)
		}
	})
	pool.Put(out)
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

func BenchmarkParser(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			var p Parser
			p.Init(NewLoop(testPool(), Options{}), nil, w.agreed)
			in := maskedByZeros([]byte(w.in)) // so that the bytes are the same each time
			drain(&p, in[:w.cut], in[w.cut:]) // buffers get their size, and the inflater is made
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if drain(&p, in[:w.cut], in[w.cut:]) != w.number {
					b.Fatal(p.Err())
				}
			}
		})
	}
}

// maskedByZeros gives frames another key.
func maskedByZeros(in []byte) []byte {
	for rest := in; len(rest) > 0; {
		n := FrameLen(rest)
		size := 2
		switch rest[1] & bitsSize {
		case 126:
			size = 4
		case 127:
			size = 10
		}
		key := [4]byte(rest[size:])
		clear(rest[size : size+4])
		maskPlainly(rest[size+4:n], key, 0)
		rest = rest[n:]
	}
	return in
}

func BenchmarkSend(b *testing.B) {
	for _, n := range []int{64, 1024, 64 << 10} {
		for _, side := range []string{"server", "client"} {
			for _, deflate := range []bool{false, true} {
				if deflate && side == "client" {
					continue
				}
				b.Run(fmt.Sprintf("side=%s/bytes=%d/deflate=%v", side, n, deflate), func(b *testing.B) {
					l := NewLoop(testPool(), Options{Client: side == "client"})
					out, text := l.pool.Get(2*n), []byte(jsonText(n))
					out = l.AppendText(out, text, Agreed{Deflate: deflate})
					b.SetBytes(int64(n))
					b.ReportAllocs()
					for b.Loop() {
						out = l.AppendText(out[:0], text, Agreed{Deflate: deflate})
					}
				})
			}
		}
	}
}

func BenchmarkAccept(b *testing.B) {
	l := NewLoop(testPool(), Options{})
	q := parse(b, handshake("Sec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"))
	out := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		out, _, _ = l.Accept(out[:0], q)
	}
	if !bytes.HasPrefix(out, []byte("HTTP/1.1 101 ")) {
		b.Fatalf("%q", out)
	}
}
