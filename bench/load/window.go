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
	sent         []int64 // by id modulo its length, a power of two: time sent in ns plus 1, 0 when answered
	oldest, next uint64
	inFlight     int
}

// newWindow returns a window that has given no id yet, for depth in flight.
func newWindow(depth int) window {
	n := minWindow
	for n < 4*depth {
		n *= 2
	}
	return window{sent: make([]int64, n), oldest: firstID, next: firstID}
}

// room is how many ids can be given before the oldest must be answered.
func (w *window) room() int { return len(w.sent) - int(w.next-w.oldest) }

// give takes the next id into flight at time now, in ns, not negative. The
// caller has checked room. Hot path.
func (w *window) give(now int64) uint64 {
	id := w.next
	w.sent[id&uint64(len(w.sent)-1)] = now + 1
	w.next++
	w.inFlight++
	return id
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
