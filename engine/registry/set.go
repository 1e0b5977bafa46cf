package registry

import (
	"sync"
	"sync/atomic"
)

// Target takes messages: a connection, on whatever event loop it lives.
type Target interface {
	// Deliver hands a message over. It does not block, copies what it keeps of
	// message, and is safe from any goroutine. An error says that the target
	// has ended or takes no more now.
	Deliver(message []byte) error
}

// set is a set of targets that is sent to much more often than it changes. A
// change costs the same however large the set is; the first sending after it
// copies the set once.
type set struct {
	mu       sync.Mutex // protects members and their places
	members  []*membership
	snapshot atomic.Pointer[[]*membership] // nil after a change
}

// membership is a target's place in a set.
type membership struct {
	target Target
	place  int // in members, -1 outside
	gone   atomic.Bool
}

// add puts m in.
func (s *set) add(m *membership) {
	s.mu.Lock()
	m.place = len(s.members)
	s.members = append(s.members, m)
	s.snapshot.Store(nil)
	s.mu.Unlock()
}

// remove takes m out; it returns how many are left.
func (s *set) remove(m *membership) (left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.gone.Store(true)
	last := len(s.members) - 1
	if m.place >= 0 {
		moved := s.members[last]
		s.members[m.place] = moved
		moved.place = m.place
		s.members[last] = nil
		s.members = s.members[:last]
		m.place = -1
		s.snapshot.Store(nil)
	}
	return len(s.members)
}

// all returns the members of this moment. The slice must not be written to.
func (s *set) all() []*membership {
	if p := s.snapshot.Load(); p != nil {
		return *p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.snapshot.Load()
	if p == nil {
		copied := append([]*membership(nil), s.members...)
		p = &copied
		s.snapshot.Store(p)
	}
	return *p
}

// deliver sends message to every member of this moment, once. Who leaves
// meanwhile may get it or not; who joins does not. No lock is held.
//
// Hot path: no allocation, no lock, unless the set has changed.
func (s *set) deliver(message []byte) (delivered, refused int) {
	for _, m := range s.all() {
		switch {
		case m.gone.Load():
		case m.target.Deliver(message) == nil:
			delivered++
		default:
			refused++
		}
	}
	return delivered, refused
}
