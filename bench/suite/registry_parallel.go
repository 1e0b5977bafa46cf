package suite

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// parallelTurns is how often one goroutine and all of them take turns: long enough
// each that it does not matter when the last one was woken.
const parallelTurns = 20

// A scaling is what one goroutine and several did, turn by turn.
type scaling struct {
	one, all []float64 // operations a second
	scaling  []float64 // all by one, of one turn
	times    *timing   // of all, in batches
}

// parallel has the first of bodies called alone and all of them at a time, in turns
// within d. What else the machine does falls on some turns, and on both sides.
func parallel(e *Env, d time.Duration, bodies []func() error) (*scaling, error) {
	s := &scaling{times: newTiming(batch)}
	d /= 2 * (parallelTurns + 1)
	for turn := range parallelTurns + 1 {
		alone, err := together(bodies[:1], d, batch)
		if err != nil {
			return nil, err
		}
		crowd, err := together(bodies, d, batch)
		if err != nil {
			return nil, err
		}
		if err := e.Context.Err(); err != nil {
			return nil, err
		}
		if turn == 0 { // which warms up
			continue
		}
		s.one, s.all, s.scaling = append(s.one, alone.rate), append(s.all, crowd.rate), append(s.scaling, crowd.rate/alone.rate)
		s.times.times.Merge(crowd.times)
	}
	return s, nil
}

// A crowd is what several goroutines did at a time.
type crowd struct {
	rate  float64                 // operations a second, of all
	times *hdrhistogram.Histogram // ns, of each batch
}

// together has each body called by a goroutine of its own for d, from one moment on.
// A call is each operations. The rate is that of the goroutines added up, each by its
// own time.
func together(bodies []func() error, d time.Duration, each int) (*crowd, error) {
	var (
		wait  sync.WaitGroup
		lock  sync.Mutex
		first error
		c     = &crowd{times: newTiming(each).times}
		start = make(chan struct{})
	)
	for _, body := range bodies {
		t := newTiming(each)
		wait.Go(func() {
			<-start
			begin := now()
			last := begin
			var err error
			for last-begin < int64(d) && err == nil {
				err = body()
				at := now()
				t.record(at - last)
				last = at
			}
			t.ns = last - begin
			lock.Lock()
			defer lock.Unlock()
			if first == nil {
				first = err
			}
			c.rate += t.rate()
			c.times.Merge(t.times)
		})
	}
	close(start)
	wait.Wait()
	return c, first
}
