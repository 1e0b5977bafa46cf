package load

import (
	"math"
	"time"
)

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
// steps one after another. It is fixed before the first request, in closed
// form, so that a late generator charges its lateness to the request.
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

// count is how many requests a step sends.
func (s *Step) count() int64 {
	return int64(math.Round((s.From + s.To) / 2 * s.Duration.Seconds()))
}

// at is when request k of the step is meant to be sent, in ns from its
// beginning: the inverse of the number sent by a time, which is
// From t + (To-From) t²/2D. Hot path.
func (s *Step) at(k int64) int64 {
	if k == 0 {
		return 0
	}
	n := float64(k)
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
}

// newPace starts p at now.
func newPace(p Plan, now int64) pace {
	c := pace{plan: p, begun: now, next: math.MaxInt64}
	if len(p) > 0 {
		c.n = p[0].count()
		c.settle()
	}
	return c
}

// advance goes on to the next request. Hot path.
func (c *pace) advance() {
	c.k++
	c.settle()
}

// settle computes next.
func (c *pace) settle() {
	for c.k >= c.n {
		c.begun += int64(c.plan[c.step].Duration)
		c.step++
		c.k = 0
		if c.step >= len(c.plan) {
			c.step, c.n, c.next = len(c.plan)-1, 0, math.MaxInt64
			return
		}
		c.n = c.plan[c.step].count()
	}
	c.next = c.begun + c.plan[c.step].at(c.k)
}

// done says that nothing is left to send.
func (c *pace) done() bool { return c.next == math.MaxInt64 }
