package suite

import (
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/engine/registry"
)

// turns is how often two contenders take turns in one measurement, so that what
// else the machine does meets both.
const turns = 100

// duel times two ways of doing the same, each operations a call, taking turns for
// d each in all. Means are medians over the turns: what else the machine does hits
// some turns, not half of them.
func duel(e *Env, d time.Duration, each int, a, b func() error) (ta, tb *timing, err error) {
	ta, tb = newTiming(each), newTiming(each)
	for turn := range turns + 1 {
		for i, op := range [2]func() error{a, b} {
			t := ta
			if i == 1 {
				t = tb
			}
			begin := now()
			last := begin
			for last-begin < int64(d)/turns {
				if err := op(); err != nil {
					return nil, nil, err
				}
				at := now()
				if turn > 0 { // the first turn warms up
					t.record(at - last)
				}
				last = at
			}
			if turn > 0 {
				t.ns += last - begin
				t.turns = append(t.turns, float64(last-begin)/float64(t.ops-t.counted))
				t.counted = t.ops
			}
		}
		if err := e.Context.Err(); err != nil {
			return nil, nil, err
		}
	}
	return ta, tb, nil
}

// gain is how many more operations b does in a second than a: 0 is none, 1 twice
// as many.
func gain(a, b *timing) float64 { return a.typical()/b.typical() - 1 }

// typical is ns an operation, the median over the turns of a duel.
func (t *timing) typical() float64 { return median(t.turns) }

// median is that of a list, which stays as it is.
func median(list []float64) float64 { return result.SpreadOf(slices.Clone(list)).Median }

func lookupBatch(e *Env, s Settings) (*result.Result, error) {
	keys := names("tool", s.Keys)
	table, _, err := filled(keys)
	if err != nil {
		return nil, err
	}
	messages := arriving(keys, uniform(s.Keys))
	r := &result.Result{}
	for _, size := range []int{10, 32, 100} {
		asked, found := make([][]byte, size), make([]*registry.Entry[*int], size)
		at := 0
		// What fills asked is part of both sides: messages bring the names.
		fill := func() {
			for i := range asked {
				asked[i] = messages[at&(orderSize-1)]
				at++
			}
		}
		single, together, err := duel(e, s.Time/3, size, func() error {
			fill()
			for i, k := range asked {
				if found[i] = table.Lookup(k); found[i] == nil {
					return registry.ErrNotFound
				}
			}
			return nil
		}, func() error {
			fill()
			table.LookupBatch(asked, found)
			if found[size-1] == nil {
				return registry.ErrNotFound
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		name := map[int]string{10: "10", 32: "32", 100: "100"}[size]
		r.Add("single_"+name+"_ns", "ns", single.typical())
		r.Add("batch_"+name+"_ns", "ns", together.typical())
		r.Add("batch_"+name+"_rate", "1/s", 1e9/together.typical())
		r.Add("gain_"+name, "ratio", gain(single, together))
	}
	return r, nil
}

// cacheSize is the number of routes that a routeCacheTable keeps.
const cacheSize = 1024

// A routeCacheTable is the experiment: a table with a cache of its entries in
// front, of one goroutine. An entry of the cache counts only as long as the
// generation is that at which it was filled; whoever takes a name out raises it,
// so that a name that is gone is never found.
type routeCacheTable struct {
	table      *registry.Table[*int]
	generation uint64
	slots      [cacheSize]struct {
		entry      *registry.Entry[*int]
		generation uint64
	}
	hits, misses uint64
}

func (c *routeCacheTable) lookup(name []byte) *registry.Entry[*int] {
	slot := &c.slots[xxhash.Sum64(name)%cacheSize]
	if slot.entry != nil && slot.generation == c.generation && slot.entry.Name() == string(name) {
		c.hits++
		return slot.entry
	}
	c.misses++
	slot.entry, slot.generation = c.table.Lookup(name), c.generation
	return slot.entry
}

func routeCache(e *Env, s Settings) (*result.Result, error) {
	keys := names("tool", s.Keys)
	table, _, err := filled(keys)
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	for _, d := range distributions {
		asked := arriving(keys, d.make(s.Keys))
		cache := &routeCacheTable{table: table, generation: 1}
		body := func(find func([]byte) *registry.Entry[*int]) func() error {
			return bodyOf(batch, func(i int) error {
				if find(asked[i&(orderSize-1)]) == nil {
					return registry.ErrNotFound
				}
				return nil
			})
		}
		plain, cached, err := duel(e, s.Time, batch, body(table.Lookup), body(cache.lookup))
		if err != nil {
			return nil, err
		}
		r.Add(d.name+"_plain_ns", "ns", plain.typical())
		r.Add(d.name+"_cached_ns", "ns", cached.typical())
		r.Add(d.name+"_hit_rate", "ratio", float64(cache.hits)/float64(cache.hits+cache.misses))
		r.Add(d.name+"_gain", "ratio", gain(plain, cached))
	}
	return r, nil
}

func secondaryIndex(e *Env, s Settings) (*result.Result, error) {
	keys := names("tool", s.Keys)
	table, owner, err := filled(keys)
	if err != nil {
		return nil, err
	}
	index := make(map[uint64]*registry.Entry[*int], s.Keys)
	for i, k := range keys {
		index[uint64(i)] = table.Lookup(k)
	}
	r := &result.Result{}
	for _, d := range distributions {
		seq := d.make(s.Keys)
		asked := arriving(keys, seq)
		byName, byNumber, err := duel(e, s.Time, batch, bodyOf(batch, func(i int) error {
			// The entry is read: whoever looks it up wants what it has.
			if e := table.Lookup(asked[i&(orderSize-1)]); e == nil || e.Value == nil {
				return registry.ErrNotFound
			}
			return nil
		}), bodyOf(batch, func(i int) error {
			if e := index[uint64(seq[i&(orderSize-1)])]; e == nil || e.Value == nil {
				return registry.ErrNotFound
			}
			return nil
		}))
		if err != nil {
			return nil, err
		}
		r.Add(d.name+"_by_name_ns", "ns", byName.typical())
		r.Add(d.name+"_by_number_ns", "ns", byNumber.typical())
		r.Add(d.name+"_gain", "ratio", gain(byName, byNumber))
	}
	more := names("session", round)
	churn := func(keep bool) func() error {
		return bodyOf(batch, func(i int) error {
			k, number := more[i%round], uint64(s.Keys+i%round)
			if err := owner.Register(k, value); err != nil {
				return err
			}
			if keep {
				index[number] = table.Lookup(k)
				delete(index, number)
			}
			return owner.Unregister(k)
		})
	}
	one, two, err := duel(e, s.Time, batch, churn(false), churn(true))
	if err != nil {
		return nil, err
	}
	r.Add("register_one_ns", "ns", one.typical())
	r.Add("register_two_ns", "ns", two.typical())
	r.Add("register_gain", "ratio", gain(one, two))
	return r, nil
}
