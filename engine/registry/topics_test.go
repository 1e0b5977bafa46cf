package registry

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// inbox is a target that counts, and refuses once it has ended.
type inbox struct {
	got  atomic.Int64
	last atomic.Pointer[string]
	gone atomic.Bool
}

func (b *inbox) Deliver(message []byte) error {
	if b.gone.Load() {
		return fmt.Errorf("inbox: %w", ErrGone)
	}
	s := string(message)
	b.last.Store(&s)
	b.got.Add(1)
	return nil
}

func TestRouter(t *testing.T) {
	r := NewRouter(TableOptions{MaxPerOwner: 3})
	a, b := r.NewBinder(), r.NewBinder()
	one, two := new(inbox), new(inbox)
	for _, tc := range []struct {
		what string
		do   func() error
		want error
	}{
		{"route to nobody", func() error { return r.Route([]byte("one"), nil) }, ErrNotFound},
		{"bind", func() error { return a.Bind([]byte("one"), one) }, nil},
		{"bind a name that is taken", func() error { return b.Bind([]byte("one"), two) }, ErrExists},
		{"bind another", func() error { return b.Bind([]byte("two"), two) }, nil},
		{"route", func() error { return r.Route([]byte("one"), []byte("hello")) }, nil},
		{"unbind what another has bound", func() error { return a.Unbind([]byte("two")) }, ErrNotFound},
		{"unbind what is not there", func() error { return a.Unbind([]byte("three")) }, ErrNotFound},
		{"one target under two names", func() error { return a.Bind([]byte("uno"), one) }, nil},
		{"a third name", func() error { return a.Bind([]byte("eins"), one) }, nil},
		{"one too many", func() error { return a.Bind([]byte("un"), one) }, ErrOwnerFull},
		{"unbind", func() error { return a.Unbind([]byte("eins")) }, nil},
		{"route to what was unbound", func() error { return r.Route([]byte("eins"), nil) }, ErrNotFound},
	} {
		if err := tc.do(); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", tc.what, err, tc.want)
		}
	}
	if one.got.Load() != 1 || *one.last.Load() != "hello" || two.got.Load() != 0 {
		t.Errorf("delivered %d and %d", one.got.Load(), two.got.Load())
	}
	if d, ref := r.Broadcast([]byte("all")); d != 3 || ref != 0 || one.got.Load() != 3 || two.got.Load() != 1 {
		t.Errorf("broadcast: %d delivered, %d refused", d, ref)
	}
	one.gone.Store(true)
	if err := r.Route([]byte("uno"), nil); !errors.Is(err, ErrGone) {
		t.Errorf("route to a target that has ended: %v", err)
	}
	if d, ref := r.Broadcast(nil); d != 1 || ref != 2 {
		t.Errorf("broadcast: %d delivered, %d refused", d, ref)
	}
	if n := a.Drop(); n != 2 || r.Len() != 1 {
		t.Errorf("dropped %d, left %d", n, r.Len())
	}
	if d, ref := r.Broadcast(nil); d != 1 || ref != 0 {
		t.Errorf("broadcast after Drop: %d delivered, %d refused", d, ref)
	}
	if err := a.Bind([]byte("again"), one); !errors.Is(err, ErrOwnerDropped) {
		t.Errorf("a dropped binder binds: %v", err)
	}
	b.Drop()
	if d, ref := r.Broadcast(nil); d != 0 || ref != 0 || r.Len() != 0 {
		t.Errorf("broadcast to nobody: %d delivered, %d refused", d, ref)
	}
}

