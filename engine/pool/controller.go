package pool

import (
	"fmt"
	"math"
	"time"
)

// Defaults of ControllerOptions.
const (
	DefaultControllerMin  = 10
	DefaultControllerMax  = 100
	DefaultGrowAbove      = 0.8
	DefaultShrinkBelow    = 0.5
	DefaultAim            = 0.65
	DefaultWaitAbove      = 5 * time.Millisecond
	DefaultGrowAfter      = 2
	DefaultShrinkAfter    = 10
	controllerPatienceMax = 32 // times ShrinkAfter
	shrinkAfterMax        = 1000
)

// ControllerOptions configures a Controller; zero numbers mean their defaults.
type ControllerOptions struct {
	// Min and Max bound the size. Zero: 10, and 100 or PoolOptions.Max if that is
	// less.
	Min, Max int
	// GrowAbove is the utilisation above which the pool is too small, ShrinkBelow
	// that below which it is too large; between them nothing happens. Zero: 0.8
	// and 0.5.
	GrowAbove, ShrinkBelow float64
	// Aim is the utilisation that a new size is chosen for, between the two, so
	// that a change does not call for the next. Zero: 0.65.
	Aim float64
	// WaitAbove is the wait, of which one borrower in twenty has a longer one,
	// above which the pool is too small whatever its utilisation. Zero: 5 ms.
	WaitAbove time.Duration
	// GrowAfter and ShrinkAfter are how many samples in a row must say so before
	// the size is changed. Zero: 2 and 10; at most 1,000.
	GrowAfter, ShrinkAfter int
}

func (o ControllerOptions) withDefaults(most int) ControllerOptions {
	def(&o.Max, min(DefaultControllerMax, most))
	def(&o.Min, min(DefaultControllerMin, o.Max))
	def(&o.GrowAbove, DefaultGrowAbove)
	def(&o.ShrinkBelow, DefaultShrinkBelow)
	def(&o.Aim, DefaultAim)
	def(&o.WaitAbove, DefaultWaitAbove)
	def(&o.GrowAfter, DefaultGrowAfter)
	def(&o.ShrinkAfter, DefaultShrinkAfter)
	return o
}

func (o *ControllerOptions) validate(most int) error {
	switch {
	case o.Min < 1 || o.Max < o.Min || o.Max > most:
		return fmt.Errorf("pool: ControllerOptions: Min %d, Max %d; want 1 <= Min <= Max <= %d", o.Min, o.Max, most)
	case !(o.ShrinkBelow > 0 && o.ShrinkBelow < o.Aim && o.Aim < o.GrowAbove && o.GrowAbove <= 1): // also where one is no number
		return fmt.Errorf("pool: ControllerOptions: ShrinkBelow %v, Aim %v, GrowAbove %v; want 0 < ShrinkBelow < Aim < GrowAbove <= 1", o.ShrinkBelow, o.Aim, o.GrowAbove)
	case o.WaitAbove < 0:
		return fmt.Errorf("pool: ControllerOptions.WaitAbove is %v; want 0 for its default, or more", o.WaitAbove)
	case o.GrowAfter < 1 || o.ShrinkAfter < 1 || o.GrowAfter > shrinkAfterMax || o.ShrinkAfter > shrinkAfterMax:
		return fmt.Errorf("pool: ControllerOptions: GrowAfter %d, ShrinkAfter %d; want 1 to %d", o.GrowAfter, o.ShrinkAfter, shrinkAfterMax)
	}
	return nil
}

// Sample is what a Controller is told of a stretch of time, all of one length.
type Sample struct {
	// Size was in force.
	Size int
	// Utilisation is how much of it was lent on average; above 1 if more than
	// Size was.
	Utilisation float64
	// Wait is the 95th percentile of the waits of those who were served.
	Wait time.Duration
	// Waiting is how many connections those would take who wait at its end.
	Waiting int
	// Failing says that the server does not take connections, or fails: nothing
	// can be learnt from the rest.
	Failing bool
}

// SizeReason says why a Controller decided as it did.
type SizeReason uint8

const (
	// SizeSteady: neither too small nor too large.
	SizeSteady SizeReason = iota
	// SizeHolding: too small or too large, but not for long enough.
	SizeHolding
	// SizeBusy: grown, as utilisation was high.
	SizeBusy
	// SizeWaits: grown, as borrowers waited.
	SizeWaits
	// SizeIdle: shrunk, as utilisation was low.
	SizeIdle
	// SizeAtBound: would be changed, but for Min or Max.
	SizeAtBound
	// SizeOutside: brought back between Min and Max.
	SizeOutside
	// SizeFailing: left alone, as the server fails.
	SizeFailing
	// SizeByHand: set by Pool.Resize.
	SizeByHand

	sizeReasonsCount
)

var sizeReasonNames = [sizeReasonsCount]string{"steady", "holding", "busy", "waits", "idle", "at bound", "outside", "failing", "by hand"}

