//go:build !race

package pooling

import (
	"reflect"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
)

// A simulation is one goroutine, of which the race detector has nothing to say, and
// takes it ten times as long.

// What the controller makes of a step, a burst and idleness, whatever the chance:
// it gets there, stays, and does not swing.
func TestSimulate(t *testing.T) {
	for seed := range uint64(12) {
		tr, err := Simulate(SizingConfig{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		sized(t, &tr)
		by := map[string]result.PhaseResult{}
		for _, p := range tr.Phases {
			by[p.Name] = p
			// After a change of direction at its beginning, a phase has none.
			if p.Turns > 1 {
				t.Errorf("seed %d, %s: %d turns: %+v", seed, p.Name, p.Turns, tr.Changes)
			}
		}
		// 80 users are half of the time at a call each: 40 connections, at 65 % 62.
		for _, name := range []string{"step", "after"} {
			if p := by[name]; p.Size < 44 || p.Size > 84 || p.Utilisation < 0.45 || p.Utilisation > 0.85 {
				t.Errorf("seed %d: %+v", seed, p)
			}
		}
		if p := by["step"]; p.Settled > 4 {
			t.Errorf("seed %d: the step took %v s", seed, p.Settled)
		}
		if p := by["low"]; p.Size != 10 {
			t.Errorf("seed %d: %+v", seed, p)
		}
		if p := by["idle"]; p.Size != 10 {
			t.Errorf("seed %d: %+v", seed, p)
		}
		again, err := Simulate(SizingConfig{Seed: seed})
		if err != nil || !reflect.DeepEqual(tr, again) {
			t.Errorf("seed %d: another trace, %v", seed, err)
		}
	}
}

// A steady load, at the edge or not, is left alone once its size is found; one
// that swings is followed less and less often.
func TestSimulateSteady(t *testing.T) {
	for _, users := range []int{0, 1, 19, 30, 60, 100, 129, 199, 400} {
		tr, err := Simulate(SizingConfig{Seed: uint64(users), Phases: []result.Phase{{Name: "find", Duration: 10 * time.Second, Users: users}, {Name: "keep", Duration: 100 * time.Second, Users: users}}})
		if err != nil {
			t.Fatal(err)
		}
		if p := tr.Phases[1]; p.Turns > 1 || p.Changes > 3 {
			t.Errorf("%d users: %d changes, %d turns in 100 s: %+v", users, p.Changes, p.Turns, tr.Changes)
		}
	}
	for _, every := range []time.Duration{300 * time.Millisecond, time.Second, 3 * time.Second} {
		var phases []result.Phase
		n := int(2 * time.Minute / every)
		for i := range n {
			phases = append(phases, result.Phase{Name: "swing", Duration: every, Users: 10 + 110*(i%2)})
		}
		tr, err := Simulate(SizingConfig{Phases: phases})
		if err != nil {
			t.Fatal(err)
		}
		turns := 0
		for i, p := range tr.Phases {
			if i >= n/2 {
				turns += p.Turns
			}
		}
		late := 0
		for i := 1; i < len(tr.Changes); i++ {
			a, b := tr.Changes[i-1], tr.Changes[i]
			if b.Time > 60 && (a.To-a.From)*(b.To-b.From) < 0 {
				late++
			}
		}
		if late > 8 {
			t.Errorf("a load that swings every %v: %d turns in the last minute, %d within its phases", every, late, turns)
		}
	}
}
