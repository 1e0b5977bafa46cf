package registry

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Errors of inserting.
var (
	ErrExists      = errors.New("registry: name is taken")
	ErrFull        = errors.New("registry: table is full")
	ErrNameTooLong = errors.New("registry: name too long")
	ErrNotFound    = errors.New("registry: no such name")
)

// Defaults of NamesOptions.
const (
	DefaultMaxNames    = 65_536
	DefaultMaxNameSize = 4096
)

// NamesOptions bounds a Names; the zero value is usable.
type NamesOptions struct {
	MaxNames    int // Zero: 65,536.
	MaxNameSize int // Bytes of one name. Zero: 4,096.
}

// Names is a table of names that an operator registers. Look-ups are lock-free
// and wait for nobody; each change builds a new snapshot, which costs time in
// proportion to the names there are. Safe from any goroutine.
type Names[V any] struct {
	opts NamesOptions
	mu   sync.Mutex // serialises changes
	snap atomic.Pointer[snapshot[V]]
}

// Entry is a name and its value. It is not changed after it was published.
type Entry[V any] struct {
	name  string
	Value V
}

// Name returns the entry's name.
func (e *Entry[V]) Name() string { return e.name }

type snapshot[V any] struct {
	groups  []group[V]
	mask    uint64
	keyed   bool // maphash instead of the cheap hash
	seed    maphash.Seed
	version uint64
	entries []*Entry[V] // in order of registration
}

// NewNames returns an empty table.
func NewNames[V any](o NamesOptions) *Names[V] {
	if o.MaxNames <= 0 {
		o.MaxNames = DefaultMaxNames
	}
	if o.MaxNameSize <= 0 {
		o.MaxNameSize = DefaultMaxNameSize
	}
	t := &Names[V]{opts: o}
	t.snap.Store(build[V](nil, 0))
	return t
}

// Lookup returns the entry with the given name, nil if there is none.
//
// Hot path: no allocation, no lock.
func (t *Names[V]) Lookup(name []byte) *Entry[V] {
	return t.snap.Load().lookup(unsafe.String(unsafe.SliceData(name), len(name)))
}

// LookupString is Lookup for a string.
func (t *Names[V]) LookupString(name string) *Entry[V] { return t.snap.Load().lookup(name) }

func (s *snapshot[V]) lookup(name string) *Entry[V] {
	var h uint64
	if s.keyed {
		h = maphash.String(s.seed, name)
	} else {
		h = cheapHash(name)
	}
	tags := tagOf(h) * tagOnes
	for i := h >> 8; ; i++ {
		g := &s.groups[i&s.mask]
		for m := g.match(tags); m != 0; m &= m - 1 {
			if e := g.slots[bits.TrailingZeros64(m)>>3]; e != nil && e.name == name {
				return e
			}
		}
		if g.control>>overflowShift == 0 {
			return nil
		}
	}
}

// group is one cache line; see the package comment.
type group[V any] struct {
	control uint64
	slots   [groupSlots]*Entry[V]
}

const (
	groupSlots    = 7
	overflowShift = 56
	tagOnes       = 0x0001010101010101
	tagHighs      = 0x0080808080808080
)

// tagOf returns the tag of a hash, 1 to 255; 0 is an empty slot.
func tagOf(h uint64) uint64 {
	if t := h & 0xff; t != 0 {
		return t
	}
	return 1
}

// match returns a word whose byte i has its top bit set if slot i may have the
// tag that is repeated in tags. It can say so wrongly, never the opposite.
func (g *group[V]) match(tags uint64) uint64 {
	x := g.control&(1<<overflowShift-1) ^ tags
	return (x - tagOnes) &^ x & tagHighs
}

// cheapHash mixes a name's first and last eight bytes and its length, by one
// multiplication. Names that differ only in between collide; build notices.
func cheapHash(s string) uint64 {
	n := len(s)
	p := unsafe.StringData(s)
	var a, b uint64
	switch {
	case n >= 8:
		a = *(*uint64)(unsafe.Pointer(p))
		b = *(*uint64)(unsafe.Add(unsafe.Pointer(p), n-8))
	case n >= 4:
		a = uint64(*(*uint32)(unsafe.Pointer(p)))
		b = uint64(*(*uint32)(unsafe.Add(unsafe.Pointer(p), n-4)))
	case n > 0:
		a = uint64(s[0]) | uint64(s[n>>1])<<8 | uint64(s[n-1])<<16
	}
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xe7037ed1a0b428db^uint64(n))
	return hi ^ lo
}

