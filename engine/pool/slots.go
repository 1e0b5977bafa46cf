package pool

import "math/bits"

// slotState is what is in a slot.
type slotState uint8

const (
	slotFree    slotState = iota
	slotDialing           // reserved
	slotOpen
	slotDead // ended, but somebody has it still: a borrower, or a ping
	slotClosing

	slotStates
)

// slot is the place of one connection.
type slot[C any] struct {
	conn  C
	done  <-chan struct{}
	state slotState
	works bool   // it was of use once, or its loss is not the server's doing
	load  int    // leases
	round uint64 // retry.round when its dial began
	used  int64  // when it was last checked in, or dialled
	good  int64  // when its other end was last known to be there
}

// slots holds the connections, and by what they are: indexes of what each slot
// says, so that any choice and any count costs the same however many there are.
type slots[C any] struct {
	at      []slot[C]
	perConn int
	in      [slotStates]mask
	asked   mask             // being pinged: not to be lent, nor closed before the answer
	can     mask             // to be lent: open, not asked, load < perConn
	byLoad  [MaxPerConn]mask // of can; those of load 0 are idle
	loads   uint64           // bit l: byLoad[l] is not empty
	cursor  int              // the slot lent last
}

func (s *slots[C]) init(n, perConn int) {
	s.at, s.perConn, s.cursor = make([]slot[C], n), perConn, MaxConns
	s.in[slotFree] = below(n)
}

// move gives a slot, which cannot be lent then, another state.
func (s *slots[C]) move(i int, to slotState) {
	was := &s.at[i].state
	s.in[*was].remove(i)
	*was = to
	s.in[to].add(i)
}

// enter makes a slot one that can be lent, if it is open and nobody asks it, and
// its load allows.
func (s *slots[C]) enter(i int) {
	if l := s.at[i].load; l < s.perConn && s.at[i].state == slotOpen && !s.asked.has(i) {
		s.can.add(i)
		s.byLoad[l].add(i)
		s.loads |= 1 << l
	}
}

// leave takes it out again; also before its load changes.
func (s *slots[C]) leave(i int) {
	if !s.can.has(i) {
		return
	}
	l := s.at[i].load
	s.can.remove(i)
	s.byLoad[l].remove(i)
	if s.byLoad[l].empty() {
		s.loads &^= 1 << l
	}
}

// open is how many connections can be lent or are.
func (s *slots[C]) open() int { return s.in[slotOpen].count() }

// dialing is how many are being dialled.
func (s *slots[C]) dialing() int { return s.in[slotDialing].count() }

// lent is how many leases are out.
func (s *slots[C]) lent() (n int) {
	for i := range s.at {
		n += s.at[i].load
	}
	return n
}

// busy is how many open connections are lent to somebody.
func (s *slots[C]) busy() (n int) {
	for m := s.in[slotOpen]; !m.empty(); {
		i := m.first()
		m.remove(i)
		if s.at[i].load > 0 {
			n++
		}
	}
	return n
}

// choose returns a slot among some that can be lent, or -1.
func (s *slots[C]) choose(strategy Strategy, among mask, random func(int) int) int {
	can := s.can.and(among)
	if can.empty() {
		return -1
	}
	switch strategy {
	case LeastLoaded:
		for loads := s.loads; loads != 0; loads &= loads - 1 {
			if m := s.byLoad[bits.TrailingZeros64(loads)].and(among); !m.empty() {
				return m.after(s.cursor)
			}
		}
	case PowerOfTwo:
		n := can.count()
		if n == 1 {
			return can.first()
		}
		i, j := random(n), random(n-1)
		if j >= i {
			j++
		}
		a, b := can.nth(i), can.nth(j)
		if s.at[b].load < s.at[a].load {
			return b
		}
		return a
	}
	return can.after(s.cursor)
}

