package pooling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/engine/pool"
	"github.com/gannetmcp/gannet/transports"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// gnet keeps one pool of goroutines for the process.
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*goWorker).run.func1"),
	)
}

// demo serves the demo tools and returns the address.
func demo(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gp") // a short path, as a socket's must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	srv := mcp.NewServer(mcp.Options{Name: "demo", Version: "1"})
	fixture.AddDemo(srv)
	s, err := transports.Listen(srv, transports.Options{Loops: 1, Listeners: []transports.Listener{{URL: "unix://" + filepath.Join(dir, "s")}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Addrs()[0]
}

// Each client is measured at each size, and what is told of it hangs together.
func TestRun(t *testing.T) {
	target := demo(t)
	for _, c := range []Config{
		{Client: Line},
		{Client: Line, Work: 2 * time.Millisecond, Strategy: pool.LeastLoaded},
		{Client: Mux, PerConn: 3, Strategy: pool.LeastLoaded},
		{Client: Session, Text: 10},
		{Client: Session, PerConn: 3, Strategy: pool.PowerOfTwo, Work: time.Millisecond},
	} {
		c.Target, c.ServerPID = target, os.Getpid()
		c.Sizes = []Size{{"a", 2, 8}, {"b", 5, 4}}
		c.WarmUp, c.Duration = 20*time.Millisecond, 200*time.Millisecond
		r, err := Run(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Points) != 2 || r.Client != c.Client || r.WorkMs != c.Work.Milliseconds() || r.Strategy != c.Strategy.String() {
			t.Fatalf("%+v", r)
		}
		for i, p := range r.Points {
			if p.Size != c.Sizes[i] || p.Operations < 10 || p.ErrorTotal != 0 || p.Seconds < 0.19 ||
				p.Rate < 1 || p.Rate > 1.01*float64(p.Operations)/p.Seconds || p.Scaling <= 0 || p.Direct < 10 || p.OfDirect <= 0 {
				t.Errorf("%+v", p)
			}
			for _, q := range []Times{p.Latency, p.Wait, p.Call} {
				if !slices.IsSorted([]float64{q.P50, q.P95, q.P99, q.P999, q.Max}) || q.P50 <= 0 || q.Mean <= 0 {
					t.Errorf("%+v", q)
				}
			}
			// A call takes as long as the server works, an operation longer than its call.
			if p.Call.P50 < float64(c.Work.Microseconds())*0.99 || p.Latency.P50 < p.Call.P50 || p.Latency.Mean < 0.99*(p.Wait.Mean+p.Call.Mean) {
				t.Errorf("latency %+v, call %+v", p.Latency, p.Call)
			}
			if p.Efficiency <= 0 || p.Efficiency > 1 || p.Busy <= 0 || p.Busy > 1.01 || p.PeakOpen != p.Conns || p.Lost != 0 {
				t.Errorf("%+v", p)
			}
			if (p.Ideal > 0) != (c.Work > 0) || p.OfIdeal > 1.05 || c.Work > 0 && p.OfIdeal < 0.001 {
				t.Errorf("%+v", p)
			}
			if p.PoolBytes <= 0 || p.ConnBytes <= 0 {
				t.Errorf("memory %d, %v", p.PoolBytes, p.ConnBytes)
			}
			// With more users than leases most wait; with fewer none does.
			leases := p.Conns * max(c.PerConn, 1)
			if share := p.WaitShare; leases < p.Users && share < 0.1 || leases >= p.Users && share > 0.1 {
				t.Errorf("%d users, %d leases, %v of them wait", p.Users, leases, share)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	target := demo(t)
	for _, tc := range []struct {
		name string
		c    Config
		want string
	}{
		{"no target", Config{}, "no target"},
		{"client", Config{Target: target, Client: "telnet"}, "telnet"},
		{"text", Config{Target: target, Text: -1}, "text of -1"},
		{"large text", Config{Target: target, Text: 2 << 20}, "text of 2097152"},
		{"work", Config{Target: target, Work: time.Microsecond}, "work of 1µs"},
		{"long work", Config{Target: target, Work: 11 * time.Second, Timeout: time.Minute}, "work of 11s"},
		{"time-out", Config{Target: target, Work: time.Second, Timeout: time.Second}, "time-out 1s"},
		{"negative time", Config{Target: target, Duration: -1}, "negative"},
		{"connections", Config{Target: target, Sizes: []Size{{"x", 101, 1}}}, "101 connections"},
		{"users", Config{Target: target, Sizes: []Size{{"x", 1, 0}}}, "0 users"},
		{"muxes", Config{Target: target, Client: Mux, PerConn: 65}, "PerConn is 65"},
		{"shared lines", Config{Target: target, PerConn: 2}, "not shared"},
		{"pool", Config{Target: target, Client: Session, PerConn: 65}, "PerConn is 65"},
		{"nobody there", Config{Target: "unix:///no/such/socket", Timeout: 200 * time.Millisecond}, "no/such/socket"},
		{"no target at all", Config{Target: "%", Timeout: 200 * time.Millisecond}, "target"},
	} {
		if _, err := Run(context.Background(), tc.c); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 200*time.Millisecond, errors.New("enough"))
	defer cancel()
	if r, err := Run(ctx, Config{Target: target, Duration: time.Minute}); err == nil || !strings.Contains(err.Error(), "enough") || len(r.Points) != 0 {
		t.Errorf("ended: %v, %d points", err, len(r.Points))
	}
}

// scripted serves one connection: answer n, from 1, is what answer makes of the good
// one; "end" ends the connection.
func scripted(t *testing.T, answer func(n int, good string) string) (target string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		d := json.NewDecoder(c)
		for n := 1; ; {
			var m struct {
				ID     *uint64
				Params struct{ Arguments struct{ Text string } }
			}
			if d.Decode(&m) != nil {
				return
			}
			if m.ID == nil {
				continue
			}
			good := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":%q}]}}`+"\n", *m.ID, m.Params.Arguments.Text)
			said := answer(n, good)
			if said == "end" {
				return
			}
			if _, err := c.Write([]byte(said)); err != nil {
				return
			}
			n++
		}
	}()
	return "tcp://" + ln.Addr().String(), func() { _ = ln.Close(); <-done }
}

// A server that answers wrongly, or not at all, is noticed.
func TestLineChecks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		answer func(n int, good string) string // n from 1: initialize, the first call, the next
		open   bool                            // what fails is the opening
		want   string
	}{
		{"good", func(_ int, good string) string { return good }, false, ""},
		{"another text", func(n int, good string) string { return good[:20] + strings.Replace(good[20:], "xx", "xy", n/3) }, false, "wrong answer"},
		{"another id", func(n int, good string) string { return strings.Replace(good, "100000000001", "100000000002", 1) }, false, "wrong answer"},
		{"shorter", func(n int, good string) string {
			if n > 2 {
				return good[:len(good)-2] + "\n"
			}
			return good
		}, false, "wrong answer"},
		{"an error", func(n int, good string) string { return strings.Replace(good, "result", "error", n/2) }, true, "wrong answer"},
		{"silence", func(n int, good string) string {
			if n > 2 {
				return ""
			}
			return good
		}, false, "timeout"},
		{"no initialize", func(n int, _ string) string { return "{}\n" }, true, "wrong answer to initialize"},
	} {
		target, stop := scripted(t, tc.answer)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		l, err := dialLine(ctx, target, "xxxx", 0)
		cancel()
		if (err != nil) != tc.open {
			t.Errorf("%s: opening: %v", tc.name, err)
		}
		if err == nil {
			err = l.call(time.Now().Add(300 * time.Millisecond))
			_ = l.close()
		}
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
		stop()
	}
}
