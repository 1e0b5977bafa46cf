package suite

import (
	"runtime"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/engine/registry"
	"github.com/gannetmcp/gannet/ringbuf"
)

// memoryWorkloads are the workloads of the area memory.
func memoryWorkloads() []Workload {
	return append([]Workload{
		{ID: "memory.buffers", Brief: "buffers borrowed and given back: what is left on the heap",
			Measures: "ringbuf.Pool: Count buffers of 512 B to 64 KB are lent, written to and given back, of which the pool keeps what it may (retained_bytes), and then the pool is dropped (heap_left_bytes, after a collection, beside what was there before). rate is one buffer of 4 KB got and put, by a loop's Cache.",
			Full:     Settings{Time: time.Second, Count: 1000}, Quick: Settings{Time: 100 * time.Millisecond, Count: 1000}, Run: buffers},
		{ID: "memory.registry", Brief: "names in a table: bytes each, and what is left when their owners end",
			Measures: "registry.Table: heap grown by 1,000 names of 28 bytes and by Keys (bytes_each), and what is left of it when their owner was dropped (kept_bytes, the empty table) and when the table was (heap_left_bytes), each after a collection.",
			Full:     Settings{Keys: 100_000}, Quick: Settings{Keys: 20_000}, Run: registryMemory},
		{ID: "memory.connections", Brief: "what connections cost the server that stand, and opening and closing them", Server: true,
			Measures: "Conns connections by TCP, each initialized: heap and RSS of the server's process for each of them, when all stand and after two pings on each; how long one takes from connect to the end of its handshake, one after another, and close. The kernel's memory is not in it. perf conns opens more, from several processes.",
			Full:     Settings{Time: 4 * time.Second, Conns: 10_000}, Quick: Settings{Time: time.Second, Conns: 1_000}, Run: connectionMemory},
		{ID: "memory.churn", Brief: "connections that come and go, in order and not: nothing is left of them", Server: true,
			Measures: "Count connections by TCP and HTTP, 16 at a time, of eight kinds in turn: called and closed; called and aborted unread; half a message, closed; half a message, aborted; a slow call that is cancelled; a slow call whose connection is closed; an HTTP session that is left to expire; one that is deleted. " +
				"Heap, RSS, descriptors, goroutines, buffers lent, sessions and connections of the server before and after, once as many, 20,000 at most, had warmed it up and what was left had expired.",
			Full: Settings{Count: 100_000}, Quick: Settings{Count: 4_000}, Run: churn},
	}, collectionWorkloads()...)
}

// heap is the bytes of live objects of this process, after collections.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heapSlack is what the heap of this process may grow by without anything being
// left: the runtime's own, such as new threads.
const heapSlack = 64 << 10

func buffers(e *Env, s Settings) (*result.Result, error) {
	before := heap()
	p := ringbuf.NewPool(ringbuf.PoolOptions{})
	lent := make([][]byte, 0, s.Count)
	total := 0
	for i := range s.Count {
		b := p.Get(512 << (i % 8))
		b = b[:cap(b)]
		b[0], b[len(b)-1] = 1, 1
		total += len(b)
		lent = append(lent, b)
	}
	held := heap()
	for i, b := range lent {
		p.Put(b)
		lent[i] = nil
	}
	stats := p.Stats()
	kept := heap()
	var cache ringbuf.Cache
	cache.Init(p)
	t, err := timed(e.Context, s.Time, batch, bodyOf(batch, func(int) error {
		cache.Put(cache.Get(4 << 10))
		return nil
	}))
	if err != nil {
		return nil, err
	}
	rate, allocs := t.rate(), float64(t.allocs)/float64(max(t.ops, 1))
	cache.Flush()
	balance := p.Stats()
	cache, p, t = ringbuf.Cache{}, nil, nil
	left := heap() - before
	runtime.KeepAlive(lent)
	r := &result.Result{}
	r.Add("lent_bytes", "B", float64(total))
	r.Add("heap_held_bytes", "B", float64(held-before))
	r.Add("retained_bytes", "B", float64(stats.Retained))
	r.Add("heap_kept_bytes", "B", float64(kept-before))
	r.Add("heap_left_bytes", "B", float64(left))
	r.Add("rate", "1/s", rate)
	r.Add("allocs_per_op", "1", allocs)
	r.Demand("every buffer came back", balance.Outstanding == 0 && balance.Gets == balance.Puts, "%d got, %d put", balance.Gets, balance.Puts)
	r.Demand("nothing is left on the heap", left <= heapSlack, "%d bytes, of %d", left, held-before)
	return r, nil
}

func registryMemory(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	for i, n := range []int{1000, s.Keys} {
		before := heap()
		// The names themselves are not of the table, which copies them.
		table := registry.NewTable[*int](registry.TableOptions{MaxPerOwner: n, MaxEntries: 2 * n})
		owner := table.NewOwner()
		var name []byte
		for number := range n {
			name = append(name[:0], "session/0123456789-00000000"...)
			for at, v := len(name)-1, number; v > 0; at, v = at-1, v/10 {
				name[at] = byte('0' + v%10)
			}
			if err := owner.Register(name, value); err != nil {
				return nil, err
			}
		}
		full := heap() - before
		if i == 0 {
			r.Add("heap_1000_names_bytes", "B", float64(full))
			runtime.KeepAlive(owner)
			runtime.KeepAlive(table)
			continue
		}
		r.Add("names", "1", float64(n))
		r.Add("bytes_each", "B", float64(full)/float64(n))
		dropped := owner.Drop()
		owner = nil
		names := table.Len()
		kept := heap() - before
		runtime.KeepAlive(table)
		table = nil
		left := heap() - before
		r.Add("kept_bytes", "B", float64(kept))
		r.Add("heap_left_bytes", "B", float64(left))
		r.Demand("no name outlives its owner", dropped == n && names == 0, "%d of %d dropped, %d left", dropped, n, names)
		r.Demand("nothing is left on the heap", left <= heapSlack, "%d bytes, of %d", left, full)
	}
	return r, e.Context.Err()
}
