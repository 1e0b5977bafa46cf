package load

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Errors counts what went wrong, by kind, from the first request after the
// handshake to the last drain: warm-up is not exempt.
type Errors struct {
	Closed      int64 `json:"closed"`       // connections that the server closed
	IO          int64 `json:"io"`           // connections lost to a failed read or write, or that the server let nothing be sent on
	Lost        int64 `json:"lost"`         // requests without a reply whose connection ended, or that was answered without one
	TimedOut    int64 `json:"timed_out"`    // requests without a reply within the timeout
	Malformed   int64 `json:"malformed"`    // lines that are no reply: no JSON, no usable id
	UnknownID   int64 `json:"unknown_id"`   // replies to what was never asked
	DuplicateID int64 `json:"duplicate_id"` // second replies
	Order       int64 `json:"order"`        // raw lines that overtook others
	RPC         int64 `json:"rpc"`          // replies with error
	Tool        int64 `json:"tool"`         // results with isError
	Payload     int64 `json:"payload"`      // results of another length or content than asked for
	Unexpected  int64 `json:"unexpected"`   // requests of the server, which nobody answers
	Oversize    int64 `json:"oversize"`     // connections given up for a line beyond the limit
	Status      int64 `json:"http_status"`  // HTTP responses that are neither 2xx nor a reply
	Framing     int64 `json:"framing"`      // connections given up for what is no HTTP response, or no frame
	Reset       int64 `json:"reset"`        // requests whose streams the server reset (HTTP/2)
	GoAway      int64 `json:"goaway"`       // connections that the server sent away (HTTP/2)
	TLS         int64 `json:"tls"`          // connections lost to a fault of TLS, such as an alert of the server's
	Connect     int64 `json:"connect"`      // connections that could not be made
	Ports       int64 `json:"ports"`        // the same, for want of a port of this machine
	Open        int64 `json:"open"`         // sessions that were not opened, or not deleted
	Unclosed    int64 `json:"unclosed"`     // connections that the server did not end when this side had
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
		{"closed", e.Closed}, {"io", e.IO}, {"lost", e.Lost}, {"timed_out", e.TimedOut}, {"malformed", e.Malformed},
		{"unknown_id", e.UnknownID}, {"duplicate_id", e.DuplicateID}, {"order", e.Order}, {"rpc", e.RPC},
		{"tool", e.Tool}, {"payload", e.Payload}, {"unexpected", e.Unexpected}, {"oversize", e.Oversize},
		{"http_status", e.Status}, {"framing", e.Framing}, {"reset", e.Reset}, {"goaway", e.GoAway}, {"tls", e.TLS},
		{"connect", e.Connect}, {"ports", e.Ports}, {"open", e.Open}, {"unclosed", e.Unclosed},
	}
}

// Add adds the counters of another.
func (e *Errors) Add(o *Errors) {
	for i, c := range o.each() {
		*e.field(i) += c.Count
	}
}

// field is the counter that each lists at i.
func (e *Errors) field(i int) *int64 {
	return [...]*int64{&e.Closed, &e.IO, &e.Lost, &e.TimedOut, &e.Malformed, &e.UnknownID, &e.DuplicateID, &e.Order, &e.RPC,
		&e.Tool, &e.Payload, &e.Unexpected, &e.Oversize, &e.Status, &e.Framing, &e.Reset, &e.GoAway, &e.TLS,
		&e.Connect, &e.Ports, &e.Open, &e.Unclosed}[i]
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
	late      int64 // replies to what had timed out
	skipped   int64 // starts of an open loop that were not made
	behind    int64 // starts that this generator made more than behindAfter late by its own fault
	starts    int64 // of an open loop: made or skipped
}

// behindAfter is from when on a start counts as late by the generator's fault,
// in ns: 1 ms.
const behindAfter = 1_000_000

// maxLatency is the longest latency told apart, in ns: ten minutes.
const maxLatency = 600_000_000_000

