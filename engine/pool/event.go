package pool

import "time"

// EventKind says what an Event tells of.
type EventKind uint8

const (
	// EventDialed: a connection was made.
	EventDialed EventKind = iota
	// EventDialFailed: one could not be made; Err says why.
	EventDialFailed
	// EventLost: a connection has ended; Err says why.
	EventLost
	// EventRetired: a connection beyond Size was idle.
	EventRetired
	// EventReclaimed: a lease was taken back from its borrower; Err says why.
	EventReclaimed
	// EventBreaker: the breaker changed from BreakerFrom to BreakerTo.
	EventBreaker
	// EventResized: the pool keeps To connections instead of From, because of
	// Reason; Sample is what that was decided on.
	EventResized
	// EventInefficient is a warning: in the last sample Efficiency was below
	// PoolOptions.WarnEfficiency, and it was not in the one before. Borrowers hold
	// connections that they do not use, calls fail, or there are too few CPUs for
	// so many borrowers.
	EventInefficient
)

// String returns the kind as logs name it.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "unknown"
}

var eventNames = [...]string{"dialed", "dial failed", "lost", "retired", "reclaimed", "breaker", "resized", "inefficient"}

// Event is something that happened to a pool, other than lending.
type Event struct {
	Kind EventKind
	Time time.Time
	// Open is how many connections there were then.
	Open int
	Err  error
	// BreakerFrom and BreakerTo of EventBreaker.
	BreakerFrom, BreakerTo BreakerState
	// From, To, Reason and Sample of EventResized.
	From, To int
	Reason   SizeReason
	Sample   Sample
	// Efficiency of EventInefficient, 0 to 1; see Snapshot.Efficiency.
	Efficiency float64
}

// eventQueue is how many events wait for OnEvent at most.
const eventQueue = 256

// eventLog hands events to OnEvent. It is under the pool's mu.
type eventLog struct {
	queue   []Event
	dropped uint64
	stir    chan struct{} // capacity 1; nil: nobody listens
}

// emit queues an event. mu is held.
func (p *Pool[C]) emit(e Event) {
	l := &p.events
	if l.stir == nil {
		return
	}
	if len(l.queue) >= eventQueue {
		l.dropped++
		return
	}
	e.Time, e.Open = time.Now(), p.slots.open()
	l.queue = append(l.queue, e)
	select {
	case l.stir <- struct{}{}:
	default:
	}
}

// tell is the life of the goroutine that calls OnEvent.
func (p *Pool[C]) tell() {
	defer p.running.Done()
	for last := false; ; {
		p.mu.Lock()
		batch := p.events.queue
		p.events.queue = nil
		p.mu.Unlock()
		for _, e := range batch {
			_ = guard("PoolOptions.OnEvent", func() error { p.o.OnEvent(e); return nil })
		}
		if len(batch) > 0 {
			continue
		}
		if last {
			return
		}
		select {
		case <-p.events.stir:
		case <-p.stop:
			last = true // once more, for what came meanwhile
		}
	}
}
