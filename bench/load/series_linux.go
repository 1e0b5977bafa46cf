package load

import (
	"math"
	"time"
)

// maxPoints bounds a series: a day in seconds.
const maxPoints = 86_400

// A series takes a point each interval, and one of what is left at the end, so that
// its points add up to the whole. Where the end is known the last one has what is
// left of an interval with it, if that is less than half of one: a point of few
// replies is none to look at. Taking one costs some µs of the sending thread: three
// figures of a histogram and one line of /proc.
type series struct {
	points []Point
	every  time.Duration
	told   func(Point)
	begun  int64 // ns on the stage's clock
	end    int64 // when the measured time is over; 0 is not known
	last   int64
	next   int64
	before counts
	errors int64
	server *statFile // nil where no process is known
	cpu    float64   // of the server at last, s
}

// begin begins at now, for a time; 0 is that nobody knows how long it takes.
func (r *series) begin(s *stage, now int64, d time.Duration) {
	r.begun, r.last = now, now
	if d > 0 {
		r.end = now + int64(d)
	}
	r.schedule(now)
	r.before, r.errors = s.tally.counts, s.tally.errors.Total()
	if r.server != nil {
		r.cpu, _, _ = r.server.read()
	}
}

// schedule finds the end of the interval that now is in.
func (r *series) schedule(now int64) {
	r.next = now + int64(r.every) - (now-r.begun)%int64(r.every)
	if r.end != 0 && r.end-r.next < int64(r.every)/2 {
		r.next = math.MaxInt64 // finish takes it
	}
}

// finish takes what is left, at the end of the measured time.
func (r *series) finish(s *stage, now int64) {
	if now > r.last || len(r.points) == 0 {
		r.take(s, now)
	}
}

// take ends an interval at now.
func (r *series) take(s *stage, now int64) {
	t := s.tally
	t.settle()
	r.schedule(now)
	us := func(q float64) float64 { return float64(t.second.ValueAtQuantile(q)) / 1e3 }
	p := Point{
		At: float64(now-r.begun) / 1e9, Seconds: float64(now-r.last) / 1e9,
		Starts: t.starts - r.before.starts, Skipped: t.skipped - r.before.skipped,
		Sent: t.sent - r.before.sent, Good: t.good - r.before.good, Errors: t.errors.Total() - r.errors,
		InFlight: s.flying,
	}
	if t.second.TotalCount() > 0 {
		p.P50, p.P99, p.Max = us(50), us(99), float64(t.second.Max())/1e3
	}
	t.second.Reset()
	if r.server != nil && p.Seconds > 0 {
		if cpu, rss, err := r.server.read(); err == nil {
			share := (cpu - r.cpu) / p.Seconds
			p.CPU, p.RSS = &share, &rss
			r.cpu = cpu
		}
	}
	r.last, r.before, r.errors = now, t.counts, t.errors.Total()
	if len(r.points) < maxPoints {
		r.points = append(r.points, p)
	}
	if r.told != nil {
		r.told(p)
	}
}
