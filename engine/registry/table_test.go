package registry

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gannetmcp/gannet/bench/message"
)

// Any order of changes by several owners gives what it gives on plain maps.
func TestTableAgainstMap(t *testing.T) {
	type mine struct{ owner, value int }
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		const owners, perOwner, total = 4, 120, 300
		table := NewTable[int](TableOptions{MaxEntries: total, MaxPerOwner: perOwner, MaxNameSize: 50})
		var own [owners]*Owner[int]
		for i := range own {
			own[i] = table.NewOwner()
		}
		model := map[string]mine{}
		has := func(o int) (n int) {
			for _, m := range model {
				if m.owner == o {
					n++
				}
			}
			return n
		}
		// Few names make them meet, many make tables grow.
		space := 1 + r.IntN(400)
		for step := range 3000 {
			o := r.IntN(owners)
			name := fmt.Sprintf("%0*d", 1+r.IntN(3)*20, r.IntN(space))
			key := []byte(name)
			at, there := model[name]
			var err, want error
			switch r.IntN(12) {
			case 0, 1, 2, 3, 4:
				switch {
				case has(o) >= perOwner:
					want = ErrOwnerFull
				case there:
					want = ErrExists
				case len(model) >= total:
					want = ErrFull
				}
				if err = own[o].Register(key, step); want == nil {
					model[name] = mine{o, step}
				}
			case 5, 6:
				if !there || at.owner != o {
					want = ErrNotFound
				} else {
					model[name] = mine{o, step}
				}
				err = own[o].Replace(key, step)
			case 7, 8, 9:
				if !there || at.owner != o {
					want = ErrNotFound
				} else {
					delete(model, name)
				}
				err = own[o].Unregister(key)
			case 10:
				if !there {
					want = ErrNotFound
				} else {
					delete(model, name)
				}
				err = table.Remove(key)
			default:
				if r.IntN(60) == 0 {
					n := has(o)
					for k, m := range model {
						if m.owner == o {
							delete(model, k)
						}
					}
					if got := own[o].Drop(); got != n {
						t.Fatalf("seed %d, step %d: Drop removed %d, want %d", seed, step, got, n)
					}
					if err := own[o].Register(key, 0); !errors.Is(err, ErrOwnerDropped) {
						t.Fatalf("seed %d: a dropped owner registers: %v", seed, err)
					}
					own[o] = table.NewOwner()
				}
			}
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("seed %d, step %d: %v, want %v", seed, step, err, want)
			}
			for i := range key { // names are copied
				key[i] = '!'
			}
			e := table.Lookup([]byte(name))
			if at, there := model[name]; there != (e != nil) || there && (e.Value != at.value || e.Name() != name) {
				t.Fatalf("seed %d, step %d: %q is %+v, want %+v", seed, step, name, e, at)
			}
			if table.Len() != len(model) || own[o].Len() != has(o) {
				t.Fatalf("seed %d, step %d: Len %d, want %d; owner %d, want %d", seed, step, table.Len(), len(model), own[o].Len(), has(o))
			}
		}
		seen := 0
		table.All(func(e *Entry[int]) bool {
			seen++
			if model[e.Name()].value != e.Value {
				t.Fatalf("seed %d: All shows %q=%d", seed, e.Name(), e.Value)
			}
			return true
		})
		if seen != len(model) {
			t.Fatalf("seed %d: All shows %d of %d", seed, seen, len(model))
		}
		for _, o := range own {
			o.Drop()
		}
		if table.Len() != 0 {
			t.Fatalf("seed %d: %d left", seed, table.Len())
		}
		groups := 0
		for i := range table.tables {
			groups += len(table.tables[i].Load().groups)
		}
		if groups > 2*shards { // tables shrink with what is in them
			t.Errorf("seed %d: %d groups are left of an empty table", seed, groups)
		}
	}
}

