package load

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Saturated is the share of the measured time from which the generator's thread
// counts as the limit: running, or ready to run while its CPU was another's.
const Saturated = 0.95

// BehindShare is the share of the starts of an open loop from which lateness of
// the generator's own counts as its limit.
const BehindShare = 0.02

// A Result is what one run measured. Times are seconds or µs as the names say,
// memory is bytes. What was not measured is absent.
type Result struct {
	Target    string `json:"target"`
	Command   string `json:"command,omitempty"`
	Revision  string `json:"revision,omitempty"`
	Method    string `json:"method"` // names of the messages, with + between them
	Conns     int    `json:"conns"`
	Depth     int    `json:"depth"`
	Size      int    `json:"size"`                 // of a request, with its HTTP head; of a mix, the mean
	Reply     int    `json:"reply_size"`           // of a reply, without an HTTP head; of a mix, the mean
	Tool      string `json:"tool,omitempty"`       // of MethodCall, where it is not DefaultTool
	ArgsExtra string `json:"args_extra,omitempty"` // of MethodCall
	Plan      Plan   `json:"plan,omitempty"`
	Arrivals  string `json:"arrivals,omitempty"` // of the plan, where they are not at even distances
	Seed      uint64 `json:"seed,omitempty"`     // by which they were drawn

	Seconds  float64 `json:"seconds"`           // measured
	Messages int64   `json:"messages"`          // good replies in that time
	Rate     float64 `json:"rate"`              // messages a second
	Sent     int64   `json:"sent"`              // requests of the measured phase
	Answered int64   `json:"answered"`          // good replies to them, those of the drain included
	Starts   int64   `json:"starts,omitempty"`  // of an open loop, meant to be sent
	Skipped  int64   `json:"skipped,omitempty"` // of these, not sent: the limit in flight, or no connection had room until the timeout or the end
	Alive    int     `json:"alive"`             // connections at the end
	// Interrupted: Options.Context ended before the time was over. What is here was
	// measured until then.
	Interrupted bool `json:"interrupted,omitempty"`
	// StreamLimit is how many streams the server lets a connection of HTTP/2 have
	// open; absent where the depth is no more.
	StreamLimit int64 `json:"stream_limit,omitempty"`

	// Latency is from the time that a request was meant to be sent to the read of
	// its reply. In a closed loop that is when it was sent.
	Latency Latency `json:"latency_us"`
	// Service is from the time that it was sent; absent in a closed loop.
	Service *Latency `json:"service_us,omitempty"`
	// Kinds are the messages of a mix.
	Kinds []Kind `json:"kinds,omitempty"`
	// SetUp is from connect to the end of the handshakes, of TLS and of MCP, of each
	// connection, one after another; TearDown is close as this side sees it.
	SetUp        *Latency `json:"set_up_us,omitempty"`
	SetUpSeconds float64  `json:"set_up_s"`
	TearDown     *Latency `json:"tear_down_us,omitempty"`

	TLS *TLS `json:"tls,omitempty"` // nil without
	// Reconnects is of connections that are opened again and again, nil of others;
	// SetUp and TearDown are absent then.
	Reconnects *Reconnects `json:"reconnects,omitempty"`

	Server    *Server   `json:"server,omitempty"`      // nil where no process was named
	Heap      *HeapUse  `json:"server_heap,omitempty"` // nil without Options.MetricsURL
	Generator Generator `json:"generator"`

	Errors     Errors `json:"errors"`
	ErrorTotal int64  `json:"error_total"`
	Failure    string `json:"failure,omitempty"` // the first wrong reply, or why the first connection failed that could not be opened again, or closed; of HTTP/2 also the first reset, GOAWAY or breach of the protocol
	Late       int64  `json:"late"`              // replies to what had timed out
	Reordered  int64  `json:"reordered"`         // good replies that overtook others
	SlowChecks int64  `json:"slow_checks"`       // good replies that had to be parsed
	Notes      int64  `json:"notifications"`     // of the server
	ChildExit  string `json:"child_exit,omitempty"`

	Series []Point `json:"series,omitempty"`
	// Histogram is Latency whole, in ns: HdrHistogram V2, compressed, base64.
	Histogram string `json:"histogram,omitempty"`
}

// A Kind is one message of a mix.
type Kind struct {
	Name    string  `json:"name"`
	Good    int64   `json:"good"`
	Latency Latency `json:"latency_us"`
}

