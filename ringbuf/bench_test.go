package ringbuf

import (
	"runtime"
	"sync"
	"testing"
)

// BenchmarkBuffer lends and takes back one buffer of a kilobyte.
func BenchmarkBuffer(b *testing.B) {
	b.Run("impl=pool", func(b *testing.B) {
		p := NewPool(PoolOptions{})
		b.ReportAllocs()
		for b.Loop() {
			p.Put(p.Get(1000))
		}
	})
	b.Run("impl=cache", func(b *testing.B) {
		var c Cache
		c.Init(NewPool(PoolOptions{}))
		b.ReportAllocs()
		for b.Loop() {
			c.Put(c.Get(1000))
		}
	})
	b.Run("impl=syncpool", func(b *testing.B) {
		p := sync.Pool{New: func() any { s := make([]byte, 0, 1024); return &s }}
		b.ReportAllocs()
		for b.Loop() {
			p.Put(p.Get().(*[]byte))
		}
	})
	b.Run("impl=make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = make([]byte, 0, 1024)
		}
	})
}

var sink []byte

// BenchmarkArena lends 16 pieces and ends them.
func BenchmarkArena(b *testing.B) {
	a := NewArena(NewPool(PoolOptions{}), 0)
	b.ReportAllocs()
	for b.Loop() {
		for range 16 {
			a.Alloc(100)
		}
		a.Reset()
	}
}

// BenchmarkHandOver moves one item from producers to a consumer that yields
// when nothing is there; producers=0 does both on one goroutine.
func BenchmarkHandOver(b *testing.B) {
	b.Run("impl=mailbox/producers=0", func(b *testing.B) {
		var m Mailbox[*parcel]
		p := newParcel(0, 0, false)
		b.ReportAllocs()
		for b.Loop() {
			m.Push(&p.item)
			m.Pop()
		}
	})
	b.Run("impl=spsc/producers=0", func(b *testing.B) {
		q := NewSPSC[*parcel](1024)
		p := newParcel(0, 0, false)
		b.ReportAllocs()
		for b.Loop() {
			q.Push(p)
			q.Pop()
		}
	})
	b.Run("impl=channel/producers=0", func(b *testing.B) {
		q := make(chan *parcel, 1024)
		p := newParcel(0, 0, false)
		b.ReportAllocs()
		for b.Loop() {
			q <- p
			<-q
		}
	})
	for _, producers := range []int{1, 2, 4} {
		name := map[int]string{1: "1", 2: "2", 4: "4"}[producers]
		// Each producer has 256 objects, which come home as calls do.
		b.Run("impl=mailbox/producers="+name, func(b *testing.B) {
			var m Mailbox[*parcel]
			home := make([]*SPSC[*parcel], producers)
			for from := range home {
				home[from] = NewSPSC[*parcel](256)
				for range 256 {
					home[from].Push(newParcel(from, 0, false))
				}
			}
			b.ReportAllocs()
			each := b.N/producers + 1
			for from := range producers {
				go func() {
					for i := 0; i < each; {
						if p, ok := home[from].Pop(); ok {
							m.Push(&p.item)
							i++
						} else {
							runtime.Gosched()
						}
					}
				}()
			}
			for got := 0; got < each*producers; {
				if it := m.Pop(); it != nil {
					home[it.Value.from].Push(it.Value)
					got++
				} else {
					runtime.Gosched()
				}
			}
		})
		b.Run("impl=channel/producers="+name, func(b *testing.B) {
			q := make(chan *parcel, 256)
			p := newParcel(0, 0, false)
			b.ReportAllocs()
			each := b.N/producers + 1
			for range producers {
				go func() {
					for range each {
						q <- p
					}
				}()
			}
			for range each * producers {
				<-q
			}
		})
	}
}
