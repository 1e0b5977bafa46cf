package suite

import (
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// regressionWorkloads are those that one build is compared with another by: few,
// short, and each of another part of the server.
func regressionWorkloads() []Workload {
	var list []Workload
	for _, w := range []struct {
		id, brief, transport, method string
		conns, depth                 int
	}{
		{"regression.tcp_call", "calls of 1,002 bytes by TCP, 64 connections, depth 16", "tcp", load.MethodCall, 64, 16},
		{"regression.tcp_ping", "pings by TCP, 64 connections, depth 64", "tcp", load.MethodPing, 64, 64},
		{"regression.tcp_latency", "calls of 1,002 bytes by TCP, one connection, one at a time", "tcp", load.MethodCall, 1, 1},
		{"regression.http_call", "calls of 1,002 bytes by HTTP, 64 connections, one at a time", "http1", load.MethodCall, 64, 1},
		{"regression.stdio_call", "calls of 1,002 bytes by standard streams, 64 in flight", "stdio", load.MethodCall, 1, 64},
	} {
		t := transportOf(w.transport)
		list = append(list, Workload{ID: w.id, Brief: w.brief, Server: true,
			Measures: "A closed loop of verified requests, as the gate and perf compare look at: rate, p99, and the server's CPU a message.",
			Full:     Settings{Time: 3 * time.Second, Warmup: 500 * time.Millisecond, Conns: w.conns},
			Quick:    Settings{Time: 500 * time.Millisecond, Warmup: 100 * time.Millisecond, Conns: w.conns},
			Run: func(e *Env, s Settings) (*result.Result, error) {
				return t.measure(e, load.Options{Method: w.method, Conns: s.Conns, Depth: w.depth, Warmup: s.Warmup, Duration: s.Time})
			}})
	}
	return list
}

// transportOf returns the transport of a name that there is.
func transportOf(name string) transport {
	for _, t := range transports {
		if t.name == name {
			return t
		}
	}
	panic("suite: no transport " + name)
}
