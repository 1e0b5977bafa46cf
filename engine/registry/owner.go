package registry

import (
	"fmt"
	"hash/maphash"
	"sync"
	"unsafe"
)

// Owner is somebody who registers names in a Table: a connection, a session.
// What it has goes with it, at a cost in proportion to what that is. Its methods
// are safe from any goroutine.
type Owner[V any] struct {
	table   *Table[V]
	mu      sync.Mutex // protects what follows; locked before a shard
	first   *record[V]
	n       int
	dropped bool
}

// NewOwner returns an owner without names.
func (t *Table[V]) NewOwner() *Owner[V] { return &Owner[V]{table: t} }

// Len returns how many names the owner has.
func (o *Owner[V]) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n
}

// Register adds a name, which is copied.
//
// Errors: ErrExists, ErrFull, ErrOwnerFull, ErrNameTooLong, ErrOwnerDropped.
func (o *Owner[V]) Register(name []byte, v V) error {
	t := o.table
	if len(name) > t.opts.MaxNameSize {
		t.refused.Add(1)
		return fmt.Errorf("%w: %d bytes, limit %d", ErrNameTooLong, len(name), t.opts.MaxNameSize)
	}
	h := maphash.Bytes(t.seed, name)
	shard := shardOf(name)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.dropped:
		return ErrOwnerDropped
	case o.n >= t.opts.MaxPerOwner:
		t.refused.Add(1)
		return fmt.Errorf("%w: %d", ErrOwnerFull, o.n)
	}
	l := &t.locks[shard]
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.tables[shard].Load().find(name, h) != nil {
		return fmt.Errorf("%w: %q", ErrExists, clip(string(name)))
	}
	if n := t.count.Add(1); n > int64(t.opts.MaxEntries) {
		t.count.Add(-1)
		t.refused.Add(1)
		return fmt.Errorf("%w: %d names", ErrFull, t.opts.MaxEntries)
	}
	r := newRecord(name, h, v, o)
	l.live++
	t.resize(shard, l.live)
	t.tables[shard].Load().insert(r)
	o.link(r)
	return nil
}

// Replace gives a name of the owner's another value. Whoever looks it up
// meanwhile finds one or the other.
//
// Errors: ErrNotFound, which is also the answer for the name of another owner.
func (o *Owner[V]) Replace(name []byte, v V) error {
	t := o.table
	h := maphash.Bytes(t.seed, name)
	shard := shardOf(name)
	o.mu.Lock()
	defer o.mu.Unlock()
	l := &t.locks[shard]
	l.mu.Lock()
	defer l.mu.Unlock()
	s := t.tables[shard].Load()
	old := s.find(name, h)
	if old == nil || old.owner != o {
		return fmt.Errorf("%w: %q", ErrNotFound, clip(string(name)))
	}
	r := newRecord(name, h, v, o)
	at, slot := s.place(old)
	s.groups[at&s.mask].slots[slot].Store(r)
	o.unlink(old)
	o.link(r)
	return nil
}

// Unregister removes a name of the owner's.
//
// Errors: ErrNotFound, which is also the answer for the name of another owner.
func (o *Owner[V]) Unregister(name []byte) error {
	t := o.table
	shard := shardOf(name)
	o.mu.Lock()
	defer o.mu.Unlock()
	r := t.tables[shard].Load().find(name, maphash.Bytes(t.seed, name))
	if r == nil || r.owner != o || !t.takeOut(r, shard) {
		return fmt.Errorf("%w: %q", ErrNotFound, clip(string(name)))
	}
	o.unlink(r)
	return nil
}

// Drop removes all that the owner has and returns how many names that were.
// Registering is refused from then on. Once it has returned, no look-up that
// begins finds any of them.
func (o *Owner[V]) Drop() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropped = true
	n := o.n
	for r := o.first; r != nil; {
		next := r.next
		o.table.takeOut(r, shardOf(unsafe.Slice(unsafe.StringData(r.name), len(r.name))))
		r.next, r.prev = nil, nil
		r = next
	}
	o.first, o.n = nil, 0
	return n
}

// link and unlink keep the owner's list. The caller holds o.mu.
func (o *Owner[V]) link(r *record[V]) {
	r.next = o.first
	if o.first != nil {
		o.first.prev = r
	}
	o.first = r
	o.n++
}

func (o *Owner[V]) unlink(r *record[V]) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		o.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	}
	r.next, r.prev = nil, nil
	o.n--
}