// Latency sums up a distribution of times, in µs. What timed out is in it, with
// the time until it was given up; so is a start of an open loop that no connection
// had room for until it was skipped.
type Latency struct {
	Mean   float64 `json:"mean"`
	StdDev float64 `json:"stddev"`
	P50    float64 `json:"p50"`
	P90    float64 `json:"p90"`
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
	P999   float64 `json:"p99_9"`
	P9999  float64 `json:"p99_99"`
	Max    float64 `json:"max"`
}

// latencyOf sums up a histogram of ns.
func latencyOf(h *hdrhistogram.Histogram) *Latency {
	if h.TotalCount() == 0 {
		return &Latency{}
	}
	us := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e3 }
	return &Latency{Mean: h.Mean() / 1e3, StdDev: h.StdDev() / 1e3, P50: us(50), P90: us(90), P95: us(95), P99: us(99),
		P999: us(99.9), P9999: us(99.99), Max: float64(h.Max()) / 1e3}
}

// Distribution returns the histogram of Latency, in ns, for the caller to keep.
func (r *Result) Distribution() (*hdrhistogram.Histogram, error) {
	if r.Histogram == "" {
		return nil, errNoHistogram
	}
	return hdrhistogram.Decode([]byte(r.Histogram))
}

// encode writes a histogram in the form of Result.Histogram.
func encode(h *hdrhistogram.Histogram) string {
	b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "" // it compresses into memory, so it does not fail
	}
	return string(b)
}

// Merge adds up distributions in the form of Result.Histogram and sums them up.
func Merge(all []string) (*Latency, error) {
	total := hdrhistogram.New(1, maxLatency, 3)
	for _, s := range all {
		h, err := hdrhistogram.Decode([]byte(s))
		if err != nil {
			return nil, fmt.Errorf("load: a histogram: %w", err)
		}
		total.Merge(h)
	}
	return latencyOf(total), nil
}

var errNoHistogram = errors.New("load: the result has no histogram")

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
	// Saturated: both together reach Saturated, or of an open loop more than
	// BehindShare of the starts were late by the generator's fault. The figures
	// are the generator's then, not the server's. Of one that Spins only lateness
	// tells.
	Saturated   bool  `json:"saturated"`
	Spins       bool  `json:"spins,omitempty"`  // Options.Spin: what it uses is for looking at the clock, mostly
	Behind      int64 `json:"behind,omitempty"` // starts more than 1 ms late though a connection had room
	Collections int64 `json:"gc_cycles"`        // of this process
	Allocated   int64 `json:"allocs"`           // objects, of this process: the series and its readers
	Reads       int64 `json:"reads"`
	Writes      int64 `json:"writes"`
}

// Stated says whether what the generator used is known, and so whether it was the
// limit: those that others wrote do not say.
func (g *Generator) Stated() bool { return g.Utilisation > 0 }

// describe fills in what is sent and what comes back.
func (r *Result) describe(shapes []*shape) {
	var names []string
	weights := 0
	for _, sh := range shapes {
		names = append(names, sh.t.name)
		r.Size += (len(sh.t.fields) + len(sh.t.wire)) * sh.t.weight
		r.Reply += (sh.size() + 1) * sh.t.weight
		weights += sh.t.weight
	}
	r.Method = strings.Join(names, " + ")
	r.Size /= weights
	r.Reply /= weights
}

// take fills in what the tally has at the end of the measured time.
func (r *Result) take(t *tally, seconds float64, shapes []*shape) {
	t.settle()
	r.Seconds, r.Messages = seconds, t.good
	if seconds > 0 {
		r.Rate = float64(t.good) / seconds
	}
	r.Generator.Reads, r.Generator.Writes = t.reads, t.writes
	r.Generator.Behind = t.behind
	for i, k := range t.kinds {
		r.Kinds = append(r.Kinds, Kind{shapes[i].t.name, k.good, *latencyOf(k.latency)})
	}
}

