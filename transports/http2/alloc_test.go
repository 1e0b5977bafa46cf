//go:build !race

package http2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/ringbuf"
)

// script writes a client's requests, as an encoder with a table does: the first
// of a connection says the fields, later ones point at them. Numbers are filled
// in by renumber.
func script(n int, body string) (first, later string) {
	var out bytes.Buffer
	enc := hpack.NewEncoder(&out)
	for i := range 2 {
		for _, f := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":authority", "localhost:7601"}, {":path", "/mcp"},
			{"accept", "application/json, text/event-stream"}, {"content-type", "application/json"}, {"user-agent", "node"},
			{"mcp-protocol-version", "2025-11-25"}, {"mcp-session-id", "0123456789abcdef0123456789abcdef"}, {"content-length", fmt.Sprint(len(body))},
		} {
			if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
				panic(err)
			}
		}
		s := headers(1, whole, out.String()) + data(1, end, body)
		if i == 0 {
			first = s
		} else {
			later = strings.Repeat(s, n)
		}
		out.Reset()
	}
	return first, later
}

// scripted feeds a connection with the same requests over and over.
type scripted struct {
	c       *Conn
	in      []byte
	next    uint32
	answer  []byte
	served  int
	fallout []byte
}

func newScripted(l *Loop, first, later, answer string) *scripted {
	s := &scripted{c: l.Open(nil), next: 1, answer: []byte(answer)}
	s.run([]byte(hello+first), 0)
	s.in = []byte(later)
	return s
}

// renumber gives each HEADERS a new stream, and what follows it the same.
func (s *scripted) renumber(in []byte) {
	for len(in) > 0 {
		n := int(in[0])<<16 | int(in[1])<<8 | int(in[2])
		switch frameType(in[3]) {
		case frameHeaders:
			s.next += 2
			fallthrough
		case frameData:
			in[5], in[6], in[7], in[8] = byte(s.next>>24), byte(s.next>>16), byte(s.next>>8), byte(s.next)
		}
		in = in[frameHead+n:]
	}
}

// run feeds in, in two pieces if cut is not 0, and answers all requests.
func (s *scripted) run(in []byte, cut int) {
	for _, rest := range [2][]byte{in[:cut], in[cut:]} {
		for {
			n, ev := s.c.Next(rest, 1)
			rest = rest[n:]
			if ev == More {
				break
			}
			if ev != Done {
				continue
			}
			st := s.c.Stream()
			r := Response{Status: 200, ContentType: "application/json", Length: int64(len(s.answer))}
			s.c.SendHead(st, &r, false)
			s.c.SendData(st, s.answer, true)
			s.c.Release(st)
			s.served++
		}
		s.fallout = s.c.AppendOutput(s.fallout[:0])
	}
	// The peer reads: its windows stay open.
	s.c.send = maxWindow
}

// again feeds the requests once more.
func (s *scripted) again(cut int) {
	if s.next > maxStreamID-1000 {
		panic("out of numbers")
	}
	s.renumber(s.in)
	s.run(s.in, cut)
}

// workloads are what the gates and the benchmarks are about.
var workloads = []struct {
	name   string
	body   int
	answer int
	number int
	cut    int
}{
	{"post=300B/answer=300B/cut=none", 300, 300, 1, 0},
	{"post=300B/answer=300B/cut=head", 300, 300, 1, 15},
	{"post=300B/answer=300B/cut=body", 300, 300, 1, 100},
	{"post=300B/answer=300B/streams=16", 300, 300, 16, 0},
	{"post=12KB/answer=12KB/cut=none", 12 << 10, 12 << 10, 1, 0},
}

