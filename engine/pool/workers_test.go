package pool

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// Every task that was taken runs once, from whatever goroutines they come, and
// never on more workers than allowed.
func TestEachTaskOnce(t *testing.T) {
	const submitters, each, most = 4, 5000, 6
	ran := make([]atomic.Int32, submitters*each)
	var running, peak atomic.Int32
	w := NewWorkers(WorkersOptions{Max: most, Queue: 256}, func(i int) {
		n := running.Add(1)
		for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
		}
		ran[i].Add(1)
		if i%16 == 0 {
			runtime.Gosched()
		}
		running.Add(-1)
	})
	var wg sync.WaitGroup
	for s := range submitters {
		wg.Go(func() {
			batch := make([]int, 0, 16)
			for i := 0; i < each; {
				batch = batch[:0]
				for k := i; k < min(i+16, each); k++ {
					batch = append(batch, s*each+k)
				}
				n := w.Submit(batch)
				if i += n; n < len(batch) {
					runtime.Gosched() // full: the rest again
				}
			}
		})
	}
	wg.Wait()
	w.Close()
	for i := range ran {
		if n := ran[i].Load(); n != 1 {
			t.Fatalf("task %d ran %d times", i, n)
		}
	}
	if p := peak.Load(); p > most || p < 1 {
		t.Errorf("%d tasks ran at once, %d workers are allowed", p, most)
	}
	if s := w.Stats(); s.Workers != 0 || s.Queued != 0 || s.Peak > most {
		t.Errorf("after Close: %+v", s)
	}
}

// Tasks that block do not keep others from starting, up to the bound; beyond
// it they wait, and beyond the queue they are refused.
func TestBounds(t *testing.T) {
	release := make(chan struct{})
	var started atomic.Int32
	w := NewWorkers(WorkersOptions{Max: 3, Queue: 4}, func(int) {
		started.Add(1)
		<-release
	})
	if n := w.Submit([]int{1, 2, 3}); n != 3 {
		t.Fatal("taken", n)
	}
	eventually(t, "three workers", func() bool { return started.Load() == 3 })
	if n := w.Submit([]int{4, 5, 6, 7, 8, 9}); n != 4 {
		t.Errorf("%d taken, the queue has room for 4", n)
	}
	if n := w.Submit([]int{9}); n != 0 {
		t.Errorf("%d taken by a full queue", n)
	}
	if s := w.Stats(); s.Workers != 3 || s.Queued != 4 || s.Refused < 3 {
		t.Errorf("full: %+v", s)
	}
	if started.Load() != 3 {
		t.Errorf("%d started", started.Load())
	}
	close(release)
	w.Close()
	if started.Load() != 7 {
		t.Errorf("%d ran, want 7", started.Load())
	}
	if n := w.Submit([]int{1}); n != 0 {
		t.Error("a closed pool takes tasks")
	}
	w.Close() // again
}

// Workers that have nothing to do leave, down to the minimum.
func TestIdleWorkersLeave(t *testing.T) {
	release := make(chan struct{})
	w := NewWorkers(WorkersOptions{Min: 1, Max: 8, Queue: 64, IdleAfter: 20 * time.Millisecond}, func(int) { <-release })
	w.Submit(make([]int, 8))
	eventually(t, "eight workers", func() bool { return w.Stats().Workers == 8 })
	close(release)
	eventually(t, "one worker left", func() bool { return w.Stats().Workers == 1 })
	time.Sleep(60 * time.Millisecond)
	if s := w.Stats(); s.Workers != 1 || s.Sleeping != 1 || s.Peak != 8 {
		t.Errorf("%+v", s)
	}
	w.Close()
}

// A panic in a task ends the task, not its worker.
func TestPanicContained(t *testing.T) {
	var ran atomic.Int32
	w := NewWorkers(WorkersOptions{Max: 1, Queue: 64}, func(i int) {
		if i == 0 {
			panic("boom")
		}
		ran.Add(1)
	})
	w.Submit([]int{0, 1, 0, 2})
	w.Close()
	if s := w.Stats(); ran.Load() != 2 || s.Panics != 2 {
		t.Errorf("%d ran, %+v", ran.Load(), s)
	}
}

// A lull and a flood, again and again: no task is forgotten by sleepers.
func TestNoLostWake(t *testing.T) {
	var ran atomic.Int64
	w := NewWorkers(WorkersOptions{Max: 4, Queue: 1024, IdleAfter: time.Millisecond}, func(int) { ran.Add(1) })
	defer w.Close()
	total := int64(0)
	for round := range 300 {
		n := 1 + round%40
		total += int64(n)
		if w.Submit(make([]int, n)) != n {
			t.Fatal("refused")
		}
		eventually(t, "all ran", func() bool { return ran.Load() == total })
	}
}

// BenchmarkSubmit: flood keeps the queue filled, turn waits for each task.
func BenchmarkSubmit(b *testing.B) {
	for _, batch := range []int{1, 64} {
		b.Run(map[int]string{1: "impl=workers/how=turn", 64: "impl=workers/how=flood"}[batch], func(b *testing.B) {
			done := make(chan struct{}, 64)
			w := NewWorkers(WorkersOptions{Max: 32, Queue: 256}, func(struct{}) { done <- struct{}{} })
			defer w.Close()
			tasks := make([]struct{}, batch)
			b.ReportAllocs()
			for i := 0; i < b.N; i += batch {
				w.Submit(tasks)
				for range batch {
					<-done
				}
			}
		})
		b.Run(map[int]string{1: "impl=channel/how=turn", 64: "impl=channel/how=flood"}[batch], func(b *testing.B) {
			done := make(chan struct{}, 64)
			tasks := make(chan struct{}, 256)
			for range 32 {
				go func() {
					for range tasks {
						done <- struct{}{}
					}
				}()
			}
			defer close(tasks)
			b.ReportAllocs()
			for i := 0; i < b.N; i += batch {
				for range batch {
					tasks <- struct{}{}
				}
				for range batch {
					<-done
				}
			}
		})
		b.Run(map[int]string{1: "impl=goroutine/how=turn", 64: "impl=goroutine/how=flood"}[batch], func(b *testing.B) {
			done := make(chan struct{}, 64)
			b.ReportAllocs()
			for i := 0; i < b.N; i += batch {
				for range batch {
					go func() { done <- struct{}{} }()
				}
				for range batch {
					<-done
				}
			}
		})
	}
}

// A task that ends its goroutine, as a failing test does, costs no worker, and Close
// does not wait for one that is gone.
func TestWorkersGoexit(t *testing.T) {
	var ran atomic.Int32
	w := NewWorkers(WorkersOptions{Max: 2}, func(n int) {
		ran.Add(1)
		if n%2 == 0 {
			runtime.Goexit()
		}
	})
	for n := range 100 {
		for w.Submit([]int{n}) == 0 {
			runtime.Gosched()
		}
	}
	w.Close()
	if s := w.Stats(); ran.Load() != 100 || s.Panics != 50 || s.Workers != 0 || s.Peak > 2 {
		t.Errorf("%d ran; %+v", ran.Load(), s)
	}
}
