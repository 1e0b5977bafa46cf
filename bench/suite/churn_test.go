package suite

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/result"
)

// What a server keeps of connections that are gone is found, each kind by its own
// demand.
func TestDemandBack(t *testing.T) {
	nothing := map[string]int64{}
	for _, g := range gauges {
		nothing[g] = 0
	}
	before := vital{heap: 3e6, rss: 25e6, fds: 18, goroutines: 11, gauges: nothing}
	with := func(change func(*vital)) vital {
		v := before
		v.gauges = maps.Clone(nothing)
		change(&v)
		return v
	}
	const n = 100_000
	for _, c := range []struct {
		name   string
		after  vital
		failed string // "" is none
	}{
		{"the same", with(func(*vital) {}), ""},
		{"less", with(func(v *vital) { v.heap, v.rss, v.fds, v.goroutines = 2e6, 20e6, 17, 10 }), ""},
		{"what the runtime varies by", with(func(v *vital) { v.heap += 100e3; v.rss += 5e6; v.goroutines++ }), ""},
		{"16 bytes of each", with(func(v *vital) { v.heap += 16 * n }), "heap back"},
		{"16 bytes of each fourth", with(func(v *vital) { v.heap += 16 * n / 4 }), "heap back"},
		{"memory outside of the heap", with(func(v *vital) { v.rss *= 2 }), "RSS back"},
		{"a descriptor", with(func(v *vital) { v.fds++ }), "descriptors back"},
		{"goroutines", with(func(v *vital) { v.goroutines += 10 }), "goroutines back"},
		{"a connection", with(func(v *vital) { v.gauges[gaugeConnections]++ }), "connections back to nothing"},
		{"a session", with(func(v *vital) { v.gauges[gaugeSessions]++ }), "http_sessions back to nothing"},
		{"a buffer", with(func(v *vital) { v.gauges[gaugeLent]++ }), "buffers_lent back to nothing"},
		{"a call", with(func(v *vital) { v.gauges[gaugeInFlight]++ }), "calls_in_flight back to nothing"},
	} {
		r := &result.Result{}
		demandBack(r, &before, &c.after, n)
		var failed []string
		for _, f := range r.Failures() {
			failed = append(failed, f.Name)
		}
		if got := strings.Join(failed, ", "); got != c.failed {
			t.Errorf("%s: failed is %q, want %q", c.name, got, c.failed)
		}
	}
}

// A server that answers wrongly is not taken for one that answers.
func TestChurnAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"an error":  `{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"no"}}`,
		"no answer": "",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer func() { _ = c.Close() }()
					if line, _ := bufio.NewReader(c).ReadString('\n'); line != "" && answer != "" {
						_, _ = io.WriteString(c, answer+"\n")
					}
				}()
			}
		}()
		address := l.Addr().String()
		// The kinds "called", which waits for answers, and "half", which does not.
		if err := churnOne(context.Background(), [2]string{address, address}, 0); err == nil || !strings.HasPrefix(err.Error(), "called: ") {
			t.Errorf("%s: called: %v", name, err)
		}
		if err := churnOne(context.Background(), [2]string{address, address}, 2); err != nil {
			t.Errorf("%s: half: %v", name, err)
		}
		failed, reason := churnMany(context.Background(), [2]string{address, address}, 2*len(churnKinds))
		if failed < 8 || reason == nil {
			t.Errorf("%s: %d of %d failed: %v", name, failed, 2*len(churnKinds), reason)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