func TestTableBounds(t *testing.T) {
	table := NewTable[int](TableOptions{MaxNameSize: 4})
	o := table.NewOwner()
	if err := o.Register([]byte("12345"), 0); !errors.Is(err, ErrNameTooLong) {
		t.Error(err)
	}
	for _, name := range []string{"", "\x00", "\x00\x00", "1234"} {
		if err := o.Register([]byte(name), len(name)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "\x00", "\x00\x00", "1234"} {
		if e := table.Lookup([]byte(name)); e == nil || e.Value != len(name) {
			t.Errorf("%q: %+v", name, e)
		}
	}
	if table.Refused() != 1 {
		t.Errorf("%d refused", table.Refused())
	}
}

// LookupBatch finds what Lookup finds, whatever the batch's size.
func TestLookupBatch(t *testing.T) {
	table := NewTable[int](TableOptions{})
	o := table.NewOwner()
	var names [][]byte
	for i := range 500 {
		name := fmt.Appendf(nil, "session-%d", i)
		names = append(names, name)
		if i%3 != 0 {
			if err := o.Register(name, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range []int{0, 1, 31, 32, 33, 64, 100, 500} {
		found := make([]*Entry[int], n)
		for i := range found {
			found[i] = &Entry[int]{} // must be overwritten
		}
		table.LookupBatch(names[:n], found)
		for i, e := range found {
			if e != table.Lookup(names[i]) {
				t.Fatalf("batch of %d: %q is %+v", n, names[i], e)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a result slice that is too short is taken")
		}
	}()
	table.LookupBatch(names[:2], make([]*Entry[int], 1))
}

// Names of one xxhash value make no chains longer than others: they share a
// shard, and inside it their hashes differ.
func TestCollidingNames(t *testing.T) {
	longest := func(names []string) (most int) {
		table := NewTable[int](TableOptions{})
		o := table.NewOwner()
		for i, name := range names {
			if err := o.Register([]byte(name), i); err != nil {
				t.Fatal(err)
			}
		}
		for i, name := range names {
			if e := table.Lookup([]byte(name)); e == nil || e.Value != i {
				t.Fatalf("%q is not found", name)
			}
		}
		for i := range table.tables {
			s := table.tables[i].Load()
			for at := range s.groups {
				for k := range groupSlots {
					if r := s.groups[at].slots[k].Load(); r != nil {
						steps := (uint64(at) - r.hash>>8) & s.mask
						most = max(most, int(steps)+1)
					}
				}
			}
		}
		return most
	}
	const n = 8000
	random := make([]string, n)
	for i := range random {
		random[i] = fmt.Sprintf("%064x", i)
	}
	a, b := longest(random), longest(message.Colliding(n, 0))
	t.Logf("longest probe: %d groups of random names, %d of colliding ones", a, b)
	// At 3/4 full the longest of thousands of probes is some 10 groups; a chain
	// of 8,000 names would be over a thousand.
	if b > 40 {
		t.Errorf("a probe of %d groups", b)
	}
}

// Readers, and owners who come and go, all at once. A name that stays is never
// missed; a name is never seen with a value that it did not have; a name that
// was removed before a look-up began is not found by it; tables grow and shrink
// meanwhile.
func TestTableConcurrent(t *testing.T) {
	table := NewTable[*atomic.Int64](TableOptions{})
	stable := table.NewOwner()
	var stay []*atomic.Int64
	for i := range 200 {
		v := new(atomic.Int64)
		stay = append(stay, v)
		if err := stable.Register(fmt.Appendf(nil, "stay-%d", i), v); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for g := range 2 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 2))
			names := make([][]byte, 40)
			found := make([]*Entry[*atomic.Int64], 40)
			for {
				select {
				case <-done:
					return
				default:
				}
				for i := range names {
					n := r.IntN(len(stay))
					names[i] = fmt.Appendf(names[i][:0], "stay-%d", n)
					if e := table.Lookup(names[i]); e == nil || e.Value != stay[n] {
						t.Errorf("%s: %+v", names[i], e)
						return
					}
				}
				table.LookupBatch(names, found)
				for i, e := range found {
					if e == nil || e.Name() != string(names[i]) {
						t.Errorf("in a batch %s is %+v", names[i], e)
						return
					}
				}
			}
		})
	}
	for g := range 3 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 3))
			for round := range 40 {
				o := table.NewOwner()
				n := 1 + r.IntN(800)
				for i := range n {
					name := fmt.Appendf(nil, "go-%d-%d", g, i)
					v := new(atomic.Int64)
					v.Store(int64(round))
					if err := o.Register(name, v); err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					if e := table.Lookup(name); e == nil || e.Value != v {
						t.Errorf("%s is not found after Register", name)
						return
					}
					if r.IntN(3) == 0 {
						w := new(atomic.Int64)
						if err := o.Replace(name, w); err != nil || table.Lookup(name).Value != w {
							t.Errorf("%s after Replace: %v", name, err)
							return
						}
					}
				}
				if r.IntN(2) == 0 {
					o.Drop()
				} else {
					for i := range n {
						name := fmt.Appendf(nil, "go-%d-%d", g, i)
						var err error
						if r.IntN(2) == 0 {
							err = table.Remove(name)
						} else {
							err = o.Unregister(name)
						}
						if err != nil {
							t.Errorf("%s: %v", name, err)
							return
						}
					}
				}
				for i := range n {
					if e := table.Lookup(fmt.Appendf(nil, "go-%d-%d", g, i)); e != nil {
						t.Errorf("%s is found after it was removed", e.Name())
						return
					}
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	if n := stable.Drop(); n != len(stay) || table.Len() != 0 {
		t.Errorf("%d dropped, %d left", n, table.Len())
	}
}
