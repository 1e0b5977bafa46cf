package load

// minWindow is the least number of ids that a window spans. It is far above
// the depth, so that one late reply does not hold up the rest: workers answer
// out of order.
const minWindow = 1024

// A window knows which ids of one connection are in flight and when each was
// sent. Not safe for concurrent use.
//
//	ids      oldest ........................ next
//	         in flight or answered           not yet given
//	0 <= inFlight <= next-oldest <= len(sent)
type window struct {
	sent         []int64 // by id modulo its length, a power of two: time meant to be sent in ns plus 1, 0 when answered
	wait         []int64 // likewise: how much later than meant it was sent, in ns; nil in a closed loop
	kind         []uint8 // likewise: which message of the mix; nil where there is one
	oldest, next uint64
	inFlight     int
	abandoned    int // requests timed out whose replies may still come
}

// newWindow returns a window that has given no id yet, for depth in flight. It
// spans minWindow ids at least, but less where very many connections share the
// memory.
func newWindow(depth, conns, kinds int, open bool) window {
	least := minWindow
	for least > 16 && least*conns > 1<<23 {
		least /= 2
	}
	n := least
	for n < 4*depth {
		n *= 2
	}
	w := window{sent: make([]int64, n), oldest: firstID, next: firstID}
	if open {
		w.wait = make([]int64, n)
	}
	if kinds > 1 {
		w.kind = make([]uint8, n)
	}
	return w
}

// room is how many ids can be given before the oldest must be answered.
func (w *window) room() int { return len(w.sent) - int(w.next-w.oldest) }

// give takes the next id into flight, for a request of the given kind that is
// sent at now and was meant to be sent at meant, in ns, not negative. The caller
// has checked room. Hot path.
func (w *window) give(meant, now int64, kind uint8) uint64 {
	id := w.next
	at := id & uint64(len(w.sent)-1)
	w.sent[at] = meant + 1
	if w.wait != nil {
		w.wait[at] = now - meant
	}
	if w.kind != nil {
		w.kind[at] = kind
	}
	w.next++
	w.inFlight++
	return id
}

// kindOf is which message the request with this id was. It means nothing for
// an id that is not in flight. Hot path.
func (w *window) kindOf(id uint64) int {
	if w.kind == nil {
		return 0
	}
	return int(w.kind[id&uint64(len(w.kind)-1)])
}

// waited is how much later than meant the request with this id was sent, in ns.
// Hot path.
func (w *window) waited(id uint64) int64 {
	if w.wait == nil {
		return 0
	}
	return w.wait[id&uint64(len(w.wait)-1)]
}

// What take says of an id.
type taken uint8

const (
	takenOldest    taken = iota // it was in flight, and the oldest
	takenLater                  // it was in flight, and older ones are
	takenDuplicate              // it was answered before
	takenUnknown                // it was never given
)

// take takes an id out of flight. sentAt is the time it was given at, where it
// was in flight. Hot path.
func (w *window) take(id uint64) (sentAt int64, how taken) {
	switch {
	case id >= w.next || id < firstID:
		return 0, takenUnknown
	case id < w.oldest:
		return 0, takenDuplicate
	}
	mask := uint64(len(w.sent) - 1)
	at := w.sent[id&mask]
	if at == 0 {
		return 0, takenDuplicate
	}
	w.sent[id&mask] = 0
	w.inFlight--
	if id != w.oldest {
		return at - 1, takenLater
	}
	for w.oldest++; w.oldest < w.next && w.sent[w.oldest&mask] == 0; w.oldest++ {
	}
	return at - 1, takenOldest
}
