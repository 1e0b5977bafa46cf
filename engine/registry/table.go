package registry

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// Errors of a Table beside those of Names.
var (
	// ErrOwnerFull says that an owner has as many names as one may have.
	ErrOwnerFull = errors.New("registry: owner has too many names")
	// ErrOwnerDropped says that the owner has ended.
	ErrOwnerDropped = errors.New("registry: owner has ended")
)

// Defaults of TableOptions.
const (
	DefaultMaxEntries  = 1 << 20
	DefaultMaxPerOwner = 10_000
)

// TableOptions bounds a Table; the zero value is usable.
type TableOptions struct {
	MaxEntries  int // Names of all owners. Zero: 1,048,576. Beyond it: ErrFull.
	MaxPerOwner int // Names of one owner. Zero: 10,000. Beyond it: ErrOwnerFull.
	MaxNameSize int // Bytes of one name. Zero: 4,096. Beyond it: ErrNameTooLong.
}

const (
	shardBits = 6
	shards    = 1 << shardBits
	minGroups = 1 // of a shard's table
	// maxPassed is where a group's count of the entries that went past it
	// sticks until the shard's table is built anew.
	maxPassed = 255
)

// Table is a table of names that peers insert. Each name has one owner, and
// goes when its owner goes. Look-ups are lock-free and wait for nobody; a
// change locks the owner and one of 64 shards. Safe from any goroutine.
//
// Every operation on one name is linearizable. A change takes effect at one
// store: of the slot's tag where a name is inserted or removed, of the slot
// where its value is replaced, of the pointer to the shard's table where that
// was built anew.
type Table[V any] struct {
	opts  TableOptions
	seed  maphash.Seed
	count atomic.Int64
	// Apart from the locks: 64 pointers are eight cache lines, which look-ups
	// share without anybody writing to them.
	tables  [shards]atomic.Pointer[shardTable[V]]
	refused atomic.Uint64
	_       [56]byte
	locks   [shards]shard
}

// shard is the writers' part of a shard.
type shard struct {
	mu   sync.Mutex // protects what follows, and all changes of the shard's table
	live int        // entries
	_    [48]byte
}

// shardTable is a shard's groups. What is in it may change, under the shard's
// lock; its size does not.
type shardTable[V any] struct {
	groups []tableGroup[V]
	mask   uint64
}

// tableGroup is a group whose parts are read and written atomically; see the
// package comment. The top byte of control counts the entries that belong here
// or further back and lie behind, so that it falls again when they go.
type tableGroup[V any] struct {
	control atomic.Uint64
	slots   [groupSlots]atomic.Pointer[record[V]]
}

// inlineName is the size of a name that is kept in the record itself.
const inlineName = 32

// record is an entry of a Table. Entry, hash and owner do not change.
type record[V any] struct {
	Entry[V]
	hash  uint64
	owner *Owner[V]
	next  *record[V] // of the owner; protected by its lock, as prev
	prev  *record[V]
	room  [inlineName]byte
}

// NewTable returns an empty table.
func NewTable[V any](o TableOptions) *Table[V] {
	if o.MaxEntries <= 0 {
		o.MaxEntries = DefaultMaxEntries
	}
	if o.MaxPerOwner <= 0 {
		o.MaxPerOwner = DefaultMaxPerOwner
	}
	if o.MaxNameSize <= 0 {
		o.MaxNameSize = DefaultMaxNameSize
	}
	t := &Table[V]{opts: o, seed: maphash.MakeSeed()}
	for i := range t.tables {
		t.tables[i].Store(newShardTable[V](minGroups))
	}
	return t
}

func newShardTable[V any](groups int) *shardTable[V] {
	return &shardTable[V]{groups: make([]tableGroup[V], groups), mask: uint64(groups - 1)}
}

// shardOf picks a shard by xxhash. Whoever makes names that fall on one shard
// gains a contended lock for changes, and nothing against look-ups: inside the
// shard the hash is keyed.
func shardOf(name []byte) uint64 { return xxhash.Sum64(name) >> (64 - shardBits) }

// Lookup returns the entry with the given name, nil if there is none. The
// name is not kept.
//
// Hot path: no allocation, no lock.
func (t *Table[V]) Lookup(name []byte) *Entry[V] {
	h := maphash.Bytes(t.seed, name)
	if r := t.tables[shardOf(name)].Load().find(name, h); r != nil {
		return &r.Entry
	}
	return nil
}

// find returns the record with the given name.
func (s *shardTable[V]) find(name []byte, h uint64) *record[V] {
	tags := tagOf(h) * tagOnes
	for i, end := h>>8, h>>8+uint64(len(s.groups)); i != end; i++ {
		g := &s.groups[i&s.mask]
		control := g.control.Load()
		for m := matchTags(control, tags); m != 0; m &= m - 1 {
			// The slot may have changed since its tag was read: the record
			// itself says whose it is.
			if r := g.slots[bits.TrailingZeros64(m)>>3].Load(); r != nil && r.name == string(name) {
				return r
			}
		}
		if control>>overflowShift == 0 {
			return nil
		}
	}
	return nil
}

