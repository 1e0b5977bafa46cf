package load

// A Point is one interval of the measured time. Latencies are µs.
type Point struct {
	At       float64 `json:"at_s"` // end of the interval, in s from the beginning of the measured time
	Seconds  float64 `json:"seconds"`
	Starts   int64   `json:"starts,omitempty"`  // meant to be sent; of an open loop
	Skipped  int64   `json:"skipped,omitempty"` // of these, not sent
	Sent     int64   `json:"sent"`
	Good     int64   `json:"good"`
	Errors   int64   `json:"errors"`
	InFlight int     `json:"in_flight"` // at its end
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	Max      float64 `json:"max_us"`
	// Of the server's process, where it is known.
	CPU *float64 `json:"server_cpu,omitempty"` // seconds per second
	RSS *int64   `json:"server_rss,omitempty"` // bytes, at its end
}

// Rate is good replies a second.
func (p *Point) Rate() float64 {
	if p.Seconds <= 0 {
		return 0
	}
	return float64(p.Good) / p.Seconds
}
