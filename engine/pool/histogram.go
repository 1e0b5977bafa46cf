package pool

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets whose width is an eighth of their lower
// end or less, from a nanosecond to 36 minutes; what is longer counts as that.
type Histogram [histogramBuckets]uint64

const (
	histogramBuckets = 312
	histogramMax     = 1<<41 - 1 // ns
)

// add counts a duration in nanoseconds.
func (h *Histogram) add(ns int64) { h[bucketOf(ns)]++ }

func bucketOf(ns int64) int {
	v := uint64(min(max(ns, 0), histogramMax))
	if v < 8 {
		return int(v)
	}
	exp := bits.Len64(v) - 4
	return (exp+1)*8 + int(v>>exp&7)
}

// bucketEnd is the highest duration in a bucket.
func bucketEnd(i int) int64 {
	if i < 8 {
		return int64(i)
	}
	exp := i/8 - 1
	return int64(8+i%8+1)<<exp - 1
}

// Count returns how many durations were counted.
func (h *Histogram) Count() (n uint64) {
	for _, c := range h {
		n += c
	}
	return n
}

// Quantile returns what a share q, 0 to 1, of the durations did not exceed, to
// an eighth; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := min(uint64(q*float64(n)), n-1)
	for i, c := range h {
		if rank < c {
			return time.Duration(bucketEnd(i))
		}
		rank -= c
	}
	return histogramMax
}

// Sub returns what was counted in h and not in earlier, a Histogram of the same
// pool from before.
func (h *Histogram) Sub(earlier *Histogram) (d Histogram) {
	for i := range h {
		d[i] = h[i] - earlier[i]
	}
	return d
}
