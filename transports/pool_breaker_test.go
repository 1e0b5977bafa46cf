package transports

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/pool"
)

// What a moody server does with a call.
const (
	moodGood int32 = iota
	moodFails
	moodHangs
	moodFlaps
)

// A server that fails, hangs, or does so every other time opens the breaker; then
// borrowers are refused at once and the server is left alone, but for one call at
// a time, until it is well.
func TestDialPoolBreaker(t *testing.T) {
	var mood, inside, most atomic.Int32
	var calls atomic.Int64
	srv := mcp.NewServer(mcp.Options{Name: "moody", Version: "1"})
	srv.HandleTool(mcp.Tool{Name: "call", InputSchema: []byte(`{"type":"object"}`)}, mcp.Pooled, func(c *mcp.Call) error {
		n := calls.Add(1)
		defer inside.Add(-1)
		for now := inside.Add(1); ; {
			if was := most.Load(); now <= was || most.CompareAndSwap(was, now) {
				break
			}
		}
		switch m := mood.Load(); {
		case m == moodFails || m == moodFlaps && n%2 == 0:
			return &mcp.Error{Code: codec.CodeOverloaded, Message: "no"}
		case m == moodHangs:
			<-c.Context().Done()
			return context.Cause(c.Context())
		}
		return c.Reply().Text([]byte("yes"))
	})
	s, err := Listen(srv, Options{Loops: 1, Listeners: []Listener{{URL: "unix://" + socketPath(t)}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	nothingLeft(t)
	p, err := DialPool(testClient(""), s.Addrs()[0], DialOptions{}, pool.PoolOptions{Size: 8, Max: 8,
		Breaker: pool.BreakerOptions{Open: 60 * time.Millisecond, Trial: 20 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var served, failed, refused atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := p.Do(context.Background(), func(ctx context.Context, s *mcp.ClientSession) error {
					_, err := s.CallTool(ctx, "call", map[string]any{}, mcp.WithTimeout(30*time.Millisecond))
					return err
				})
				switch {
				case err == nil:
					served.Add(1)
				case errors.Is(err, pool.ErrBreakerOpen):
					refused.Add(1)
					time.Sleep(200 * time.Microsecond)
				default:
					failed.Add(1)
				}
			}
		})
	}
	state := func(want pool.BreakerState) func() bool {
		return func() bool { return p.Breaker().State() == want }
	}
	for _, m := range []int32{moodFails, moodHangs, moodFlaps} {
		mood.Store(moodGood)
		eventually(t, "the breaker closes", state(pool.BreakerClosed))
		at := served.Load()
		eventually(t, "calls are served", func() bool { return served.Load() > at+100 })
		opened := p.Breaker().Stats().Opened
		mood.Store(m)
		eventually(t, "the breaker opens", func() bool { return p.Breaker().Stats().Opened > opened })
		if m == moodFlaps {
			continue // it may close again any time
		}
		// What was under way when it opened ends; from then on it is one at a time.
		eventually(t, "calls from before have ended", func() bool { return inside.Load() <= 1 && p.Snapshot().Lent <= 1 })
		most.Store(0)
		trials, asked, told := p.Breaker().Stats().Trials, calls.Load(), refused.Load()
		eventually(t, "trials fail", func() bool { return p.Breaker().Stats().Trials >= trials+4 })
		if p.Breaker().State() == pool.BreakerClosed {
			t.Error("closed, and the server fails")
		}
		// A call that was given up may still be at the server when the next trial comes.
		if n := most.Load(); n > 2 {
			t.Errorf("mood %d: %d calls at once while it is not closed", m, n)
		}
		if n := calls.Load() - asked; n > int64(p.Breaker().Stats().Trials-trials)+1 {
			t.Errorf("mood %d: the server was asked %d times", m, n)
		}
		if refused.Load()-told < 20 {
			t.Errorf("mood %d: %d were refused", m, refused.Load()-told)
		}
	}
	mood.Store(moodGood)
	eventually(t, "the breaker closes", state(pool.BreakerClosed))
	close(stop)
	wg.Wait()
	if s := p.Snapshot(); s.Lost != 0 || s.DialFailures != 0 || failed.Load() == 0 {
		t.Errorf("no connection was at fault: lost %d, dials failed %d, calls failed %d", s.Lost, s.DialFailures, failed.Load())
	}
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
