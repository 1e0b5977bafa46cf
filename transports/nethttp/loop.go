package nethttp

import (
	"sync"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// loop drives a loop of the engine. Whoever holds mu owns it: the goroutines of
// requests, each for a turn of its own, so that a call that is answered at once
// changes no goroutine; and one that runs the turns which others ask for, since
// these may hold locks that a turn takes.
type loop struct {
	mu     sync.Mutex
	engine *engine.Loop
	wake   chan struct{} // holds a wish for a turn
	timer  *time.Timer
}

func startLoop(e *engine.Engine, quit <-chan struct{}, running *sync.WaitGroup) *loop {
	l := newLoop(e)
	running.Go(func() { l.run(quit) })
	return l
}

func newLoop(e *engine.Engine) *loop {
	l := &loop{wake: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	l.timer.Stop()
	l.engine = e.NewLoop(l)
	return l
}

// run runs turns until quit is closed, and then the last.
func (l *loop) run(quit <-chan struct{}) {
	defer l.timer.Stop()
	for {
		select {
		case <-l.wake:
		case <-l.timer.C:
		case <-quit:
			l.turn(func() {}) // what is in the mailbox still
			return
		}
		l.turn(func() {})
	}
}

// turn runs f inside a turn.
func (l *loop) turn(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.engine.Begin()
	f()
	l.engine.End()
}

// Wake asks for a turn. Safe from any goroutine.
func (l *loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default: // one is due
	}
}

// WakeAt sets the timer. It is called inside a turn.
func (l *loop) WakeAt(at int64) {
	l.timer.Reset(time.Duration(at - l.engine.Engine().Options().Clock.Now()))
}
