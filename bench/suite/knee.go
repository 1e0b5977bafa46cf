package suite

import (
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// Limits of the search for a knee.
const (
	kneeDoublings = 14   // of the first rate, at most
	kneeHalvings  = 4    // of the interval found: to some 6 % of the knee
	kneeAchieved  = 0.97 // of the rate meant, to count as kept
)

// FindKnee doubles the rate until the server no longer keeps the limit, and then
// halves the interval; all on the same connections. The rates tried are r's runs.
// o has a plan of one step, whose rate is the first and whose time is that of each.
func FindKnee(o load.Options, limit time.Duration, r *result.Result) error {
	s, err := load.Open(o)
	if err != nil {
		return err
	}
	defer s.Close()
	knee := &result.Knee{Limit: float64(limit) / 1e3, Bound: "server"}
	try := func(rate float64) (bool, error) {
		if o.Progress != nil {
			o.Progress(fmt.Sprintf("trying %.0f requests/s", rate))
		}
		run, err := s.Measure(load.Constant(rate, o.Plan.Duration()))
		if err != nil {
			return false, err
		}
		r.Runs = append(r.Runs, run)
		if run.Interrupted {
			return false, o.Context.Err()
		}
		// Of arrivals by chance there are more or fewer than the rate says.
		meant := float64(run.Starts) / o.Plan.Duration().Seconds()
		good := run.ErrorTotal == 0 && run.Skipped == 0 && run.Latency.P99 <= knee.Limit && run.Rate >= kneeAchieved*meant
		switch {
		case run.Generator.Saturated:
			// What was measured is the generator, whichever way it went.
			knee.Bound = "generator"
			good = false
		case good:
			knee.Rate, knee.P99 = rate, run.Latency.P99
		default:
			knee.Bound = "server"
		}
		return good && s.Conns() > 0, nil
	}
	low, high := 0.0, o.Plan[0].From
	for range kneeDoublings {
		good, err := try(high)
		if err != nil {
			return err
		}
		if !good {
			break
		}
		low, high = high, min(2*high, load.MaxRate)
	}
	for range kneeHalvings {
		if s.Conns() == 0 {
			break // the server has closed them under load
		}
		middle := (low + high) / 2
		good, err := try(middle)
		if err != nil {
			return err
		}
		if good {
			low = middle
		} else {
			high = middle
		}
	}
	r.Knee = knee
	return nil
}