// A tally gathers what the connections of a run see. One goroutine only.
type tally struct {
	counts
	errors  Errors
	latency *hdrhistogram.Histogram // ns from the time meant, three digits; what timed out is in it
	service *hdrhistogram.Histogram // ns from the time sent; nil in a closed loop, where both are one
	second  *hdrhistogram.Histogram // latency of the interval in hand, two digits
	kinds   []kindTally             // by kind, where there are several
	renewal *renewal                // nil where connections are opened once
	failure string                  // why the first connection failed that could not be opened or closed, or the first reply that was wrong; of HTTP/2 also the first reset, GOAWAY or breach of it

	// Replies that came together mostly waited equally long: they are recorded
	// together.
	runValue, runLength int64
}

// A kindTally is what a tally knows of one kind of a mix.
type kindTally struct {
	good    int64
	latency *hdrhistogram.Histogram // ns, two digits
}

func newTally(kinds int, open bool) *tally {
	t := &tally{latency: hdrhistogram.New(1, maxLatency, 3), second: hdrhistogram.New(1, maxLatency, 2)}
	if open {
		t.service = hdrhistogram.New(1, maxLatency, 3)
	}
	if kinds > 1 {
		t.kinds = make([]kindTally, kinds)
		for i := range t.kinds {
			t.kinds[i].latency = hdrhistogram.New(1, maxLatency, 2)
		}
	}
	return t
}

func clip(ns int64) int64 { return min(max(ns, 1), maxLatency) }

// record counts a good reply of a kind that took ns from the time meant, of
// which it waited for wait to be sent. Hot path.
func (t *tally) record(ns, wait int64, kind int) {
	t.good++
	if t.service != nil {
		_ = t.service.RecordValue(clip(ns - wait)) // in range after the clipping, as all others
	}
	if t.kinds != nil {
		t.kinds[kind].good++
		_ = t.kinds[kind].latency.RecordValue(clip(ns))
	}
	t.latencyOf(ns)
}

// latencyOf records a latency, be it of a reply or of one that did not come in
// time: leaving these out would flatter the percentiles. Hot path.
func (t *tally) latencyOf(ns int64) {
	if ns == t.runValue {
		t.runLength++
		return
	}
	t.settle()
	t.runValue, t.runLength = ns, 1
}

// skip counts a start that is not made. It has waited for some ns for a connection
// with room: that is in the percentiles as if it had timed out, so that a server
// which holds up its connections is not flattered by what it was not asked. One that
// the limit in flight forbids waits for nothing: 0, or less, is no latency. Hot path.
func (t *tally) skip(waited int64) {
	t.starts++
	t.skipped++
	if waited > 0 {
		t.latencyOf(waited)
	}
}

// blame keeps the first wrong reply, for people: a count says nothing of why.
func (t *tally) blame(kind replyKind, line []byte) {
	if t.failure == "" && kind != replyNotification {
		t.failure = fmt.Sprintf("%s: %.200q", kind, bytes.TrimSpace(line))
	}
}

// blameStatus is blame for a response of HTTP that brought no reply.
func (t *tally) blameStatus(status int) {
	if t.failure == "" {
		t.failure = fmt.Sprintf("HTTP status %d", status)
	}
}

// settle moves the run in hand to the histograms. Hot path.
func (t *tally) settle() {
	if t.runLength > 0 {
		_ = t.latency.RecordValues(clip(t.runValue), t.runLength)
		_ = t.second.RecordValues(clip(t.runValue), t.runLength)
		t.runLength = 0
	}
}

// begin starts a phase: counts and latencies from nothing, errors kept.
func (t *tally) begin() {
	t.settle()
	t.counts = counts{}
	t.latency.Reset()
	t.second.Reset()
	if t.service != nil {
		t.service.Reset()
	}
	if t.renewal != nil {
		t.renewal.begin()
	}
	for i := range t.kinds {
		t.kinds[i].good = 0
		t.kinds[i].latency.Reset()
	}
}

// What ends a connection, and is counted by kind.
var (
	errClosed   = errors.New("load: closed by the server")
	errStalled  = errors.New("load: no progress within the timeout")
	errBarred   = errors.New("load: nothing in flight for the timeout, and the server lets nothing be sent: no stream, or a response without end")
	errOversize = errors.New("load: a line longer than 64 MiB")
	errFraming  = errors.New("load: no HTTP response")
	errGoAway   = errors.New("load: sent away by the server")
)
