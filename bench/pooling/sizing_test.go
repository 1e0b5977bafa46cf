package pooling

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/engine/pool"
)

// sized checks what holds for every trace.
func sized(t *testing.T, tr *result.Trace) {
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

func TestSizingErrors(t *testing.T) {
	for _, tc := range []struct {
		c    SizingConfig
		want string
	}{
		{SizingConfig{Sample: -1}, "sample of -1ns"},
		{SizingConfig{Work: 1500 * time.Microsecond}, "work 1.5ms"},
		{SizingConfig{Think: -1}, "think -1ns"},
		{SizingConfig{Dial: -1}, "dial -1ns"},
		{SizingConfig{Phases: []result.Phase{}}, "no phase"},
		{SizingConfig{Phases: []result.Phase{{Name: "x", Duration: 0, Users: 1}}}, `phase "x"`},
		{SizingConfig{Phases: []result.Phase{{Name: "x", Duration: time.Second, Users: -1}}}, "-1 users"},
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
	t.Parallel()
	target := demo(t)
	c := SizingConfig{
		Sample: 20 * time.Millisecond,
		Phases: []result.Phase{{Name: "low", Duration: 300 * time.Millisecond, Users: 8}, {Name: "step", Duration: time.Second, Users: 60}, {Name: "burst", Duration: 200 * time.Millisecond, Users: 120}, {Name: "after", Duration: 600 * time.Millisecond, Users: 60}, {Name: "idle", Duration: 1700 * time.Millisecond, Users: 1}},
	}
	var tr result.Trace
	for try := range 3 { // a machine that is busy elsewhere is another load
		var err error
		if tr, err = c.Trace(context.Background(), target); err != nil {
			t.Fatal(err)
		}
		turns := 0
		for i := 1; i < len(tr.Changes); i++ {
			a, b := tr.Changes[i-1], tr.Changes[i]
			if (a.To-a.From)*(b.To-b.From) < 0 {
				turns++
			}
		}
		if step, idle := tr.Phases[1], tr.Phases[4]; step.Size > 20 && idle.Size < step.Size && turns <= 6 {
			break
		} else if try == 2 {
			t.Errorf("%d turns; phases %+v; changes %+v", turns, tr.Phases, tr.Changes)
		}
	}
	sized(t, &tr)
	if last := tr.Points[len(tr.Points)-1]; last.Time < 3.6 || last.Open > last.Size+20 {
		t.Errorf("%+v", last)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Trace(ctx, target); err == nil {
		t.Error("a trace that was ended is complete")
	}
}

// Phases and samples are shortened alike, what a call takes is not.
func TestWithin(t *testing.T) {
	c := SizingConfig{}.Within(7 * time.Second)
	if c.Sample != 25*time.Millisecond || c.Work != 20*time.Millisecond || len(c.Phases) != len(Phases) || c.Phases[1].Duration != 2*time.Second || c.Phases[1].Users != 80 || Phases[1].Duration != 8*time.Second {
		t.Errorf("%+v", c)
	}
}
