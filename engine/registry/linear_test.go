package registry

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
)

// op is one operation of a history: what was asked, when (by a shared counter),
// and what was answered. Of a name, value 0 means that it is not there.
type op struct {
	kind       byte // 'r'ead, 'i'nsert, 'w'rite (replace), 'd'elete
	arg, got   int  // value written; value read, or 1 for success
	begin, end int64
}

// linearizable reports whether the operations on one name have an order that
// agrees with their times and with a plain variable (Wing and Gong 1993): it
// tries each operation that no other has ended before as the next.
func linearizable(ops []op) bool {
	sort.Slice(ops, func(i, j int) bool { return ops[i].begin < ops[j].begin })
	type state struct {
		done  uint64
		value int
	}
	seen := map[state]bool{}
	var try func(s state) bool
	try = func(s state) bool {
		if s.done == 1<<len(ops)-1 {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		first := int64(1<<62 - 1) // the earliest end of what is left
		for i := range ops {
			if s.done>>i&1 == 0 {
				first = min(first, ops[i].end)
			}
		}
		for i := range ops {
			o := &ops[i]
			if s.done>>i&1 == 1 || o.begin > first {
				continue
			}
			value, fits := s.value, true
			switch o.kind {
			case 'r':
				fits = o.got == s.value
			case 'i':
				if fits = (o.got == 1) == (s.value == 0); o.got == 1 {
					value = o.arg
				}
			case 'w':
				if fits = (o.got == 1) == (s.value != 0); o.got == 1 {
					value = o.arg
				}
			case 'd':
				if fits = (o.got == 1) == (s.value != 0); o.got == 1 {
					value = 0
				}
			}
			if fits && try(state{s.done | 1<<i, value}) {
				return true
			}
		}
		return false
	}
	return try(state{})
}

// The checker itself can say no.
func TestLinearizableChecker(t *testing.T) {
	for _, tc := range []struct {
		name string
		ops  []op
		want bool
	}{
		{"nothing", nil, true},
		{"read after insert", []op{{'i', 5, 1, 1, 2}, {'r', 0, 5, 3, 4}}, true},
		{"missed after insert", []op{{'i', 5, 1, 1, 2}, {'r', 0, 0, 3, 4}}, false},
		{"missed beside insert", []op{{'i', 5, 1, 1, 4}, {'r', 0, 0, 2, 3}}, true},
		{"found, then missed, beside insert", []op{{'i', 5, 1, 1, 9}, {'r', 0, 5, 2, 3}, {'r', 0, 0, 4, 5}}, false},
		{"found after delete", []op{{'i', 5, 1, 1, 2}, {'d', 0, 1, 3, 4}, {'r', 0, 5, 5, 6}}, false},
		{"old value after replace", []op{{'i', 5, 1, 1, 2}, {'w', 6, 1, 3, 4}, {'r', 0, 5, 5, 6}}, false},
		{"two inserts succeed", []op{{'i', 5, 1, 1, 4}, {'i', 6, 1, 2, 3}}, false},
		{"two inserts, one fails", []op{{'i', 5, 1, 1, 4}, {'i', 6, 0, 2, 3}}, true},
		{"a value that nobody wrote", []op{{'i', 5, 1, 1, 4}, {'r', 0, 7, 2, 3}}, false},
	} {
		if got := linearizable(tc.ops); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// Histories of goroutines that fight over a few names, while others in the same
// shards come and go so that tables grow and shrink under them.
func TestLinearizable(t *testing.T) {
	const workers, names, rounds, each = 4, 3, 60, 8 // 32 operations a name at most
	histories := 0
	for round := range rounds {
		table := NewTable[int](TableOptions{})
		owner := table.NewOwner()
		var clock atomic.Int64
		var logs [workers][names][]op
		var wg, churn sync.WaitGroup
		stop := make(chan struct{})
		churn.Go(func() {
			for {
				o := table.NewOwner()
				for i := range 300 {
					_ = o.Register(fmt.Appendf(nil, "other-%d", i), i)
				}
				o.Drop()
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		for w := range workers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(w)))
				for i := range each * names {
					k := i % names
					name := fmt.Appendf(nil, "name-%d", k)
					value := 1 + w*1000 + i
					o := op{kind: "riwdrr"[r.IntN(6)], arg: value, begin: clock.Add(1)}
					switch o.kind {
					case 'r':
						if e := table.Lookup(name); e != nil {
							o.got = e.Value
						}
					case 'i':
						if owner.Register(name, value) == nil {
							o.got = 1
						}
					case 'w':
						if owner.Replace(name, value) == nil {
							o.got = 1
						}
					case 'd':
						if owner.Unregister(name) == nil {
							o.got = 1
						}
					}
					o.end = clock.Add(1)
					logs[w][k] = append(logs[w][k], o)
				}
			})
		}
		wg.Wait()
		close(stop)
		churn.Wait()
		for k := range names {
			var all []op
			for w := range workers {
				all = append(all, logs[w][k]...)
			}
			histories++
			if !linearizable(all) {
				t.Fatalf("round %d: no order fits %+v", round, all)
			}
		}
	}
	t.Logf("%d histories", histories)
}
