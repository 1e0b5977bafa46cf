package load

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"encoding/json"
)

// A server that stalls for a second must show in the percentiles of an open
// loop: the requests that were meant to be sent meanwhile waited too, whether or
// not they could be sent.
func TestStallShows(t *testing.T) {
	var once sync.Once
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		serveLines(conn, conn, func(n int, _ uint64, reply string) ([]string, bool) {
			if n == 200 {
				once.Do(func() { time.Sleep(time.Second) })
			}
			return []string{reply}, false
		})
	})
	r := runBounded(t, Options{Target: "tcp://" + addr.String(), Depth: 1, Plan: Constant(500, 2*time.Second), Interval: 200 * time.Millisecond}, 10*time.Second)
	if r.ErrorTotal != 0 || r.Starts != 1000 || r.Skipped+r.Sent != 1000 {
		t.Fatalf("%+v", r)
	}
	// Half of the starts fell into the stall, or waited behind it: a quarter
	// waited for more than half of it. From the time sent, one in a thousand did.
	if r.Latency.P90 < 5e5 || r.Latency.Max < 9e5 {
		t.Errorf("from the time meant: p90 %.0f µs, max %.0f µs", r.Latency.P90, r.Latency.Max)
	}
	if r.Service.P90 > 2e5 {
		t.Errorf("from the time sent: p90 %.0f µs; the test's server stalls more than once", r.Service.P90)
	}
	if n := len(r.Series); n > 10 || n < 7 { // a busy machine may wake the loop late
		t.Errorf("%d points", len(r.Series))
	}
	var sum Point
	for _, p := range r.Series {
		sum.Seconds += p.Seconds
		sum.Starts += p.Starts
		sum.Skipped += p.Skipped
		sum.Sent += p.Sent
		sum.Good += p.Good
	}
	if sum.Good != r.Messages || sum.Starts != r.Starts || sum.Skipped != r.Skipped || sum.Sent != r.Sent || sum.Seconds > r.Seconds || sum.Seconds < r.Seconds-0.5 {
		t.Errorf("the series adds up to %+v: the result has %d of %d in %.3f s", sum, r.Messages, r.Starts, r.Seconds)
	}
	h, err := r.Distribution()
	if err != nil || h.TotalCount() != r.Answered+r.Skipped {
		t.Errorf("histogram: %v", err)
	}
}

// Starts beyond the limit in flight are skipped and counted; so are those that
// nobody can take.
func TestSkippedStarts(t *testing.T) {
	t.Parallel()
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		serveLines(conn, conn, func(n int, _ uint64, reply string) ([]string, bool) {
			time.Sleep(20 * time.Millisecond)
			return []string{reply}, false
		})
	})
	r := runBounded(t, Options{Target: "tcp://" + addr.String(), Depth: 8, Plan: Constant(400, time.Second), MaxInFlight: 2}, 10*time.Second)
	if r.Starts != 400 || r.Skipped < 200 || r.Sent+r.Skipped != 400 || r.Answered != r.Sent {
		t.Errorf("%d meant, %d skipped, %d sent, %d answered", r.Starts, r.Skipped, r.Sent, r.Answered)
	}
}

// A server that stalls until the end leaves starts without a connection. They are
// skipped, and how long they waited is in the percentiles.
func TestStallAtTheEndShows(t *testing.T) {
	t.Parallel()
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		serveLines(conn, conn, func(n int, _ uint64, reply string) ([]string, bool) {
			if n == 250 {
				time.Sleep(700 * time.Millisecond)
			}
			return []string{reply}, false
		})
	})
	r := runBounded(t, Options{Target: "tcp://" + addr.String(), Depth: 1, Plan: Constant(500, time.Second)}, 10*time.Second)
	if r.ErrorTotal != 0 || r.Starts != 500 || r.Skipped < 200 || r.Sent+r.Skipped != 500 {
		t.Fatalf("%d meant, %d skipped, %d sent, errors %s", r.Starts, r.Skipped, r.Sent, &r.Errors)
	}
	// Half of the starts came while it stalled, and waited for a quarter of a second
	// on average.
	if r.Latency.P90 < 3e5 || r.Latency.Max < 4e5 {
		t.Errorf("p90 %.0f µs, max %.0f µs", r.Latency.P90, r.Latency.Max)
	}
	if h, err := r.Distribution(); err != nil || h.TotalCount() != r.Answered+r.Skipped {
		t.Errorf("histogram: %v", err)
	}
}

// A generator that never sleeps uses a CPU up, which does not make it the limit.
func TestSpinIsNoLimit(t *testing.T) {
	t.Parallel()
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) { serveLines(conn, conn, nil) })
	r := runBounded(t, Options{Target: "tcp://" + addr.String(), Plan: Constant(200, 500*time.Millisecond), Spin: true}, 10*time.Second)
	if r.ErrorTotal != 0 || !r.Generator.Spins || r.Generator.Utilisation+r.Generator.Waiting < 0.5 {
		t.Fatalf("%+v", r.Generator)
	}
	if late := float64(r.Generator.Behind) / float64(r.Starts); r.Generator.Saturated != (late > BehindShare) {
		t.Errorf("%+v: %.3f of the starts were late", r.Generator, late)
	}
}

