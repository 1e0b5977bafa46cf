package pooling

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/engine/pool"
)

// Phases are a few, a step up, a burst, the step again, and next to nothing, for a
// sample of 100 ms.
var Phases = []result.Phase{
	{Name: "low", Duration: 3 * time.Second, Users: 8},
	{Name: "step", Duration: 8 * time.Second, Users: 80},
	{Name: "burst", Duration: time.Second, Users: 160},
	{Name: "after", Duration: 6 * time.Second, Users: 80},
	{Name: "idle", Duration: 10 * time.Second, Users: 2},
}

// SizingConfig says how a pool's size is to be traced.
type SizingConfig struct {
	// Phases follow each other. nil: Phases.
	Phases []result.Phase
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

// Within returns c whose phases, and samples, are shorter or longer, so that they take
// so long in all. What a call takes stays.
func (c SizingConfig) Within(total time.Duration) SizingConfig {
	c = c.withDefaults()
	sum := time.Duration(0)
	for _, p := range c.Phases {
		sum += p.Duration
	}
	scale := float64(total) / float64(sum)
	c.Phases = slices.Clone(c.Phases)
	for i := range c.Phases {
		c.Phases[i].Duration = time.Duration(float64(c.Phases[i].Duration) * scale)
	}
	c.Sample = time.Duration(float64(c.Sample) * scale)
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
