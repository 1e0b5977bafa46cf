package transports

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// turns is the driver of an engine's loop that has no goroutine of its own.
// While the one that reads waits for input, output of others must go out all
// the same: whoever holds mu owns the loop, the reader for the time between two
// reads, or the goroutine that wakes it. A goroutine that finds mu taken leaves
// a note, which the owner reads after it has unlocked, so that no wake-up is
// lost.
type turns struct {
	mu    sync.Mutex
	noted atomic.Bool // somebody wants a turn
	loop  *engine.Loop
	timer *time.Timer
}

// drive adds a loop to e.
func (t *turns) drive(e *engine.Engine) {
	t.timer = time.AfterFunc(time.Hour, t.Wake)
	t.timer.Stop()
	t.loop = e.NewLoop(t)
}

// turn runs f inside a turn of the loop.
func (t *turns) turn(f func()) {
	t.mu.Lock()
	t.loop.Begin()
	f()
	t.loop.End()
	t.mu.Unlock()
	t.catchUp()
}

// Wake runs a turn if nobody is inside the loop, and leaves a note otherwise.
// Safe from any goroutine.
func (t *turns) Wake() {
	t.noted.Store(true)
	t.catchUp()
}

// catchUp runs turns as long as notes are left and nobody else is at it.
func (t *turns) catchUp() {
	for t.noted.Load() && t.mu.TryLock() {
		if t.noted.Swap(false) {
			t.loop.Turn()
		}
		t.mu.Unlock()
	}
}

// WakeAt sets the one runtime timer.
func (t *turns) WakeAt(at int64) {
	t.timer.Reset(time.Duration(at - t.loop.Engine().Options().Clock.Now()))
}
