package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fake is a connection to nowhere.
type fake struct {
	n       int // which one
	done    chan struct{}
	dieOnce sync.Once
	mute    atomic.Bool // does not answer pings
	lent    atomic.Int32
	closed  atomic.Bool
}

func (c *fake) die() { c.dieOnce.Do(func() { close(c.done) }) }

// fakes makes them, and counts.
type fakes struct {
	t          *testing.T
	mu         sync.Mutex
	all        []*fake
	open, peak int
	dialErr    error                       // of every dial, if set
	onDial     func(context.Context) error // before a dial is through
	dialing    int
	dialPeak   int
	dialTimes  []time.Time
	pings      atomic.Int64
}

var errDown = errors.New("fake: nobody there")

func (f *fakes) dialer() Dialer[*fake] {
	return Dialer[*fake]{
		Dial: func(ctx context.Context) (*fake, error) {
			f.mu.Lock()
			f.dialing++
			f.dialPeak = max(f.dialPeak, f.dialing)
			f.dialTimes = append(f.dialTimes, time.Now())
			onDial := f.onDial
			f.mu.Unlock()
			var err error
			if onDial != nil {
				err = onDial(ctx)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.dialing--
			if err == nil {
				err = f.dialErr
			}
			if err != nil {
				return nil, err
			}
			c := &fake{n: len(f.all), done: make(chan struct{})}
			f.all = append(f.all, c)
			f.open++
			f.peak = max(f.peak, f.open)
			return c, nil
		},
		Close: func(c *fake) error {
			if c.closed.Swap(true) {
				f.t.Errorf("connection %d closed twice", c.n)
			}
			f.mu.Lock()
			f.open--
			f.mu.Unlock()
			return nil
		},
		Ping: func(ctx context.Context, c *fake) error {
			f.pings.Add(1)
			if c.mute.Load() {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return nil
		},
		Done: func(c *fake) <-chan struct{} { return c.done },
	}
}

func (f *fakes) setDown(err error) {
	f.mu.Lock()
	f.dialErr = err
	f.mu.Unlock()
}

// setOnDial sets what happens in dials.
func (f *fakes) setOnDial(do func(context.Context) error) {
	f.mu.Lock()
	f.onDial = do
	f.mu.Unlock()
}

// counts returns how many connections are open, and were made.
func (f *fakes) counts() (open, made int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open, len(f.all)
}

func newPool(t *testing.T, o PoolOptions) (*Pool[*fake], *fakes) {
	t.Helper()
	f := &fakes{t: t}
	p, err := NewPool(f.dialer(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p, f
}

// closeAll closes a pool and finds nothing left.
func closeAll(t *testing.T, p *Pool[*fake], f *fakes) {
	t.Helper()
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	nothing(t, p, f)
}

// nothing is left of a closed pool.
func nothing(t *testing.T, p *Pool[*fake], f *fakes) {
	t.Helper()
	open, made := f.counts()
	s := p.Snapshot()
	if open != 0 || s.Open+s.Dead+s.Dialing+s.Closing+s.Busy+s.Lent+s.Waiting != 0 || int(s.Closed) != made {
		t.Errorf("after Close %d of %d connections are open; %+v", open, made, gauges(s))
	}
	if s.Checkouts != s.Checkins+s.Reclaimed {
		t.Errorf("%d leases given, %d checked in, %d taken back", s.Checkouts, s.Checkins, s.Reclaimed)
	}
	if s.Dials-s.DialFailures != uint64(made) {
		t.Errorf("%d dials, %d failures, but %d connections", s.Dials, s.DialFailures, made)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	free := 0
	for id := p.freeLease; id >= 0; id = p.leases[id].next {
		free++
	}
	if n := p.slots.in[slotFree].count(); free != len(p.leases) || n != p.o.Max || !p.slots.can.empty() || !p.slots.asked.empty() || p.slots.loads != 0 {
		t.Errorf("%d of %d leases are free, %d of %d slots", free, len(p.leases), n, p.o.Max)
	}
}

// gauges is a Snapshot without its histogram, for messages.
func gauges(s Snapshot) string {
	before, rest, _ := strings.Cut(fmt.Sprintf("%+v", s), "WaitTime:[")
	_, after, _ := strings.Cut(rest, "] ")
	return before + after
}

func checkout(t *testing.T, p *Pool[*fake]) Lease[*fake] {
	t.Helper()
	l, err := p.Checkout(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func checkin(t *testing.T, l Lease[*fake], err error) {
	t.Helper()
	if err := l.Checkin(err); err != nil {
		t.Error(err)
	}
}

// says checks what an error is and says.
func says(t *testing.T, err, is error, words ...string) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("error %v, want %v", err, is)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
