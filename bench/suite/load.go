package suite

import (
	"encoding/json"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// Parts of the knee that loads are at.
const (
	heavyPart = 0.8
	soakPart  = 0.7
)

// kneeLimit is the p99 that the knee has to keep.
const kneeLimit = 10 * time.Millisecond

// kneeFirst is the first rate tried on the way to the knee.
const kneeFirst = 4000

// loadWorkloads are the workloads of the area load.
func loadWorkloads() []Workload {
	const openLoop = "An open loop of verified calls of 1 KB by TCP; latencies are from the time that a request was meant to be sent. "
	fixed := func(id, brief string, conns int, rate float64, d, quick time.Duration) Workload {
		return Workload{ID: id, Brief: brief, Server: true, Measures: openLoop + "Every request has to be answered within 5 s, and none may be skipped.",
			Full:  Settings{Time: d, Warmup: time.Second, Conns: conns, Rate: rate},
			Quick: Settings{Time: quick, Warmup: 200 * time.Millisecond, Conns: conns, Rate: rate},
			Run: func(e *Env, s Settings) (*result.Result, error) {
				return whole(atRate(e, s, nil))
			}}
	}
	return []Workload{
		fixed("load.light", "10 connections, 1,000 calls a second", 10, 1_000, 10*time.Second, 2*time.Second),
		fixed("load.medium", "100 connections, 10,000 calls a second", 100, 10_000, 30*time.Second, 2*time.Second),
		{ID: "load.heavy", Brief: "1,000 connections, calls at 0.8 of the knee", Server: true,
			Measures: openLoop + "First the knee is looked for, the highest rate with p99 within 10 ms on as many connections, for a thirtieth of Time at each rate (knee_rate; generator_knee is 1 where the generator was the limit). Every request has to be answered within 5 s, and none may be skipped.",
			Full:     Settings{Time: 60 * time.Second, Warmup: time.Second, Conns: 1_000},
			Quick:    Settings{Time: 2 * time.Second, Warmup: 200 * time.Millisecond, Conns: 1_000},
			Run:      func(e *Env, s Settings) (*result.Result, error) { return whole(atKnee(e, s, heavyPart)) }},
		{ID: "load.spike", Brief: "1,000 calls a second, for a third of the time ten times as many, and again 1,000", Server: true,
			Measures: openLoop + "Three parts of Time each; after_p99_us is that of the last quarter of the time, when the spike is over.",
			Full:     Settings{Time: 15 * time.Second, Warmup: time.Second, Conns: 100, Rate: 1_000},
			Quick:    Settings{Time: 3 * time.Second, Warmup: 200 * time.Millisecond, Conns: 100, Rate: 1_000},
			Run:      spike},
		{ID: "load.soak", Brief: "100 connections, calls at 0.7 of the knee, for long", Server: true,
			Measures: openLoop + "The knee is looked for as in load.heavy. rate_change and rss_change compare the last fifth of the time with the first, as a part of it: what stays as it was has 0.",
			Full:     Settings{Time: 5 * time.Minute, Warmup: 5 * time.Second, Conns: 100},
			Quick:    Settings{Time: 4 * time.Second, Warmup: 500 * time.Millisecond, Conns: 100},
			Run: func(e *Env, s Settings) (*result.Result, error) {
				r, err := atKnee(e, s, soakPart)
				if err == nil {
					addDrift(r)
				}
				return r, err
			}},
		{ID: "load.mix", Brief: "60 % lists and reads, 30 % calls, 10 % pings, 5,000 a second", Server: true,
			Measures: "An open loop by TCP of tools/list and resources/read (30 % each), tools/call of echo with 1 KB (30 %) and ping (10 %), in random order. The result's runs have each kind.",
			Full:     Settings{Time: 20 * time.Second, Warmup: time.Second, Conns: 100, Rate: 5_000},
			Quick:    Settings{Time: 2 * time.Second, Warmup: 200 * time.Millisecond, Conns: 100, Rate: 5_000},
			Run: func(e *Env, s Settings) (*result.Result, error) {
				return atRate(e, s, mix())
			}},
		{ID: "load.sessions", Brief: "whole sessions: connect, initialize, list, call, close", Server: true,
			Measures: "Conns at a time by TCP, as fast as they go: connect, initialize, notifications/initialized, tools/list, tools/call, close, each answer awaited. The client is Go's net package on the generator's CPU, and part of the time. Latencies are of a whole session.",
			Full:     Settings{Time: 5 * time.Second, Conns: 16},
			Quick:    Settings{Time: 500 * time.Millisecond, Conns: 16},
			Run:      wholeSessions},
		{ID: "load.metrics_overhead", Brief: "calls with the operation metrics on against off", Server: true,
			Measures: "Two servers, one with admin pages and so with a measure of each operation, one without, in ten turns each of a closed loop of calls of 1 KB by TCP, 64 connections at depth 16. rate_overhead is by how much fewer calls a second the one with metrics answers, cpu_overhead by how much more CPU it takes for one: medians over the turns.",
			Full:     Settings{Time: 10 * time.Second, Warmup: 200 * time.Millisecond, Conns: 64},
			Quick:    Settings{Time: 2 * time.Second, Warmup: 20 * time.Millisecond, Conns: 64},
			Run:      metricsOverhead},
	}
}

// mix is what the clients of a server ask for.
func mix() []load.Message {
	params := func(v any) json.RawMessage {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // of maps of strings
		}
		return b
	}
	return []load.Message{
		{Method: "tools/list", Weight: 30, Check: load.CheckSame},
		{Method: "resources/read", Params: params(map[string]string{"uri": "demo://about"}), Weight: 30, Check: load.CheckSame},
		{Method: "tools/call", Params: params(map[string]any{"name": "echo", "arguments": map[string]string{"text": filler[:850]}}), Weight: 30, Check: load.CheckEcho},
		{Method: "ping", Weight: 10},
	}
}

