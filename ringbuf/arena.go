package ringbuf

// arenaChunk is the size of an arena's first chunk, which it keeps over Reset.
const arenaChunk = 4 << 10

// Arena lends many pieces of memory that all end together, at Reset. It never
// moves what it has given out. Not safe for concurrent use.
//
// Memory is taken from a Pool in chunks, each at least twice the last, so a
// large piece costs one Get. The zero Arena, without a pool, allocates its
// chunks and has no limit.
type Arena struct {
	pool  *Pool
	limit int // bytes lent between two Resets; 0: none
	used  int
	chunk []byte   // being filled
	full  [][]byte // earlier chunks
}

// NewArena returns an arena over pool that lends at most limit bytes between
// two Resets; 0 means no limit.
func NewArena(pool *Pool, limit int) *Arena {
	a := &Arena{}
	a.Init(pool, limit)
	return a
}

// Init readies a; see NewArena.
func (a *Arena) Init(pool *Pool, limit int) { *a = Arena{pool: pool, limit: limit} }

// Alloc lends n bytes, of undefined contents, until Reset. Their capacity is n,
// so an append to them moves elsewhere. ok is false, and nothing is lent, at
// the limit.
//
// Hot path: no allocation while the pieces fit into the first chunk.
func (a *Arena) Alloc(n int) (b []byte, ok bool) {
	if a.limit > 0 && n > a.limit-a.used {
		return nil, false
	}
	if cap(a.chunk)-len(a.chunk) < n {
		a.next(n)
	}
	at := len(a.chunk)
	a.chunk = a.chunk[:at+n]
	a.used += n
	return a.chunk[at : at+n : at+n], true
}

// next begins a chunk with room for n bytes.
func (a *Arena) next(n int) {
	size := max(n, arenaChunk, 2*cap(a.chunk))
	if a.chunk != nil {
		a.full = append(a.full, a.chunk)
	}
	if a.pool != nil {
		a.chunk = a.pool.Get(size)
	} else {
		a.chunk = make([]byte, 0, size)
	}
}

// Used returns how many bytes are lent.
func (a *Arena) Used() int { return a.used }

// Reset ends all pieces. What does not fit a small idle arena goes back to the
// pool.
func (a *Arena) Reset() {
	if a.used == 0 {
		return
	}
	for i, c := range a.full {
		a.put(c)
		a.full[i] = nil
	}
	a.full = a.full[:0]
	a.put(a.chunk)
	a.chunk = nil
	a.used = 0
}

func (a *Arena) put(c []byte) {
	if a.pool != nil {
		a.pool.Put(c)
	}
}
