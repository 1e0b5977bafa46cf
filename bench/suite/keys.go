package suite

import (
	"fmt"
	"math/rand/v2"

	"github.com/gannetmcp/gannet/engine/registry"
)

// orderSize is the length of the sequence in which keys are asked for, a power
// of two.
const orderSize = 1 << 16

// zipf is the exponent of the skewed order: with 100,000 names the first hundred
// take half of the look-ups.
const zipf = 1.1

// names makes n names as sessions and tools have them, 28 bytes each.
func names(prefix string, n int) [][]byte {
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "%s/namespace-%03d/op-%06d", prefix, i%97, i)
	}
	return keys
}

// uniform is a sequence of numbers below n, the same each time.
func uniform(n int) []int32 {
	r := rand.New(rand.NewPCG(1, 1))
	seq := make([]int32, orderSize)
	for i := range seq {
		seq[i] = int32(r.IntN(n))
	}
	return seq
}

// skewed is a sequence by Zipf's law, with the frequent numbers strewn over all.
func skewed(n int) []int32 {
	r := rand.New(rand.NewPCG(2, 2))
	z := rand.NewZipf(r, zipf, 1, uint64(n-1))
	place := r.Perm(n)
	seq := make([]int32, orderSize)
	for i := range seq {
		seq[i] = int32(place[z.Uint64()])
	}
	return seq
}

// arriving are the names of a sequence as messages bring them: each a copy, one
// behind the other in memory. Read out of a table of names, in an order of its own,
// a name costs as much memory traffic as what is looked up by it.
func arriving(keys [][]byte, seq []int32) [][]byte {
	size := 0
	for _, i := range seq {
		size += len(keys[i])
	}
	all, list := make([]byte, 0, size), make([][]byte, len(seq))
	for at, i := range seq {
		from := len(all)
		all = append(all, keys[i]...)
		list[at] = all[from:len(all):len(all)]
	}
	return list
}

// distributions are the orders by name.
var distributions = []struct {
	name string
	make func(n int) []int32
}{{"uniform", uniform}, {"zipf", skewed}}

// value is what names stand for where nobody looks at it.
var value = new(int)

// filled is a table with keys, all of one owner.
func filled(keys [][]byte) (*registry.Table[*int], *registry.Owner[*int], error) {
	table := registry.NewTable[*int](registry.TableOptions{MaxPerOwner: len(keys) + round, MaxEntries: len(keys) + 2*round})
	owner := table.NewOwner()
	for _, k := range keys {
		if err := owner.Register(k, value); err != nil {
			return nil, nil, err
		}
	}
	return table, owner, nil
}
