package pool

import "math/bits"

// slotState is what is in a slot.
type slotState uint8

const (
	slotFree    slotState = iota
	slotDialing           // reserved
	slotOpen
	slotProbed // open, but being pinged: not to be lent
	slotDead   // ended, but lent
	slotClosing
)

// slot is the place of one connection.
type slot[C any] struct {
	conn  C
	done  <-chan struct{}
	state slotState
	works bool  // it was of use once, or its loss is not the server's doing
	load  int   // leases
	used  int64 // when it was last checked in, or dialled
	good  int64 // when its other end was last known to be there
}

// slots holds the connections, and which of them can be lent: by load, so that
// any choice costs the same however many there are.
type slots[C any] struct {
	at      []slot[C]
	perConn int
	free    mask
	idle    mask             // open, load 0
	can     mask             // open, load < perConn
	byLoad  [MaxPerConn]mask // of can
	loads   uint64           // bit l: byLoad[l] is not empty
	cursor  int              // the slot lent last
}

func (s *slots[C]) init(n, perConn int) {
	s.at, s.perConn, s.free, s.cursor = make([]slot[C], n), perConn, below(n), MaxConns
}

// enter makes an open slot one that can be lent, if its load allows.
func (s *slots[C]) enter(i int) {
	l := s.at[i].load
	if l == 0 {
		s.idle.add(i)
	}
	if l < s.perConn {
		s.can.add(i)
		s.byLoad[l].add(i)
		s.loads |= 1 << l
	}
}

// leave takes it out again; also before its load changes.
func (s *slots[C]) leave(i int) {
	l := s.at[i].load
	s.idle.remove(i)
	if l < s.perConn {
		s.can.remove(i)
		s.byLoad[l].remove(i)
		if s.byLoad[l].empty() {
			s.loads &^= 1 << l
		}
	}
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
// let go of. mu is held.
func (p *Pool[C]) pick() int {
	for lost := false; ; lost = true {
		i := p.slots.choose(p.o.Strategy, below(p.size), p.random)
		if i < 0 {
			i = p.slots.choose(p.o.Strategy, below(p.o.Max), p.random)
		}
		if i < 0 {
			if lost {
				p.demand()
			}
			return -1
		}
		if !p.ended(i) {
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

// stale reports whether a connection, just lent, was not heard of for so long
// that it is to be pinged first. mu is held.
func (p *Pool[C]) stale(l *Lease[C], i int, now int64) bool {
	s := &p.slots.at[i]
	if p.d.Ping == nil || p.o.HealthInterval < 0 || s.load > 1 || now-s.good <= 2*int64(p.o.HealthInterval) {
		return false
	}
	p.leases[l.id].begun = notTaken
	return true
}

// worked notes that the other end of a connection was there just now. mu is held.
func (p *Pool[C]) worked(s *slot[C], now int64) {
	s.good = now
	if !s.works {
		s.works = true
		p.retry.proved()
	}
}

// lose lets go of a connection that is of no use: at once, or when it is checked
// in. The caller sees to demand: when several are lost at one moment, only once
// all of them are. mu is held.
func (p *Pool[C]) lose(i int, why error) {
	s := &p.slots.at[i]
	switch s.state {
	case slotOpen:
		p.slots.leave(i)
		if s.load > 0 {
			p.busy--
		}
	case slotProbed:
		p.probing--
	default:
		return
	}
	p.open--
	p.stats.Lost++
	p.emit(Event{Kind: EventLost, Err: why})
	switch now := p.now(); {
	case !s.works && now-s.used < int64(p.o.RetryMin) && now >= p.retry.after: // no better than a dial that fails
		p.retry.failure(now, why, &p.o)
	case p.open == 0:
		p.retry.alone(now, p.o.RetryMin)
	}
	if s.load > 0 {
		s.state = slotDead
		p.dead++
	} else {
		p.discard(i)
	}
}

// retire closes a connection that nobody has and that is not needed. mu is held.
func (p *Pool[C]) retire(i int) {
	p.slots.leave(i)
	p.open--
	p.stats.Retired++
	p.emit(Event{Kind: EventRetired})
	p.discard(i)
}

// discard closes the connection of a slot that nobody has and that is in none of
// the sets. Its place is free when that is done. mu is held.
func (p *Pool[C]) discard(i int) {
	s := &p.slots.at[i]
	s.state = slotClosing
	p.closing++
	conn := s.conn
	p.running.Go(func() {
		err := guard("Dialer.Close", func() error { return p.d.Close(conn) })
		p.mu.Lock()
		if err != nil {
			p.stats.CloseErrors++
		}
		p.stats.Closed++
		p.closing--
		p.vacate(i)
		p.mu.Unlock()
	})
}

// vacate makes a slot free. mu is held.
func (p *Pool[C]) vacate(i int) {
	p.slots.at[i] = slot[C]{}
	p.slots.free.add(i)
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
