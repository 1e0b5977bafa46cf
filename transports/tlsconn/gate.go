package tlsconn

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Defaults of GateOptions.
const (
	DefaultMaxHandshakes = 2048
	DefaultGiveWay       = time.Second
)

// resumedRun is how many handshakes that have had a CPU before get one again
// before one that begins does, if one waits.
const resumedRun = 16

// GateOptions configures a Gate. The zero value is usable.
type GateOptions struct {
	// MaxHandshakes bounds the handshakes in flight: those that compute, that
	// wait for a CPU, or for their peer. Each of the last holds a goroutine.
	// Zero: 2,048. Beyond it the one that has waited longest for its peer gives
	// way; if none has for GiveWay, who comes gets the alert internal_error. Until
	// what gave way has ended there are more, twice as many at most.
	MaxHandshakes int
	// GiveWay is how long a handshake may wait for its peer and be safe from giving
	// way. Peers that do nothing but begin, which costs them little, so keep others
	// out for that long, not for as long as a handshake may take. Zero: 1 s;
	// negative: none gives way.
	GiveWay time.Duration
	// CPUs is how many handshakes compute at once. Zero: GOMAXPROCS.
	CPUs int
}

// Validate says which option NewGate would refuse.
func (o GateOptions) Validate() error {
	if o.MaxHandshakes < 0 || o.CPUs < 0 {
		return fmt.Errorf("tlsconn: GateOptions.MaxHandshakes is %d and CPUs %d; they must not be negative (zero is the default)", o.MaxHandshakes, o.CPUs)
	}
	return nil
}

// Gate says which handshakes compute, and how many there may be. A handshake is
// some 0.4 ms of CPU: a thousand at once must not keep the event loops from
// theirs, and one that waits for its peer must not keep others from theirs. Its
// methods are safe from any goroutine. Several listeners may share one.
type Gate struct {
	Stats Stats // of the handshakes that went through it

	mu       sync.Mutex // protects what follows
	none     sync.Cond  // of inFlight being zero
	max      int
	cpus     int
	free     int // CPUs that nobody uses
	inFlight int
	giveWay  time.Duration
	parked   waiters // those that wait for their peer
	fresh    queue   // those that begin, without a goroutine yet
	resumed  queue   // those whose peer has answered: they are nearly done
	run      int     // of resumed since the last fresh one
}

// NewGate returns a Gate. It panics on options that Validate refuses.
func NewGate(o GateOptions) *Gate {
	if err := o.Validate(); err != nil {
		panic(err.Error())
	}
	g := &Gate{max: o.MaxHandshakes, giveWay: o.GiveWay, free: o.CPUs}
	if g.max == 0 {
		g.max = DefaultMaxHandshakes
	}
	if g.giveWay == 0 {
		g.giveWay = DefaultGiveWay
	}
	if g.free == 0 {
		g.free = runtime.GOMAXPROCS(0)
	}
	g.cpus = g.free
	g.none.L = &g.mu
	return g
}

// CPUs returns how many handshakes compute at once, at most.
func (g *Gate) CPUs() int { return g.cpus }

// InFlight returns how many handshakes are under way.
func (g *Gate) InFlight() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inFlight
}

// Wait returns when no handshake is under way, and no goroutine of one. Those of
// Sessions that are closed end by themselves.
func (g *Gate) Wait() {
	g.mu.Lock()
	for g.inFlight > 0 {
		g.none.Wait()
	}
	g.mu.Unlock()
}

// start begins a handshake, now or when its turn comes. It returns false when
// there are too many.
func (g *Gate) start(h *handshake) bool {
	g.mu.Lock()
	room, late := g.room()
	if !room {
		g.mu.Unlock()
		return false
	}
	g.inFlight++
	now := g.free > 0
	if now {
		g.free--
	} else {
		g.fresh.push(h)
	}
	g.mu.Unlock()
	if late != nil {
		late.yield()
	}
	if now {
		go h.run()
	}
	return true
}

// room reports whether there is room for one more, and which one is to give way for
// it, nil for none. g is locked.
func (g *Gate) room() (room bool, late *handshake) {
	if g.inFlight < g.max {
		return true, nil
	}
	late = g.parked.first
	if late == nil || g.giveWay < 0 || time.Since(late.since) < g.giveWay || g.inFlight >= 2*g.max {
		return false, nil
	}
	g.parked.remove(late)
	return true, late
}

// park gives back the CPU of a handshake that waits for its peer.
func (g *Gate) park(h *handshake) {
	g.mu.Lock()
	h.since = time.Now()
	g.parked.add(h)
	g.mu.Unlock()
	g.leave()
}

// enter waits for a CPU, for one that was parked.
func (g *Gate) enter(h *handshake) {
	g.mu.Lock()
	g.parked.remove(h)
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return
	}
	g.resumed.push(h)
	g.mu.Unlock()
	<-h.wake
}

// leave gives a CPU to who waits for one.
func (g *Gate) leave() {
	g.mu.Lock()
	var next *handshake
	if g.run < resumedRun || g.fresh.first == nil {
		next = g.resumed.pop()
	}
	if next != nil {
		g.run++
		g.mu.Unlock()
		next.wake <- struct{}{}
		return
	}
	g.run = 0
	if next = g.fresh.pop(); next == nil {
		g.free++
	}
	g.mu.Unlock()
	if next != nil {
		go next.run()
	}
}

// end is the end of a handshake.
func (g *Gate) end() {
	g.mu.Lock()
	if g.inFlight--; g.inFlight == 0 {
		g.none.Broadcast()
	}
	g.mu.Unlock()
}

// queue is a list of handshakes that wait for a CPU, the first come first.
type queue struct{ first, last *handshake }

func (q *queue) push(h *handshake) {
	if q.last == nil {
		q.first = h
	} else {
		q.last.next = h
	}
	q.last = h
}

func (q *queue) pop() *handshake {
	h := q.first
	if h == nil {
		return nil
	}
	q.first, h.next = h.next, nil
	if q.first == nil {
		q.last = nil
	}
	return h
}

// waiters are handshakes that wait for their peer, the longest first.
type waiters struct{ first, last *handshake }

func (l *waiters) add(h *handshake) {
	h.parked, h.before, h.behind = true, l.last, nil
	if l.last != nil {
		l.last.behind = h
	} else {
		l.first = h
	}
	l.last = h
}

// remove takes h out, if it is there.
func (l *waiters) remove(h *handshake) {
	if !h.parked {
		return
	}
	if h.before != nil {
		h.before.behind = h.behind
	} else {
		l.first = h.behind
	}
	if h.behind != nil {
		h.behind.before = h.before
	} else {
		l.last = h.before
	}
	h.parked, h.before, h.behind = false, nil, nil
}
