package pooling

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/engine/pool"
)

// Simulate plays the phases to a model of a pool in simulated time, with a
// pool.Controller for its size. The same configuration gives the same trace.
func Simulate(c SizingConfig) (result.Trace, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return result.Trace{}, err
	}
	controller, err := pool.NewController(c.Controller)
	if err != nil {
		return result.Trace{}, err
	}
	o := controller.Options()
	m := &model{
		c: &c, controller: controller, size: o.Min, random: rand.New(rand.NewPCG(c.Seed, 1)),
		trace: result.Trace{Simulated: true, Min: o.Min, Max: o.Max}, users: make([]bool, c.most()),
	}
	end := time.Duration(0)
	for _, p := range c.Phases {
		m.at(end, event{what: phaseBegins, n: p.Users})
		end += p.Duration
	}
	m.at(c.Sample, event{what: sampleEnds})
	for m.events.Len() > 0 && m.events[0].at <= end {
		e := heap.Pop(&m.events).(event)
		m.advance(e.at)
		m.happen(e)
	}
	m.trace.Sum(c.Phases)
	return m.trace, nil
}

// What happens in a model.
const (
	phaseBegins = iota // with n users
	userAsks           // user n
	callEnds           // of user n
	dialEnds
	sampleEnds
)

// event is something that happens at a time.
type event struct {
	at   time.Duration
	seq  int // of those at one time, the first comes first
	what int
	n    int
}

// events is a heap, the earliest on top.
type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is for package heap.
func (h *events) Push(x any) { *h = append(*h, x.(event)) }

// Pop is for package heap.
func (h *events) Pop() any {
	e := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return e
}

// waiter is a user in the queue.
type waiter struct {
	user  int
	since time.Duration
}

// model is a pool in simulated time: connections lent one by one, a queue in order
// of arrival, dials when somebody waits, none beyond the size, and closing what is
// beyond it as soon as nobody has it.
type model struct {
	c          *SizingConfig
	controller *pool.Controller
	random     *rand.Rand
	events     events
	seq        int
	now        time.Duration

	active              int    // users of this phase
	users               []bool // of these, under way: asking, calling or thinking
	size                int
	open, lent, dialing int
	queue               []waiter

	lentTime time.Duration // integral of lent, in this sample
	waits    []time.Duration
	trace    result.Trace
}

func (m *model) at(t time.Duration, e event) {
	m.seq++
	e.at, e.seq = t, m.seq
	heap.Push(&m.events, e)
}

func (m *model) advance(to time.Duration) {
	m.lentTime += time.Duration(m.lent) * (to - m.now)
	m.now = to
}

func (m *model) happen(e event) {
	switch e.what {
	case phaseBegins:
		m.active = e.n
		for u := range e.n {
			if !m.users[u] {
				m.users[u] = true
				m.at(m.now+m.think(), event{what: userAsks, n: u})
			}
		}
	case userAsks:
		if e.n >= m.active {
			m.users[e.n] = false
			return
		}
		m.queue = append(m.queue, waiter{e.n, m.now})
		m.serve()
	case callEnds:
		m.lent--
		m.trace.Calls++
		m.at(m.now+m.think(), event{what: userAsks, n: e.n})
		if m.open > m.size {
			m.open--
		}
		m.serve()
	case dialEnds:
		m.dialing--
		m.open++
		m.serve()
	case sampleEnds:
		m.sample()
		m.at(m.now+m.c.Sample, event{what: sampleEnds})
	}
}

func (m *model) think() time.Duration {
	return time.Duration(m.random.ExpFloat64() * float64(m.c.Think))
}

// serve lends what is free and dials what is missing.
func (m *model) serve() {
	for len(m.queue) > 0 && m.lent < m.open {
		w := m.queue[0]
		m.queue = m.queue[1:]
		m.lent++
		m.waits = append(m.waits, m.now-w.since)
		// A tenth more or less than Work.
		d := time.Duration((0.9 + 0.2*m.random.Float64()) * float64(m.c.Work))
		m.at(m.now+d, event{what: callEnds, n: w.user})
	}
	for m.dialing < len(m.queue) && m.open+m.dialing < m.size {
		m.dialing++
		m.at(m.now+m.c.Dial, event{what: dialEnds})
	}
}

// sample has the controller decide.
func (m *model) sample() {
	s := pool.Sample{
		Size:        m.size,
		Utilisation: float64(m.lentTime) / (float64(m.c.Sample) * float64(m.size)),
		Waiting:     len(m.queue),
	}
	if n := len(m.waits); n > 0 {
		slices.Sort(m.waits)
		s.Wait = m.waits[min(n*95/100, n-1)]
	}
	t := m.now.Seconds()
	m.trace.Points = append(m.trace.Points, result.TracePoint{Time: t, Users: m.active, Size: m.size, Open: m.open, Waiting: s.Waiting,
		Utilisation: s.Utilisation, WaitMs: s.Wait.Seconds() * 1e3})
	m.lentTime, m.waits = 0, m.waits[:0]
	d := m.controller.Next(s)
	if d.Size != m.size {
		m.trace.Changes = append(m.trace.Changes, result.SizeChange{Time: t, From: m.size, To: d.Size, Reason: d.Reason.String()})
		m.size = d.Size
		for m.open > m.size && m.open > m.lent {
			m.open--
		}
		m.serve()
	}
}
