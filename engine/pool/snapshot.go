package pool

import "time"

// Snapshot is a pool at one moment: what there is now, and counters since it was
// made. All of it but Breaker was taken under one lock, so that it adds up.
type Snapshot struct {
	Size    int // connections to keep
	Open    int // connections that can be lent or are
	Dead    int // ended, but some borrower still has them
	Dialing int
	Closing int
	Busy    int // of Open, lent to somebody
	Lent    int // leases that are out
	Waiting int // callers that wait for one

	PeakOpen, PeakWaiting int

	Checkouts       uint64    // leases given
	Checkins        uint64    // leases that came back by themselves
	Waits           uint64    // checkouts that had to wait
	WaitTime        Histogram // of all checkouts that got a lease; those that did not have to wait count as 0
	WaitSum         time.Duration
	Refused         uint64 // ErrPoolExhausted
	RefusedBreaker  uint64 // ErrBreakerOpen
	WaitsTimedOut   uint64 // ErrWaitTimeout
	WaitsCancelled  uint64 // the borrower's context ended
	Reclaimed       uint64 // leases taken back
	LateCheckins    uint64 // of leases that were over
	Dials           uint64 // attempts
	DialFailures    uint64
	Pings           uint64
	PingFailures    uint64
	Lost            uint64 // connections that ended by themselves, failed a ping or were returned as broken
	Retired         uint64 // connections closed as idle beyond Size
	Closed          uint64 // connections that Dialer.Close has returned for
	CloseErrors     uint64
	EventsDropped   uint64
	Grown, Shrunk   uint64                   // changes of Size
	Decisions       [sizeReasonsCount]uint64 // about Size, by SizeReason, those that changed nothing too
	PoorSamples     uint64                   // samples whose efficiency was below WarnEfficiency
	Warnings        uint64                   // EventInefficient
	LentTime        time.Duration            // of all leases that are over, from when a connection was set aside
	ProductiveTime  time.Duration            // of these; see Efficiency
	LentIntegral    time.Duration            // number of leases out, integrated over time, those still out among them
	Breaker         BreakerStats
	BreakerDisabled bool
}

// Efficiency is the true efficiency of the connections: of the time that they
// were set aside for borrowers, the share in which they were of use, 0 to 1.
// What is not of use is the time until a borrower, being told of its connection,
// runs again; what a borrower that checks in by CheckinUsed held it longer than
// used; and the whole of a lease whose outcome was not OutcomeOK or that had to be taken back. ok is false if no lease
// has ended yet.
func (s *Snapshot) Efficiency() (share float64, ok bool) {
	if s.LentTime <= 0 {
		return 0, false
	}
	return float64(s.ProductiveTime) / float64(s.LentTime), true
}

// Snapshot returns the pool's state and counters.
func (p *Pool[C]) Snapshot() Snapshot {
	p.mu.Lock()
	s := p.stats
	in := &p.slots.in
	s.Size, s.Open, s.Dead, s.Dialing, s.Closing = p.size, in[slotOpen].count(), in[slotDead].count(), in[slotDialing].count(), in[slotClosing].count()
	s.Busy, s.Lent, s.Waiting = p.slots.busy(), p.slots.lent(), p.waiting.n
	s.LentIntegral = p.lentIntegral(p.now())
	s.EventsDropped = p.events.dropped
	p.mu.Unlock()
	if p.breaker == nil {
		s.BreakerDisabled = true
	} else {
		s.Breaker = p.breaker.Stats()
	}
	return s
}
