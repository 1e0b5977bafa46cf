package engine

import (
	"math/rand/v2"
	"testing"
)

// Every timer fires exactly at its tick, whatever was armed, re-armed and
// disarmed in between, and however far the wheel is moved at a time.
func TestWheelAgainstModel(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var w wheel
		w.now = rng.Int64N(1 << 30)
		timers := make([]timer, 300)
		due := make(map[*timer]int64)
		check := func(to int64) {
			for tm, at := range due {
				if at <= to {
					t.Fatalf("seed %d: timer due at %d did not fire by %d", seed, at, to)
				}
				_ = tm
			}
		}
		for range 2000 {
			switch rng.IntN(4) {
			case 0, 1:
				tm := &timers[rng.IntN(len(timers))]
				spans := []int64{2, 70, 5000, 300_000, wheelSpan + 1000, 3 * wheelSpan}
				at := w.now + rng.Int64N(spans[rng.IntN(len(spans))])
				w.arm(tm, at)
				due[tm] = max(at, w.now+1)
			case 2:
				tm := &timers[rng.IntN(len(timers))]
				w.disarm(tm)
				delete(due, tm)
			case 3:
				steps := []int64{1, 1, 10, 100, 5000, 500_000}
				to := w.now + rng.Int64N(steps[rng.IntN(len(steps))]+1)
				w.advance(to, func(tm *timer) {
					at, ok := due[tm]
					if !ok {
						t.Fatalf("seed %d: a disarmed timer fired", seed)
					}
					if at != w.now {
						t.Fatalf("seed %d: timer due at %d fired at %d", seed, at, w.now)
					}
					delete(due, tm)
				})
				check(to)
				if next, ok := w.nextTick(); ok != (len(due) > 0) || ok && next <= w.now {
					t.Fatalf("seed %d: nextTick says %d, %v at %d with %d armed", seed, next, ok, w.now, len(due))
				}
			}
			if w.armed != len(due) {
				t.Fatalf("seed %d: %d armed, model has %d", seed, w.armed, len(due))
			}
		}
		w.advance(w.now+4*wheelSpan, func(tm *timer) { delete(due, tm) })
		if len(due) > 0 || w.armed != 0 {
			t.Fatalf("seed %d: %d timers never fired", seed, len(due))
		}
		for l, m := range w.maps {
			if m != 0 {
				t.Fatalf("seed %d: level %d still has map %x", seed, l, m)
			}
		}
	}
}

// A timer may arm itself and disarm others while it fires.
func TestWheelFireRearms(t *testing.T) {
	var w wheel
	var a, b timer
	w.arm(&a, 5)
	w.arm(&b, 5)
	fired := 0
	w.advance(20, func(tm *timer) {
		fired++
		if tm == &a {
			w.disarm(&b)
			if fired < 3 {
				w.arm(&a, w.now+4)
			}
		}
	})
	if fired != 3 || w.armed != 0 {
		t.Fatalf("fired %d times, %d armed", fired, w.armed)
	}
}

func BenchmarkWheel(b *testing.B) {
	b.Run("op=armStop/inflight=64", func(b *testing.B) {
		var w wheel
		timers := make([]timer, 64)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			t := &timers[i&63]
			w.arm(t, w.now+60_000)
			w.disarm(t)
			i++
		}
	})
	b.Run("op=rearm/armed=50000", func(b *testing.B) {
		var w wheel
		timers := make([]timer, 50_000)
		for i := range timers {
			w.arm(&timers[i], int64(30_000+i%1000))
		}
		b.ReportAllocs()
		i := uint32(0)
		for b.Loop() {
			i = i*1664525 + 1013904223
			w.arm(&timers[i%50_000], w.now+30_000)
		}
	})
	b.Run("op=tick/armed=50000", func(b *testing.B) {
		var w wheel
		timers := make([]timer, 50_000)
		for i := range timers {
			w.arm(&timers[i], int64(1+i%30_000))
		}
		b.ReportAllocs()
		for b.Loop() {
			w.advance(w.now+1, func(t *timer) { w.arm(t, w.now+30_000) })
		}
	})
}
