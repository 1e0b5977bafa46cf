//go:build !race

package line

import (
	"bytes"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

func TestAllocs(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	var f Framer
	f.Init(pool, &wiretest.Budget{Max: 1 << 20}, 1<<20)
	one := append(bytes.Repeat([]byte("x"), 1000), '\n')
	many := bytes.Repeat(one, 16)
	for _, tc := range []struct {
		name string
		run  func()
	}{
		{"whole", func() { drainAll(t, &f, many, 16) }},
		{"split", func() { drainAll(t, &f, many[:500], 0); drainAll(t, &f, many[500:], 16) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.run()
			if n := testing.AllocsPerRun(200, tc.run); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func drainAll(t *testing.T, f *Framer, p []byte, want int) {
	got := 0
	for {
		_, n, ev := f.Next(p)
		p = p[n:]
		if ev == More {
			break
		}
		got++
	}
	if got != want {
		t.Fatalf("%d lines, want %d", got, want)
	}
}

func BenchmarkFramer(b *testing.B) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	one := append(bytes.Repeat([]byte("x"), 1001), '\n')
	for _, bc := range []struct {
		name string
		cut  int
	}{{"whole", 0}, {"split", 500}} {
		b.Run("msg=1KB/lines=16/cut="+bc.name, func(b *testing.B) {
			var f Framer
			f.Init(pool, nil, 1<<20)
			p := bytes.Repeat(one, 16)
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				for _, piece := range [][]byte{p[:bc.cut], p[bc.cut:]} {
					for {
						_, n, ev := f.Next(piece)
						piece = piece[n:]
						if ev == More {
							break
						}
					}
				}
			}
		})
	}
}
