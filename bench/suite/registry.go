package suite

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/engine/registry"
)

// registryWorkloads are the workloads of the area registry.
func registryWorkloads() []Workload {
	full := Settings{Time: 3 * time.Second, Keys: 100_000}
	quick := Settings{Time: 300 * time.Millisecond, Keys: 100_000}
	return []Workload{
		{ID: "registry.lookup", Brief: "look-ups by name, one goroutine",
			Measures: "Table.Lookup of names that are there, of 28 bytes and as messages bring them, among Keys, in batches of 64: in random order, and (zipf_) by Zipf's law with exponent 1.1. Time is for each order.",
			Full:     full, Quick: quick, Run: lookup},
		{ID: "registry.lookup_parallel", Brief: "look-ups by name on all CPUs, while one operation in a hundred changes the table",
			Measures: "The same by GOMAXPROCS goroutines, each of which replaces the value of a name after 99 look-ups. The rate is of all operations together; one_rate is that of one goroutine alone. The two take turns within the Time, and are medians over the turns, as scaling is, the one by the other of one turn. machine_scaling is how hashing of the same names scales, which shares nothing: what the CPUs give at best, and what else runs on them leaves.",
			Full:     full, Quick: quick, Run: lookupParallel},
		{ID: "registry.register", Brief: "names registered, with an owner that they go with",
			Measures: "Owner.Register of names that are new, among Keys others; what was registered is taken out again, which is not timed.",
			Full:     full, Quick: quick, Run: func(e *Env, s Settings) (*result.Result, error) { return register(e, s, true) }},
		{ID: "registry.unregister", Brief: "names taken out",
			Measures: "Owner.Unregister of names in random order, among Keys others; registering them is not timed.",
			Full:     full, Quick: quick, Run: func(e *Env, s Settings) (*result.Result, error) { return register(e, s, false) }},
		{ID: "registry.mixed", Brief: "of ten operations eight look-ups, one registering, one taking out",
			Measures: "Among Keys names, one goroutine, in batches of 64 operations or a few more.",
			Full:     full, Quick: quick, Run: mixed},
		{ID: "registry.session", Brief: "sessions: made, looked up and ended with all that they had",
			Measures: "NewOwner, one name registered, one look-up, Owner.Drop, among Keys others: a session's life in the table. The rate counts sessions, ops_rate these three operations.",
			Full:     full, Quick: quick, Run: sessions},
		{ID: "registry.batch", Brief: "look-ups of 10, 32 and 100 names together against one by one",
			Measures: "Table.LookupBatch against Table.Lookup of the same names, in random order among Keys; the figures are for one name, gain_N is how much more of them go in a second together (0.5: half as many again). The two take turns of a hundredth of Time.",
			Full:     full, Quick: quick, Run: lookupBatch},
		{ID: "registry.route_cache", Brief: "would a cache of routes in front of the table pay?",
			Measures: "Table.Lookup with and without a direct-mapped cache of 1,024 entries in front, private to its loop, that is void once anything was unregistered; in random order and by Zipf's law. gain is how many more look-ups go in a second with it. The two take turns.",
			Full:     full, Quick: quick, Run: routeCache},
		{ID: "registry.secondary_index", Brief: "would a second index, by number, pay?",
			Measures: "Finding an entry by a number in a second table against finding it by its name, and what registering costs with the second table to keep (register_gain, negative). In random order and by Zipf's law. They take turns. Messages of MCP name things by text, so no request could use the number: this is what an index would bring at most.",
			Full:     full, Quick: quick, Run: secondaryIndex},
		{ID: "registry.route", Brief: "messages by name to a connection on another goroutine's loop, end to end",
			Measures: "Router.Route: look-up, copy, the loop's mailbox, and the loop, which writes the message to its connection. rate: as many as go, the loop never sleeping. p50_us to max_us: one message at a time, from the call to the write on the other goroutine. asleep_: the loop sleeps whenever nothing is there, so that each message has to wake it.",
			Full:     Settings{Time: 2 * time.Second}, Quick: Settings{Time: 200 * time.Millisecond}, Run: route},
		{ID: "registry.queue", Brief: "messages through the queues between goroutines",
			Measures: "ringbuf.SPSC and ringbuf.Mailbox, one item in and out: spsc_rate on one goroutine, and from one goroutine to another (across_).",
			Full:     Settings{Time: 2 * time.Second}, Quick: Settings{Time: 200 * time.Millisecond}, Run: queues},
	}
}

func lookup(e *Env, s Settings) (*result.Result, error) {
	keys := names("tool", s.Keys)
	table, _, err := filled(keys)
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	for i, d := range distributions {
		asked := arriving(keys, d.make(s.Keys))
		t, err := timed(e.Context, s.Time, batch, bodyOf(batch, func(i int) error {
			if table.Lookup(asked[i&(orderSize-1)]) == nil {
				return registry.ErrNotFound
			}
			return nil
		}))
		if err != nil {
			return nil, err
		}
		if i == 0 {
			t.add(r)
			continue
		}
		r.Add(d.name+"_rate", "1/s", t.rate())
		r.Add(d.name+"_mean_ns", "ns", t.mean())
		t.percentiles(r, d.name+"_")
	}
	return r, nil
}

