//go:build !race

package registry

import (
	"fmt"
	"testing"
)

// TestAllocs holds the reading side to no allocation at all.
func TestAllocs(t *testing.T) {
	none := func(name string, op func()) {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, op); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
		})
	}
	names := NewNames[int](NamesOptions{})
	table := NewTable[int](TableOptions{})
	owner := table.NewOwner()
	router := NewRouter(TableOptions{})
	binder := router.NewBinder()
	topics := NewTopics(TopicsOptions{})
	var keys [][]byte
	for i := range 100 {
		key := fmt.Appendf(nil, "name-%d-that-is-longer-than-what-a-record-holds", i)
		keys = append(keys, key)
		if i == 99 {
			break // absent
		}
		if err := names.Register(string(key), i); err != nil {
			t.Fatal(err)
		}
		if err := owner.Register(key, i); err != nil {
			t.Fatal(err)
		}
		if err := binder.Bind(key, deafTarget{}); err != nil {
			t.Fatal(err)
		}
		if err := topics.NewSubscriber(deafTarget{}).Subscribe([]byte("topic")); err != nil {
			t.Fatal(err)
		}
	}
	hit, miss := keys[42], keys[99]
	message := []byte("message")
	found := make([]*Entry[int], len(keys))
	none("Names", func() {
		if names.Lookup(hit) == nil || names.Lookup(miss) != nil {
			t.Error("wrong")
		}
	})
	none("Table", func() {
		if table.Lookup(hit) == nil || table.Lookup(miss) != nil {
			t.Error("wrong")
		}
	})
	none("LookupBatch", func() {
		table.LookupBatch(keys, found)
		if found[42] == nil || found[99] != nil {
			t.Error("wrong")
		}
	})
	none("Route", func() {
		if router.Route(hit, message) != nil || router.Route(miss, message) != ErrNotFound {
			t.Error("wrong")
		}
	})
	none("Broadcast", func() {
		if n, _ := router.Broadcast(message); n != 99 {
			t.Error("wrong")
		}
	})
	none("Publish", func() {
		if n, _ := topics.Publish([]byte("topic"), message); n != 99 {
			t.Error("wrong")
		}
		if n, _ := topics.Publish([]byte("nothing"), message); n != 0 {
			t.Error("wrong")
		}
	})
}

// A short name costs one allocation, a long one two, tables that grow apart.
func TestAllocsOfRegister(t *testing.T) {
	table := NewTable[int](TableOptions{})
	owner := table.NewOwner()
	for name, want := range map[string]float64{"short": 1, "a name that is longer than thirty-two bytes": 2} {
		key := []byte(name)
		n := testing.AllocsPerRun(100, func() {
			if owner.Register(key, 1) != nil || owner.Unregister(key) != nil {
				t.Error("wrong")
			}
		})
		if n != want {
			t.Errorf("%q: %v allocations, want %v", name, n, want)
		}
	}
}
