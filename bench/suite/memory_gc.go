package suite

import (
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// Collections are the ids of the workloads that count collections, without a
// transport's name.
const Collections = "memory.gc."

// collectionWorkloads are a load at a steady rate on each transport whose messages are
// to allocate nothing.
func collectionWorkloads() (list []Workload) {
	for i := range transports {
		t := &transports[i]
		switch t.name {
		case "stdio", "tcp", "http1", "ws", "sse":
		default:
			continue
		}
		list = append(list, Workload{ID: Collections + t.name, Brief: "collections of the server under a steady load by " + t.name, Server: true,
			Measures: "An open loop of verified calls of 1 KB at Rate on Conns connections (one, of stdio). server_gc_cycles are the collections of the server's heap in the measured time, and server_allocs_per_message what it allocated for a call, by its own page of metrics, which is read before and after and not meanwhile. The runtime collects by itself once in two minutes, which is longer than Time.",
			Full:     Settings{Time: 60 * time.Second, Warmup: time.Second, Conns: 16, Rate: 10_000},
			Quick:    Settings{Time: 500 * time.Millisecond, Warmup: 100 * time.Millisecond, Conns: 16, Rate: 10_000},
			Run: func(e *Env, s Settings) (*result.Result, error) {
				o := load.Options{Method: load.MethodCall, Size: 1 << 10, Conns: s.Conns, Depth: 16, Warmup: s.Warmup, Plan: load.Constant(s.Rate, s.Time)}
				if t.name == "stdio" {
					o.MetricsURL = load.MetricsOfChild
				}
				r, err := t.measure(e, o)
				if err == nil {
					run := r.Runs[len(r.Runs)-1]
					r.Add("seconds", "s", run.Seconds)
					r.Add("messages", "1", float64(run.Messages))
				}
				return whole(r, err)
			}})
	}
	return list
}
