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
)

// An Assessment is a goal beside what was measured.
type Assessment struct {
	Goal
	Measured Spread `json:"measured"`
	Verdict  string `json:"verdict"`
}
