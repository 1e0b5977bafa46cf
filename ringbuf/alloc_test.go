//go:build !race

package ringbuf

import "testing"

// TestAllocs holds the steady state to no allocation at all.
func TestAllocs(t *testing.T) {
	none := func(name string, op func()) {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, op); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
		})
	}
	p := NewPool(PoolOptions{})
	none("Pool", func() {
		for _, n := range []int{1, 1000, 70_000, MaxBuffer} {
			p.Put(p.Get(n))
		}
	})
	none("Pool/Grow", func() {
		b := p.Get(100)
		for range 5 {
			b = p.Grow(b[:cap(b)], 1)
		}
		p.Put(b)
	})
	var c Cache
	c.Init(p)
	none("Cache", func() {
		x, y := c.Get(1000), c.Get(1000)
		c.Put(x)
		c.Put(y)
	})
	a := NewArena(p, 0)
	none("Arena", func() {
		for range 100 {
			a.Alloc(300) // beyond the first chunk
		}
		a.Reset()
	})
	g := NewRing(make([]byte, 1000))
	in, out := make([]byte, 700), make([]byte, 700)
	none("Ring", func() {
		if n, err := g.Write(in); n != 700 || err != nil {
			t.Error(n, err)
		}
		if g.Read(out) != 700 {
			t.Error("short read")
		}
	})
	none("Ring/full", func() {
		_, _ = g.Write(in)
		if _, err := g.Write(in); err != ErrFull {
			t.Error(err)
		}
		g.Reset()
	})
	var m Mailbox[*parcel]
	normal, urgent := newParcel(0, 0, false), newParcel(0, 0, true)
	none("Mailbox", func() {
		m.Sleep()
		if !m.Push(&normal.item) || m.PushUrgent(&urgent.item) {
			t.Error("not one wake")
		}
		if m.Pop().Value != urgent || m.Pop().Value != normal {
			t.Error("wrong order")
		}
	})
	q := NewSPSC[*parcel](8)
	vs := make([]*parcel, 8)
	none("SPSC", func() {
		q.Push(normal)
		q.PushN(vs[:3])
		q.Pop()
		if q.PopN(vs[3:]) != 3 {
			t.Error("elements lost")
		}
	})
}
