package load

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Run generates the load that o describes and returns what it measured. The
// result is nil only if no load could be generated at all; a server that fails
// on the way shows in Result.Errors. Run returns: every wait in it is bounded by
// o.Timeout.
func Run(o Options) (*Result, error) {
	s, err := Open(o)
	if err != nil {
		return nil, err
	}
	r, err := s.Measure(s.o.Plan)
	exit := s.Close()
	if err != nil {
		return nil, err
	}
	r.ChildExit, r.TearDown = exit.Child, exit.TearDown
	return r, nil
}

// A Session is a set of open connections that load can be measured on, several
// times. It belongs to one goroutine, which is locked to its thread from Open to
// Close.
type Session struct {
	o       Options
	conns   []*conn
	shapes  []*shape
	loop    *loop
	child   *child
	rss     int64     // of the server, before the first connection
	secure  *security // nil without TLS
	setup   *hdrhistogram.Histogram
	seconds float64     // that opening took
	unhook  func() bool // of Options.Context; nil before there is a loop
}

// Open opens the connections and, unless the method is raw, an MCP session on
// each, and asks for each message once. An error is a UsageError, or a
// ConnectError where the server could not be reached or did not answer as
// expected.
func Open(o Options) (*Session, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	s := &Session{o: o, setup: hdrhistogram.New(1, maxLatency, 3)}
	if err := s.connect(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// An Exit is how a session ended.
type Exit struct {
	Child    string   // how the child of stdio exited
	TearDown *Latency // of closing a connection, as this side sees it; nil of a child
	Closing  string   // the same whole, in the form of Result.Histogram
}

// Close closes the connections, and waits for a child to exit.
func (s *Session) Close() Exit {
	var e Exit
	if s.unhook != nil {
		s.unhook()
	}
	if s.loop != nil {
		defer s.loop.close()
		s.loop.rest()
	}
	down := hdrhistogram.New(1, maxLatency, 3)
	for _, c := range s.conns {
		if c.dead {
			continue
		}
		begin := time.Now()
		c.close()
		_ = down.RecordValue(clip(int64(time.Since(begin))))
	}
	if s.child != nil {
		e.Child = s.child.wait(s.o.Timeout)
	} else if down.TotalCount() > 0 {
		e.TearDown, e.Closing = latencyOf(down), encode(down)
	}
	runtime.UnlockOSThread()
	return e
}

// connect opens everything; what it opened before an error Close closes.
func (s *Session) connect() error {
	o := &s.o
	where, err := parseTarget(o.Target)
	if err != nil {
		return err
	}
	kinds, err := newTemplates(o)
	if err != nil {
		return err
	}
	for _, t := range kinds {
		t.dress(&where, o)
	}
	window := func() window { return newWindow(o.Depth, o.Conns, len(kinds), o.Plan != nil) }
	if where.network == "stdio" {
		// The child first: it is not to inherit where this process is pinned.
		ch, r, w, err := startChild(o.Command, o.ChildCPUs, o.Stderr, o.MetricsURL == MetricsOfChild)
		if err != nil {
			return &ConnectError{err}
		}
		s.child = ch
		o.ServerPID = ch.cmd.Process.Pid
		s.conns = append(s.conns, &conn{r: &socket{fd: r}, w: &socket{fd: w}, window: window()})
	} else if o.ServerPID != 0 {
		u, err := processUsage(o.ServerPID)
		if err != nil {
			return err
		}
		s.rss = u.rss
	}
	if o.CPUs != nil {
		if err := pinProcess(o.CPUs); err != nil {
			return err
		}
	}
	if s.secure, err = newSecurity(&o.TLS, &where); err != nil {
		return err
	}
	begin := time.Now()
	open, err := newOpening(where, o, s.secure)
	if err != nil {
		return &ConnectError{err}
	}
	conns := o.Conns
	if o.Reconnect > 0 {
		conns = 1 // to learn what replies look like
	}
	for i := range conns {
		if err := o.Context.Err(); err != nil {
			return err
		}
		from := time.Now()
		if where.network != "stdio" {
			k, err := open.connect(o.From, from.Add(o.Timeout))
			if err != nil {
				return &ConnectError{fmt.Errorf("%w (connection %d of %d)", err, i+1, o.Conns)}
			}
			s.conns = append(s.conns, &conn{r: k, w: k, window: window()})
		}
		err := open.open(s.conns[i], o.From)
		if err == nil && i == 0 {
			err = s.probe(kinds)
		}
		if err != nil {
			return &ConnectError{fmt.Errorf("load: handshake of connection %d of %d: %w", i+1, o.Conns, err)}
		}
		if i > 0 || o.Conns == 1 { // the first has asked for more than the others
			_ = s.setup.RecordValue(clip(int64(time.Since(from))))
		}
	}
	tally := newTally(len(kinds), o.Plan != nil)
	if o.Reconnect > 0 {
		c := s.conns[0]
		if c.session != "" {
			_ = open.remove(c, time.Now().Add(o.Timeout)) // what fails here fails in the load too
		}
		c.close()
		for range o.Conns - 1 {
			s.conns = append(s.conns, &conn{window: window(), dead: true})
		}
		for _, c := range s.conns {
			c.bound = o.Reconnect
		}
		tally.renewal = newRenewal()
		s.setup.Reset()
	}
	s.seconds = time.Since(begin).Seconds()
	if s.child != nil {
		u, err := processUsage(o.ServerPID)
		if err != nil {
			return &ConnectError{err}
		}
		s.rss = u.rss
	}
	s.loop, err = newLoop(newStage(s.shapes, tally, o.Depth), s.conns, o.Timeout)
	if err != nil {
		return err
	}
	s.loop.spin, s.loop.limit = o.Spin, o.MaxInFlight
	s.unhook = context.AfterFunc(o.Context, func() { s.loop.halted.Store(true) })
	if o.Reconnect > 0 {
		s.loop.opening, s.loop.live = open, o.Conns
	}
	return nil
}

// probe learns what the replies to each kind look like.
func (s *Session) probe(kinds []*template) error {
	if s.o.raw() {
		s.shapes = []*shape{rawShape(kinds[0])}
		return nil
	}
	for i, t := range kinds {
		sh, err := s.conns[0].probe(t, uint8(i), s.o.Timeout)
		if err != nil {
			return err
		}
		s.shapes = append(s.shapes, sh)
	}
	return nil
}

// Conns is how many connections live.
func (s *Session) Conns() int { return s.loop.live }

// SetUp is the distribution of the time from connect to the end of the handshake,
// in the form of Result.Histogram.
func (s *Session) SetUp() string { return encode(s.setup) }

// Answered is the least number of good replies that a connection has got, over
// all phases.
func (s *Session) Answered() int64 {
	least := int64(1) << 62
	for _, c := range s.conns {
		least = min(least, c.good)
	}
	return least
}

// Hold leaves the connections open for a time and asks nothing of them. It returns
// what went wrong meanwhile: connections that ended.
func (s *Session) Hold(d time.Duration) (Errors, error) {
	l := s.loop
	l.tally.errors = Errors{}
	err := l.run(0, l.now()+int64(d))
	return l.tally.errors, err
}

// Measure generates load by the plan, or where it is nil in a closed loop for
// Options.Duration or Count, after a warm-up. A session opened without a plan
// takes none.
func (s *Session) Measure(p Plan) (*Result, error) {
	if p != nil && s.o.Plan == nil {
		return nil, usagef("the session was not opened with a plan")
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	l, o := s.loop, &s.o
	l.tally.errors, l.tally.failure = Errors{}, ""
	if o.Warmup > 0 {
		o.Progress(fmt.Sprintf("warming up for %v", o.Warmup))
		var err error
		if p != nil {
			err = l.runPlan(Constant(max(p[0].From, 1), o.Warmup), o.seed())
		} else {
			err = l.run(-1, l.now()+int64(o.Warmup))
		}
		if err == nil {
			err = l.run(0, 0)
		}
		l.rest()
		if err != nil {
			return nil, err
		}
	}
	if err := o.Context.Err(); err != nil {
		return nil, err
	}
	// What the set-up left behind is collected before, not while measuring.
	runtime.GC()
	url := o.MetricsURL
	if url == MetricsOfChild {
		var err error
		if url, err = s.child.log.url(o.Timeout); err != nil {
			return nil, err
		}
	}
	page, err := newScraper(url)
	if err != nil {
		return nil, err
	}
	defer page.close()
	var heapBefore heap
	if page != nil {
		if heapBefore, err = page.read(); err != nil {
			return nil, err
		}
	}
	l.tally.begin()
	if o.Reconnect > 0 && s.secure != nil {
		s.secure.begin()
	}
	before, err := takeSample(o.ServerPID)
	if err != nil {
		return nil, err
	}
	if err := s.load(p); err != nil {
		return nil, err
	}
	points := l.series.points
	l.series = nil
	after, err := takeSample(o.ServerPID)
	if err != nil {
		// A server that is gone is a result too: its connections are closed.
		o.Progress(fmt.Sprintf("the server's process cannot be read any more: %v", err))
		o.ServerPID = 0
		if after, err = takeSample(0); err != nil {
			return nil, err
		}
	}
	r := &Result{Target: o.Target, Command: strings.Join(o.Command, " "), Revision: o.Revision, Conns: o.Conns, Depth: o.Depth,
		Plan: p, Interrupted: l.halted.Load(), Series: points, SetUpSeconds: s.seconds, TLS: s.secure.result()}
	if l.tally.renewal != nil {
		r.Reconnects = l.tally.renewal.result(o.Reconnect, l.opening.spread(), after.at.Sub(before.at).Seconds())
	} else {
		r.SetUp = latencyOf(s.setup)
	}
	if len(o.Messages) == 0 && o.Method == MethodCall {
		if r.ArgsExtra = o.ArgsExtra; o.Tool != DefaultTool {
			r.Tool = o.Tool
		}
	}
	if seed := o.seed(); p != nil && seed != nil {
		r.Arrivals, r.Seed = o.Arrivals, *seed
	}
	r.describe(s.shapes)
	r.take(l.tally, after.at.Sub(before.at).Seconds(), s.shapes)
	r.Generator.Spins = p != nil && o.Spin
	r.between(before, after, o.ServerPID, s.rss)
	if page != nil {
		if h, err := page.read(); err != nil {
			o.Progress(fmt.Sprintf("the server's metrics cannot be read any more: %v", err))
		} else {
			r.Heap = page.use(heapBefore, h, r.Messages)
		}
	}
	o.Progress("draining")
	l.renew = false
	if err := l.run(0, 0); err != nil {
		return nil, err
	}
	l.rest()
	r.finish(l.tally)
	r.Alive, r.StreamLimit = l.live, s.streamLimit()
	return r, nil
}

// streamLimit is what Result has.
func (s *Session) streamLimit() int64 {
	least := int64(s.o.Depth)
	for _, c := range s.conns {
		if c.h2 != nil {
			least = min(least, c.h2.peer.streams)
		}
	}
	if least == int64(s.o.Depth) {
		return 0
	}
	return least
}

// load runs the measured phase, which leaves its series in the loop.
func (s *Session) load(p Plan) error {
	l, o := s.loop, &s.o
	l.series = &series{every: o.Interval, told: o.Each}
	if o.ServerPID != 0 {
		if f, err := openStat(o.ServerPID); err == nil {
			l.series.server = f
			defer f.close()
		}
	}
	var d time.Duration
	switch {
	case p != nil:
		d = p.Duration()
	case o.Count == 0:
		d = o.Duration
	}
	l.series.begin(l.stage, l.now(), d)
	var err error
	switch {
	case p != nil:
		o.Progress(fmt.Sprintf("measuring for %v", p.Duration()))
		err = l.runPlan(p, o.seed())
	case o.Count > 0:
		o.Progress(fmt.Sprintf("measuring %d requests", o.Count))
		err = l.run(o.Count, 0)
	default:
		o.Progress(fmt.Sprintf("measuring for %v", o.Duration))
		err = l.run(-1, l.now()+int64(o.Duration))
	}
	l.series.finish(l.stage, l.now())
	return err
}