// finish fills in what the tally has after the drain: a reply that came late is
// no less of the measured phase.
func (r *Result) finish(t *tally) {
	t.settle()
	r.Latency = *latencyOf(t.latency)
	if t.service != nil {
		r.Service = latencyOf(t.service)
	}
	r.Histogram = encode(t.latency)
	r.Sent, r.Answered, r.Late = t.sent, t.good, t.late
	r.Starts, r.Skipped = t.starts, t.skipped
	r.Reordered, r.SlowChecks, r.Notes = t.reordered, t.slow, t.notes
	r.Errors = t.errors
	r.ErrorTotal, r.Failure = r.Errors.Total(), t.failure
	if t.starts > 0 && float64(t.behind) > BehindShare*float64(t.starts) {
		r.Generator.Saturated = true
	}
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
	if r.StreamLimit > 0 {
		fmt.Fprintf(&b, "streams     the server has %d on a connection at most: no more were in flight\n", r.StreamLimit)
	}
	l := &r.Latency
	line := func(name string, l *Latency) {
		fmt.Fprintf(&b, "%-11s p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  p99.99 %.1f  max %.1f  mean %.1f µs\n", name, l.P50, l.P90, l.P99, l.P999, l.P9999, l.Max, l.Mean)
	}
	line("latency", l)
	if r.Service != nil {
		line("service", r.Service)
		how := "at even distances"
		if r.Arrivals != "" {
			how = fmt.Sprintf("%s by seed %d", r.Arrivals, r.Seed)
		}
		fmt.Fprintf(&b, "starts      %d meant %s, %d skipped, %d late by the generator\n", r.Starts, how, r.Skipped, r.Generator.Behind)
	}
	if r.Reconnects != nil {
		for _, text := range r.Reconnects.lines() {
			fmt.Fprintf(&b, "%-11s %s\n", text[0], text[1])
		}
	}
	if r.TLS != nil {
		for _, text := range r.TLS.lines() {
			fmt.Fprintf(&b, "%-11s %s\n", "tls", text)
		}
	}
	for i := range r.Kinds {
		k := &r.Kinds[i]
		fmt.Fprintf(&b, "  %-20s %d, p50 %.1f  p99 %.1f  max %.1f µs\n", k.Name, k.Good, k.Latency.P50, k.Latency.P99, k.Latency.Max)
	}
	if s := r.Server; s != nil {
		fmt.Fprintf(&b, "server      %.3f CPU µs/message, utilisation %.2f (user %.2f s, system %.2f s), waiting %.2f\n",
			s.CPUMicros, s.Utilisation, s.User, s.System, s.Waiting)
		fmt.Fprintf(&b, "            RSS %.1f MB before, %.1f MB after; %d voluntary switches\n",
			float64(s.RSSBefore)/1e6, float64(s.RSSAfter)/1e6, s.Switches)
	}
	if h := r.Heap; h != nil {
		fmt.Fprintf(&b, "server heap %.4g objects allocated a message, %d collections, paused %.0f µs in all\n", h.PerMessage, h.Cycles, h.Pauses*1e6)
	}
	g := &r.Generator
	perRead := 0.0
	if g.Reads > 0 {
		perRead = float64(r.Messages) / float64(g.Reads)
	}
	spins := ""
	if g.Spins {
		spins = " (never asleep)"
	}
	fmt.Fprintf(&b, "generator   utilisation %.2f%s, waiting %.2f, %.1f messages/read\n", g.Utilisation, spins, g.Waiting, perRead)
	if g.Saturated {
		b.WriteString("            SATURATED: the figures are the generator's, read the server's CPU\n")
	}
	if r.Interrupted {
		fmt.Fprintf(&b, "interrupted after %.1f s: the rest was not measured\n", r.Seconds)
	}
	if r.Alive < r.Conns {
		fmt.Fprintf(&b, "connections %d of %d lived to the end\n", r.Alive, r.Conns)
	}
	if r.Late > 0 {
		fmt.Fprintf(&b, "late        %d replies to what had timed out\n", r.Late)
	}
	if r.Reordered > 0 || r.SlowChecks > 0 || r.Notes > 0 {
		fmt.Fprintf(&b, "replies     %d out of order, %d parsed to be checked, %d notifications\n", r.Reordered, r.SlowChecks, r.Notes)
	}
	fmt.Fprintf(&b, "errors      %s\n", &r.Errors)
	if r.Failure != "" {
		fmt.Fprintf(&b, "            such as: %s\n", r.Failure)
	}
	if r.ChildExit != "" {
		fmt.Fprintf(&b, "child       %s\n", r.ChildExit)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
