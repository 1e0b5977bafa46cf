package suite

import (
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// overheadTurns is how often the servers of an overhead take turns, leastTurn the
// shortest of these.
const (
	overheadTurns = 10
	leastTurn     = 10 * time.Millisecond
)

// A side is one of the two servers of an overhead.
type side struct {
	name   string // what its values begin with
	listen string
	admin  bool
	args   []string
	tls    load.TLSOptions
}

// metricsOverhead compares a server that measures each operation with one that does
// not.
func metricsOverhead(e *Env, s Settings) (*result.Result, error) {
	const listen = "tcp://127.0.0.1:0"
	return overhead(e, s, 16, [2]side{{name: "off", listen: listen}, {name: "on", listen: listen, admin: true}})
}

// tlsOverhead compares calls over HTTPS with calls over HTTP.
func tlsOverhead(e *Env, s Settings) (*result.Result, error) {
	return overhead(e, s, 1, [2]side{{name: "http", listen: "http://127.0.0.1:0"},
		// Nobody vouches for the certificate.
		{name: "https", listen: "https://127.0.0.1:0", args: []string{"--tls-self-signed"}, tls: load.TLSOptions{Insecure: true}}})
}

// overhead has the servers of two sides take turns under one load, and says by how
// much the second answers fewer calls, and takes more CPU for each, than the first.
func overhead(e *Env, s Settings, depth int, sides [2]side) (*result.Result, error) {
	var servers [2]*subject.Server
	for i, one := range sides {
		srv, err := e.start(subject.Options{Listen: []string{one.listen}, Args: one.args, Admin: one.admin})
		if err != nil {
			return nil, err
		}
		defer func() { _ = srv.Stop() }()
		servers[i] = srv
	}
	release, err := load.Pin(e.GeneratorCPU)
	if err != nil {
		return nil, err
	}
	defer func() { _ = release() }()
	var rates, cpus [2][]float64
	for turn := range overheadTurns {
		for k := range servers {
			i := (turn + k) % 2 // each begins as often as the other
			run, err := load.Run(load.Options{Target: servers[i].Addresses[0], TLS: sides[i].tls, ServerPID: servers[i].PID, Method: load.MethodCall, Size: 1 << 10, Conns: s.Conns, Depth: depth,
				Warmup: s.Warmup, Duration: max(s.Time/2/overheadTurns, leastTurn), Timeout: replyTimeout, Context: e.Context})
			if err != nil {
				return nil, err
			}
			if run.ErrorTotal > 0 {
				return nil, fmt.Errorf("errors of a load: %s", &run.Errors)
			}
			rates[i] = append(rates[i], run.Rate)
			if run.Server != nil && run.Server.User+run.Server.System >= leastCPU {
				cpus[i] = append(cpus[i], run.Server.CPUMicros)
			}
		}
		if err := e.Context.Err(); err != nil {
			return nil, err
		}
	}
	r := &result.Result{}
	r.Add(sides[0].name+"_rate", "1/s", median(rates[0]))
	r.Add(sides[1].name+"_rate", "1/s", median(rates[1]))
	r.Add("rate_overhead", "ratio", median(rates[0])/median(rates[1])-1)
	if len(cpus[0]) > 0 && len(cpus[1]) > 0 {
		r.Add(sides[0].name+"_cpu_us", "µs", median(cpus[0]))
		r.Add(sides[1].name+"_cpu_us", "µs", median(cpus[1]))
		r.Add("cpu_overhead", "ratio", median(cpus[1])/median(cpus[0])-1)
	}
	return r, nil
}
