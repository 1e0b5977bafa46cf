package pooling

import (
	"errors"
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/engine/pool"
)

// Phase is a stretch of load.
type Phase struct {
	Name     string        `json:"name"`
	Duration time.Duration `json:"duration_ns"`
	// Users each call, think, and call again.
	Users int `json:"users"`
}

// Phases are a few, a step up, a burst, the step again, and next to nothing, for a
// sample of 100 ms.
var Phases = []Phase{
	{"low", 3 * time.Second, 8},
	{"step", 8 * time.Second, 80},
	{"burst", time.Second, 160},
	{"after", 6 * time.Second, 80},
	{"idle", 10 * time.Second, 2},
}

// SizingConfig says how a pool's size is to be traced.
type SizingConfig struct {
	// Phases follow each other. nil: Phases.
	Phases []Phase
	// Controller finds the size.
	Controller pool.ControllerOptions
	// Sample is the time between decisions. Zero: 100 ms.
	Sample time.Duration
	// Work is how long a call takes at the server, whole milliseconds, Think how
	// long a user waits on average before the next one, exponentially distributed.
	// Zero: 20 ms each.
	Work, Think time.Duration
	// Dial is how long it takes to open a connection, in Simulate. Zero: 2 ms.
	Dial time.Duration
	// Seed of what is random in Simulate.
	Seed uint64
}

func (c SizingConfig) withDefaults() SizingConfig {
	if c.Phases == nil {
		c.Phases = Phases
	}
	def := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	def(&c.Sample, 100*time.Millisecond)
	def(&c.Work, 20*time.Millisecond)
	def(&c.Think, 20*time.Millisecond)
	def(&c.Dial, 2*time.Millisecond)
	return c
}

func (c *SizingConfig) validate() (err error) {
	if c.Sample < 0 || c.Work < 0 || c.Work > maxWork || c.Work%time.Millisecond != 0 || c.Think < 0 || c.Dial < 0 {
		err = fmt.Errorf("pooling: a sample of %v, work %v, think %v, dial %v; want no negative time, work in whole milliseconds up to %v", c.Sample, c.Work, c.Think, c.Dial, maxWork)
	}
	if len(c.Phases) == 0 {
		err = errors.Join(err, errors.New("pooling: no phase"))
	}
	for _, p := range c.Phases {
		if p.Duration <= 0 || p.Users < 0 || p.Users > maxUsers {
			err = errors.Join(err, fmt.Errorf("pooling: phase %q: %v, %d users; want some time, and 0 to %d users", p.Name, p.Duration, p.Users, maxUsers))
		}
	}
	return err
}

// most is the largest number of users of any phase.
func (c *SizingConfig) most() (n int) {
	for _, p := range c.Phases {
		n = max(n, p.Users)
	}
	return n
}

// Trace is how the size of a pool went. Times are seconds from its beginning.
type Trace struct {
	Simulated bool          `json:"simulated"`
	Min       int           `json:"min"`
	Max       int           `json:"max"`
	Points    []TracePoint  `json:"points"`
	Changes   []Change      `json:"changes"`
	Phases    []PhaseResult `json:"phases"`
	Calls     uint64        `json:"calls"`
	Errors    uint64        `json:"errors"` // of calls
}

// TracePoint is one sample.
type TracePoint struct {
	Time        float64 `json:"t"`
	Users       int     `json:"users"`
	Size        int     `json:"size"`
	Open        int     `json:"open"`
	Waiting     int     `json:"waiting"`
	Utilisation float64 `json:"utilisation"` // of Size
	WaitMs      float64 `json:"wait_p95_ms"`
}

// Change is a change of the size.
type Change struct {
	Time   float64 `json:"t"`
	From   int     `json:"from"`
	To     int     `json:"to"`
	Reason string  `json:"reason"`
}

// PhaseResult says how one phase ended.
type PhaseResult struct {
	Phase
	Start       float64 `json:"start_s"`
	Settled     float64 `json:"settled_s"` // from its start to the last change in it; 0 if there was none
	Changes     int     `json:"changes"`
	Turns       int     `json:"turns"` // changes in the other direction than the one before
	Size        int     `json:"size"`
	Utilisation float64 `json:"utilisation"` // of the last quarter of it
}

// sum fills in Phases.
func (t *Trace) sum(phases []Phase) {
	start, size := 0.0, t.Min
	if len(t.Points) > 0 {
		size = t.Points[0].Size
	}
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
			}
		}
		if n > 0 {
			r.Utilisation = sum / float64(n)
		}
		t.Phases = append(t.Phases, r)
		start, size = end, r.Size
	}
}
