package engine

import "math/bits"

// Timers of a loop are kept in a hierarchical wheel: four levels of 64 slots,
// a tick of one millisecond, 4 h 39 min at the outermost. Arming and disarming
// unlink and link one node; neither allocates nor locks. A deadline beyond the
// outermost level is filed in its last slot and filed anew when that comes up.
//
// A slot's bit in its level's map says that the slot is not empty, so the next
// moment at which anything can happen is found by four bit scans, and a loop
// with no armed timer is never woken.

const (
	tickNanos   = 1_000_000
	wheelLevels = 4
	slotBits    = 6
	slots       = 1 << slotBits
	slotMask    = slots - 1
	wheelSpan   = 1 << (wheelLevels * slotBits) // ticks
)

// timerKind says which object a timer is part of and what it means.
type timerKind uint8

const (
	timerNone  timerKind = iota
	timerConn            // deadline of a connection, embedded in Conn
	timerFlush           // retry of blocked output, embedded in Conn
	timerCall            // start or deadline of a call, embedded in Call
	timerVisit           // of a function for each loop, embedded in visit
	timerAux             // a test's or the loop's own
)

// timer is a node of a wheel, embedded in the object it belongs to. The zero
// timer is disarmed.
type timer struct {
	next, prev *timer
	tick       int64 // when it is due
	kind       timerKind
	level      uint8
	slot       uint8
}

func (t *timer) armed() bool { return t.next != nil }

// wheel is owned by a loop; nothing in it is safe from another goroutine.
//
// Invariant: every armed timer has tick > now, unless it was armed in the past,
// in which case it is filed under now+1.
type wheel struct {
	now   int64 // last tick processed
	armed int
	maps  [wheelLevels]uint64
	heads [wheelLevels][slots]timer // sentinels; next==nil means empty
}

// tickOf returns the first tick not before the moment nanos.
func tickOf(nanos int64) int64 { return (nanos + tickNanos - 1) / tickNanos }

// arm files t under tick, wherever it was before.
func (w *wheel) arm(t *timer, tick int64) {
	if t.next != nil {
		w.disarm(t)
	}
	if tick <= w.now {
		tick = w.now + 1
	}
	t.tick = tick
	w.file(t)
	w.armed++
}

// file links t into the slot that its tick falls into as seen from now.
func (w *wheel) file(t *timer) {
	tick := t.tick
	d := tick - w.now
	if d >= wheelSpan {
		tick = w.now + wheelSpan - 1
	}
	// The level is that of the highest bit in which tick differs from now:
	// below it all slots of the inner levels lie in another turn of theirs.
	level := 0
	if x := uint64(tick ^ w.now); x >= slots {
		level = (63 - bits.LeadingZeros64(x)) / slotBits
	}
	if level >= wheelLevels {
		// The outermost turn ends between now and tick.
		level = wheelLevels - 1
	}
	slot := int(tick>>(uint(level)*slotBits)) & slotMask
	h := &w.heads[level][slot]
	if h.next == nil {
		h.next, h.prev = h, h
		w.maps[level] |= 1 << uint(slot)
	}
	t.level, t.slot = uint8(level), uint8(slot)
	t.prev, t.next = h.prev, h
	h.prev.next = t
	h.prev = t
}

// disarm unlinks t; a disarmed t is left alone.
func (w *wheel) disarm(t *timer) {
	if t.next == nil {
		return
	}
	w.unlink(t)
	w.armed--
}

func (w *wheel) unlink(t *timer) {
	t.prev.next = t.next
	t.next.prev = t.prev
	h := &w.heads[t.level][t.slot]
	if h.next == h {
		h.next, h.prev = nil, nil
		w.maps[t.level] &^= 1 << uint(t.slot)
	}
	t.next, t.prev = nil, nil
}

// nextTick returns the tick at which advance has something to do next: a timer
// of the innermost level, or a slot of an outer level that must be filed anew.
// ok is false when nothing is armed.
func (w *wheel) nextTick() (tick int64, ok bool) {
	if w.armed == 0 {
		return 0, false
	}
	tick = int64(1)<<62 - 1
	for level := range wheelLevels {
		m := w.maps[level]
		if m == 0 {
			continue
		}
		shift := uint(level) * slotBits
		cur := int(w.now>>shift) & slotMask
		// Slots are searched from the one after the current, around.
		r := bits.RotateLeft64(m, -(cur + 1))
		ahead := int64(bits.TrailingZeros64(r) + 1)
		at := ((w.now >> shift) + ahead) << shift
		if at < tick {
			tick = at
		}
	}
	return tick, true
}

// advance moves the wheel to tick and calls fire for each timer that is due,
// disarmed. fire may arm and disarm timers, the fired one too.
func (w *wheel) advance(tick int64, fire func(*timer)) {
	for w.armed > 0 {
		at, ok := w.nextTick()
		if !ok || at > tick {
			break
		}
		w.now = at
		// Outer levels first: what they hold may be due at this very tick.
		for level := wheelLevels - 1; level > 0; level-- {
			shift := uint(level) * slotBits
			if at&(1<<shift-1) != 0 {
				continue
			}
			slot := int(at>>shift) & slotMask
			h := &w.heads[level][slot]
			for h.next != nil {
				t := h.next
				w.unlink(t)
				if t.tick <= at {
					// Due now: the slot of this tick at the innermost level.
					w.fileDue(t)
				} else {
					w.file(t)
				}
			}
		}
		h := &w.heads[0][int(at)&slotMask]
		for h.next != nil {
			t := h.next
			w.unlink(t)
			w.armed--
			fire(t)
		}
	}
	if tick > w.now {
		w.now = tick
	}
}

// fileDue links t into the innermost slot of the current tick.
func (w *wheel) fileDue(t *timer) {
	slot := int(w.now) & slotMask
	h := &w.heads[0][slot]
	if h.next == nil {
		h.next, h.prev = h, h
		w.maps[0] |= 1 << uint(slot)
	}
	t.level, t.slot = 0, uint8(slot)
	t.prev, t.next = h.prev, h
	h.prev.next = t
	h.prev = t
}
