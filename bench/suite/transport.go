package suite

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// A transport is one way to a server.
type transport struct {
	name     string
	listen   string
	revision string // "" is the load tool's
}

// The transports there are.
var transports = []transport{
	{"stdio", "stdio", ""},
	{"tcp", "tcp://127.0.0.1:0", ""},
	{"unix", subject.Unix, ""},
	{"http1", "http://127.0.0.1:0", ""},
	{"sse", "http://127.0.0.1:0", "2024-11-05"},
	{"ws", "http://127.0.0.1:0", ""},
	{"tls", "tls://127.0.0.1:0", ""},
	{"https", "https://127.0.0.1:0", ""},
	{"h2", "http://127.0.0.1:0", ""},
	{"h2tls", "https://127.0.0.1:0", ""},
}

// Transports, Depths and Sizes are what the ids transport.NAME.dDEPTH.SIZE are made
// of.
func Transports() (names []string) {
	for _, t := range transports {
		names = append(names, t.name)
	}
	return names
}

// Depths are how many requests are in flight on a connection.
var Depths = []int{1, 16, 64}

// A Size is the length of a request.
type Size struct {
	Name  string
	Bytes int
	conns int // so that what is in flight at depth 64 fits into memory
}

// Sizes are those of the ids.
var Sizes = []Size{{"256b", 256, 64}, {"1k", 1 << 10, 64}, {"10k", 10 << 10, 32}, {"100k", 100 << 10, 8}, {"1m", 1 << 20, 2}}

// conns is how many connections a load of a transport has.
func (t *transport) conns(n int) int {
	if t.name == "stdio" {
		return 1 // it has no others
	}
	return n
}

// roomFrom is how many bytes a connection may have in flight before the server is
// told to keep more than it does by default: a client that has sent more than 256 KiB
// while a mebibyte of answers waits for it is a slow reader to the server.
const roomFrom = 1 << 20

// room are the server's arguments then.
var room = []string{"--max-message-bytes", "256MiB", "--output-high-water", "256MiB"}

// measure runs a load of calls on a server of the transport.
func (t *transport) measure(e *Env, o load.Options) (*result.Result, error) {
	r := &result.Result{}
	var args []string
	if o.Size*max(o.Depth, 1) >= roomFrom {
		args = room
	}
	if t.name == "sse" {
		args = append(slices.Clone(args), "--loops", "1")
	}
	if t.name == "tls" || t.name == "https" || t.name == "h2tls" {
		args = append(slices.Clone(args), "--tls-self-signed")
		o.TLS.Insecure = true // nobody vouches for it
	}
	o.Revision, o.Conns = t.revision, t.conns(o.Conns)
	if t.name == "stdio" {
		o.Target, o.Command = "stdio", []string{e.Gannet, "serve", "--demo", "--listen", "stdio", "--admin", "none"}
		level := "error"
		if o.MetricsURL == load.MetricsOfChild { // whose URL its log says
			o.Command[len(o.Command)-1], level = "127.0.0.1:0", "info"
		}
		env := append([]string{"env", "GANNET_LOG_LEVEL=" + level}, e.ServerEnv...)
		if len(e.ServerCPU) == 1 {
			env = append(env, "GOMAXPROCS=1")
		}
		o.Command, o.Stderr = slices.Concat(env, o.Command, args), subject.WithoutAddress(os.Stderr)
		if err := e.generate(r, o); err != nil {
			return nil, err
		}
		demandWhole(r)
		return r, nil
	}
	err := e.with(t.listen, args, func(s *subject.Server) error {
		o.Target, o.ServerPID, o.MetricsURL = s.Addresses[0], s.PID, s.Metrics()
		switch t.name {
		case "sse":
			o.Target = "sse+" + strings.TrimSuffix(o.Target, "/mcp")
		case "ws":
			o.Target = "ws" + strings.TrimPrefix(strings.TrimSuffix(o.Target, "/mcp"), "http")
		case "h2":
			o.Target = "h2c" + strings.TrimPrefix(o.Target, "http")
		case "h2tls":
			o.Target = "h2" + strings.TrimPrefix(o.Target, "https")
		}
		return e.generate(r, o)
	})
	if err != nil {
		return nil, err
	}
	demandWhole(r)
	return r, nil
}

