//go:build invariants || race

package ringbuf

import (
	"strings"
	"testing"
)

// panics runs f, which must panic with a text that contains part.
func panics(t *testing.T, part string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		r := recover()
		if s, ok := r.(string); !ok || !strings.Contains(s, part) {
			t.Errorf("panic %v, want one with %q", r, part)
		}
	}()
	f()
}

func TestPoison(t *testing.T) {
	if !Poisoned {
		t.Fatal("this build does not poison")
	}
	p := NewPool(PoolOptions{})
	var c Cache
	c.Init(p)
	for _, tc := range []struct {
		name string
		get  func(int) []byte
		put  func([]byte)
	}{{"pool", p.Get, p.Put}, {"cache", c.Get, c.Put}} {
		t.Run(tc.name, func(t *testing.T) {
			b := append(tc.get(600), "secret"...)
			tc.put(b)
			if b[0] != poisonByte || b[:cap(b)][cap(b)-1] != poisonByte {
				t.Error("the bytes of a buffer that was given back are still there")
			}
			panics(t, "idle already", func() { tc.put(b) })
			again := tc.get(600)
			tc.put(again)
			again[:cap(again)][17] = 1 // by a holder that is late
			panics(t, "offset 17", func() { tc.get(600) })
		})
	}
}

func TestArenaPoison(t *testing.T) {
	a := NewArena(NewPool(PoolOptions{}), 0)
	b, _ := a.Alloc(10)
	copy(b, "0123456789")
	a.Reset()
	if b[0] != poisonByte {
		t.Error("memory of an arena lives on after Reset")
	}
}

func TestMailboxDoublePush(t *testing.T) {
	var m Mailbox[*parcel]
	p := newParcel(0, 0, false)
	m.Push(&p.item)
	panics(t, "in a mailbox already", func() { m.PushUrgent(&p.item) })
	m.Pop()
	m.PushUrgent(&p.item) // free again
}
