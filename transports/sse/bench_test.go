package sse

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
)

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{128, 1024, 16 << 10} {
		b.Run(fmt.Sprintf("data=%d", size), func(b *testing.B) {
			stream, _ := ParseStream([]byte("Kq3-x81PzZ5mMwq0bN7eHA"))
			var id [MaxIDBytes]byte
			e := Event{Name: []byte(NameMessage), Data: bytes.Repeat([]byte("x"), size)}
			dst := make([]byte, 0, size+256)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for seq := uint64(0); b.Loop(); seq++ {
				e.ID = stream.AppendID(id[:0], seq)
				if e.Size() > cap(dst) {
					b.Fatal("no room")
				}
				_, _ = e.Append(dst)
			}
		})
	}
}

func BenchmarkParseID(b *testing.B) {
	id := []byte("Kq3-x81PzZ5mMwq0bN7eHA_1234567")
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = ParseID(id)
	}
}

func BenchmarkReplayAppend(b *testing.B) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	e := Event{Name: []byte(NameMessage), Data: bytes.Repeat([]byte("x"), 1000)}
	var r Replay
	r.Init(ReplayOptions{})
	b.ReportAllocs()
	for range 10_000 { // the ring is full
		s, _ := e.Share(pool)
		r.Append(0, s)
	}
	for now := int64(0); b.Loop(); now++ {
		s, _ := e.Share(pool)
		r.Append(now, s)
	}
	r.Close()
}

func BenchmarkReplaySince(b *testing.B) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	e := Event{Data: bytes.Repeat([]byte("x"), 100)}
	var r Replay
	r.Init(ReplayOptions{})
	for range 1000 {
		s, _ := e.Share(pool)
		r.Append(0, s)
	}
	b.Run("events=100", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c, _ := r.Since(0, 900)
			for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
			}
		}
	})
	r.Close()
}

// One event to 10,000 streams, each of which drops one: a full ring.
func BenchmarkFanOut(b *testing.B) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	rings := make([]Replay, 1000)
	for i := range rings {
		rings[i].Init(ReplayOptions{MaxEvents: 16})
	}
	e := Event{Name: []byte(NameMessage), Data: bytes.Repeat([]byte("x"), 1000)}
	publish := func(now int64) {
		s, _ := e.Share(pool)
		s.Retain(len(rings) - 1)
		for i := range rings {
			rings[i].Append(now, s)
		}
	}
	for range 32 {
		publish(0)
	}
	b.Run("rings=1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			publish(0)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rings)), "ns/ring")
	})
	for i := range rings {
		rings[i].Close()
	}
	if n := pool.Stats().Outstanding; n != 0 {
		b.Errorf("%d buffers not returned", n)
	}
}

func BenchmarkReader(b *testing.B) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	e := Event{Name: []byte(NameMessage), ID: []byte("s_1"), Data: bytes.Repeat([]byte("x"), 1000)}
	var in []byte
	for range 16 {
		in, _ = e.Append(in)
	}
	for _, piece := range []int{len(in), 500} {
		b.Run(fmt.Sprintf("data=1000/events=16/piece=%d", piece), func(b *testing.B) {
			var r Reader
			r.Init(pool, ReaderOptions{})
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				for rest := in; len(rest) > 0; {
					p := rest[:min(piece, len(rest))]
					rest = rest[len(p):]
					for {
						_, n, step := r.Next(p)
						p = p[n:]
						if step == More {
							break
						}
					}
				}
			}
		})
	}
}
