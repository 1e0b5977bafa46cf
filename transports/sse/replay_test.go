package sse

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
)

// text returns a Shared of s.
func text(pool *ringbuf.Pool, s string) *Shared {
	return NewShared(pool, append(pool.Get(len(s)), s...))
}

// since returns what Since finds, in words.
func since(r *Replay, now int64, seq uint64) string {
	c, err := r.Since(now, seq)
	if err != nil {
		return err.Error()
	}
	got := ""
	for {
		s, n, ok := c.Next()
		if !ok {
			return got
		}
		got += fmt.Sprintf("%d=%s ", n, s.Bytes())
	}
}

var tooOld, unknown, closed = ErrTooOld.Error(), ErrUnknownSeq.Error(), ErrClosed.Error()

// Each bound drops the oldest, and what is asked for is told apart: all of it,
// nothing new, too old, never given.
func TestReplayBounds(t *testing.T) {
	const second = int64(time.Second)
	for _, tc := range []struct {
		name  string
		o     ReplayOptions
		sizes []int // one event a second, from second 1 on
		now   int64 // seconds, of the questions
		want  map[uint64]string
		bytes int
	}{
		{"empty", ReplayOptions{}, nil, 9, map[uint64]string{0: "", 1: unknown, math.MaxUint64: unknown}, 0},
		{"all kept", ReplayOptions{}, []int{1, 1, 1}, 3, map[uint64]string{0: "1=a 2=b 3=c ", 1: "2=b 3=c ", 2: "3=c ", 3: "", 4: unknown}, 3 * 512},
		{"count", ReplayOptions{MaxEvents: 2}, []int{1, 1, 1, 1}, 4, map[uint64]string{0: tooOld, 1: tooOld, 2: "3=c 4=d ", 3: "4=d ", 4: "", 5: unknown}, 2 * 512},
		{"count of one", ReplayOptions{MaxEvents: 1}, []int{1, 1, 1}, 3, map[uint64]string{1: tooOld, 2: "3=c ", 3: "", 4: unknown}, 512},
		{"bytes", ReplayOptions{MaxBytes: 1024}, []int{1, 1, 1, 1}, 4, map[uint64]string{1: tooOld, 2: "3=c 4=d ", 4: ""}, 1024},
		{"bytes, one short", ReplayOptions{MaxBytes: 1023}, []int{1, 1, 1, 1}, 4, map[uint64]string{2: tooOld, 3: "4=d ", 4: ""}, 512},
		{"large ones drop several", ReplayOptions{MaxBytes: 2048}, []int{1, 1, 1, 1, 1000}, 5, map[uint64]string{1: tooOld, 2: "3=c 4=d 5=" + letters('e', 1000) + " ", 5: ""}, 2048},
		{"larger than all", ReplayOptions{MaxBytes: 1024}, []int{1, 1, 1025}, 3, map[uint64]string{0: tooOld, 1: tooOld, 2: tooOld, 3: "", 4: unknown}, 0},
		{"after larger than all", ReplayOptions{MaxBytes: 1024}, []int{1, 1025, 1}, 3, map[uint64]string{1: tooOld, 2: "3=c ", 3: ""}, 512},
		{"age", ReplayOptions{MaxAge: 2 * time.Second}, []int{1, 1, 1, 1}, 4, map[uint64]string{0: tooOld, 1: "2=b 3=c 4=d ", 4: ""}, 3 * 512},
		{"age later", ReplayOptions{MaxAge: 2 * time.Second}, []int{1, 1, 1, 1}, 6, map[uint64]string{2: tooOld, 3: "4=d ", 4: "", 5: unknown}, 512},
		{"all aged", ReplayOptions{MaxAge: 2 * time.Second}, []int{1, 1, 1, 1}, 7, map[uint64]string{0: tooOld, 3: tooOld, 4: "", 5: unknown}, 0},
		{"clock gone back", ReplayOptions{MaxAge: 2 * time.Second}, []int{1, 1}, -100, map[uint64]string{0: "1=a 2=b "}, 1024},
		{"below nothing is the default", ReplayOptions{-1, -1, -1}, []int{1}, 300, map[uint64]string{0: "1=a "}, 512},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pool := ringbuf.NewPool(ringbuf.PoolOptions{})
			var r Replay
			r.Init(tc.o)
			for i, n := range tc.sizes {
				if seq := r.Append(int64(i+1)*second, text(pool, letters('a'+byte(i), n))); seq != uint64(i+1) || r.Last() != seq {
					t.Errorf("event %d has number %d", i+1, seq)
				}
			}
			for seq, want := range tc.want {
				if got := since(&r, tc.now*second, seq); got != want {
					t.Errorf("since %d: %.60q, want %.60q", seq, got, want)
				}
			}
			if st := pool.Stats(); r.Bytes() != tc.bytes || st.Outstanding != int64(r.Len()) {
				t.Errorf("%d bytes of %d events, want %d; %d buffers", r.Bytes(), r.Len(), tc.bytes, st.Outstanding)
			}
			r.Close()
			if got := since(&r, tc.now*second, 0); got != closed || r.Bytes() != 0 || r.Len() != 0 {
				t.Errorf("closed: %q, %d bytes", got, r.Bytes())
			}
			r.Close()
			if seq := r.Append(0, text(pool, "late")); seq != 0 {
				t.Errorf("closed, and has number %d", seq)
			}
			if n := pool.Stats().Outstanding; n != 0 {
				t.Errorf("%d buffers not returned", n)
			}
		})
	}
}

