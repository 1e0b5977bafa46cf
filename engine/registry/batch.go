package registry

import (
	"hash/maphash"
	"math/bits"
)

// batchSize is how many names go through the passes of LookupBatch together.
const batchSize = 32

// LookupBatch looks each of names up and puts what it finds, nil for what is
// not there, into the same place of found, which must be as long.
//
// Names beyond the CPU's caches cost half as much as one by one: the passes
// (hash, group, record, comparison) let the misses of neighbours overlap.
//
// Hot path: no allocation, no lock.
func (t *Table[V]) LookupBatch(names [][]byte, found []*Entry[V]) {
	_ = found[:len(names)]
	for len(names) > batchSize {
		t.lookupSome(names[:batchSize], found[:batchSize])
		names, found = names[batchSize:], found[batchSize:]
	}
	t.lookupSome(names, found)
}

// lookupSome looks up to batchSize names up.
func (t *Table[V]) lookupSome(names [][]byte, found []*Entry[V]) {
	var (
		hashes  [batchSize]uint64
		tables  [batchSize]*shardTable[V]
		matches [batchSize]uint64
		records [batchSize]*record[V]
	)
	for i, name := range names {
		hashes[i] = maphash.Bytes(t.seed, name)
		tables[i] = t.tables[shardOf(name)].Load()
	}
	for i := range names {
		s, h := tables[i], hashes[i]
		matches[i] = matchTags(s.groups[h>>8&s.mask].control.Load(), tagOf(h)*tagOnes)
	}
	for i := range names {
		if m := matches[i]; m != 0 {
			s, h := tables[i], hashes[i]
			records[i] = s.groups[h>>8&s.mask].slots[bits.TrailingZeros64(m)>>3].Load()
		}
	}
	for i, name := range names {
		r := records[i]
		if r == nil || r.name != string(name) {
			r = tables[i].find(name, hashes[i]) // not the first that matches
		}
		if r != nil {
			found[i] = &r.Entry
		} else {
			found[i] = nil
		}
	}
}
