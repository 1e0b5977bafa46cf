package pool

import (
	"sync"
	"time"
)

// Defaults of WorkersOptions.
const (
	DefaultWorkersMax = 512
	DefaultQueue      = 4096
	DefaultIdleAfter  = time.Second
)

// WorkersOptions sizes a Workers; the zero value is usable.
type WorkersOptions struct {
	// Min workers stay however long nothing comes. Zero: none.
	Min int
	// Max workers run at once. Zero: 512.
	Max int
	// Queue bounds the tasks that wait for a worker. Zero: 4,096.
	Queue int
	// IdleAfter is how long a worker above Min sleeps before it leaves. Zero: 1 s.
	IdleAfter time.Duration
}

// Workers runs tasks on a bounded number of goroutines. Tasks wait in a ring
// that workers take from; a worker that finds it empty sleeps, and the one that
// went to sleep last is woken first, its stack being the warmest. Workers are
// started when tasks wait and nobody sleeps, and leave when they have slept
// for IdleAfter.
//
// All methods are safe from any goroutine.
type Workers[T any] struct {
	run       func(T)
	min, max  int
	idleAfter time.Duration

	mu       sync.Mutex // protects all below
	ring     []T        // power of two
	head, n  int
	limit    int
	sleeping *worker // top of the stack
	workers  int
	waking   int // woken or started, not yet at the ring
	closed   bool
	done     sync.Cond // workers == 0
	stats    WorkersStats
}

// worker is one goroutine's place to sleep.
type worker struct {
	wake  chan struct{} // capacity 1
	next  *worker
	alive bool // on the stack of sleepers
}

// WorkersStats are counters.
type WorkersStats struct {
	Workers   int    // now
	Sleeping  int    // of these
	Queued    int    // tasks that wait
	Submitted uint64 // tasks taken
	Refused   uint64 // tasks refused, the queue being full or the pool closed
	Peak      int    // most workers at once
	Panics    uint64 // tasks that panicked, or called runtime.Goexit
}

// NewWorkers returns a pool that calls run for each task. It starts no
// goroutine until it is given a task.
func NewWorkers[T any](o WorkersOptions, run func(T)) *Workers[T] {
	if o.Max <= 0 {
		o.Max = DefaultWorkersMax
	}
	if o.Queue <= 0 {
		o.Queue = DefaultQueue
	}
	if o.IdleAfter <= 0 {
		o.IdleAfter = DefaultIdleAfter
	}
	size := 64
	for size < o.Queue && size < 1024 {
		size <<= 1
	}
	w := &Workers[T]{run: run, min: min(o.Min, o.Max), max: o.Max, limit: o.Queue, idleAfter: o.IdleAfter, ring: make([]T, size)}
	w.done.L = &w.mu
	return w
}

// Submit queues tasks, under one lock for all of them, and returns how many of
// them, from the front, had room. It never blocks and does not keep ts.
//
// Hot path: no allocation but for the goroutines it starts.
func (w *Workers[T]) Submit(ts []T) (accepted int) {
	w.mu.Lock()
	if w.closed {
		w.stats.Refused += uint64(len(ts))
		w.mu.Unlock()
		return 0
	}
	accepted = min(len(ts), w.limit-w.n)
	for w.n+accepted > len(w.ring) {
		w.grow()
	}
	mask := len(w.ring) - 1
	for i, t := range ts[:accepted] {
		w.ring[(w.head+w.n+i)&mask] = t
	}
	w.n += accepted
	w.stats.Submitted += uint64(accepted)
	w.stats.Refused += uint64(len(ts) - accepted)
	wake, start := w.rouse()
	w.mu.Unlock()
	if wake != nil {
		wake.wake <- struct{}{}
	}
	if start {
		go w.work()
	}
	return accepted
}

// rouse takes a sleeper off the stack, or decides to start a worker, if tasks
// wait that nobody is on the way to. Each worker that arrives calls it again,
// so that waking spreads over the CPUs as long as tasks wait, and no further.
// mu is held.
func (w *Workers[T]) rouse() (wake *worker, start bool) {
	if w.n == 0 || w.waking > 0 {
		return nil, false
	}
	if s := w.sleeping; s != nil {
		w.sleeping, s.next, s.alive = s.next, nil, false
		w.waking++
		return s, false
	}
	if w.workers < w.max {
		w.workers++
		w.stats.Peak = max(w.stats.Peak, w.workers)
		w.waking++
		return nil, true
	}
	return nil, false
}

// grow doubles the ring. mu is held.
func (w *Workers[T]) grow() {
	bigger := make([]T, 2*len(w.ring))
	for i := range w.n {
		bigger[i] = w.ring[(w.head+i)&(len(w.ring)-1)]
	}
	w.ring, w.head = bigger, 0
}

// work is the life of one worker.
func (w *Workers[T]) work() {
	me := &worker{wake: make(chan struct{}, 1)}
	var timer *time.Timer
	w.mu.Lock()
	w.waking--
	for {
		if w.n > 0 {
			t := w.ring[w.head]
			var zero T
			w.ring[w.head] = zero
			w.head = (w.head + 1) & (len(w.ring) - 1)
			w.n--
			wake, start := w.rouse()
			w.mu.Unlock()
			if wake != nil {
				wake.wake <- struct{}{}
			}
			if start {
				go w.work()
			}
			w.runOne(t)
			w.mu.Lock()
			continue
		}
		if w.closed {
			break
		}
		me.next, me.alive = w.sleeping, true
		w.sleeping = me
		w.mu.Unlock()
		if timer == nil {
			timer = time.NewTimer(w.idleAfter)
		} else {
			timer.Reset(w.idleAfter)
		}
		select {
		case <-me.wake:
			timer.Stop()
			w.mu.Lock()
			w.waking--
			continue
		case <-timer.C:
		}
		w.mu.Lock()
		if !me.alive { // woken at the same moment
			w.mu.Unlock()
			<-me.wake
			w.mu.Lock()
			w.waking--
			continue
		}
		w.unstack(me)
		if w.workers > w.min {
			break
		}
	}
	w.workers--
	if w.workers == 0 {
		w.done.Broadcast()
	}
	w.mu.Unlock()
}

// unstack takes a sleeper out of the stack. mu is held.
func (w *Workers[T]) unstack(me *worker) {
	for p := &w.sleeping; *p != nil; p = &(*p).next {
		if *p == me {
			*p, me.next, me.alive = me.next, nil, false
			return
		}
	}
}

// runOne runs a task; a panic in it is contained and counted. So is runtime.Goexit,
// which ends the worker: another goroutine takes its place.
func (w *Workers[T]) runOne(t T) {
	returned := false
	defer func() {
		if returned {
			return
		}
		exits := recover() == nil
		w.mu.Lock()
		w.stats.Panics++
		if exits {
			w.waking++
		}
		w.mu.Unlock()
		if exits {
			go w.work()
		}
	}()
	w.run(t)
	returned = true
}

// Stats returns the counters.
func (w *Workers[T]) Stats() WorkersStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Workers, s.Queued = w.workers, w.n
	for me := w.sleeping; me != nil; me = me.next {
		s.Sleeping++
	}
	return s
}

// Close takes no more tasks and returns when those queued have run. Idempotent.
func (w *Workers[T]) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for s := w.sleeping; s != nil; {
		next := s.next
		s.next, s.alive = nil, false
		w.waking++
		s.wake <- struct{}{}
		s = next
	}
	w.sleeping = nil
	for w.workers > 0 {
		w.done.Wait()
	}
}