func letters(c byte, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = c
	}
	return string(b)
}

// Any order of operations agrees with a plain slice, whatever wraps.
func TestReplayAgainstSlice(t *testing.T) {
	type kept struct {
		seq  uint64
		at   int64
		text string
		size int
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		pool := ringbuf.NewPool(ringbuf.PoolOptions{})
		o := ReplayOptions{MaxEvents: 1 + rng.IntN(20), MaxBytes: 512 * (1 + rng.IntN(20)), MaxAge: time.Duration(1 + rng.IntN(50))}
		var r Replay
		r.Init(o)
		var model []kept
		last, now := uint64(0), int64(0)
		trim := func() {
			sum := 0
			for _, k := range model {
				sum += k.size
			}
			for len(model) > 0 && (len(model) > o.MaxEvents || sum > o.MaxBytes || now-model[0].at > int64(o.MaxAge)) {
				sum -= model[0].size
				model = model[1:]
			}
		}
		for range 300 {
			now += int64(rng.IntN(4))
			switch rng.IntN(8) {
			case 0:
				now += int64(rng.IntN(60))
				r.Expire(now)
			case 1, 2:
				seq := uint64(rng.Int64N(int64(last) + 2))
				trim()
				want := ""
				switch {
				case seq > last:
					want = unknown
				case seq < last-uint64(len(model)):
					want = tooOld
				default:
					for _, k := range model {
						if k.seq > seq {
							want += fmt.Sprintf("%d=%s ", k.seq, k.text)
						}
					}
				}
				if got := since(&r, now, seq); got != want {
					t.Fatalf("%+v: since %d of %d: %q, want %q", o, seq, last, got, want)
				}
			default:
				last++
				k := kept{last, now, fmt.Sprint("e", last), ringbuf.MinBuffer << rng.IntN(3)}
				s := NewShared(pool, append(pool.Get(k.size), k.text...))
				if seq := r.Append(now, s); seq != last {
					t.Fatalf("number %d, want %d", seq, last)
				}
				model = append(model, k)
			}
			trim()
			r.Expire(now)
			sum := 0
			for _, k := range model {
				sum += k.size
			}
			if r.Len() != len(model) || r.Bytes() != sum || pool.Stats().Outstanding != int64(len(model)) {
				t.Fatalf("%+v: %d events, %d bytes, %d buffers; want %d, %d", o, r.Len(), r.Bytes(), pool.Stats().Outstanding, len(model), sum)
			}
		}
		r.Close()
		if n := pool.Stats().Outstanding; n != 0 {
			t.Fatalf("%d buffers not returned", n)
		}
	}
}

