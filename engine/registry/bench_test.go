package registry

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/cespare/xxhash/v2"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/gannetmcp/gannet/bench/message"
)

// A contender is a map from names to pointers. Names come as bytes, as they do
// in messages.
type contender struct {
	name   string
	make   func(keys [][]byte) (lookup func([]byte) *int, store func([]byte, *int), remove func([]byte))
	frozen bool // a change copies all
}

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

var value = new(int)

// contenders: gannet-names and gannet are this package's; cow is one map behind
// an atomic pointer, the simplest that readers need no lock for; rwmutex is 256
// maps, picked by xxhash, each with a lock.
var contenders = []contender{
	{"gannet-names", func(keys [][]byte) (func([]byte) *int, func([]byte, *int), func([]byte)) {
		names := NewNames[*int](NamesOptions{MaxNames: 1 << 20})
		if err := names.Update(func(tx *Tx[*int]) error {
			for _, k := range keys {
				if err := tx.Register(string(k), value); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			panic(err)
		}
		return func(k []byte) *int {
			if e := names.Lookup(k); e != nil {
				return e.Value
			}
			return nil
		}, nil, nil
	}, true},
	{"gannet", func(keys [][]byte) (func([]byte) *int, func([]byte, *int), func([]byte)) {
		table := NewTable[*int](TableOptions{MaxPerOwner: 1 << 20})
		owner := table.NewOwner()
		for _, k := range keys {
			if err := owner.Register(k, value); err != nil {
				panic(err)
			}
		}
		return func(k []byte) *int {
				if e := table.Lookup(k); e != nil {
					return e.Value
				}
				return nil
			}, func(k []byte, v *int) {
				if owner.Replace(k, v) != nil {
					_ = owner.Register(k, v)
				}
			}, func(k []byte) { _ = owner.Unregister(k) }
	}, false},
	{"cow", func(keys [][]byte) (func([]byte) *int, func([]byte, *int), func([]byte)) {
		m := map[string]*int{}
		for _, k := range keys {
			m[string(k)] = value
		}
		var p atomic.Pointer[map[string]*int]
		p.Store(&m)
		return func(k []byte) *int { return (*p.Load())[text(k)] }, nil, nil
	}, true},
	{"xsync", func(keys [][]byte) (func([]byte) *int, func([]byte, *int), func([]byte)) {
		m := xsync.NewMap[string, *int]()
		for _, k := range keys {
			m.Store(string(k), value)
		}
		return func(k []byte) *int { v, _ := m.Load(text(k)); return v },
			func(k []byte, v *int) { m.Store(string(k), v) }, func(k []byte) { m.Delete(text(k)) }
	}, false},
	{"syncmap", func(keys [][]byte) (func([]byte) *int, func([]byte, *int), func([]byte)) {
		var m sync.Map
		for _, k := range keys {
			m.Store(string(k), value)
		}
		return func(k []byte) *int {
			v, _ := m.Load(text(k))
			p, _ := v.(*int)
			return p
		}, func(k []byte, v *int) { m.Store(string(k), v) }, func(k []byte) { m.Delete(text(k)) }
	}, false},
	{"rwmutex", func(keys [][]byte) (func([]byte) *int, func([]byte, *int), func([]byte)) {
		var locked [256]struct {
			mu sync.RWMutex
			m  map[string]*int
			_  [32]byte
		}
		for i := range locked {
			locked[i].m = map[string]*int{}
		}
		store := func(k []byte, v *int) {
			s := &locked[xxhash.Sum64(k)>>56]
			s.mu.Lock()
			s.m[string(k)] = v
			s.mu.Unlock()
		}
		for _, k := range keys {
			store(k, value)
		}
		return func(k []byte) *int {
				s := &locked[xxhash.Sum64(k)>>56]
				s.mu.RLock()
				v := s.m[text(k)]
				s.mu.RUnlock()
				return v
			}, store, func(k []byte) {
				s := &locked[xxhash.Sum64(k)>>56]
				s.mu.Lock()
				delete(s.m, text(k))
				s.mu.Unlock()
			}
	}, false},
}

// names makes n names of 28 bytes.
func names(n int) [][]byte {
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "tool/namespace-%03d/op-%06d", i%97, i)
	}
	return keys
}

// order is the sequence in which names are asked for, the same for all.
func order(n int) []int32 {
	r := rand.New(rand.NewPCG(1, 1))
	seq := make([]int32, 1<<16)
	for i := range seq {
		seq[i] = int32(r.IntN(n))
	}
	return seq
}

