package suite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// wholeSession connects, uses every step of a session, and closes.
func wholeSession(ctx context.Context, address string, from net.IP) error {
	d := net.Dialer{Timeout: churnTimeout, LocalAddr: &net.TCPAddr{IP: from}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	c := &churnConn{TCPConn: conn.(*net.TCPConn), in: bufio.NewReaderSize(conn, 16<<10)}
	err = c.SetDeadline(time.Now().Add(churnTimeout))
	if err == nil {
		err = c.opened()
	}
	if err == nil {
		err = c.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `"tools":[`)
	}
	if err == nil {
		err = c.ask(callText(2, 0), `"id":2,"result"`)
	}
	return errors.Join(err, c.Close())
}

func wholeSessions(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	err := e.with("tcp://127.0.0.1:0", nil, func(srv *subject.Server) (err error) {
		release, err := load.Pin(e.GeneratorCPU)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, release()) }()
		address := strings.TrimPrefix(srv.Addresses[0], "tcp://")
		var (
			mu    sync.Mutex // protects whole and first
			whole = newTiming(1)
			first error
			wait  sync.WaitGroup
		)
		begin := now()
		end := begin + int64(s.Time)
		for i := range s.Conns {
			wait.Go(func() {
				mine, err := newTiming(1), error(nil)
				for k := 0; now() < end && err == nil && e.Context.Err() == nil; k++ {
					at := now()
					// Ports of closed connections are not free at once: many addresses.
					if err = wholeSession(e.Context, address, net.IPv4(127, 0, byte(1+k%200), byte(1+i%250))); err == nil {
						mine.record(now() - at)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				whole.times.Merge(mine.times)
				whole.ops += mine.ops
				if first == nil {
					first = err
				}
			})
		}
		wait.Wait()
		whole.ns = now() - begin
		if first != nil {
			return first
		}
		r.Add("rate", "1/s", whole.rate())
		whole.percentiles(r, "")
		r.Add("clock_ns", "ns", clockCost())
		return e.Context.Err()
	})
	return r, err
}

// overheadTurns is how often the servers of metricsOverhead take turns, leastTurn the
// shortest of these.
const (
	overheadTurns = 10
	leastTurn     = 10 * time.Millisecond
)

func metricsOverhead(e *Env, s Settings) (*result.Result, error) {
	var servers [2]*subject.Server // without and with
	for i := range servers {
		srv, err := subject.Start(subject.Options{Program: e.Gannet, Listen: []string{"tcp://127.0.0.1:0"}, Admin: i == 1, CPUs: e.ServerCPU, Stderr: os.Stderr})
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
			run, err := load.Run(load.Options{Target: servers[i].Addresses[0], ServerPID: servers[i].PID, Method: load.MethodCall, Size: 1 << 10, Conns: s.Conns, Depth: 16,
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
	median := func(list []float64) float64 { return result.SpreadOf(slices.Clone(list)).Median }
	r := &result.Result{}
	r.Add("off_rate", "1/s", median(rates[0]))
	r.Add("on_rate", "1/s", median(rates[1]))
	r.Add("rate_overhead", "ratio", median(rates[0])/median(rates[1])-1)
	if len(cpus[0]) > 0 && len(cpus[1]) > 0 {
		r.Add("off_cpu_us", "µs", median(cpus[0]))
		r.Add("on_cpu_us", "µs", median(cpus[1]))
		r.Add("cpu_overhead", "ratio", median(cpus[1])/median(cpus[0])-1)
	}
	return r, nil
}
