package suite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// A vital is what a server's process holds at one moment.
type vital struct {
	heap       int64 // bytes of live objects, after a collection
	rss        int64
	fds        int64
	goroutines int64
	gauges     map[string]int64 // of its metrics
}

// Gauges of a server that are to be back where they were.
const (
	gaugeConnections = "gannet_connections"
	gaugeInFlight    = "gannet_calls_in_flight"
	gaugeBuffered    = "gannet_buffered_bytes"
	gaugeLent        = "gannet_buffers_lent"
	gaugeSessions    = "gannet_http_sessions"
	gaugeStreams     = "gannet_event_streams"
)

var gauges = []string{gaugeConnections, gaugeInFlight, gaugeBuffered, gaugeLent, gaugeSessions, gaugeStreams}

// pageTimeout is the longest wait for an admin page.
const pageTimeout = 10 * time.Second

// fdReads is how often the descriptors are counted; the least count is taken.
const fdReads = 5

// adminPage returns the lines of an admin page.
func adminPage(ctx context.Context, url string) (lines []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	// Each page by a connection of its own, so that none stands while the
	// server's descriptors are counted.
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	in := bufio.NewScanner(io.LimitReader(resp.Body, 16<<20))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		lines = append(lines, in.Text())
	}
	return lines, in.Err()
}

// number finds the first line that begins with prefix and reads what follows.
func number(lines []string, prefix string) (int64, error) {
	for _, l := range lines {
		if rest, ok := strings.CutPrefix(l, prefix); ok {
			return strconv.ParseInt(strings.Fields(rest + " ")[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("the admin page has no line %q", prefix)
}

// vitals reads what a server holds, by its admin pages and /proc.
func vitals(ctx context.Context, s *subject.Server) (v vital, err error) {
	// The first collection frees what the second one's measure would count.
	if _, err = adminPage(ctx, s.Admin+"/debug/pprof/heap?gc=1&debug=1"); err != nil {
		return v, err
	}
	memory, err := adminPage(ctx, s.Admin+"/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return v, err
	}
	if v.heap, err = number(memory, "# HeapAlloc = "); err != nil {
		return v, err
	}
	running, err := adminPage(ctx, s.Admin+"/debug/pprof/goroutine?debug=1")
	if err != nil {
		return v, err
	}
	if v.goroutines, err = number(running, "goroutine profile: total "); err != nil {
		return v, err
	}
	if v.gauges, err = readGauges(ctx, s); err != nil {
		return v, err
	}
	// The server may not have closed yet what the pages came by.
	for i := range fdReads {
		if i > 0 {
			time.Sleep(20 * time.Millisecond)
		}
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID))
		if err != nil {
			return v, err
		}
		if n := int64(len(fds)); i == 0 || n < v.fds {
			v.fds = n
		}
	}
	v.rss, err = load.ResidentMemory(s.PID)
	return v, err
}

// readGauges reads the gauges alone.
func readGauges(ctx context.Context, s *subject.Server) (map[string]int64, error) {
	metrics, err := adminPage(ctx, s.Admin+"/metrics")
	if err != nil {
		return nil, err
	}
	all := map[string]int64{}
	for _, g := range gauges {
		if all[g], err = number(metrics, g+" "); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// settled waits until the server has as much of each gauge as in want, or until
// within has passed: what is left then shows in the vitals.
func settled(ctx context.Context, s *subject.Server, want map[string]int64, within time.Duration) error {
	for deadline := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		now, err := readGauges(ctx, s)
		if err != nil {
			return err
		}
		same := true
		for g, v := range want {
			same = same && now[g] <= v
		}
		if same || time.Now().After(deadline) {
			return ctx.Err()
		}
	}
}

// extraPings is how often connections are pinged again of which some lack a ping.
const extraPings = 5

// settleTime is the longest wait for a server to let go of what has ended.
const settleTime = 15 * time.Second

func connectionMemory(e *Env, s Settings) (*result.Result, error) {
	srv, err := e.start(subject.Options{Listen: []string{"tcp://127.0.0.1:0"}, Admin: true})
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	err = e.standing(r, s, srv)
	return r, errors.Join(err, srv.Stop())
}

// standing opens connections to a server, measures, and closes them.
func (e *Env) standing(r *result.Result, s Settings, srv *subject.Server) (err error) {
	release, err := load.Pin(e.GeneratorCPU)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	before, err := vitals(e.Context, srv)
	if err != nil {
		return err
	}
	// Two pings on each within Time.
	o := load.Options{Target: srv.Addresses[0], ServerPID: srv.PID, Conns: s.Conns, Depth: 1, Timeout: replyTimeout, Context: e.Context,
		Plan: load.Constant(2*float64(s.Conns)/s.Time.Seconds(), s.Time)}
	begin := now()
	session, err := load.Open(o)
	if err != nil {
		return err
	}
	opened := now() - begin
	open, err := vitals(e.Context, srv)
	if err != nil {
		session.Close()
		return err
	}
	run, err := session.Measure(o.Plan)
	// Where the machine is busy some connections get the turns of others.
	for range extraPings {
		if err != nil || run.ErrorTotal > 0 || session.Answered() >= 2 {
			break
		}
		run, err = session.Measure(o.Plan)
	}
	if err != nil {
		session.Close()
		return err
	}
	used, err := vitals(e.Context, srv)
	standing := session.Conns()
	setUps := session.SetUp()
	exit := session.Close()
	if err != nil {
		return err
	}
	each := func(after, before int64) float64 { return float64(after-before) / float64(s.Conns) }
	r.Add("connections", "1", float64(standing))
	r.Add("opened_rate", "1/s", float64(s.Conns)/float64(opened)*1e9)
	r.Add("heap_each_bytes", "B", each(open.heap, before.heap))
	r.Add("rss_each_bytes", "B", each(open.rss, before.rss))
	r.Add("heap_each_used_bytes", "B", each(used.heap, before.heap))
	r.Add("rss_each_used_bytes", "B", each(used.rss, before.rss))
	r.Add("goroutines_each", "1", each(open.goroutines, before.goroutines))
	setUp, err := load.Merge([]string{setUps})
	if err != nil {
		return err
	}
	for _, d := range []struct {
		name string
		l    *load.Latency
	}{{"setup", setUp}, {"teardown", exit.TearDown}, {"ping", &run.Latency}} {
		if d.l == nil {
			continue
		}
		r.Add(d.name+"_p50_us", "µs", d.l.P50)
		r.Add(d.name+"_p99_us", "µs", d.l.P99)
		r.Add(d.name+"_max_us", "µs", d.l.Max)
	}
	if err := settled(e.Context, srv, map[string]int64{gaugeConnections: before.gauges[gaugeConnections]}, settleTime); err != nil {
		return err
	}
	after, err := vitals(e.Context, srv)
	if err != nil {
		return err
	}
	count := open.gauges[gaugeConnections] - before.gauges[gaugeConnections]
	r.Demand("every connection stood and answered", standing == s.Conns && count == int64(s.Conns) && run.ErrorTotal == 0 && session.Answered() >= 2,
		"%d of %d, %d by the server's count, errors %s", standing, s.Conns, count, &run.Errors)
	r.Demand("nothing is left of them", after.gauges[gaugeConnections] == before.gauges[gaugeConnections] && after.fds <= before.fds,
		"%d connections and %d descriptors, before %d and %d", after.gauges[gaugeConnections], after.fds, before.gauges[gaugeConnections], before.fds)
	r.Add("heap_left_bytes", "B", float64(after.heap-before.heap))
	return nil
}
