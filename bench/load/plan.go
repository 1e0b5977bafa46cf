package load

import (
	"math"
	"math/rand/v2"
	"time"
)

// Arrivals: when the requests of a plan are meant to be sent, of which the plan
// says how many a second.
const (
	ArrivalsConstant = "constant" // at even distances
	// ArrivalsPoisson is as by many users who know nothing of each other: the
	// distances are exponential, and so now and then far shorter than the mean.
	// A ramp is an inhomogeneous Poisson process.
	ArrivalsPoisson = "poisson"
)

// DefaultSeed is of arrivals that chance decides.
const DefaultSeed = 1

// Limits of a plan.
const (
	MaxRate  = 10_000_000.0 // requests a second
	MaxSteps = 10_000
)

// A Step is a stretch of an open loop in which the rate goes evenly from From
// to To, in requests a second.
type Step struct {
	From     float64       `json:"from"`
	To       float64       `json:"to"`
	Duration time.Duration `json:"duration"`
}

// A Plan is when requests are meant to be sent, whatever the server does: the
// steps one after another. It is fixed before the first request, in closed form or
// by a seed, so that a late generator charges its lateness to the request.
type Plan []Step

// Constant is a plan of one rate.
func Constant(rate float64, d time.Duration) Plan { return Plan{{rate, rate, d}} }

// Duration is how long the plan takes.
func (p Plan) Duration() (d time.Duration) {
	for _, s := range p {
		d += s.Duration
	}
	return d
}

// validate checks the limits.
func (p Plan) validate() error {
	if len(p) > MaxSteps {
		return usagef("plan: %d steps are more than %d", len(p), MaxSteps)
	}
	for _, s := range p {
		if !(s.From >= 0 && s.To >= 0 && s.From <= MaxRate && s.To <= MaxRate && s.From+s.To > 0) || s.Duration <= 0 {
			return usagef("plan: %v to %v requests a second over %v: rates are between 0 and %.0f, not both 0, and time passes", s.From, s.To, s.Duration, MaxRate)
		}
	}
	return nil
}

// mean is how many requests a step sends, on average where chance decides.
func (s *Step) mean() float64 { return (s.From + s.To) / 2 * s.Duration.Seconds() }

// count is how many requests a step sends at even distances.
func (s *Step) count() int64 { return int64(math.Round(s.mean())) }

// at is when n requests of the step are to have been sent, in ns from its
// beginning: the inverse of the number sent by a time, which is
// From t + (To-From) t²/2D. Hot path.
func (s *Step) at(n float64) int64 {
	if n == 0 {
		return 0
	}
	if s.From == s.To {
		return int64(n / s.From * 1e9)
	}
	a := (s.To - s.From) / (2 * s.Duration.Seconds())
	root := math.Sqrt(max(s.From*s.From+4*a*n, 0))
	// The stable form of the quadratic formula: no difference of like figures.
	return int64(2 * n / (s.From + root) * 1e9)
}

// A pace walks through a plan. One goroutine only.
type pace struct {
	plan  Plan
	step  int   // in hand
	k     int64 // the next request of it
	n     int64 // requests of it
	begun int64 // when it began, in ns on the stage's clock
	next  int64 // when the next request is meant to be sent; math.MaxInt64 after the last

	// Of Poisson arrivals: x goes on by exponential distances of mean 1, and is
	// laid on the step's time as k is, by which any rates come out right.
	chance *rand.Rand // nil at even distances
	x      float64
}

// newPace starts p at now. A seed is of ArrivalsPoisson; nil are even distances.
func newPace(p Plan, seed *uint64, now int64) pace {
	c := pace{plan: p, begun: now, next: math.MaxInt64}
	if len(p) == 0 {
		return c
	}
	if seed != nil {
		c.chance, c.next = rand.New(rand.NewPCG(*seed, 0)), now
		c.leap()
		return c
	}
	c.n = p[0].count()
	c.settle()
	return c
}

// advance goes on to the next request. Hot path.
func (c *pace) advance() {
	if c.chance != nil {
		c.leap()
		return
	}
	c.k++
	c.settle()
}

// settle computes next.
func (c *pace) settle() {
	for c.k >= c.n {
		c.k = 0
		if !c.turn() {
			return
		}
		c.n = c.plan[c.step].count()
	}
	c.next = c.begun + c.plan[c.step].at(float64(c.k))
}

// leap is advance where chance decides.
func (c *pace) leap() {
	if c.done() {
		return
	}
	c.x += c.chance.ExpFloat64()
	for c.x >= c.plan[c.step].mean() {
		c.x -= c.plan[c.step].mean()
		if !c.turn() {
			return
		}
	}
	c.next = c.begun + c.plan[c.step].at(c.x)
}

// turn goes on to the next step; false is the end of the plan.
func (c *pace) turn() bool {
	c.begun += int64(c.plan[c.step].Duration)
	c.step++
	if c.step >= len(c.plan) {
		c.step, c.n, c.next = len(c.plan)-1, 0, math.MaxInt64
		return false
	}
	return true
}

// done says that nothing is left to send.
func (c *pace) done() bool { return c.next == math.MaxInt64 }
