package result

// A Goal is what a subject should reach: a figure of its own, or with a base the
// ratio to that of the base. Of a rate more is better, of the others less.
type Goal struct {
	ID      string  `json:"id"`
	Subject string  `json:"subject"`
	Metric  string  `json:"metric"`
	Base    string  `json:"base,omitempty"`
	Must    float64 `json:"must"`
	Reach   float64 `json:"reach"`
}

// Verdicts on a goal.
const (
	Reached     = "reached"
	Met         = "met" // what it must, not what it should reach
	Missed      = "missed"
	NotMeasured = "not measured"
	Undecided   = "undecided" // what was measured is a bound on the wrong side
)

// An Assessment is a goal beside what was measured.
type Assessment struct {
	Goal
	Measured Spread `json:"measured"`
	// Bound says which side of Measured the truth is on, where a generator was the
	// limit: AtMost, AtLeast or Either; "" is that it was not.
	Bound   string `json:"bound,omitempty"`
	Verdict string `json:"verdict"`
}

// Bounds of what was measured.
const (
	AtMost  = "≤"
	AtLeast = "≥"
	Either  = "~"
)

// BoundOf is that of a rate, or of the ratio of two, where the generator was the limit
// of the subject's rate, or of its base's: such a rate is less than the server's.
func BoundOf(subject, base bool) string {
	switch {
	case subject && base:
		return Either
	case subject:
		return AtLeast
	case base:
		return AtMost
	}
	return ""
}

// Decide fills in Bound and Verdict. subject and base say whether the generator was the
// limit of a rate.
func (a *Assessment) Decide(subject, base bool) {
	rate := a.Metric == MetricRate
	good := func(bound float64) bool {
		if rate {
			return a.Measured.Median >= bound
		}
		return a.Measured.Median <= bound
	}
	switch {
	case a.Measured.N == 0:
		a.Verdict = NotMeasured
		return
	case good(a.Reach):
		a.Verdict = Reached
	case good(a.Must):
		a.Verdict = Met
	default:
		a.Verdict = Missed
	}
	if !rate {
		return
	}
	a.Bound = BoundOf(subject, base)
	if a.Bound == Either || a.Bound == AtMost && a.Verdict != Missed || a.Bound == AtLeast && a.Verdict == Missed {
		a.Verdict = Undecided
	}
}
