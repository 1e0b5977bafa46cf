package sse

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
)

// panics reports whether f panics with words of this package.
func panics(f func()) (did bool) {
	defer func() {
		words, _ := recover().(string)
		did = strings.HasPrefix(words, "sse: ")
	}()
	f()
	return false
}

func TestShared(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	e := Event{Name: []byte("n"), Data: []byte("a\nb")}
	s, err := e.Share(pool)
	if err != nil {
		t.Fatal(err)
	}
	if s.Footprint() != ringbuf.MinBuffer {
		t.Errorf("footprint %d", s.Footprint())
	}
	s.Retain(2)
	s.Retain(0)
	for range 3 {
		if string(s.Bytes()) != "event: n\ndata: a\ndata: b\n\n" || pool.Stats().Outstanding != 1 {
			t.Fatalf("%q, %d buffers", s.Bytes(), pool.Stats().Outstanding)
		}
		s.Release()
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// Letting go twice is found, and with poisoned buffers any use after the last.
func TestSharedMisuse(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	dead := func() *Shared {
		s := &Shared{b: pool.Get(1), pool: pool} // not one that is used again
		s.refs.Store(1)
		s.Release()
		return s
	}
	for _, tc := range []struct {
		name string
		use  func(*Shared)
		sure bool // in every build
	}{
		{"Release", (*Shared).Release, true},
		{"Retain", func(s *Shared) { s.Retain(1) }, true},
		{"Retain many", func(s *Shared) { s.Retain(100) }, true},
		{"Bytes", func(s *Shared) { s.Bytes() }, false},
	} {
		if s := dead(); !panics(func() { tc.use(s) }) && (tc.sure || ringbuf.Poisoned) {
			t.Errorf("%s after the last reference is not found", tc.name)
		}
	}
	s := NewShared(pool, pool.Get(1))
	if !panics(func() { s.Retain(-1) }) {
		t.Error("Retain(-1) is not found")
	}
	s.Release()
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// Holders on many goroutines read one copy; the last returns it.
func TestSharedManyHolders(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	want := bytes.Repeat([]byte("x"), 5000)
	for range 50 {
		s := NewShared(pool, append(pool.Get(len(want)), want...))
		const holders = 8
		s.Retain(holders)
		var wg sync.WaitGroup
		for range holders {
			wg.Go(func() {
				for range 20 {
					s.Retain(1)
					if !bytes.Equal(s.Bytes(), want) {
						t.Error("other bytes")
					}
					s.Release()
				}
				s.Release()
			})
		}
		s.Release()
		wg.Wait()
	}
	if st := pool.Stats(); st.Outstanding != 0 || st.Gets != 50 {
		t.Errorf("%+v", st)
	}
}
