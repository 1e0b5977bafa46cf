//go:build !race

package http1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// Requests as clients send them.
var (
	smallGet = get("/health") + "Host: localhost:7601\r\nUser-Agent: probe/1.0\r\nAccept: */*\r\n\r\n"

	fields = "Host: localhost:7601\r\nUser-Agent: node\r\nAccept: application/json, text/event-stream\r\n" +
		"Accept-Encoding: gzip, deflate\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n" +
		"Mcp-Session-Id: 0123456789abcdef0123456789abcdef\r\nMcp-Protocol-Version: 2025-11-25\r\n"
	onePost     = "POST /mcp HTTP/1.1\r\n" + fields + "Content-Length: 1024\r\n\r\n" + x(1024)
	chunkedPost = "POST /mcp HTTP/1.1\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n" +
		strings.Repeat("100\r\n"+x(256)+"\r\n", 4) + "0\r\n\r\n"
)

// drain feeds the pieces and returns the number of complete requests.
func drain(p *Parser, pieces ...[]byte) (done int) {
	for _, rest := range pieces {
		for {
			n, ev := p.Next(rest)
			rest = rest[n:]
			if ev == More {
				break
			}
			if ev == Done {
				done++
			}
		}
	}
	return done
}

// workloads are what the gates and the benchmarks are about.
var workloads = []struct {
	name   string
	in     string
	cut    int
	number int
}{
	{"msg=get/cut=none", smallGet, 0, 1},
	{"msg=get/cut=head", smallGet, 20, 1},
	{"msg=post_1KB/cut=none", onePost, 0, 1},
	{"msg=post_1KB/cut=head", onePost, 200, 1},
	{"msg=post_1KB/cut=body", onePost, 900, 1},
	{"msg=chunked_1KB/cut=none", chunkedPost, 0, 1},
	{"msg=chunked_1KB/cut=body", chunkedPost, 900, 1},
	{"msg=pipelined_16_gets/cut=none", strings.Repeat(smallGet, 16), 0, 16},
	{"msg=pipelined_16_posts/cut=none", strings.Repeat(onePost, 16), 0, 16},
}

func TestAllocs(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	loop := NewLoop(pool, Limits{})
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
		p.Init(loop, &wiretest.Budget{Max: 1 << 20})
		b := []byte(w.in)
		gate(w.name, func() {
			if n := drain(&p, b[:w.cut], b[w.cut:]); n != w.number {
				t.Fatalf("%d requests, want %d, %v", n, w.number, p.Err())
			}
		})
	}
	var bad Parser
	refused := []byte(get("/") + "\r\n")
	gate("refused", func() {
		bad.Init(loop, nil)
		bad.Next(refused)
		bad.Stop()
	})
	var big Parser
	big.Init(loop, &wiretest.Budget{Max: 1 << 20})
	head, piece := []byte(post("Content-Length: 200000\r\n")), bytes.Repeat([]byte("x"), 50000)
	gate("body of 200 KB in pieces", func() {
		if drain(&big, head, piece, piece, piece, piece) != 1 {
			t.Fatal(big.Err())
		}
	})
	var p Parser
	p.Init(loop, nil)
	in := []byte(onePost)
	p.Next(in)
	q := p.Request()
	gate("request view", func() {
		_, n := q.Header("mcp-session-id")
		for i := range q.Fields() {
			q.Field(i)
		}
		if n != 1 || len(q.Path()) == 0 || len(q.Host()) == 0 || q.HasBody() != true {
			t.Fatal(n)
		}
	})
	out := make([]byte, 0, 4096)
	body := []byte(x(1024))
	gate("response", func() {
		r := Response{Status: 200, Date: date, ContentType: "application/json"}
		r.For(q)
		r.Extra = AppendHeader(out[2048:2048], "Mcp-Session-Id", body[:32])
		r.AppendWhole(out, body)
	})
	gate("stream", func() {
		r := Response{Status: 200, Date: date, ContentType: "text/event-stream", Length: Stream}
		r.For(q)
		b, mark := OpenChunk(AppendChunk(r.AppendHead(out), body))
		AppendLastChunk(CloseChunk(append(b, "data: x\n\n"...), mark))
	})
	gate("error", func() { AppendError(AppendContinue(out), ErrHost, q, date) })
	p.Stop()
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers out", n)
	}
}

func BenchmarkParser(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			var p Parser
			p.Init(NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), Limits{}), nil)
			in := []byte(w.in)
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

func BenchmarkHeader(b *testing.B) {
	q := Request{}
	head, _, _ := strings.Cut(onePost, "xx")
	limits := Limits{}.withDefaults()
	if _, err := q.parse([]byte(head), &limits); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"Host", "Mcp-Protocol-Version", "Last-Event-Id"} {
		b.Run("name="+name, func(b *testing.B) {
			for b.Loop() {
				q.Header(name)
			}
		})
	}
}

func BenchmarkResponse(b *testing.B) {
	for _, size := range []int{128, 1024} {
		b.Run(fmt.Sprintf("whole/bytes=%d", size), func(b *testing.B) {
			out, body := make([]byte, 0, 4096), []byte(x(size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r := Response{Status: 200, Date: date, ContentType: "application/json"}
				r.AppendWhole(out, body)
			}
		})
	}
}