// transportWorkloads are the workloads of the area transport.
func transportWorkloads() []Workload {
	var list []Workload
	for _, t := range transports {
		for _, depth := range Depths {
			for _, size := range Sizes {
				list = append(list, Workload{
					ID:     fmt.Sprintf("transport.%s.d%d.%s", t.name, depth, size.Name),
					Brief:  fmt.Sprintf("calls of %s by %s, %d in flight on each of %d connections", size.Name, t.name, depth, t.conns(size.conns)),
					Server: true,
					Measures: "A closed loop of tools/call of the demo's echo, whose request has the size and whose answer is as long, each verified. Of HTTP/1.1, depth is pipelining, and of HTTP/2 streams (h2 by prior knowledge, h2tls by TLS); of sse, each answer is an event on the session's stream, and the server has one event loop: between two it refuses (503) what waits beyond a bound. " +
						"Latencies are of this depth: a loop that waits for answers asks a slow server less. Where a connection may have a mebibyte in flight the server is told to hold more than by default (" + strings.Join(room, " ") + ").",
					Full:  Settings{Time: 1500 * time.Millisecond, Warmup: 300 * time.Millisecond, Conns: size.conns},
					Quick: Settings{Time: 250 * time.Millisecond, Warmup: 50 * time.Millisecond, Conns: size.conns},
					Run: func(e *Env, s Settings) (*result.Result, error) {
						return t.measure(e, load.Options{Method: load.MethodCall, Size: size.Bytes, Conns: s.Conns, Depth: depth, Warmup: s.Warmup, Duration: s.Time})
					},
				})
			}
		}
		list = append(list, t.further()...)
	}
	return list
}

// further are the workloads of a transport beside those by depth and size.
func (t *transport) further() (list []Workload) {
	if t.name == "tcp" || t.name == "http1" || t.name == "unix" || t.name == "ws" || t.name == "h2" {
		list = append(list, Workload{ID: "transport." + t.name + ".single", Brief: "calls of 1 KB by " + t.name + ", one connection, one at a time", Server: true,
			Measures: "The way there and back of a verified tools/call when nothing else goes on, in a closed loop.",
			Full:     Settings{Time: 3 * time.Second, Warmup: 500 * time.Millisecond, Conns: 1},
			Quick:    Settings{Time: 300 * time.Millisecond, Warmup: 50 * time.Millisecond, Conns: 1},
			Run: func(e *Env, s Settings) (*result.Result, error) {
				return t.measure(e, load.Options{Method: load.MethodCall, Size: 1 << 10, Conns: s.Conns, Depth: 1, Warmup: s.Warmup, Duration: s.Time})
			}})
	}
	if t.name == "https" {
		list = append(list, Workload{ID: "transport.https.overhead", Brief: "calls of 1 KB over HTTPS against HTTP", Server: true,
			Measures: "Two servers, one of https (TLS 1.3 by crypto/tls), one of http, in ten turns each of a closed loop of calls of 1 KB, one at a time on each of 64 connections kept alive. rate_overhead is by how much fewer calls a second the one with TLS answers, cpu_overhead by how much more CPU it takes for one: medians over the turns. Handshakes are not in it.",
			Full:     Settings{Time: 10 * time.Second, Warmup: 200 * time.Millisecond, Conns: 64},
			Quick:    Settings{Time: 2 * time.Second, Warmup: 20 * time.Millisecond, Conns: 64},
			Run:      tlsOverhead})
	}
	rate := map[string]float64{"tcp": 43_000, "http1": 5_000, "h2": 5_000, "ws": 30_000}[t.name]
	if rate > 0 {
		list = append(list, Workload{ID: fmt.Sprintf("transport.%s.rate%.0fk", t.name, rate/1000), Brief: fmt.Sprintf("calls of 1 KB by %s at a rate of the report's, %.0f a second", t.name, rate), Server: true,
			Measures: "An open loop at Rate on Conns connections: latencies are from the time that a request was meant to be sent, at the rate of which the report says what its latencies are.",
			Full:     Settings{Time: 10 * time.Second, Warmup: time.Second, Conns: 64, Rate: rate},
			Quick:    Settings{Time: time.Second, Warmup: 100 * time.Millisecond, Conns: 64, Rate: rate},
			Run: func(e *Env, s Settings) (*result.Result, error) {
				return t.measure(e, load.Options{Method: load.MethodCall, Size: 1 << 10, Conns: s.Conns, Depth: 16, Warmup: s.Warmup, Plan: load.Constant(s.Rate, s.Time)})
			}})
	}
	return list
}
