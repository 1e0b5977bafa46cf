package suite

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/gannetmcp/gannet/bench/result"
)

// batch is how many operations are timed together where one may be faster than
// a microsecond.
const batch = 64

// checkEvery is how many readings of the clock lie between two looks at whether
// anybody still wants the result.
const checkEvery = 1024

// warming is the longest warm-up of an operation that is timed.
const warming = 200 * time.Millisecond

// epoch is when times of this process are counted from.
var epoch = time.Now()

// now reads the clock, in ns. It is monotonic.
func now() int64 { return int64(time.Since(epoch)) }

// clockCost is the cost of now, in ns: the least mean of some batches.
func clockCost() float64 {
	least := int64(1) << 62
	for range 64 {
		begin := now()
		for range batch - 1 {
			now()
		}
		least = min(least, now()-begin)
	}
	return float64(least) / batch
}

// A timing is the distribution of the time of one operation.
type timing struct {
	times  *hdrhistogram.Histogram // ns, of each, or of each batch
	each   int                     // operations in one of these
	ops    int64
	ns     int64  // that all took
	allocs uint64 // of this process meanwhile
	bytes  uint64

	turns   []float64 // of a duel: mean ns of each
	counted int64     // operations of these
}

// newTiming returns an empty one, with each operations in one reading.
func newTiming(each int) *timing {
	return &timing{times: hdrhistogram.New(1, int64(time.Minute), 3), each: each}
}

// record takes one reading.
func (t *timing) record(ns int64) {
	_ = t.times.RecordValue(max(ns, 1))
	t.ops += int64(t.each)
}

// timed calls op, which does each operations, until d has passed, and takes the
// time of each call. Whatever op needs is made before. The first call is not
// counted, nor is any in the warm-up, a tenth of d but warming at most.
func timed(ctx context.Context, d time.Duration, each int, op func() error) (*timing, error) {
	t := newTiming(each)
	for end := now() + int64(min(d/10, warming)); ; {
		if err := op(); err != nil {
			return nil, err
		}
		if now() >= end {
			break
		}
	}
	var before, after runtime.MemStats
	runtime.GC() // what came before is not collected while measuring
	runtime.ReadMemStats(&before)
	begin := now()
	last := begin
	for i := 1; last-begin < int64(d); i++ {
		if err := op(); err != nil {
			return nil, err
		}
		at := now()
		t.record(at - last)
		last = at
		if i%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			last = now()
		}
	}
	t.ns = last - begin
	runtime.ReadMemStats(&after)
	t.allocs, t.bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	return t, nil
}

// rate is operations a second.
func (t *timing) rate() float64 { return float64(t.ops) / float64(t.ns) * 1e9 }

// mean is ns an operation.
func (t *timing) mean() float64 { return float64(t.ns) / float64(max(t.ops, 1)) }

// tells reports whether n readings are enough for a quantile: whether one at least lies
// beyond it.
func tells(n int64, quantile float64) bool { return float64(n)*(1-quantile) > 0.999 }

// percentiles adds the distribution in µs, by names that say whether it is of
// batches.
func (t *timing) percentiles(r *result.Result, prefix string) {
	if t.times.TotalCount() == 0 {
		return
	}
	if t.each > 1 {
		prefix += fmt.Sprintf("batch%d_", t.each)
	}
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", 50}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}} {
		if !tells(t.times.TotalCount(), q.q/100) {
			break
		}
		r.Add(prefix+q.name+"_us", "µs", float64(t.times.ValueAtQuantile(q.q))/1e3/float64(t.each))
	}
	r.Add(prefix+"max_us", "µs", float64(t.times.Max())/1e3/float64(t.each))
}

// add adds all that there is of one operation: rate, distribution, allocations,
// and the cost of the clock that is in it.
func (t *timing) add(r *result.Result) {
	r.Add("rate", "1/s", t.rate())
	r.Add("mean_ns", "ns", t.mean())
	t.percentiles(r, "")
	r.Add("allocs_per_op", "1", float64(t.allocs)/float64(max(t.ops, 1)))
	r.Add("bytes_per_op", "B", float64(t.bytes)/float64(max(t.ops, 1)))
	r.Add("clock_ns", "ns", clockCost())
}

// bodyOf returns an op that does each operations by calls of f with a running
// number. That is written once a call: the numbers of several bodies may lie on one
// cache line, which their goroutines would take from each other with each operation.
func bodyOf(each int, f func(i int) error) func() error {
	from := 0
	return func() error {
		for i := range each {
			if err := f(from + i); err != nil {
				return err
			}
		}
		from += each
		return nil
	}
}
