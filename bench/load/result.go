package load

import (
	"fmt"
	"io"
	"strings"
)

// Saturated is the share of the measured time from which the generator's thread
// counts as the limit: running, or ready to run while its CPU was another's.
const Saturated = 0.95

// A Result is what one run measured. Times are seconds or µs as the names say,
// memory is bytes.
type Result struct {
	Target  string `json:"target"`
	Command string `json:"command,omitempty"`
	Method  string `json:"method"`
	Conns   int    `json:"conns"`
	Depth   int    `json:"depth"`
	Size    int    `json:"size"`       // of a request
	Reply   int    `json:"reply_size"` // of a reply

	Seconds  float64 `json:"seconds"`  // measured
	Messages int64   `json:"messages"` // good replies in that time
	Rate     float64 `json:"rate"`     // messages a second
	Sent     int64   `json:"sent"`     // requests of the measured phase
	Answered int64   `json:"answered"` // good replies to them, those of the drain included

	Latency Latency `json:"latency_us"`
	Server  *Server `json:"server,omitempty"` // nil where no process was named

	Generator Generator `json:"generator"`

	Errors     Errors `json:"errors"`
	ErrorTotal int64  `json:"error_total"`
	Reordered  int64  `json:"reordered"`     // good replies that overtook others
	SlowChecks int64  `json:"slow_checks"`   // good replies that had to be parsed
	Notes      int64  `json:"notifications"` // of the server
	ChildExit  string `json:"child_exit,omitempty"`
}

// Latency is from the write of a request to the read of its reply, in µs.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

// Server is what the server's process used in the measured time.
type Server struct {
	PID         int     `json:"pid"`
	CPUMicros   float64 `json:"cpu_us_per_message"` // user and system
	User        float64 `json:"user_s"`
	System      float64 `json:"system_s"`
	Utilisation float64 `json:"utilisation"` // CPU seconds per second
	Waiting     float64 `json:"waiting"`     // seconds per second that threads stood ready without a CPU, summed over them
	RSSBefore   int64   `json:"rss_before"`  // before the first connection; of a child, after its handshake
	RSSAfter    int64   `json:"rss_after"`   // at the end of the measured time
	Switches    int64   `json:"voluntary_switches"`
}

// Generator is what this process used in the measured time.
type Generator struct {
	Utilisation float64 `json:"utilisation"` // of the sending thread
	Waiting     float64 `json:"waiting"`     // share of the time that it stood ready without a CPU
	Saturated   bool    `json:"saturated"`   // both together reach Saturated: the rate is the generator's
	Reads       int64   `json:"reads"`
	Writes      int64   `json:"writes"`
}

// take fills in what the tally has at the end of the measured time.
func (r *Result) take(t *tally, seconds float64) {
	t.settle()
	r.Seconds, r.Messages = seconds, t.good
	if seconds > 0 {
		r.Rate = float64(t.good) / seconds
	}
	us := func(ns int64) float64 { return float64(ns) / 1e3 }
	if t.good > 0 {
		r.Latency = Latency{
			Mean: t.latency.Mean() / 1e3,
			P50:  us(t.latency.ValueAtQuantile(50)),
			P99:  us(t.latency.ValueAtQuantile(99)),
			P999: us(t.latency.ValueAtQuantile(99.9)),
			Max:  us(t.latency.Max()),
		}
	}
	r.Reordered, r.SlowChecks, r.Notes = t.reordered, t.slow, t.notes
	r.Generator.Reads, r.Generator.Writes = t.reads, t.writes
}

// WriteText writes the result for people, some ten lines.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	target := r.Target
	if r.Command != "" {
		target += " (" + r.Command + ")"
	}
	fmt.Fprintf(&b, "%s  method=%s conns=%d depth=%d request=%d B reply=%d B\n", target, r.Method, r.Conns, r.Depth, r.Size, r.Reply)
	fmt.Fprintf(&b, "rate        %.0f messages/s (%d in %.3f s; %d sent, %d answered)\n", r.Rate, r.Messages, r.Seconds, r.Sent, r.Answered)
	l := &r.Latency
	fmt.Fprintf(&b, "latency     p50 %.1f  p99 %.1f  p99.9 %.1f  max %.1f  mean %.1f µs\n", l.P50, l.P99, l.P999, l.Max, l.Mean)
	if s := r.Server; s != nil {
		fmt.Fprintf(&b, "server      %.3f CPU µs/message, utilisation %.2f (user %.2f s, system %.2f s), waiting %.2f\n",
			s.CPUMicros, s.Utilisation, s.User, s.System, s.Waiting)
		fmt.Fprintf(&b, "            RSS %.1f MB before, %.1f MB after; %d voluntary switches\n",
			float64(s.RSSBefore)/1e6, float64(s.RSSAfter)/1e6, s.Switches)
	}
	g := &r.Generator
	perRead := 0.0
	if g.Reads > 0 {
		perRead = float64(r.Messages) / float64(g.Reads)
	}
	fmt.Fprintf(&b, "generator   utilisation %.2f, waiting %.2f, %.1f messages/read\n", g.Utilisation, g.Waiting, perRead)
	if g.Saturated {
		b.WriteString("            SATURATED: the rate is the generator's, read the server's CPU\n")
	}
	if r.Reordered > 0 || r.SlowChecks > 0 || r.Notes > 0 {
		fmt.Fprintf(&b, "replies     %d out of order, %d parsed to be checked, %d notifications\n", r.Reordered, r.SlowChecks, r.Notes)
	}
	fmt.Fprintf(&b, "errors      %s\n", &r.Errors)
	if r.ChildExit != "" {
		fmt.Fprintf(&b, "child       %s\n", r.ChildExit)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