func lookupParallel(e *Env, s Settings) (*result.Result, error) {
	keys := names("tool", s.Keys)
	table, owner, err := filled(keys)
	if err != nil {
		return nil, err
	}
	asked := arriving(keys, uniform(s.Keys))
	n := runtime.GOMAXPROCS(0)
	bodies, hashing := make([]func() error, n), make([]func() error, n)
	for g := range bodies {
		from := g * orderSize / n
		bodies[g] = bodyOf(batch, func(i int) error {
			k := asked[(from+i)&(orderSize-1)]
			if i%100 == 99 {
				return owner.Replace(k, value)
			}
			if table.Lookup(k) == nil {
				return registry.ErrNotFound
			}
			return nil
		})
		hashing[g] = bodyOf(batch, func(i int) error {
			if xxhash.Sum64(asked[(from+i)&(orderSize-1)]) == 0 { // none is; so the hash is wanted
				return registry.ErrNotFound
			}
			return nil
		})
	}
	lookups, err := parallel(e, s.Time*3/4, bodies)
	if err != nil {
		return nil, err
	}
	hashes, err := parallel(e, s.Time/4, hashing)
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	r.Add("rate", "1/s", median(lookups.all))
	lookups.times.percentiles(r, "")
	r.Add("goroutines", "1", float64(n))
	r.Add("one_rate", "1/s", median(lookups.one))
	r.Add("scaling", "ratio", median(lookups.scaling))
	r.Add("machine_scaling", "ratio", median(hashes.scaling))
	r.Add("clock_ns", "ns", clockCost())
	return r, nil
}

// round is how many names are registered before as many are taken out.
const round = 64 * batch

// register times registering, or taking out, in rounds.
func register(e *Env, s Settings, registering bool) (*result.Result, error) {
	_, owner, err := filled(names("tool", s.Keys))
	if err != nil {
		return nil, err
	}
	more := names("session", round)
	shuffled := slices.Clone(more)
	rand.New(rand.NewPCG(3, 3)).Shuffle(round, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	in, out := newTiming(batch), newTiming(batch)
	pass := func(t *timing, keys [][]byte, op func([]byte) error) error {
		for part := range slices.Chunk(keys, batch) {
			begin := now()
			for _, k := range part {
				if err := op(k); err != nil {
					return err
				}
			}
			ns := now() - begin
			t.record(ns)
			t.ns += ns
		}
		return nil
	}
	put := func(k []byte) error { return owner.Register(k, value) }
	for end := now() + int64(s.Time); now() < end; {
		if err := pass(in, more, put); err != nil {
			return nil, err
		}
		if err := pass(out, shuffled, owner.Unregister); err != nil {
			return nil, err
		}
		if err := e.Context.Err(); err != nil {
			return nil, err
		}
	}
	t := out
	if registering {
		t = in
	}
	r := &result.Result{}
	r.Add("rate", "1/s", t.rate())
	r.Add("mean_ns", "ns", t.mean())
	t.percentiles(r, "")
	r.Add("clock_ns", "ns", clockCost())
	return r, nil
}

func mixed(e *Env, s Settings) (*result.Result, error) {
	keys := names("tool", s.Keys)
	table, owner, err := filled(keys)
	if err != nil {
		return nil, err
	}
	more, asked := names("session", round), arriving(keys, uniform(s.Keys))
	// A batch is whole tens, so that the table is as large after it as before.
	const tens = (batch + 9) / 10
	i := 0
	t, err := timed(e.Context, s.Time, 10*tens, func() error {
		for range tens {
			fresh := more[i/10%round]
			if err := owner.Register(fresh, value); err != nil {
				return err
			}
			for range 8 {
				if table.Lookup(asked[i&(orderSize-1)]) == nil {
					return registry.ErrNotFound
				}
				i++
			}
			if err := owner.Unregister(fresh); err != nil {
				return err
			}
			i += 2
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	t.add(r)
	return r, nil
}

func sessions(e *Env, s Settings) (*result.Result, error) {
	table, _, err := filled(names("tool", s.Keys))
	if err != nil {
		return nil, err
	}
	ids := names("session", round)
	t, err := timed(e.Context, s.Time, batch, bodyOf(batch, func(i int) error {
		id, owner := ids[i%round], table.NewOwner()
		if err := owner.Register(id, value); err != nil {
			return err
		}
		if table.Lookup(id) == nil {
			return registry.ErrNotFound
		}
		if n := owner.Drop(); n != 1 {
			return fmt.Errorf("a session had %d names", n)
		}
		return nil
	}))
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	t.add(r)
	r.Add("ops_rate", "1/s", 3*t.rate())
	left := table.Len() - s.Keys
	r.Demand("nothing is left of the sessions", left == 0, "%d names", left)
	return r, nil
}
