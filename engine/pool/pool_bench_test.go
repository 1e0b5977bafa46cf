package pool

import (
	"context"
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkPool is one checkout and checkin: of a pool that one goroutine uses,
// that as many use as there are CPUs, and that ten times as many want as it has.
func BenchmarkPool(b *testing.B) {
	ctx := context.Background()
	for _, o := range []PoolOptions{
		{Size: 10, Strategy: RoundRobin}, {Size: 100, Strategy: RoundRobin},
		{Size: 10, Strategy: LeastLoaded, PerConn: 8}, {Size: 100, Strategy: LeastLoaded, PerConn: 8},
		{Size: 10, Strategy: PowerOfTwo, PerConn: 8}, {Size: 100, Strategy: PowerOfTwo, PerConn: 8},
	} {
		o.Warm, o.HealthInterval = o.Size, -1
		name := fmt.Sprintf("%v/size=%d", o.Strategy, o.Size)
		open := func(b *testing.B) *Pool[int] {
			o := o
			o.WaitQueue = MaxWaitQueue
			p, err := NewPool(Dialer[int]{
				Dial:  func(context.Context) (int, error) { return 1, nil },
				Close: func(int) error { return nil },
			}, o)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = p.Close(ctx) })
			for p.Snapshot().Open < o.Size {
			}
			return p
		}
		once := func(b *testing.B, p *Pool[int]) {
			l, err := p.Checkout(ctx)
			if err == nil {
				err = l.Checkin(nil)
			}
			if err != nil {
				b.Error(err)
			}
		}
		b.Run(name+"/alone", func(b *testing.B) {
			p := open(b)
			b.ReportAllocs()
			for b.Loop() {
				once(b, p)
			}
		})
		b.Run(name+"/cpus", func(b *testing.B) {
			p := open(b)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					once(b, p)
				}
			})
		})
	}
	// Everybody has to wait for everybody: each checkin wakes the next.
	b.Run("queue", func(b *testing.B) {
		p, err := NewPool(Dialer[int]{
			Dial:  func(context.Context) (int, error) { return 1, nil },
			Close: func(int) error { return nil },
		}, PoolOptions{Size: 10, Max: 10, WaitQueue: MaxWaitQueue, HealthInterval: -1})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = p.Close(ctx) })
		b.SetParallelism(100)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				l, err := p.Checkout(ctx)
				if err != nil {
					b.Error(err)
					return
				}
				runtime.Gosched()
				if err := l.Checkin(nil); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