// build makes a snapshot of entries. It tries the cheap hash, and takes a
// keyed one when some group overflows with it.
func build[V any](entries []*Entry[V], version uint64) *snapshot[V] {
	size := 1
	for size*groupSlots < 2*len(entries) {
		size <<= 1
	}
	s := &snapshot[V]{entries: entries, version: version, seed: maphash.MakeSeed()}
	if s.fill(size, true) {
		return s
	}
	if len(entries) > groupSlots && s.fill(2*size, true) {
		return s
	}
	s.keyed = true
	s.fill(size, false)
	return s
}

// fill files all entries into size groups; with strict it gives up when one
// overflows.
func (s *snapshot[V]) fill(size int, strict bool) bool {
	s.groups = make([]group[V], size)
	s.mask = uint64(size - 1)
	for _, e := range s.entries {
		h := cheapHash(e.name)
		if s.keyed {
			h = maphash.String(s.seed, e.name)
		}
		for i := h >> 8; ; i++ {
			g := &s.groups[i&s.mask]
			slot := 0
			for slot < groupSlots && g.slots[slot] != nil {
				slot++
			}
			if slot < groupSlots {
				g.slots[slot] = e
				g.control |= tagOf(h) << (slot * 8)
				break
			}
			if strict {
				return false
			}
			g.control |= 1 << overflowShift
		}
	}
	return true
}

// Names returns the entries in order of registration, and the version of the
// table, which changes with each change. The slice must not be written to.
func (t *Names[V]) Names() (entries []*Entry[V], version uint64) {
	s := t.snap.Load()
	return s.entries, s.version
}

// Version returns the version of the table, which changes with each change.
func (t *Names[V]) Version() uint64 { return t.snap.Load().version }

// Len returns the number of names.
func (t *Names[V]) Len() int { return len(t.snap.Load().entries) }

// Tx is a set of changes that are published together.
type Tx[V any] struct {
	opts    NamesOptions
	entries []*Entry[V]
	index   map[string]int
}

// Update runs f and publishes what it did as one change, unless f returns an
// error, which Update then returns. f must not use the Names.
func (t *Names[V]) Update(f func(*Tx[V]) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.snap.Load()
	tx := &Tx[V]{opts: t.opts, entries: append([]*Entry[V](nil), old.entries...), index: make(map[string]int, len(old.entries))}
	for i, e := range tx.entries {
		tx.index[e.name] = i
	}
	if err := f(tx); err != nil {
		return err
	}
	live := tx.entries[:0]
	for _, e := range tx.entries {
		if e != nil {
			live = append(live, e)
		}
	}
	t.snap.Store(build(live, old.version+1))
	return nil
}

// Register adds a name at the end.
//
// Errors: ErrExists, ErrFull, ErrNameTooLong, all wrapped with the name.
func (tx *Tx[V]) Register(name string, v V) error {
	if _, taken := tx.index[name]; taken {
		return fmt.Errorf("%w: %q", ErrExists, clip(name))
	}
	if len(name) > tx.opts.MaxNameSize {
		return fmt.Errorf("%w: %d bytes, limit %d", ErrNameTooLong, len(name), tx.opts.MaxNameSize)
	}
	if len(tx.index) >= tx.opts.MaxNames {
		return fmt.Errorf("%w: %d names", ErrFull, len(tx.index))
	}
	tx.index[name] = len(tx.entries)
	tx.entries = append(tx.entries, &Entry[V]{name: name, Value: v})
	return nil
}

// Replace gives a name that exists another value; its place stays.
func (tx *Tx[V]) Replace(name string, v V) error {
	i, there := tx.index[name]
	if !there {
		return fmt.Errorf("%w: %q", ErrNotFound, clip(name))
	}
	tx.entries[i] = &Entry[V]{name: name, Value: v}
	return nil
}

// Unregister removes a name.
func (tx *Tx[V]) Unregister(name string) error {
	i, there := tx.index[name]
	if !there {
		return fmt.Errorf("%w: %q", ErrNotFound, clip(name))
	}
	tx.entries[i] = nil
	delete(tx.index, name)
	return nil
}

// Register adds one name; see Tx.Register.
func (t *Names[V]) Register(name string, v V) error {
	return t.Update(func(tx *Tx[V]) error { return tx.Register(name, v) })
}

// Replace changes one name; see Tx.Replace.
func (t *Names[V]) Replace(name string, v V) error {
	return t.Update(func(tx *Tx[V]) error { return tx.Replace(name, v) })
}

// Unregister removes one name; see Tx.Unregister.
func (t *Names[V]) Unregister(name string) error {
	return t.Update(func(tx *Tx[V]) error { return tx.Unregister(name) })
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
