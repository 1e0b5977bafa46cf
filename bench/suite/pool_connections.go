package suite

import (
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/bench/pooling"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// connectionPools are the workloads of connections lent to many users, in the three
// sizes of the report.
func connectionPools() []Workload {
	var list []Workload
	for _, size := range pooling.Sizes {
		list = append(list, Workload{
			ID:    "pool." + size.Name,
			Brief: fmt.Sprintf("a pool of %d connections to a server, %d users", size.Conns, size.Users), Server: true,
			Measures: "Conns users, each a goroutine, share Count connections by TCP to a server of another process: each borrows one, calls echo with 1,024 bytes, checks the answer and gives it back, as fast as it goes. p50_us to max_us are of all of that, wait_ until the connection was there, call_ of the call. efficiency is the share of the time for which connections were set aside for borrowers in which calls were under way; of_direct compares with as many users as connections, without a pool.",
			Full:     Settings{Time: 3 * time.Second, Warmup: 500 * time.Millisecond, Count: size.Conns, Conns: size.Users},
			Quick:    Settings{Time: 300 * time.Millisecond, Warmup: 100 * time.Millisecond, Count: size.Conns, Conns: size.Users},
			Run:      connectionPool,
		})
	}
	return list
}

func connectionPool(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	err := e.with("tcp://127.0.0.1:0", nil, func(srv *subject.Server) error {
		measured, err := pooling.Run(e.Context, pooling.Config{Target: srv.Addresses[0], ServerPID: srv.PID, WarmUp: s.Warmup, Duration: s.Time, Timeout: replyTimeout,
			Sizes: []pooling.Size{{Name: "of the workload", Conns: s.Count, Users: s.Conns}}})
		if err != nil {
			return err
		}
		addPoint(r, &measured.Points[0])
		return nil
	})
	return r, err
}

// addPoint adds the figures of one size.
func addPoint(r *result.Result, p *pooling.Point) {
	r.Add("rate", "1/s", p.Rate)
	for _, t := range []struct {
		prefix string
		times  *pooling.Times
	}{{"", &p.Latency}, {"wait_", &p.Wait}, {"call_", &p.Call}} {
		for _, q := range []struct {
			name      string
			us, share float64
		}{{"p50", t.times.P50, 0.5}, {"p95", t.times.P95, 0.95}, {"p99", t.times.P99, 0.99}, {"p99.9", t.times.P999, 0.999}, {"max", t.times.Max, 0}} {
			if tells(int64(p.Operations), q.share) {
				r.Add(t.prefix+q.name+"_us", "µs", q.us)
			}
		}
	}
	r.Add("wait_share", "ratio", p.WaitShare)
	r.Add("efficiency", "ratio", p.Efficiency)
	r.Add("busy", "ratio", p.Busy)
	r.Add("direct_rate", "1/s", p.Direct)
	r.Add("of_direct", "ratio", p.OfDirect)
	if p.CPUMicros > 0 {
		r.Add("generator_cpu_us", "µs", p.CPUMicros)
	}
	r.Add("allocs_per_op", "1", p.Allocs)
	r.Add("pool_bytes", "B", float64(p.PoolBytes))
	r.Add("conn_bytes", "B", p.ConnBytes)
	r.Add("heap_bytes", "B", float64(p.HeapBytes))
	if p.ServerRSS > 0 {
		r.Add("server_rss_bytes", "B", float64(p.ServerRSS))
	}
	r.Add("at_once", "1", float64(p.PeakOpen))
	r.Add("waiting_max", "1", float64(p.PeakWaiting))
	r.Demand("every call was answered, and no connection lost", p.ErrorTotal == 0 && p.Lost == 0, "%d operations, %d errors, %d connections lost", p.Operations, p.ErrorTotal, p.Lost)
}
