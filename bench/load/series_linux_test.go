package load

import (
	"testing"
	"time"
)

// The points of a series add up to the time and to what came in it, whatever the
// interval; where the end is known none is shorter than half of one.
func TestSeriesAddsUp(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		every, known, lasts time.Duration
		want                int // points
	}{
		{every: 200 * ms, known: 2000 * ms, lasts: 2000 * ms, want: 10},
		{every: 200 * ms, known: 2000 * ms, lasts: 2001 * ms, want: 10}, // the loop woke late
		{every: 300 * ms, known: 2000 * ms, lasts: 2000 * ms, want: 7},  // the last has 200 ms
		{every: 900 * ms, known: 2000 * ms, lasts: 2000 * ms, want: 2},  // the last has 1,100 ms
		{every: 5000 * ms, known: 2000 * ms, lasts: 2000 * ms, want: 1},
		{every: 200 * ms, known: 2000 * ms, lasts: 250 * ms, want: 2}, // every connection is lost
		{every: 200 * ms, lasts: 450 * ms, want: 3},                   // so many requests, whenever that is
		{every: 200 * ms, lasts: 400 * ms, want: 2},
		{every: 200 * ms, lasts: 0, want: 1},
	} {
		s := &stage{tally: newTally(1, false)}
		told := 0
		r := &series{every: c.every, told: func(Point) { told++ }}
		r.begin(s, 7, c.known)
		now := int64(7)
		for ; now < 7+int64(c.lasts); now += int64(ms) {
			if now >= r.next {
				r.take(s, now)
			}
			s.tally.record(1000, 0, 0)
			s.tally.sent++
		}
		r.finish(s, now)
		var good, sent int64
		seconds := 0.0
		for i, p := range r.points {
			good, sent, seconds = good+p.Good, sent+p.Sent, seconds+p.Seconds
			if c.known > 0 && c.lasts >= c.known && p.Seconds < c.every.Seconds()/2 && len(r.points) > 1 {
				t.Errorf("%v of %v: point %d has %.3f s", c.every, c.lasts, i, p.Seconds)
			}
		}
		if len(r.points) != c.want || told != c.want || good != int64(c.lasts/ms) || sent != good || seconds < c.lasts.Seconds()-1e-9 || seconds > c.lasts.Seconds()+1e-9 {
			t.Errorf("every %v, %v known, lasts %v: %d points, %d told, %d replies in %.3f s", c.every, c.known, c.lasts, len(r.points), told, good, seconds)
		}
	}
}
