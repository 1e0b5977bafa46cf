package load

import (
	"math/rand/v2"
	"testing"
)

// TestWindowModel compares the window with a map, over requests answered in
// random order, twice, and never.
func TestWindowModel(t *testing.T) {
	for _, depth := range []int{1, 16, 1000} {
		rng := rand.New(rand.NewPCG(7, uint64(depth)))
		w := newWindow(depth, 1, 1, false)
		model := map[uint64]int64{}
		var open []uint64
		var now int64
		for range 50_000 {
			now++
			if len(open) < depth && w.room() > 0 && rng.IntN(2) == 0 {
				id := w.give(now, now, 0)
				if _, again := model[id]; again || id != firstID+uint64(len(model)) {
					t.Fatalf("gave %d as number %d", id, len(model))
				}
				model[id] = now
				open = append(open, id)
				continue
			}
			if len(open) == 0 {
				continue
			}
			i := rng.IntN(len(open))
			id := open[i]
			oldest := true
			for _, o := range open {
				oldest = oldest && o >= id
			}
			at, how := w.take(id)
			if want := map[bool]taken{true: takenOldest, false: takenLater}[oldest]; how != want || at != model[id] {
				t.Fatalf("take(%d) = %d, %d; want %d, %d", id, at, how, model[id], want)
			}
			open = append(open[:i], open[i+1:]...)
			if _, how := w.take(id); how != takenDuplicate {
				t.Fatalf("second take(%d) = %d", id, how)
			}
			if w.inFlight != len(open) {
				t.Fatalf("%d in flight, want %d", w.inFlight, len(open))
			}
		}
	}
}

func TestWindowRefuses(t *testing.T) {
	w := newWindow(4, 1, 1, false)
	w.give(0, 0, 0)
	for _, id := range []uint64{0, firstID - 1, firstID + 1, lastID, 1<<64 - 1} {
		if _, how := w.take(id); how != takenUnknown {
			t.Errorf("take(%d) = %d", id, how)
		}
	}
	// One that is never answered holds the window up before a slot is used twice.
	for w.room() > 0 {
		w.take(w.give(0, 0, 0))
	}
	if got := int(w.next - w.oldest); got != len(w.sent) || w.inFlight != 2 && w.inFlight != 1 {
		t.Errorf("spans %d ids of %d, %d in flight", got, len(w.sent), w.inFlight)
	}
	if at, how := w.take(firstID); at != 0 || how != takenOldest {
		t.Errorf("the late one: %d, %d", at, how)
	}
	if w.room() != len(w.sent) {
		t.Errorf("room for %d after the late one, want %d", w.room(), len(w.sent))
	}
}

func TestIDs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, idDigits+1)
	for range 1000 {
		want := firstID + rng.Uint64N(lastID-firstID+1)
		putID(b, want)
		if got, ok := getID(b); !ok || got != want || b[idDigits] != 0 {
			t.Fatalf("%d became %q and %d", want, b, got)
		}
	}
	for _, bad := range []string{"", "123456789", "123456789x", "-123456789", " 123456789", "12345.6789", "/234567890", ":234567890"} {
		if got, ok := getID([]byte(bad)); ok {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
}
