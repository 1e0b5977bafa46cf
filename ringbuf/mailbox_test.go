package ringbuf

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

type parcel struct {
	item   Item[*parcel]
	from   int
	serial int
	urgent bool
}

func newParcel(from, serial int, urgent bool) *parcel {
	p := &parcel{from: from, serial: serial, urgent: urgent}
	p.item.Value = p
	return p
}

// One goroutine: what comes out is what two plain queues give by the rule of
// one normal item after each 16 urgent ones.
func TestMailboxAgainstSlices(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 4))
		var m Mailbox[*parcel]
		var normal, urgent []*parcel
		run := 0
		bias := r.IntN(100)
		for step := range 3000 {
			if r.IntN(2) == 0 {
				p := newParcel(0, step, r.IntN(100) < bias)
				if p.urgent {
					m.PushUrgent(&p.item)
					urgent = append(urgent, p)
				} else {
					m.Push(&p.item)
					normal = append(normal, p)
				}
				continue
			}
			got := m.Pop()
			if len(urgent)+len(normal) == 0 {
				if got != nil {
					t.Fatalf("seed %d: an empty mailbox gave %d", seed, got.Value.serial)
				}
				run = 0
				continue
			}
			if got == nil {
				t.Fatalf("seed %d: nothing came, %d wait", seed, len(urgent)+len(normal))
			}
			var want *parcel
			switch {
			case len(urgent) > 0 && (run < urgentRun || len(normal) == 0):
				if run == urgentRun {
					run = 0
				}
				want, urgent = urgent[0], urgent[1:]
				run++
			default:
				want, normal = normal[0], normal[1:]
				run = 0
			}
			if got.Value != want {
				t.Fatalf("seed %d, step %d: got %+v, want %+v", seed, step, got.Value, want)
			}
		}
	}
}

// Neither lane starves while the other is flooded.
func TestMailboxNoStarvation(t *testing.T) {
	var m Mailbox[*parcel]
	n := newParcel(0, 0, false)
	m.Push(&n.item)
	for i := range 100 {
		u := newParcel(1, i, true)
		m.PushUrgent(&u.item)
	}
	for popped := range 101 {
		if m.Pop().Value == n {
			if popped != urgentRun {
				t.Errorf("the normal item came after %d urgent ones, want %d", popped, urgentRun)
			}
			return
		}
		// The flood goes on.
		u := newParcel(1, 0, true)
		m.PushUrgent(&u.item)
	}
	t.Error("the normal item never came")
}

// Several producers, a consumer that sleeps whenever it may: nothing is lost or
// doubled, each lane keeps each producer's order, and no wake is lost.
func TestMailboxConcurrent(t *testing.T) {
	const producers, each = 4, 20_000
	var m Mailbox[*parcel]
	wake := make(chan struct{}, producers*each) // a wake of no effect does no harm
	var wakes atomic.Int64
	var wg sync.WaitGroup
	for from := range producers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(from), 5))
			for i := range each {
				p := newParcel(from, i, r.IntN(3) == 0)
				push := m.Push
				if p.urgent {
					push = m.PushUrgent
				}
				if push(&p.item) {
					wakes.Add(1)
					wake <- struct{}{}
				}
			}
		})
	}
	var last [producers][2]int
	for f := range last {
		last[f] = [2]int{-1, -1}
	}
	got, sleeps := 0, 0
	for got < producers*each {
		it := m.Pop()
		if it == nil {
			if m.Sleep() {
				sleeps++
				<-wake
				m.Awake()
			}
			continue
		}
		p := it.Value
		lane := 0
		if p.urgent {
			lane = 1
		}
		if p.serial <= last[p.from][lane] {
			t.Fatalf("producer %d, lane %d: %d after %d", p.from, lane, p.serial, last[p.from][lane])
		}
		last[p.from][lane] = p.serial
		got++
	}
	wg.Wait()
	if it := m.Pop(); it != nil {
		t.Errorf("one item too many: %+v", it.Value)
	}
	if w := wakes.Load(); w < int64(sleeps) {
		t.Errorf("%d wakes for %d sleeps", w, sleeps)
	}
	t.Logf("%d items, %d sleeps, %d wakes", got, sleeps, wakes.Load())
}

// A batch pushed to a consumer that sleeps costs one wake.
func TestMailboxOneWake(t *testing.T) {
	var m Mailbox[*parcel]
	if newPush := func() bool { p := newParcel(0, 0, false); return m.Push(&p.item) }; newPush() {
		t.Error("a consumer that is awake was woken")
	}
	m.Pop()
	if !m.Sleep() {
		t.Fatal("cannot sleep although nothing waits")
	}
	wakes := 0
	for i := range 64 {
		p := newParcel(0, i, i%2 == 0)
		push := m.Push
		if p.urgent {
			push = m.PushUrgent
		}
		if push(&p.item) {
			wakes++
		}
	}
	if wakes != 1 {
		t.Errorf("%d wakes for a batch, want 1", wakes)
	}
	if m.Sleep() {
		t.Error("sleeps although items wait")
	}
	for m.Pop() != nil {
	}
	if !m.Sleep() {
		t.Error("cannot sleep again")
	}
	m.Awake()
	p := newParcel(0, 0, true)
	if m.PushUrgent(&p.item) {
		t.Error("a consumer that was declared awake was woken")
	}
}
