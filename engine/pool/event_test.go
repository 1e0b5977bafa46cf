package pool

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
)

// Events come one after the other, in order; those that do not fit the queue while
// OnEvent blocks are lost, counted, and the pool goes on.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var told []EventKind
		p, f := newPool(t, PoolOptions{Size: 1, RetryMin: 1, Breaker: BreakerOptions{Failures: -1}, OnEvent: func(e Event) {
			if <-release; e.Time.IsZero() {
				t.Errorf("%+v", e)
			}
			told = append(told, e.Kind)
			if len(told) == 2 {
				panic("oh") // is contained
			}
		}})
		const n = 300
		for range n {
			checkin(t, checkout(t, p), errDown)
			synctest.Wait()
		}
		s := p.Snapshot()
		close(release)
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		nothing(t, p, f)
		// The first, or two, are being told; the queue has taken 256 then.
		if got, dropped := len(told), int(s.EventsDropped); got <= eventQueue || got > eventQueue+2 || got+dropped != 2*n {
			t.Errorf("told of %d, %d dropped, of %d", len(told), s.EventsDropped, 2*n)
		}
		for i, k := range told {
			if want := []EventKind{EventDialed, EventLost}[i%2]; k != want {
				t.Fatalf("event %d is %v: %v", i, k, told[:i+1])
			}
		}
		if names := []string{EventDialed.String(), EventInefficient.String(), EventKind(99).String()}; !slices.Equal(names, []string{"dialed", "inefficient", "unknown"}) {
			t.Error(names)
		}
	})
}