// matchTags returns a word whose byte i has its top bit set if slot i may have
// the tag that is repeated in tags. It can say so wrongly, never the opposite.
func matchTags(control, tags uint64) uint64 {
	x := control&(1<<overflowShift-1) ^ tags
	return (x - tagOnes) &^ x & tagHighs
}

// insert adds r, whose name is not there. The caller holds the shard's lock.
func (s *shardTable[V]) insert(r *record[V]) {
	for i := r.hash >> 8; ; i++ {
		g := &s.groups[i&s.mask]
		control := g.control.Load()
		for slot := range groupSlots {
			if control>>(8*slot)&0xff != 0 {
				continue
			}
			g.slots[slot].Store(r)
			g.control.Store(control | tagOf(r.hash)<<(8*slot))
			return
		}
		if control>>overflowShift < maxPassed {
			g.control.Store(control + 1<<overflowShift)
		}
	}
}

// remove takes r out, if it is there. The caller holds the shard's lock.
func (s *shardTable[V]) remove(r *record[V]) bool {
	at, slot := s.place(r)
	if slot < 0 {
		return false
	}
	g := &s.groups[at&s.mask]
	g.control.Store(g.control.Load() &^ (0xff << (8 * slot)))
	g.slots[slot].Store(nil)
	for i := r.hash >> 8; i != at; i++ {
		g := &s.groups[i&s.mask]
		if control := g.control.Load(); control>>overflowShift < maxPassed {
			g.control.Store(control - 1<<overflowShift)
		}
	}
	return true
}

// place returns the number of r's group, counted on from where its hash
// points, and its slot, -1 if r is not there.
func (s *shardTable[V]) place(r *record[V]) (at uint64, slot int) {
	for i, end := r.hash>>8, r.hash>>8+uint64(len(s.groups)); i != end; i++ {
		g := &s.groups[i&s.mask]
		for slot := range groupSlots {
			if g.slots[slot].Load() == r {
				return i, slot
			}
		}
		if g.control.Load()>>overflowShift == 0 {
			break
		}
	}
	return 0, -1
}

// resize builds the shard's table anew when it is too full, or far too empty,
// for live entries. The caller holds the shard's lock.
func (t *Table[V]) resize(shard uint64, live int) {
	old := t.tables[shard].Load()
	n := len(old.groups)
	switch slots := n * groupSlots; {
	case live*4 > slots*3:
		n *= 2
	case n > minGroups && live*8 < slots:
		n /= 2
	default:
		return
	}
	s := newShardTable[V](n)
	for i := range old.groups {
		for k := range groupSlots {
			if r := old.groups[i].slots[k].Load(); r != nil {
				s.insert(r)
			}
		}
	}
	t.tables[shard].Store(s)
}

// newRecord copies the name.
func newRecord[V any](name []byte, h uint64, v V, o *Owner[V]) *record[V] {
	r := &record[V]{hash: h, owner: o}
	r.Value = v
	if len(name) <= inlineName {
		copy(r.room[:], name)
		r.name = unsafe.String(&r.room[0], len(name))
	} else {
		r.name = string(name)
	}
	return r
}

// Len returns the number of names.
func (t *Table[V]) Len() int { return int(t.count.Load()) }

// Refused returns how many registrations a limit has refused.
func (t *Table[V]) Refused() uint64 { return t.refused.Load() }

// All calls f with each entry until it returns false. Entries that come or go
// meanwhile may be seen or not; one that is there all the time is seen, and
// none twice, unless f runs while a shard is built anew. No lock is held.
func (t *Table[V]) All(f func(*Entry[V]) bool) {
	for i := range t.tables {
		s := t.tables[i].Load()
		for k := range s.groups {
			for j := range groupSlots {
				if r := s.groups[k].slots[j].Load(); r != nil && !f(&r.Entry) {
					return
				}
			}
		}
	}
}

// Remove takes a name out, whosever it is.
//
// Errors: ErrNotFound.
func (t *Table[V]) Remove(name []byte) error {
	h := maphash.Bytes(t.seed, name)
	shard := shardOf(name)
	for {
		r := t.tables[shard].Load().find(name, h)
		if r == nil {
			return fmt.Errorf("%w: %q", ErrNotFound, clip(string(name)))
		}
		r.owner.mu.Lock()
		gone := t.takeOut(r, shard)
		if gone {
			r.owner.unlink(r)
		}
		r.owner.mu.Unlock()
		if gone {
			return nil
		}
		// Removed or replaced by another meanwhile: look again.
	}
}

// takeOut removes r from its shard. The caller holds the owner's lock.
func (t *Table[V]) takeOut(r *record[V], shard uint64) bool {
	l := &t.locks[shard]
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.tables[shard].Load().remove(r) {
		return false
	}
	l.live--
	t.count.Add(-1)
	t.resize(shard, l.live)
	return true
}