func TestAllocs(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	loop := NewLoop(pool, Limits{})
	gate := func(name string, run func()) {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				run()
			}
			if n := testing.AllocsPerRun(200, run); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
	for _, w := range workloads {
		first, later := script(w.number, x(w.body))
		s := newScripted(loop, first, later, x(w.answer))
		gate(w.name, func() { s.again(w.cut) })
		if s.served < 100*w.number {
			t.Errorf("%s: %d requests served", w.name, s.served)
		}
		s.c.Close()
	}
	// Literals, packed ones among them, that the table keeps and throws out again.
	var blocks [8][]byte
	var out bytes.Buffer
	enc := hpack.NewEncoder(&out)
	for i := range blocks {
		for k := range 8 {
			_ = enc.WriteField(hpack.HeaderField{Name: fmt.Sprintf("x-%d-%d", i, k), Value: strings.Repeat("value", 10)})
		}
		blocks[i] = bytes.Clone(out.Bytes())
		out.Reset()
	}
	var d decoder
	d.init(loop)
	gate("literals", func() {
		r := loop.requests.take()
		for _, b := range blocks {
			r.begin(&loop.limits, false)
			if !d.decode(b, r) || r.err != nil {
				t.Fatal(r.err)
			}
		}
		r.release(loop)
		loop.requests.put(r, idleRequests)
	})
	gate("a connection", func() {
		c := loop.Open(nil)
		c.Next(helloBytes, 1)
		c.AppendOutput(scratch[:0])
		c.Close()
	})
	gate("a request refused", func() {
		c := loop.Open(nil)
		c.Next(helloBytes, 1)
		c.Next(refusedBytes, 1)
		c.AppendOutput(scratch[:0])
		c.Close()
	})
	s := newScripted(loop, get(1), "", "")
	var st *Stream
	c := s.c
	for in := []byte(get(9)); ; {
		n, ev := c.Next(in, 1)
		if in = in[n:]; ev == Done {
			st = c.Stream()
			break
		}
	}
	c.SendHead(st, &Response{Status: 200, ContentType: "text/event-stream", Length: StreamLength}, false)
	event := []byte("event: message\ndata: {}\n\n")
	gate("an event", func() {
		c.SendData(st, event, false)
		c.AppendOutput(scratch[:0])
		c.send, st.send = maxWindow, maxWindow
	})
	gate("windows", func() {
		st.send = 10
		c.SendData(st, event, false)
		c.Next(widen, 1)
		if c.Writable() != st || c.SendData(st, event[10:], false) != len(event)-10 {
			t.Fatal("not writable")
		}
		c.AppendOutput(scratch[:0])
		c.send = maxWindow
	})
	gate("ping", func() {
		c.Next(ping, 1)
		c.rates = rates{}
		c.AppendOutput(scratch[:0])
	})
	c.Release(st)
	c.Close()
	d.table.release(pool)
	loop.Close()
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers out", n)
	}
}

var (
	scratch      = make([]byte, 0, 64<<10)
	helloBytes   = []byte(hello)
	refusedBytes = []byte(headers(1, endHead, block("x", "y")))
	widen        = []byte(window(9, 1000))
	ping         = []byte(frame(framePing, 0, 0, "12345678"))
)

// BenchmarkConn is requests and their answers, in and out of a connection.
func BenchmarkConn(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			first, later := script(w.number, x(w.body))
			s := newScripted(NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), Limits{}), first, later, x(w.answer))
			for range 20 { // buffers and objects come to be
				s.again(w.cut)
			}
			s.served = 0
			b.SetBytes(int64(len(later)))
			b.ReportAllocs()
			for b.Loop() {
				s.again(w.cut)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.served), "ns/request")
		})
	}
}

// BenchmarkDecode is the header block of a request.
func BenchmarkDecode(b *testing.B) {
	first, later := script(1, "")
	for _, bc := range []struct{ name, frame string }{{"fields=literal", first}, {"fields=indexed", later}} {
		b.Run(bc.name, func(b *testing.B) {
			loop := NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), Limits{})
			var d decoder
			d.init(loop)
			var r Request
			r.begin(&loop.limits, false)
			payload := func(f string) []byte { return []byte(f[frameHead : frameHead+int(f[1])<<8+int(f[2])]) }
			if !d.decode(payload(first), &r) {
				b.Fatal("no block")
			}
			in := payload(bc.frame)
			b.ReportAllocs()
			for b.Loop() {
				r.begin(&loop.limits, false)
				if !d.decode(in, &r) {
					b.Fatal("no block")
				}
			}
		})
	}
}

// BenchmarkHuffman compares with x/net, which has a string made.
func BenchmarkHuffman(b *testing.B) {
	in := hpack.AppendHuffmanString(nil, "application/json, text/event-stream")
	b.Run("impl=ours", func(b *testing.B) {
		dst := make([]byte, 0, 100)
		for b.Loop() {
			if _, ok := appendHuffman(dst, in); !ok {
				b.Fatal("not ok")
			}
		}
	})
	b.Run("impl=general", func(b *testing.B) {
		for b.Loop() {
			if _, err := hpack.HuffmanDecodeToString(in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkResponse is the head of a response.
func BenchmarkResponse(b *testing.B) {
	r := Response{Status: 200, Date: []byte("Thu, 05 Nov 2026 01:02:03 GMT"), ContentType: "application/json", Length: 300}
	for _, extra := range []string{"", "Mcp-Session-Id: 0123456789abcdef0123456789abcdef\r\n"} {
		b.Run(fmt.Sprintf("extra=%dB", len(extra)), func(b *testing.B) {
			dst := make([]byte, 0, 512)
			r.Extra = []byte(extra)
			b.ReportAllocs()
			for b.Loop() {
				dst = r.AppendBlock(dst[:0])
			}
		})
	}
}