// Any order of subscribing, leaving, dropping and publishing gives what it
// gives on plain sets.
func TestTopicsAgainstSets(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		const people, perOne, total = 6, 5, 20
		topics := NewTopics(TopicsOptions{MaxPerSubscriber: perOne, MaxSubscriptions: total, MaxNameSize: 10})
		var subs [people]*Subscriber
		var boxes [people]*inbox
		joined := make([]map[string]bool, people)
		fresh := func(i int) {
			boxes[i], joined[i] = new(inbox), map[string]bool{}
			subs[i] = topics.NewSubscriber(boxes[i])
		}
		for i := range people {
			fresh(i)
		}
		count := func() (n int) {
			for _, j := range joined {
				n += len(j)
			}
			return n
		}
		for step := range 2000 {
			i := r.IntN(people)
			name := fmt.Sprint("topic", r.IntN(8))
			var err, want error
			switch r.IntN(10) {
			case 0, 1, 2, 3:
				switch {
				case joined[i][name]:
					want = ErrExists
				case len(joined[i]) >= perOne:
					want = ErrSubscriberFull
				case count() >= total:
					want = ErrFull
				default:
					joined[i][name] = true
				}
				err = subs[i].Subscribe([]byte(name))
			case 4, 5:
				if !joined[i][name] {
					want = ErrNotFound
				}
				delete(joined[i], name)
				err = subs[i].Unsubscribe([]byte(name))
			case 6:
				if r.IntN(20) == 0 {
					if n := subs[i].Drop(); n != len(joined[i]) {
						t.Fatalf("seed %d, step %d: dropped %d, want %d", seed, step, n, len(joined[i]))
					}
					if err := subs[i].Subscribe([]byte(name)); !errors.Is(err, ErrOwnerDropped) {
						t.Fatalf("seed %d: a dropped subscriber subscribes: %v", seed, err)
					}
					fresh(i)
				}
			case 7:
				want = ErrNameTooLong
				if len(joined[i]) >= perOne {
					want = ErrSubscriberFull
				} else if count() >= total {
					want = ErrFull
				}
				err = subs[i].Subscribe([]byte("a name too long"))
			default:
				var before [people]int64
				wanted := 0
				for k := range boxes {
					before[k] = boxes[k].got.Load()
					if joined[k][name] {
						wanted++
					}
				}
				if d, ref := topics.Publish([]byte(name), []byte("x")); d != wanted || ref != 0 {
					t.Fatalf("seed %d, step %d: %d delivered, %d refused, want %d", seed, step, d, ref, wanted)
				}
				for k := range boxes {
					if got := boxes[k].got.Load() - before[k]; (got == 1) != joined[k][name] || got > 1 {
						t.Fatalf("seed %d, step %d: %d got it %d times, subscribed %v", seed, step, k, got, joined[k][name])
					}
				}
			}
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("seed %d, step %d: %v, want %v", seed, step, err, want)
			}
			alive := map[string]bool{}
			for _, j := range joined {
				for name := range j {
					alive[name] = true
				}
			}
			if topics.Subscriptions() != count() || topics.Len() != len(alive) || subs[i].Len() != len(joined[i]) {
				t.Fatalf("seed %d, step %d: %d subscriptions, %d topics, want %d, %d", seed, step, topics.Subscriptions(), topics.Len(), count(), len(alive))
			}
		}
	}
}

// Subscribers come and go while others publish: a subscriber gets each message
// that is published between the end of Subscribe and the beginning of
// Unsubscribe exactly once, none after Unsubscribe has returned and a publish
// that began then, and nothing is left at the end.
func TestTopicsConcurrent(t *testing.T) {
	topics := NewTopics(TopicsOptions{})
	name := []byte("file:///x")
	stays := new(inbox)
	stay := topics.NewSubscriber(stays)
	if err := stay.Subscribe(name); err != nil {
		t.Fatal(err)
	}
	var published atomic.Int64
	done := make(chan struct{})
	var publishers, comers sync.WaitGroup
	for range 2 {
		publishers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if d, _ := topics.Publish(name, []byte("x")); d < 1 {
					t.Error("the subscriber who stays was left out")
					return
				}
				published.Add(1)
			}
		})
	}
	for range 3 {
		comers.Go(func() {
			for i := range 500 {
				box := new(inbox)
				s := topics.NewSubscriber(box)
				if err := s.Subscribe(name); err != nil {
					t.Error(err)
					return
				}
				_ = s.Subscribe(fmt.Append(nil, "own-", i%3)) // topics that die and are born again
				if d, _ := topics.Publish(name, nil); d < 2 || box.got.Load() < 1 {
					t.Errorf("published after Subscribe: %d delivered, %d here", d, box.got.Load())
				}
				published.Add(1)
				if i%2 == 0 {
					s.Drop()
				} else {
					for _, n := range [][]byte{name, fmt.Append(nil, "own-", i%3)} {
						if err := s.Unsubscribe(n); err != nil {
							t.Error(err)
						}
					}
				}
			}
		})
	}
	comers.Wait()
	close(done)
	publishers.Wait()
	if got, want := stays.got.Load(), published.Load(); got != want {
		t.Errorf("the subscriber who stays got %d of %d", got, want)
	}
	stay.Drop()
	if topics.Len() != 0 || topics.Subscriptions() != 0 {
		t.Errorf("%d topics and %d subscriptions are left", topics.Len(), topics.Subscriptions())
	}
}
