//go:build !race

package pooling

import (
	"context"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/pool"
)

// What Line adds to an operation allocates nothing, so that Point.Allocs is about
// the pool.
func TestAllocsLine(t *testing.T) {
	c := Config{Target: demo(t), Text: 1024}
	p, err := pool.NewPool(c.lines(), pool.PoolOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	tl := newTally()
	op := func() {
		began := time.Now()
		l, err := p.Checkout(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Conn().call(began.Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := l.CheckinUsed(time.Since(began), nil); err != nil {
			t.Fatal(err)
		}
		tl.done(time.Since(began), 1, 1)
	}
	for range 10 {
		op()
	}
	// The server is in this process too: it allocates nothing either.
	if a := testing.AllocsPerRun(200, op); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// Nor does what Mux adds.
func TestAllocsMux(t *testing.T) {
	c := Config{Target: demo(t), Text: 1024}
	l, err := dialLine(context.Background(), c.Target, c.text(), 0)
	if err != nil {
		t.Fatal(err)
	}
	m := newMux(l)
	defer m.close()
	op := func() {
		if err := m.call(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 { // every place has its timer then
		op()
	}
	if a := testing.AllocsPerRun(200, op); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
