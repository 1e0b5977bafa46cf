//go:build !race

package sse

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
)

// TestAllocs holds the steady state to no allocation at all.
func TestAllocs(t *testing.T) {
	none := func(name string, op func()) {
		t.Run(name, func(t *testing.T) {
			if ringbuf.Poisoned && (name == "Shared" || name == "Replay") {
				t.Skip("a Shared is never used again in this build")
			}
			op()
			if n := testing.AllocsPerRun(200, op); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
		})
	}
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	stream, err := ParseStream([]byte("Kq3_x81PzZ5mMwq0bN7eHA"))
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 8<<10)
	var id [MaxIDBytes]byte
	data := bytes.Repeat([]byte("x"), 1000)
	broken := bytes.Repeat([]byte("line\r\n"), 200)

	none("Append", func() {
		e := Event{Name: []byte(NameMessage), ID: stream.AppendID(id[:0], 7), Retry: time.Second, Data: data}
		b, err := e.Append(dst)
		if err != nil || len(b) != e.Size() {
			t.Error(len(b), e.Size(), err)
		}
	})
	none("Append/lines", func() {
		e := Event{Data: broken}
		if b, err := e.Append(dst); err != nil || len(b) != e.Size() {
			t.Error(len(b), e.Size(), err)
		}
	})
	none("Append/refused", func() {
		e := Event{ID: broken}
		if _, err := e.Append(dst); err != ErrID {
			t.Error(err)
		}
	})
	none("Comment", func() { AppendComment(dst, data) })
	none("Retry", func() { AppendRetry(dst, time.Second) })
	none("Prime", func() {
		if b, err := AppendPrime(dst, "2025-11-25", stream.AppendID(id[:0], 0), time.Second); len(b) == 0 || err != nil {
			t.Error(err)
		}
	})
	none("ParseID", func() {
		if _, seq, err := ParseID(stream.AppendID(id[:0], 1<<60)); seq != 1<<60 || err != nil {
			t.Error(seq, err)
		}
		if _, _, err := ParseID(data); err != ErrIDTooLong {
			t.Error(err)
		}
	})
	none("Shared", func() {
		s, err := (&Event{Data: data}).Share(pool)
		if err != nil {
			t.Error(err)
			return
		}
		s.Retain(1)
		s.Release()
		s.Release()
	})
	var r Replay
	r.Init(ReplayOptions{MaxEvents: 32})
	now := int64(0)
	appendOne := func() uint64 {
		now++
		s, err := (&Event{Data: data}).Share(pool)
		if err != nil {
			t.Error(err)
		}
		return r.Append(now, s)
	}
	for range 100 {
		appendOne()
	}
	none("Replay", func() {
		c, err := r.Since(now, appendOne()-10)
		n := 0
		for s, seq, ok := c.Next(); ok; s, seq, ok = c.Next() {
			n++
			b := stream.AppendIDLine(dst, seq)
			_ = append(b, s.Bytes()...)
		}
		if n != 10 || err != nil {
			t.Error(n, err)
		}
		if _, err := r.Since(now, 0); err != ErrTooOld {
			t.Error(err)
		}
	})

	var rd Reader
	rd.Init(pool, ReaderOptions{MaxDataBytes: 4 << 10})
	var in []byte
	for i := range 16 {
		e := Event{Name: []byte(NameMessage), ID: strconv.AppendInt(id[:0], int64(1000+i), 10), Data: data}
		in, _ = e.Append(in)
	}
	in = AppendComment(in, []byte("ping"))
	none("Reader/whole", func() { readEvents(t, &rd, in, 16) })
	none("Reader/split", func() { readEvents(t, &rd, in[:500], 0); readEvents(t, &rd, in[500:], 16) })
	lines, _ := (&Event{Data: broken}).Append(nil)
	none("Reader/lines", func() { readEvents(t, &rd, lines, 1) })
	long, _ := (&Event{Data: bytes.Repeat(data, 5)}).Append(nil)
	none("Reader/too long", func() { readEvents(t, &rd, long, 0) })
}

// readEvents feeds p to r and counts its events.
func readEvents(tb testing.TB, r *Reader, p []byte, want int) {
	got := 0
	for {
		_, n, step := r.Next(p)
		p = p[n:]
		if step == More {
			break
		}
		if step == Dispatch {
			got++
		}
	}
	if got != want {
		tb.Fatalf("%d events, want %d", got, want)
	}
}