// pick returns a slot to lend, or -1. Connections that turn out to have ended are
// let go of; one that was not heard of for too long is left to demand, which asks
// it first. mu is held.
func (p *Pool[C]) pick(now int64) int {
	among := below(p.o.Max)
	for lost := false; ; {
		i := p.slots.choose(p.o.Strategy, among.and(below(p.size)), p.random)
		if i < 0 {
			i = p.slots.choose(p.o.Strategy, among, p.random)
		}
		switch {
		case i < 0:
			if lost {
				p.demand()
			}
			return -1
		case p.ended(i):
			lost = true
		case p.stale(i, now):
			among.remove(i)
		default:
			p.slots.cursor = i
			return i
		}
	}
}

// ended looks whether an open connection has ended by itself, and lets go of it.
// mu is held.
func (p *Pool[C]) ended(i int) bool {
	select {
	case <-p.slots.at[i].done: // nil where nobody tells
		p.lose(i, errEnded)
		return true
	default:
		return false
	}
}

// worked notes that the other end of a connection was there just now. It reports
// whether that has ended the time in which dials are held back: the caller sees to
// demand. mu is held.
func (p *Pool[C]) worked(s *slot[C], now int64) (freed bool) {
	s.good = now
	if s.works {
		return false
	}
	s.works = true
	return p.retry.proved()
}

// lose lets go of a connection that is of no use: at once, or when nobody has it any
// longer. The caller sees to demand: when several are lost at one moment, only once
// all of them are. mu is held.
func (p *Pool[C]) lose(i int, why error) {
	s := &p.slots.at[i]
	if s.state != slotOpen {
		return
	}
	p.slots.leave(i)
	p.slots.move(i, slotDead)
	p.stats.Lost++
	p.emit(Event{Kind: EventLost, Err: why})
	switch now := p.now(); {
	case !s.works && now-s.used < int64(p.o.RetryMin) && p.retry.failure(now, s.round, why, &p.o): // no better than a dial that fails
		p.failure = why
		p.running.Go(func() { p.report(Ticket{}, OutcomeFailed) }) // without mu, which the breaker takes
	case p.slots.open() == 0:
		p.retry.alone(now, p.o.RetryMin)
	}
	if s.load == 0 && !p.slots.asked.has(i) {
		p.discard(i)
	}
}

// release is called when one who had a connection, a borrower or a ping, has it no
// longer. mu is held; the result is to be woken without it.
func (p *Pool[C]) release(i int, now int64) (granted *waiter[C]) {
	s := &p.slots.at[i]
	switch held := s.load > 0 || p.slots.asked.has(i); {
	case !held && (s.state == slotDead || s.state == slotOpen && p.closed):
		p.discard(i)
	case !held && s.state == slotOpen && p.slots.open() > p.limit(): // Size has become less
		p.retire(i)
	default:
		p.slots.enter(i)
	}
	return p.serve(now)
}

// retire closes a connection that nobody has and that is not needed. mu is held.
func (p *Pool[C]) retire(i int) {
	p.stats.Retired++
	p.discard(i)
	p.emit(Event{Kind: EventRetired})
}

// discard closes the connection of a slot that nobody has. Its place is free when
// that is done. mu is held.
func (p *Pool[C]) discard(i int) {
	p.slots.leave(i)
	p.slots.move(i, slotClosing)
	conn := p.slots.at[i].conn
	p.call("Dialer.Close", func() error { return p.d.Close(conn) }, func(err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil {
			p.stats.CloseErrors++
		}
		p.stats.Closed++
		p.vacate(i)
	})
}

// vacate makes a slot free. mu is held.
func (p *Pool[C]) vacate(i int) {
	p.slots.move(i, slotFree)
	p.slots.at[i] = slot[C]{}
	p.demand()
	p.stir()
}

// stir has Close look again. mu is held.
func (p *Pool[C]) stir() {
	if p.closed {
		select {
		case p.stirred <- struct{}{}:
		default:
		}
	}
}
