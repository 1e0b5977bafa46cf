package result

import "time"

// A Phase is a stretch of load on a pool.
type Phase struct {
	Name     string        `json:"name"`
	Duration time.Duration `json:"duration_ns"`
	// Users each call, think, and call again.
	Users int `json:"users"`
}

// A Trace is how the size of a pool followed its load, simulated or real. Times are
// seconds from its beginning.
type Trace struct {
	Simulated bool          `json:"simulated"`
	Min       int           `json:"min"`
	Max       int           `json:"max"`
	Points    []TracePoint  `json:"points"`
	Changes   []SizeChange  `json:"changes"`
	Phases    []PhaseResult `json:"phases"`
	Calls     uint64        `json:"calls"`
	Errors    uint64        `json:"errors"` // of calls
}

// A TracePoint is one sample.
type TracePoint struct {
	Time        float64 `json:"t"`
	Users       int     `json:"users"`
	Size        int     `json:"size"`
	Open        int     `json:"open"`
	Waiting     int     `json:"waiting"`
	Utilisation float64 `json:"utilisation"` // of Size
	WaitMs      float64 `json:"wait_p95_ms"`
}

// A SizeChange is a change of the size.
type SizeChange struct {
	Time   float64 `json:"t"`
	From   int     `json:"from"`
	To     int     `json:"to"`
	Reason string  `json:"reason"`
}

// A PhaseResult says how one phase ended.
type PhaseResult struct {
	Phase
	Start       float64 `json:"start_s"`
	Settled     float64 `json:"settled_s"` // from its start to the last change in it; 0 if there was none
	Changes     int     `json:"changes"`
	Turns       int     `json:"turns"` // changes in the other direction than the one before
	Size        int     `json:"size"`
	Utilisation float64 `json:"utilisation"` // of the last quarter of it
	WaitMs      float64 `json:"wait_p95_ms"` // the longest of the samples in that quarter
}

// Name is what the trace is called beside another.
func (t *Trace) Name() string {
	if t.Simulated {
		return "simulated"
	}
	return "real"
}

// Sum fills in Phases, from what the other fields say of each.
func (t *Trace) Sum(phases []Phase) {
	start, size := 0.0, t.Min
	if len(t.Points) > 0 {
		size = t.Points[0].Size
	}
	t.Phases = nil
	for _, p := range phases {
		r := PhaseResult{Phase: p, Start: start, Size: size}
		end := start + p.Duration.Seconds()
		last := 0
		for _, c := range t.Changes {
			if c.Time < start || c.Time >= end {
				continue
			}
			r.Changes++
			r.Settled = c.Time - start
			r.Size = c.To
			if last*(c.To-c.From) < 0 {
				r.Turns++
			}
			last = c.To - c.From
		}
		n, sum := 0, 0.0
		for _, pt := range t.Points {
			if pt.Time >= end-p.Duration.Seconds()/4 && pt.Time < end {
				n++
				sum += pt.Utilisation
				r.WaitMs = max(r.WaitMs, pt.WaitMs)
			}
		}
		if n > 0 {
			r.Utilisation = sum / float64(n)
		}
		t.Phases = append(t.Phases, r)
		start, size = end, r.Size
	}
}