// callOptions are those of a load of calls of a kilobyte.
func callOptions(s Settings, messages []load.Message) load.Options {
	o := load.Options{Conns: s.Conns, Depth: 16, Warmup: s.Warmup, Messages: messages, Interval: max(min(s.Time/20, time.Second), time.Millisecond)}
	if messages == nil {
		o.Method, o.Size = load.MethodCall, 1<<10
	}
	return o
}

// whole demands of a load that it was answered whole.
func whole(r *result.Result, err error) (*result.Result, error) {
	if err == nil {
		demandAll(r)
	}
	return r, err
}

// atRate is a load at one rate.
func atRate(e *Env, s Settings, messages []load.Message) (*result.Result, error) {
	o := callOptions(s, messages)
	o.Plan = load.Constant(s.Rate, s.Time)
	return planned(e, o)
}

// planned is a load on a server of its own by the plan of o.
func planned(e *Env, o load.Options) (*result.Result, error) {
	r := &result.Result{}
	err := e.with("tcp://127.0.0.1:0", nil, func(s *subject.Server) error {
		o.Target, o.ServerPID, o.MetricsURL = s.Addresses[0], s.PID, s.Metrics()
		return e.generate(r, o)
	})
	if err != nil {
		return nil, err
	}
	demandWhole(r)
	return r, nil
}

// atKnee is a load at a part of the knee.
func atKnee(e *Env, s Settings, part float64) (*result.Result, error) {
	r := &result.Result{}
	err := e.with("tcp://127.0.0.1:0", nil, func(srv *subject.Server) error {
		o := callOptions(s, nil)
		o.Target, o.ServerPID, o.MetricsURL = srv.Addresses[0], srv.PID, srv.Metrics()
		o.Plan = load.Constant(kneeFirst, max(s.Time/30, 5*time.Millisecond))
		knee, err := e.knee(o)
		if err != nil {
			return err
		}
		rate := knee.Rate
		if rate == 0 { // the first rate was too much already
			rate = kneeFirst / 2
		}
		r.Add("knee_rate", "1/s", knee.Rate)
		r.Add("generator_knee", "1", map[bool]float64{true: 1}[knee.Bound == "generator"])
		e.say("measuring at %.0f requests/s, %.1f of the knee", part*rate, part)
		o.Plan = load.Constant(part*rate, s.Time)
		return e.generate(r, o)
	})
	if err != nil {
		return nil, err
	}
	demandWhole(r)
	return r, nil
}

// knee looks for the knee from the generator's CPU.
func (e *Env) knee(o load.Options) (*result.Knee, error) {
	release, err := load.Pin(e.GeneratorCPU)
	if err != nil {
		return nil, err
	}
	o.Warmup = 0 // each rate warms the next up
	o.Timeout, o.Context = replyTimeout, e.Context
	search := &result.Result{}
	err = FindKnee(o, kneeLimit, search)
	if err1 := release(); err == nil {
		err = err1
	}
	if err != nil {
		return nil, err
	}
	return search.Knee, e.Context.Err()
}

func spike(e *Env, s Settings) (*result.Result, error) {
	o := callOptions(s, nil)
	third := s.Time / 3
	o.Plan = load.Plan{{From: s.Rate, To: s.Rate, Duration: third}, {From: 10 * s.Rate, To: 10 * s.Rate, Duration: third}, {From: s.Rate, To: s.Rate, Duration: third}}
	r, err := planned(e, o)
	if err != nil {
		return nil, err
	}
	run := r.Runs[0]
	most, worst, after := 0, 0.0, 0.0
	for _, p := range run.Series {
		most = max(most, p.InFlight)
		switch at := p.At / s.Time.Seconds(); {
		case at > 1.0/3 && at <= 2.0/3:
			worst = max(worst, p.P99)
		case at > 3.0/4:
			after = max(after, p.P99)
		}
	}
	r.Add("in_flight_max", "1", float64(most))
	r.Add("spike_p99_us", "µs", worst)
	r.Add("after_p99_us", "µs", after)
	return r, nil
}

// addDrift adds how the last fifth of a load's time differs from the first.
func addDrift(r *result.Result) {
	points := r.Runs[len(r.Runs)-1].Series
	fifth := len(points) / 5
	if fifth == 0 {
		return
	}
	mean := func(list []load.Point, f func(*load.Point) (float64, bool)) (sum float64, ok bool) {
		for i := range list {
			v, measured := f(&list[i])
			if !measured {
				return 0, false
			}
			sum += v / float64(len(list))
		}
		return sum, sum > 0
	}
	for _, d := range []struct {
		name string
		of   func(*load.Point) (float64, bool)
	}{
		{"rate_change", func(p *load.Point) (float64, bool) { return p.Rate(), true }},
		{"rss_change", func(p *load.Point) (float64, bool) {
			if p.RSS == nil {
				return 0, false
			}
			return float64(*p.RSS), true
		}},
	} {
		first, ok1 := mean(points[:fifth], d.of)
		last, ok2 := mean(points[len(points)-fifth:], d.of)
		if ok1 && ok2 {
			r.Add(d.name, "ratio", last/first-1)
		}
	}
}