// One event to many rings is one buffer, which the last ring to drop it returns.
func TestReplayFanOut(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	rings := make([]Replay, 10_000)
	for i := range rings {
		rings[i].Init(ReplayOptions{MaxEvents: 4})
	}
	publish := func(now int64, data string) {
		s, err := (&Event{Data: []byte(data)}).Share(pool)
		if err != nil {
			t.Fatal(err)
		}
		s.Retain(len(rings) - 1)
		for i := range rings {
			rings[i].Append(now, s)
		}
	}
	for i := range 10 {
		publish(int64(i), "x")
		if n := pool.Stats().Outstanding; n != int64(min(i+1, 4)) {
			t.Fatalf("%d buffers after %d events", n, i+1)
		}
	}
	for i := range rings {
		if i%2 == 0 {
			rings[i].Expire(int64(time.Hour))
		} else {
			rings[i].Close()
		}
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// A publisher and a resuming stream under a session's lock: what was retained
// under the lock is read without it.
func TestReplayUnderLock(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	var mu sync.Mutex // protects r
	var r Replay
	r.Init(ReplayOptions{MaxEvents: 8})
	const events = 5000
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range events {
			s := text(pool, fmt.Sprint(i+1))
			mu.Lock()
			r.Append(int64(i), s)
			mu.Unlock()
		}
	})
	for range 2 {
		wg.Go(func() {
			for at := uint64(0); at < events; {
				mu.Lock()
				c, err := r.Since(events, at)
				if errors.Is(err, ErrTooOld) {
					at = r.Last() - uint64(r.Len())
				}
				var held [8]*Shared
				n := 0
				for s, _, ok := c.Next(); ok; s, _, ok = c.Next() {
					s.Retain(1)
					held[n] = s
					n++
				}
				mu.Unlock()
				for _, s := range held[:n] {
					at++
					if string(s.Bytes()) != fmt.Sprint(at) {
						t.Errorf("event %d is %q", at, s.Bytes())
					}
					s.Release()
				}
			}
		})
	}
	wg.Wait()
	r.Close()
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// A cursor over events that are gone does not return others.
func TestCursorTooLate(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	for name, change := range map[string]func(*Replay){
		"Append": func(r *Replay) { r.Append(0, text(pool, "d")); r.Append(0, text(pool, "e")) },
		"Expire": func(r *Replay) { r.Expire(math.MaxInt64) },
		"Since":  func(r *Replay) { _, _ = r.Since(math.MaxInt64, 0) },
		"Close":  (*Replay).Close,
	} {
		var r Replay
		r.Init(ReplayOptions{MaxEvents: 3})
		for _, s := range []string{"a", "b", "c"} {
			r.Append(0, text(pool, s))
		}
		c, err := r.Since(0, 0)
		if _, seq, ok := c.Next(); err != nil || seq != 1 || !ok {
			t.Fatal(seq, ok, err)
		}
		change(&r)
		if !panics(func() { c.Next() }) {
			t.Errorf("%s: not found", name)
		}
		r.Close()
	}
	if _, _, ok := new(Cursor).Next(); ok {
		t.Error("the zero Cursor has an event")
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// An empty Replay holds no slots to speak of.
func TestReplayIdle(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	var r Replay
	r.Init(ReplayOptions{})
	for range 100 {
		r.Append(0, text(pool, "a"))
	}
	r.Expire(int64(DefaultReplayAge))
	if r.Len() != 100 {
		t.Errorf("%d events at their age exactly", r.Len())
	}
	r.Expire(int64(DefaultReplayAge) + 1)
	if r.Len() != 0 || len(r.slots) > slotsMin || pool.Stats().Outstanding != 0 {
		t.Errorf("%d events, %d slots, %d buffers", r.Len(), len(r.slots), pool.Stats().Outstanding)
	}
	if got := since(&r, 0, 100); got != "" {
		t.Error(got)
	}
	if r.Append(0, text(pool, "b")); since(&r, 0, 100) != "101=b " {
		t.Error(since(&r, 0, 100))
	}
	if r.Append(int64(DefaultReplayAge)+1, text(pool, "c")); r.Len() != 1 {
		t.Errorf("%d events after one that came later than another may be old", r.Len())
	}
	r.Close()
}

func TestDefaults(t *testing.T) {
	if got, want := (ReplayOptions{}).withDefaults(), (ReplayOptions{DefaultReplayEvents, DefaultReplayBytes, DefaultReplayAge}); got != want {
		t.Errorf("%+v", got)
	}
	if got, want := (ReplayOptions{1, 2, 3}).withDefaults(), (ReplayOptions{1, 2, 3}); got != want {
		t.Errorf("%+v", got)
	}
	if got, want := (ReaderOptions{0, -1}).withDefaults(), (ReaderOptions{DefaultReaderData, DefaultReaderField}); got != want {
		t.Errorf("%+v", got)
	}
	if got, want := (ReaderOptions{1, 2}).withDefaults(), (ReaderOptions{1, 2}); got != want {
		t.Errorf("%+v", got)
	}
}
