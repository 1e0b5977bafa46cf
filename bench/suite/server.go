package suite

import (
	"errors"
	"os"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// replyTimeout is the longest wait for a reply of a load.
const replyTimeout = load.DefaultTimeout

// start starts a server by o, to which the environment adds what is the same for all.
func (e *Env) start(o subject.Options) (*subject.Server, error) {
	o.Program, o.Env, o.CPUs, o.Stderr = e.Gannet, e.ServerEnv, e.ServerCPU, os.Stderr
	return subject.Start(o)
}

// with starts a server that listens on one address, calls f, and stops it.
func (e *Env) with(listen string, args []string, f func(s *subject.Server) error) error {
	s, err := e.start(subject.Options{Listen: []string{listen}, Admin: true, Args: args})
	if err != nil {
		return err
	}
	err = f(s)
	return errors.Join(err, s.Stop())
}

// generate runs a load from the generator's CPU, and adds what it measured to r.
func (e *Env) generate(r *result.Result, o load.Options) (err error) {
	release, err := load.Pin(e.GeneratorCPU)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	o.Timeout, o.ChildCPUs, o.Each, o.Context = replyTimeout, e.ServerCPU, e.Each, e.Context
	run, err := load.Run(o)
	if err != nil {
		return err
	}
	r.Runs = append(r.Runs, run)
	addLoad(r, run)
	return e.Context.Err()
}

// leastCPU is how many seconds of CPU a server must have used for a figure of it: the
// system counts them in hundredths.
const leastCPU = 0.05

// addLoad adds the figures of a load.
func addLoad(r *result.Result, run *load.Result) {
	r.Add("rate", "1/s", run.Rate)
	quantile := func(name string, us, share float64) {
		if tells(run.Answered, share) {
			r.Add(name, "µs", us)
		}
	}
	l := &run.Latency
	quantile("p50_us", l.P50, 0.5)
	quantile("p95_us", l.P95, 0.95)
	quantile("p99_us", l.P99, 0.99)
	quantile("p99.9_us", l.P999, 0.999)
	quantile("p99.99_us", l.P9999, 0.9999)
	quantile("max_us", l.Max, 0)
	meant := run.Sent
	if run.Plan != nil {
		meant = run.Starts
		r.Add("skipped", "1", float64(run.Skipped))
	}
	r.Add("success", "ratio", float64(run.Answered)/float64(meant))
	r.Add("errors", "1", float64(run.ErrorTotal))
	r.Add("timeouts", "1", float64(run.Errors.TimedOut))
	r.Add("connections", "1", float64(run.Alive))
	if s := run.Server; s != nil {
		if s.User+s.System >= leastCPU {
			r.Add("server_cpu_us", "µs", s.CPUMicros)
			r.Add("server_cpus", "1", s.Utilisation)
		}
		r.Add("server_rss_bytes", "B", float64(s.RSSAfter))
	}
	if h := run.Heap; h != nil {
		r.Add("server_allocs_per_message", "1", h.PerMessage)
		r.Add("server_gc_cycles", "1", float64(h.Cycles))
		r.Add("server_gc_pauses_us", "µs", h.Pauses*1e6)
	}
	if run.Messages > 0 {
		r.Add("generator_cpu_us", "µs", run.Generator.Utilisation*run.Seconds*1e6/float64(run.Messages))
	}
}

// demandWhole demands that a load had no errors and kept its connections.
func demandWhole(r *result.Result) {
	run := r.Runs[len(r.Runs)-1]
	r.Demand("no errors, and every connection lived", run.ErrorTotal == 0 && run.Alive == run.Conns, "%s; %d of %d connections", &run.Errors, run.Alive, run.Conns)
}

// demandAll demands that a load of an open loop was answered whole.
func demandAll(r *result.Result) {
	run := r.Runs[len(r.Runs)-1]
	r.Demand("every request answered, none skipped or timed out", run.Answered == run.Starts && run.Skipped == 0 && run.ErrorTotal == 0,
		"%d of %d answered, %d skipped, errors %s", run.Answered, run.Starts, run.Skipped, &run.Errors)
}
