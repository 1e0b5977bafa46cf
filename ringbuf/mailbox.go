package ringbuf

import "sync/atomic"

// urgentRun is how many urgent items are taken before one normal item, if one
// waits.
const urgentRun = 16

// Item is a place in a Mailbox. It is embedded by value in the object that
// travels, whose pointer Value is, set once: pushing allocates nothing, and
// there is no such thing as a full mailbox. An Item is in at most one mailbox
// at a time; the consumer owns it from Pop on.
type Item[T any] struct {
	next  *Item[T]
	guard link
	Value T
}

// Mailbox takes items from any number of goroutines to one consumer, by two
// lanes. Items of one producer and lane arrive in the order of their pushes.
// The zero Mailbox is ready, its consumer awake.
//
// Each lane is a stack that producers push to by compare-and-swap and the
// consumer takes whole by one swap and turns round. A flag says that the
// consumer sleeps: the producer that clears it is the one who must wake it,
// so that a batch costs one wake.
type Mailbox[T any] struct {
	normal lane[T]
	urgent lane[T]
	asleep atomic.Bool
	_      [63]byte

	// The consumer's: taken and turned round, not yet popped.
	normalIn *Item[T]
	urgentIn *Item[T]
	run      int // urgent items popped since the last normal one
}

type lane[T any] struct {
	head atomic.Pointer[Item[T]]
	_    [56]byte // producers of one lane do not disturb the other
}

func (l *lane[T]) push(it *Item[T]) {
	it.guard.enter()
	for {
		head := l.head.Load()
		it.next = head
		if l.head.CompareAndSwap(head, it) {
			return
		}
	}
}

// take returns the lane's items, oldest first.
func (l *lane[T]) take() (first *Item[T]) {
	if l.head.Load() == nil {
		return nil
	}
	for it := l.head.Swap(nil); it != nil; {
		next := it.next
		it.next = first
		first, it = it, next
	}
	return first
}

// Push adds it to the normal lane. wake says that the consumer sleeps and that
// it is this caller who must wake it. Safe from any goroutine.
//
// Hot path: no allocation, no lock.
func (m *Mailbox[T]) Push(it *Item[T]) (wake bool) {
	m.normal.push(it)
	return m.rouse()
}

// PushUrgent is Push by the urgent lane.
func (m *Mailbox[T]) PushUrgent(it *Item[T]) (wake bool) {
	m.urgent.push(it)
	return m.rouse()
}

func (m *Mailbox[T]) rouse() bool {
	return m.asleep.Load() && m.asleep.CompareAndSwap(true, false)
}

// Pop takes the next item, or returns nil when nothing waits: urgent ones
// first, but one normal after each 16 urgent. Consumer only.
func (m *Mailbox[T]) Pop() *Item[T] {
	if m.urgentIn == nil {
		m.urgentIn = m.urgent.take()
	}
	if m.urgentIn != nil && m.run < urgentRun {
		m.run++
		return pop(&m.urgentIn)
	}
	if m.normalIn == nil {
		m.normalIn = m.normal.take()
	}
	m.run = 0
	if m.normalIn != nil {
		return pop(&m.normalIn)
	}
	if m.urgentIn != nil {
		m.run = 1
		return pop(&m.urgentIn)
	}
	return nil
}

func pop[T any](list **Item[T]) *Item[T] {
	it := *list
	*list, it.next = it.next, nil
	it.guard.leave()
	return it
}

// Sleep declares that the consumer is about to sleep: the next push will wake
// it. It returns false, and declares nothing, when something waits. Consumer
// only.
func (m *Mailbox[T]) Sleep() bool {
	if !m.empty() {
		return false
	}
	m.asleep.Store(true)
	if m.empty() {
		return true
	}
	// Pushed in between. If the producer has seen the flag, a wake is on its
	// way as well, which does no harm.
	m.asleep.Store(false)
	return false
}

// Awake withdraws Sleep: producers need not wake a consumer that runs.
// Consumer only.
func (m *Mailbox[T]) Awake() { m.asleep.Store(false) }

func (m *Mailbox[T]) empty() bool {
	return m.urgentIn == nil && m.normalIn == nil && m.urgent.head.Load() == nil && m.normal.head.Load() == nil
}