// BenchmarkLookup: run it with -cpu 1,2 to see how reading scales.
func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{200, 100_000} {
		keys, seq := names(n), order(n)
		if n == 200 {
			for i := range seq {
				seq[i] = int32(i % n) // hot: round and round
			}
		}
		for _, c := range contenders {
			b.Run(fmt.Sprintf("impl=%s/keys=%d", c.name, n), func(b *testing.B) {
				lookup, _, _ := c.make(keys)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for i := 0; pb.Next(); i++ {
						if lookup(keys[seq[i&(1<<16-1)]]) == nil {
							b.Error("not found")
						}
					}
				})
			})
		}
	}
}

// BenchmarkMixed has one change in each 100 operations, or one in 2.
func BenchmarkMixed(b *testing.B) {
	const n = 100_000
	keys, seq := names(n), order(n)
	for _, every := range []int{100, 2} {
		for _, c := range contenders {
			if c.frozen {
				continue
			}
			b.Run(fmt.Sprintf("impl=%s/change=1:%d", c.name, every), func(b *testing.B) {
				lookup, store, _ := c.make(keys)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for i := 0; pb.Next(); i++ {
						k := keys[seq[i&(1<<16-1)]]
						if i%every == 0 {
							store(k, value)
						} else {
							lookup(k)
						}
					}
				})
			})
		}
	}
}

// BenchmarkRegister adds a name to 100,000 and removes it.
func BenchmarkRegister(b *testing.B) {
	keys := names(100_000)
	more := names(200_000)[100_000:]
	for _, c := range contenders {
		if c.frozen {
			continue
		}
		b.Run("impl="+c.name, func(b *testing.B) {
			_, store, remove := c.make(keys)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				k := more[i%len(more)]
				i += 7
				store(k, value)
				remove(k)
			}
		})
	}
}

// BenchmarkColliding looks up 2,000 names of 64 bytes, all of one xxhash value
// or of any.
func BenchmarkColliding(b *testing.B) {
	random := make([]string, 2000)
	for i := range random {
		random[i] = fmt.Sprintf("%064x", i*7919)
	}
	for _, set := range []struct {
		name string
		keys []string
	}{{"random", random}, {"colliding", message.Colliding(2000, 0)}} {
		var keys [][]byte
		for _, k := range set.keys {
			keys = append(keys, []byte(k))
		}
		for _, c := range contenders {
			b.Run("op=lookup/impl="+c.name+"/keys="+set.name, func(b *testing.B) {
				lookup, _, _ := c.make(keys)
				i := 0
				for b.Loop() {
					if lookup(keys[i]) == nil {
						b.Fatal("not found")
					}
					if i++; i == len(keys) {
						i = 0
					}
				}
			})
		}
		b.Run("op=insert/impl=gannet/keys="+set.name, func(b *testing.B) {
			for b.Loop() {
				table := NewTable[*int](TableOptions{})
				owner := table.NewOwner()
				for _, k := range keys {
					if err := owner.Register(k, value); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(keys)), "ns/name")
		})
	}
}

// BenchmarkBatch looks up names of 100,000, together or one by one; the time is
// that of one name.
func BenchmarkBatch(b *testing.B) {
	keys, seq := names(100_000), order(100_000)
	table := NewTable[*int](TableOptions{MaxPerOwner: 1 << 20})
	owner := table.NewOwner()
	for _, k := range keys {
		if err := owner.Register(k, value); err != nil {
			b.Fatal(err)
		}
	}
	for _, n := range []int{10, 32, 100} {
		asked := make([][]byte, n)
		found := make([]*Entry[*int], n)
		at := 0
		fill := func() {
			for i := range asked {
				asked[i] = keys[seq[at&(1<<16-1)]]
				at++
			}
		}
		perName := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/name")
		}
		b.Run(fmt.Sprintf("how=single/size=%d", n), func(b *testing.B) {
			for b.Loop() {
				fill()
				for i, k := range asked {
					found[i] = table.Lookup(k)
				}
			}
			perName(b)
		})
		b.Run(fmt.Sprintf("how=batch/size=%d", n), func(b *testing.B) {
			for b.Loop() {
				fill()
				table.LookupBatch(asked, found)
			}
			perName(b)
		})
	}
}

// BenchmarkPublish sends one message to 10,000 subscribers that take it at once.
func BenchmarkPublish(b *testing.B) {
	topics := NewTopics(TopicsOptions{})
	for range 10_000 {
		if err := topics.NewSubscriber(deafTarget{}).Subscribe([]byte("topic")); err != nil {
			b.Fatal(err)
		}
	}
	name, text := []byte("topic"), []byte("message")
	b.ReportAllocs()
	topics.Publish(name, text) // makes the room
	for b.Loop() {
		topics.Publish(name, text)
	}
}

type deafTarget struct{}

func (deafTarget) Deliver([]byte) error { return nil }
