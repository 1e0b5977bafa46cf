package load

import (
	"errors"
	"fmt"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Errors counts what went wrong, by kind, from the first request after the
// handshake to the last drain: warm-up is not exempt.
type Errors struct {
	Closed      int64 `json:"closed"`       // connections that the server closed
	IO          int64 `json:"io"`           // connections lost to a failed read or write
	Lost        int64 `json:"lost"`         // requests without a reply: given up, or their connection ended
	Malformed   int64 `json:"malformed"`    // lines that are no reply: no JSON, no usable id
	UnknownID   int64 `json:"unknown_id"`   // replies to what was never asked
	DuplicateID int64 `json:"duplicate_id"` // second replies
	Order       int64 `json:"order"`        // raw lines that overtook others
	RPC         int64 `json:"rpc"`          // replies with error
	Tool        int64 `json:"tool"`         // results with isError
	Payload     int64 `json:"payload"`      // results of another length or content than asked for
	Unexpected  int64 `json:"unexpected"`   // requests of the server, which nobody answers
	Oversize    int64 `json:"oversize"`     // connections given up for a line beyond the limit
}

// each returns the counters with their names, in the order of the fields.
func (e *Errors) each() []struct {
	Name  string
	Count int64
} {
	type c = struct {
		Name  string
		Count int64
	}
	return []c{
		{"closed", e.Closed}, {"io", e.IO}, {"lost", e.Lost}, {"malformed", e.Malformed},
		{"unknown_id", e.UnknownID}, {"duplicate_id", e.DuplicateID}, {"order", e.Order}, {"rpc", e.RPC},
		{"tool", e.Tool}, {"payload", e.Payload}, {"unexpected", e.Unexpected}, {"oversize", e.Oversize},
	}
}

// Total is the sum of all kinds.
func (e *Errors) Total() int64 {
	var n int64
	for _, c := range e.each() {
		n += c.Count
	}
	return n
}

// String names the kinds that occurred: "lost 3, closed 1", or "none".
func (e *Errors) String() string {
	var parts []string
	for _, c := range e.each() {
		if c.Count > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", c.Name, c.Count))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// counts are what one phase counted; they begin anew with each.
type counts struct {
	sent      int64 // requests
	good      int64 // replies that were right
	reordered int64 // good ones that overtook others
	slow      int64 // good ones that had to be parsed
	notes     int64 // notifications of the server
	reads     int64 // reads that returned bytes
	writes    int64 // writes that took bytes
}

// maxLatency is the longest latency told apart, in ns: ten minutes.
const maxLatency = 600_000_000_000

// A tally gathers what the connections of a run see. One goroutine only.
type tally struct {
	counts
	errors  Errors
	latency *hdrhistogram.Histogram // ns, three digits

	// Replies that came together mostly waited equally long: they are recorded
	// together.
	runValue, runLength int64
}

func newTally() *tally {
	return &tally{latency: hdrhistogram.New(1, maxLatency, 3)}
}

// record counts a good reply that took ns. Hot path.
func (t *tally) record(ns int64) {
	t.good++
	if ns == t.runValue {
		t.runLength++
		return
	}
	t.settle()
	t.runValue, t.runLength = ns, 1
}

// settle moves the run in hand to the histogram. Hot path.
func (t *tally) settle() {
	if t.runLength > 0 {
		// In range after the clipping, so it cannot fail.
		_ = t.latency.RecordValues(min(max(t.runValue, 1), maxLatency), t.runLength)
		t.runLength = 0
	}
}

// begin starts a phase: counts and latencies from nothing, errors kept.
func (t *tally) begin() {
	t.settle()
	t.counts = counts{}
	t.latency.Reset()
}

// What ends a connection, and is counted by kind.
var (
	errClosed   = errors.New("load: closed by the server")
	errStalled  = errors.New("load: no progress within the timeout")
	errOversize = errors.New("load: a line longer than 64 MiB")
)