// String returns the reason as metrics name it.
func (r SizeReason) String() string {
	if r < sizeReasonsCount {
		return sizeReasonNames[r]
	}
	return "unknown"
}

// Decision is the size that a Controller wants, and why.
type Decision struct {
	Size   int
	Reason SizeReason
}

// Controller finds the size of a pool. It is told how busy the pool was, sample
// after sample, and says how large it should be. It has no clock and does no
// I/O: the same samples bring the same decisions, simulated or real.
//
// What keeps it from swinging to and fro: a band of utilisation in which it does
// nothing, whose middle each change aims at; growing only after a few samples
// that call for it, shrinking only after more; shrinking to what the busiest of
// those samples needed, a quarter at a time; one sample left out after each
// change, which has both sizes in it; and patience: when shrinking turns out to
// have been wrong, the next one takes twice as many samples.
//
// It is for one goroutine at a time.
type Controller struct {
	o         ControllerOptions
	high, low int       // samples in a row that say too small, too large
	needed    []float64 // connections, of the last ShrinkAfter samples
	at        int       // the next of these to be overwritten
	skip      bool      // the next sample has two sizes in it
	patience  int       // times ShrinkAfter
	shrunk    int       // samples since the last shrinking; -1: none yet
}

// NewController returns a Controller.
//
// Errors: options out of range, which are named.
func NewController(o ControllerOptions) (*Controller, error) {
	o = o.withDefaults(MaxConns)
	if err := o.validate(MaxConns); err != nil {
		return nil, err
	}
	return &Controller{o: o, needed: make([]float64, o.ShrinkAfter), patience: 1, shrunk: -1}, nil
}

// Options returns the options that are in force.
func (c *Controller) Options() ControllerOptions { return c.o }

// Next takes a sample and returns the size that the pool should have now.
func (c *Controller) Next(s Sample) Decision {
	if s.Size < c.o.Min || s.Size > c.o.Max {
		c.settle()
		return Decision{min(max(s.Size, c.o.Min), c.o.Max), SizeOutside}
	}
	if s.Failing || math.IsNaN(s.Utilisation) {
		c.high, c.low = 0, 0
		return Decision{s.Size, SizeFailing}
	}
	if c.skip {
		c.skip = false
		return Decision{s.Size, SizeHolding}
	}
	need := s.Utilisation*float64(s.Size) + float64(s.Waiting)
	c.needed[c.at] = need
	c.at = (c.at + 1) % len(c.needed)
	if c.shrunk >= 0 {
		// Shrinking that held for long was right.
		if c.shrunk++; c.shrunk > 4*c.o.ShrinkAfter*c.patience && c.patience > 1 {
			c.patience, c.shrunk = c.patience/2, 0
		}
	}
	waits := s.Wait > c.o.WaitAbove
	switch {
	case waits || s.Utilisation > c.o.GrowAbove:
		c.low = 0
		return c.grow(s, need, waits)
	case s.Utilisation < c.o.ShrinkBelow && s.Waiting == 0:
		c.high = 0
		return c.shrink(s)
	}
	c.high, c.low = 0, 0
	return Decision{s.Size, SizeSteady}
}

func (c *Controller) grow(s Sample, need float64, waits bool) Decision {
	if s.Size == c.o.Max {
		return Decision{s.Size, SizeAtBound}
	}
	if c.high++; c.high < c.o.GrowAfter {
		return Decision{s.Size, SizeHolding}
	}
	if c.shrunk >= 0 && c.shrunk < 2*c.o.ShrinkAfter*c.patience {
		c.patience = min(2*c.patience, controllerPatienceMax)
	}
	c.shrunk = -1
	// A tenth at least, as what made them wait may be shorter than a sample;
	// twice at most, as what cannot be served in time piles up.
	size := min(max(c.sizeFor(need), s.Size+max(1, s.Size/10)), 2*s.Size, c.o.Max)
	c.settle()
	if waits {
		return Decision{size, SizeWaits}
	}
	return Decision{size, SizeBusy}
}

func (c *Controller) shrink(s Sample) Decision {
	if s.Size == c.o.Min {
		c.low = 0
		return Decision{s.Size, SizeAtBound}
	}
	if c.low++; c.low < c.o.ShrinkAfter*c.patience {
		return Decision{s.Size, SizeHolding}
	}
	most := 0.0
	for _, n := range c.needed {
		most = max(most, n)
	}
	size := max(c.sizeFor(most), s.Size-max(1, s.Size/4), c.o.Min)
	if size >= s.Size {
		return Decision{s.Size, SizeSteady}
	}
	c.settle()
	c.shrunk = 0
	return Decision{size, SizeIdle}
}

// sizeFor is the size at which so many connections in use are Aim.
func (c *Controller) sizeFor(need float64) int { return int(math.Ceil(need / c.o.Aim)) }

// settle is called with each change.
func (c *Controller) settle() { c.high, c.low, c.skip = 0, 0, true }
