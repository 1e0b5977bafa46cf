package pooling

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/pool"
)

// What the controller makes of a step, a burst and idleness, whatever the chance:
// it gets there, stays, and does not swing.
func TestSimulate(t *testing.T) {
	for seed := range uint64(12) {
		tr, err := Simulate(SizingConfig{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		sized(t, &tr)
		by := map[string]PhaseResult{}
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

// sized checks what holds for every trace.
func sized(t *testing.T, tr *Trace) {
	t.Helper()
	if len(tr.Points) == 0 || tr.Calls == 0 || tr.Errors != 0 {
		t.Fatalf("%d points, %d calls, %d errors", len(tr.Points), tr.Calls, tr.Errors)
	}
	for i, p := range tr.Points {
		if p.Size < tr.Min || p.Size > tr.Max || p.Open > tr.Max || i > 0 && p.Time <= tr.Points[i-1].Time {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	for i, c := range tr.Changes {
		if c.From == c.To || c.Reason == "" || c.To < tr.Min || c.To > tr.Max || i > 0 && c.From != tr.Changes[i-1].To {
			t.Errorf("change %d: %+v", i, c)
		}
	}
}

// A steady load, at the edge or not, is left alone once its size is found; one
// that swings is followed less and less often.
func TestSimulateSteady(t *testing.T) {
	for _, users := range []int{0, 1, 19, 30, 60, 100, 129, 199, 400} {
		tr, err := Simulate(SizingConfig{Seed: uint64(users), Phases: []Phase{{"find", 10 * time.Second, users}, {"keep", 100 * time.Second, users}}})
		if err != nil {
			t.Fatal(err)
		}
		if p := tr.Phases[1]; p.Turns > 1 || p.Changes > 3 {
			t.Errorf("%d users: %d changes, %d turns in 100 s: %+v", users, p.Changes, p.Turns, tr.Changes)
		}
	}
	for _, every := range []time.Duration{300 * time.Millisecond, time.Second, 3 * time.Second} {
		var phases []Phase
		n := int(2 * time.Minute / every)
		for i := range n {
			phases = append(phases, Phase{"swing", every, 10 + 110*(i%2)})
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

func TestSizingErrors(t *testing.T) {
	for _, tc := range []struct {
		c    SizingConfig
		want string
	}{
		{SizingConfig{Sample: -1}, "sample of -1ns"},
		{SizingConfig{Work: 1500 * time.Microsecond}, "work 1.5ms"},
		{SizingConfig{Think: -1}, "think -1ns"},
		{SizingConfig{Dial: -1}, "dial -1ns"},
		{SizingConfig{Phases: []Phase{}}, "no phase"},
		{SizingConfig{Phases: []Phase{{"x", 0, 1}}}, `phase "x"`},
		{SizingConfig{Phases: []Phase{{"x", time.Second, -1}}}, "-1 users"},
		{SizingConfig{Controller: pool.ControllerOptions{Min: 7, Max: 3}}, "Min 7"},
	} {
		if _, err := Simulate(tc.c); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("simulated: %v, want %q", err, tc.want)
		}
		if _, err := tc.c.Trace(context.Background(), "unix:///nowhere"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("live: %v, want %q", err, tc.want)
		}
	}
}

// A live pool and a server do what the simulation does: grow with the load, hold,
// shrink when it is gone, without swinging.
func TestTrace(t *testing.T) {
	target := demo(t)
	c := SizingConfig{
		Sample: 30 * time.Millisecond,
		Phases: []Phase{{"low", 500 * time.Millisecond, 8}, {"step", 1500 * time.Millisecond, 60}, {"burst", 250 * time.Millisecond, 120}, {"after", time.Second, 60}, {"idle", 2500 * time.Millisecond, 1}},
	}
	tr, err := c.Trace(context.Background(), target)
	if err != nil {
		t.Fatal(err)
	}
	sized(t, &tr)
	turns := 0
	for i := 1; i < len(tr.Changes); i++ {
		a, b := tr.Changes[i-1], tr.Changes[i]
		if (a.To-a.From)*(b.To-b.From) < 0 {
			turns++
		}
	}
	if step, idle := tr.Phases[1], tr.Phases[4]; step.Size <= 20 || idle.Size >= step.Size || turns > 6 {
		t.Errorf("%d turns; phases %+v; changes %+v", turns, tr.Phases, tr.Changes)
	}
	if last := tr.Points[len(tr.Points)-1]; last.Time < 5 || last.Open > last.Size+20 {
		t.Errorf("%+v", last)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Trace(ctx, target); err == nil {
		t.Error("a trace that was ended is complete")
	}
}
