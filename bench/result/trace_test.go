package result

import (
	"reflect"
	"testing"
	"time"
)

// What a trace says of its phases follows from its points and changes.
func TestTraceSum(t *testing.T) {
	phases := []Phase{{Name: "up", Duration: 2 * time.Second, Users: 9}, {Name: "swing", Duration: 4 * time.Second, Users: 5}, {Name: "still", Duration: time.Second}}
	tr := Trace{Min: 3, Max: 20, Changes: []SizeChange{{Time: 0.5, From: 3, To: 8}, {Time: 1, From: 8, To: 12}, {Time: 2, From: 12, To: 9}, {Time: 3, From: 9, To: 11}, {Time: 5.5, From: 11, To: 7}}}
	for i, u := range []float64{0.9, 0.8, 0.7, 0.4, 0.2, 0.6} {
		tr.Points = append(tr.Points, TracePoint{Time: float64(i) + 0.75, Size: 3, Utilisation: u, WaitMs: float64(10 - i)})
	}
	tr.Sum(phases)
	tr.Sum(phases) // again is the same
	want := []PhaseResult{
		{Phase: phases[0], Start: 0, Settled: 1, Changes: 2, Size: 12, Utilisation: 0.8, WaitMs: 9},
		{Phase: phases[1], Start: 2, Settled: 3.5, Changes: 3, Turns: 2, Size: 7, Utilisation: 0.6, WaitMs: 5},
		{Phase: phases[2], Start: 6, Size: 7},
	}
	if !reflect.DeepEqual(tr.Phases, want) {
		t.Errorf("got  %+v\nwant %+v", tr.Phases, want)
	}
	if a, b := (&Trace{Simulated: true}).Name(), tr.Name(); a != "simulated" || b != "real" {
		t.Errorf("%s, %s", a, b)
	}
	// Of several repetitions the last has its traces kept.
	r := &Result{Traces: []Trace{{Min: 1}}}
	r.Join(&Result{Traces: []Trace{{Min: 2}}})
	if r.Join(&Result{}); len(r.Traces) != 1 || r.Traces[0].Min != 2 {
		t.Errorf("%+v", r.Traces)
	}
}
