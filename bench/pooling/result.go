package pooling

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what Run measured. Times are seconds, or µs or ms where the names say
// so; memory is bytes. What was not measured is absent.
type Result struct {
	Target   string  `json:"target"`
	Client   Client  `json:"client"`
	Strategy string  `json:"strategy"`
	PerConn  int     `json:"per_conn"`
	Text     int     `json:"text"`
	WorkMs   int64   `json:"work_ms"`
	WarmUp   float64 `json:"warm_up_s"`
	Points   []Point `json:"points"`
}

// Point is one Size.
type Point struct {
	Size
	Seconds    float64 `json:"seconds"`
	Operations uint64  `json:"operations"` // borrowed, called, answered as expected and returned in that time
	Rate       float64 `json:"rate"`       // of these, a second

	Errors     map[string]uint64 `json:"errors,omitempty"` // by text, warm-up included
	ErrorTotal uint64            `json:"error_total"`

	Latency   Times   `json:"latency_us"` // of operations
	Wait      Times   `json:"wait_us"`    // until the connection was there
	Call      Times   `json:"call_us"`    // from request to answer
	WaitShare float64 `json:"wait_share"` // of the operations, those that stood in the queue

	Efficiency float64 `json:"efficiency"` // see the package
	Busy       float64 `json:"busy"`
	Ideal      float64 `json:"ideal_rate,omitempty"` // Conns / Work
	OfIdeal    float64 `json:"of_ideal,omitempty"`   // Rate / Ideal
	Scaling    float64 `json:"scaling"`              // rate of a connection, by that at the first size
	Direct     float64 `json:"direct_rate"`          // without a pool: as many users as leases, each with a connection that stays
	OfDirect   float64 `json:"of_direct"`            // Rate / Direct
	CPUMicros  float64 `json:"cpu_us,omitempty"`     // of this process, an operation
	PoolBytes  int64   `json:"pool_bytes"`           // heap of the pool and its open connections, idle
	ConnBytes  float64 `json:"conn_bytes"`           // of that, a connection
	HeapBytes  int64   `json:"heap_bytes"`           // what the whole load added to heap and stacks, at its end
	RSS        int64   `json:"rss_bytes,omitempty"`  // of this process, at the end
	ServerRSS  int64   `json:"server_rss_bytes,omitempty"`
	Allocs     float64 `json:"allocs"` // of this process, an operation

	PeakOpen    int    `json:"peak_open"`
	PeakWaiting int    `json:"peak_waiting"`
	Dials       uint64 `json:"dials"`
	Lost        uint64 `json:"lost"`
	Reclaimed   uint64 `json:"reclaimed"`
	Warnings    uint64 `json:"efficiency_warnings"` // below 70 %, in samples of a second
}

// Times sums up a distribution, in µs.
type Times struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

func timesOf(h *hdrhistogram.Histogram) Times {
	us := func(ns int64) float64 { return float64(ns) / 1e3 }
	return Times{
		Mean: h.Mean() / 1e3, P50: us(h.ValueAtQuantile(50)), P95: us(h.ValueAtQuantile(95)),
		P99: us(h.ValueAtQuantile(99)), P999: us(h.ValueAtQuantile(99.9)), Max: us(h.Max()),
	}
}

// shards is how many tallies there are, so that users do not wait for each other.
const shards = 16

// longest time that is recorded as it is; longer ones count as that.
const longest = time.Minute

// tally is what some users have done.
type tally struct {
	mu                  sync.Mutex
	operations          uint64
	latency, wait, call *hdrhistogram.Histogram
	errors              map[string]uint64
}

func newTally() *tally {
	h := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(longest), 3) }
	return &tally{latency: h(), wait: h(), call: h(), errors: map[string]uint64{}}
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(int64(min(max(d, 1), longest))) // in its range
}

func (t *tally) done(latency, wait, call time.Duration) {
	t.mu.Lock()
	t.operations++
	record(t.latency, latency)
	record(t.wait, wait)
	record(t.call, call)
	t.mu.Unlock()
}

// errorTexts bounds the texts of errors that are told apart.
const errorTexts = 50

func (t *tally) failed(err error) {
	s := err.Error()
	if len(s) > 200 {
		s = s[:200]
	}
	t.mu.Lock()
	if _, known := t.errors[s]; !known && len(t.errors) >= errorTexts {
		s = "others"
	}
	t.errors[s]++
	t.mu.Unlock()
}

// add takes in another tally.
func (t *tally) add(o *tally) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.operations += o.operations
	t.latency.Merge(o.latency)
	t.wait.Merge(o.wait)
	t.call.Merge(o.call)
	for s, n := range o.errors {
		t.errors[s] += n
	}
}