// One reply that does not come times out by itself; the connection goes on, and
// the time-out is in the percentiles.
func TestTimedOut(t *testing.T) {
	t.Parallel()
	late := make(chan string, 1)
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		serveLines(conn, conn, func(n int, _ uint64, reply string) ([]string, bool) {
			switch n {
			case 20:
				late <- reply
				return nil, false
			case 150:
				return []string{<-late, reply}, false
			}
			return []string{reply}, false
		})
	})
	r := runBounded(t, Options{Target: "tcp://" + addr.String(), Depth: 4, Plan: Constant(200, time.Second), Timeout: 250 * time.Millisecond}, 10*time.Second)
	if r.Errors != (Errors{TimedOut: 1}) || r.Late != 1 || r.Alive != 1 || r.Latency.Max < 2.5e5 {
		t.Errorf("errors %s, %d late, %d alive, max %.0f µs", &r.Errors, r.Late, r.Alive, r.Latency.Max)
	}
}

// A mix is sent by its weights, and each reply is judged by its own message.
func TestMix(t *testing.T) {
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) { serveLines(conn, conn, nil) })
	mix, err := ReadMessages(strings.NewReader(`[{"method":"ping","weight":3}]
		{"method":"tools/call","params":{"name":"echo", "arguments":{"text":"<é>"}},"check":"echo","name":"call"}`))
	if err != nil {
		t.Fatal(err)
	}
	r := runBounded(t, Options{Target: "tcp://" + addr.String(), Depth: 8, Count: 400, Messages: mix}, 10*time.Second)
	if r.ErrorTotal != 0 || len(r.Kinds) != 2 || r.Kinds[0].Good != 300 || r.Kinds[1].Good != 100 || r.Kinds[1].Name != "call" || r.SlowChecks != 0 {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"method":"ping","params":[]}`, `{"method":"ping","weight":-1}`, `{"method":"ping","check":"some"}`,
		`{"method":"ping","check":"echo"}`, `{"method":"ping","extra":1}`, `{"method":"a\"b"}`, `{`} {
		if _, err := ReadMessages(strings.NewReader(bad)); err == nil {
			t.Errorf("%s is a mix", bad)
		}
	}
}

// mcpHandler answers POSTs as mode says: a length, chunks, a stream, an error.
func mcpHandler(mode string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m struct {
			ID     *uint64
			Method string
			Params struct{ Arguments struct{ Text string } }
		}
		if json.Unmarshal(body, &m) != nil || r.Method != http.MethodPost {
			w.WriteHeader(400)
			return
		}
		if m.ID == nil {
			w.WriteHeader(202)
			return
		}
		if m.Method != "initialize" && r.Header.Get("Mcp-Session-Id") != "s-1" {
			w.WriteHeader(404)
			return
		}
		reply := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":%q}]}}`, *m.ID, m.Params.Arguments.Text)
		if m.Method == "initialize" {
			w.Header().Set("Mcp-Session-Id", "s-1")
			reply = `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18"}}`
		}
		switch {
		case mode == "chunks":
			_, _ = io.WriteString(w, reply[:10])
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, reply[10:])
		case mode == "stream":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, ": hello\n\nevent: message\nid: 1\ndata:\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\ndata: %s\n\n", reply)
		case mode == "errors" && *m.ID == firstID+10:
			w.WriteHeader(500)
			_, _ = io.WriteString(w, "oops")
		case mode == "errors" && *m.ID == firstID+20:
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%d,"error":{"code":-32602,"message":"x"}}`, *m.ID)
		case mode == "errors" && *m.ID == firstID+30:
			w.WriteHeader(202)
		default:
			_, _ = io.WriteString(w, reply)
		}
	}
}

func TestHTTP(t *testing.T) {
	for _, c := range []struct {
		mode     string
		want     Errors
		answered int64
	}{
		{mode: "length", answered: 300},
		{mode: "chunks", answered: 300},
		{mode: "stream", answered: 300},
		{mode: "errors", answered: 297, want: Errors{Status: 1, RPC: 1, Lost: 1}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			srv := httptest.NewServer(mcpHandler(c.mode))
			t.Cleanup(srv.Close)
			for _, depth := range []int{1, 8} {
				r := runBounded(t, Options{Target: srv.URL + "/mcp", Method: MethodCall, Depth: depth, Count: 300, Headers: []string{"Authorization: Bearer x"}}, 10*time.Second)
				if r.Errors != c.want || r.Answered != c.answered || r.Reordered != 0 || r.SlowChecks != 0 {
					t.Errorf("depth %d: answered %d, errors %s, %d slow", depth, r.Answered, &r.Errors, r.SlowChecks)
				}
			}
		})
	}
	if _, err := Run(Options{Target: "http://127.0.0.1:1/mcp"}); err == nil {
		t.Error("connected to nobody")
	} else if _, ok := err.(*ConnectError); !ok {
		t.Errorf("%T %v", err, err)
	}
}

// TestResponseSplit feeds responses whole, byte by byte, and cut at each place.
func TestResponseSplit(t *testing.T) {
	const in = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" +
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]" +
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n8\r\ndata: x\n\r\n1\r\n\n\r\nA\r\ndata: yz\n\n\r\n0\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: w\n\n" +
		"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 1\r\n\r\n-"
	const want = "200 {}|200.|200 []|200.|202.|200 abc|200.|200 x|200 yz|200.|200 w|200.|404 -|404."
	for cut := range len(in) {
		var r responseReader
		var held []byte
		var got []string
		feed := func(p string) {
			held = append(held, p...)
			for {
				msg, n, step := r.next(held)
				switch step {
				case responseMessage:
					got = append(got, fmt.Sprintf("%d %s", r.head.status, msg))
				case responseEnd:
					got = append(got, fmt.Sprintf("%d.", r.head.status))
				case responseBad:
					t.Fatalf("cut at %d: bad at %q", cut, held)
				}
				held = held[n:]
				if step == responseMore {
					return
				}
			}
		}
		if cut == 0 {
			for i := range in {
				feed(in[i : i+1])
			}
		} else {
			feed(in[:cut])
			feed(in[cut:])
		}
		if s := strings.Join(got, "|"); s != want || !r.head.last {
			t.Fatalf("cut at %d: %s", cut, s)
		}
	}
	for _, bad := range []string{"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		"HTTP/1.1 200 OK\r\n\r\nx", strings.Repeat("x", maxHead)} {
		var r responseReader
		if _, _, step := r.next([]byte(bad)); step != responseBad {
			t.Errorf("%.80q is taken: %d", bad, step)
		}
	}
}

func TestPlan(t *testing.T) {
	p := Plan{{0, 1000, time.Second}, {1000, 1000, time.Second}, {1000, 0, time.Second}}
	c := newPace(p, nil, 0)
	var n, last int64
	at := map[int64]int64{}
	for ; !c.done(); c.advance() {
		if c.next < last || c.next > int64(3*time.Second) {
			t.Fatalf("request %d at %d after %d", n, c.next, last)
		}
		last = c.next
		n++
		at[n] = c.next
	}
	if n != 2000 {
		t.Errorf("%d requests, want 2000", n)
	}
	// A quarter of a ramp from nothing is sent in half of its time.
	if d := time.Duration(at[126]); d < 495*time.Millisecond || d > 505*time.Millisecond {
		t.Errorf("request 126 at %v", d)
	}
	for _, bad := range []Plan{{{0, 0, 1}}, {{-1, 1, 1}}, {{1, 1, 0}}, {{1, MaxRate * 2, 1}}, make(Plan, MaxSteps+1)} {
		if bad.validate() == nil {
			t.Errorf("%v is a plan", bad[0])
		}
	}
}

// A load by Poisson arrivals sends what the seed says, and its latencies are from
// the time meant.
func TestPoissonLoad(t *testing.T) {
	var once sync.Once
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		serveLines(conn, conn, func(n int, _ uint64, reply string) ([]string, bool) {
			if n == 200 {
				once.Do(func() { time.Sleep(500 * time.Millisecond) })
			}
			return []string{reply}, false
		})
	})
	o := Options{Target: "tcp://" + addr.String(), Depth: 1, Plan: Constant(500, time.Second), Arrivals: ArrivalsPoisson, Seed: 7}
	want := int64(len(arrivalsOf(o.Plan, &o.Seed)))
	r := runBounded(t, o, 10*time.Second)
	if r.ErrorTotal != 0 || r.Starts != want || r.Skipped+r.Sent != want || r.Arrivals != ArrivalsPoisson || r.Seed != 7 {
		t.Fatalf("%d starts of %d, %d skipped, %d sent, %s by %d, errors %s", r.Starts, want, r.Skipped, r.Sent, r.Arrivals, r.Seed, &r.Errors)
	}
	if want == 500 {
		t.Error("the seed's number of arrivals is that of even distances: take another")
	}
	// Half of the starts fall into the stall, or wait behind it; fewer where the
	// machine is so busy that it begins late.
	if r.Latency.P90 < 1e5 || r.Service.P90 > 0.5*r.Latency.P90 {
		t.Errorf("from the time meant: p90 %.0f µs, from the time sent %.0f µs", r.Latency.P90, r.Service.P90)
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "meant poisson by seed 7,") {
		t.Errorf("%v: %s", err, text.String())
	}
	for _, bad := range []Options{{Target: o.Target, Arrivals: ArrivalsPoisson}, {Target: o.Target, Arrivals: "burst", Plan: o.Plan}} {
		if _, err := Run(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
