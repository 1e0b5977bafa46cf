package load

import "time"

// maxPoints bounds a series: a day in seconds.
const maxPoints = 86_400

// A series takes a point each interval. Taking one costs some µs of the sending
// thread: three figures of a histogram and one line of /proc.
type series struct {
	points []Point
	every  time.Duration
	told   func(Point)
	begun  int64 // ns on the stage's clock
	last   int64
	next   int64
	before counts
	errors int64
	server *statFile // nil where no process is known
	cpu    float64   // of the server at last, s
}

func (r *series) begin(s *stage, now int64) {
	r.begun, r.last, r.next = now, now, now+int64(r.every)
	r.before, r.errors = s.tally.counts, s.tally.errors.Total()
	if r.server != nil {
		r.cpu, _, _ = r.server.read()
	}
}

// take ends an interval at now.
func (r *series) take(s *stage, now int64) {
	t := s.tally
	t.settle()
	r.next = now + int64(r.every) - (now-r.begun)%int64(r.every)
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
	if r.server != nil {
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
