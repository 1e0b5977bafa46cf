package engine

import "hash/maphash"

// inFlightTable finds the calls of a loop that are off it by connection and
// id. Calls are its nodes, so it allocates only when it doubles, and its size
// is bounded by Options.MaxInFlightTotal. The hash is keyed: ids are named by
// peers.
type inFlightTable struct {
	seed    maphash.Seed
	buckets []*Call
	n       int
}

const inFlightBuckets = 64

func (t *inFlightTable) init() {
	t.seed = maphash.MakeSeed()
	t.buckets = make([]*Call, inFlightBuckets)
}

func (t *inFlightTable) hash(c *Conn, id []byte) uint64 {
	return maphash.Bytes(t.seed, id) ^ c.serial*0x9e3779b97f4a7c15
}

// find returns the call of connection c whose id has the raw text id and that
// has not ended, or nil. One that has ended and still runs is not in the way:
// nothing is sent for it.
func (t *inFlightTable) find(c *Conn, id []byte) *Call {
	h := t.hash(c, id)
	for call := t.buckets[h&uint64(len(t.buckets)-1)]; call != nil; call = call.chain {
		if call.hash == h && call.conn == c && !call.ended.Load() && string(call.ID().Raw()) == string(id) {
			return call
		}
	}
	return nil
}

func (t *inFlightTable) insert(call *Call) {
	if t.n == len(t.buckets) {
		t.grow()
	}
	call.hash = t.hash(call.conn, call.ID().Raw())
	b := &t.buckets[call.hash&uint64(len(t.buckets)-1)]
	call.chain = *b
	*b = call
	t.n++
}

func (t *inFlightTable) remove(call *Call) {
	p := &t.buckets[call.hash&uint64(len(t.buckets)-1)]
	for *p != call {
		p = &(*p).chain
	}
	*p = call.chain
	call.chain = nil
	t.n--
}

func (t *inFlightTable) grow() {
	old := t.buckets
	t.buckets = make([]*Call, 2*len(old))
	for _, call := range old {
		for call != nil {
			next := call.chain
			b := &t.buckets[call.hash&uint64(len(t.buckets)-1)]
			call.chain = *b
			*b = call
			call = next
		}
	}
}
